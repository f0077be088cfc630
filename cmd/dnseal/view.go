//go:build !submit

package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/verify"
	"dnseal/cmd/internal/view"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
)

// viewFlags are the flags of dnseal view. Of those of verify it has some.
type viewFlags struct {
	verify    verifyFlags
	stamps    string // file of roots
	listen    string
	noBrowser bool
}

func newView() *cobra.Command {
	var f viewFlags
	cmd := &cobra.Command{
		Use:   "view [FILE|MBOX|MAILDIR|FOLDER|ZIP]...",
		Short: "Open a local page: drop messages onto it, see their verdicts",
		Long: `Opens a page on this machine, in a browser, onto which messages, mbox files and
archives are dropped; it shows the verdict of each, as "dnseal verify" does, and
why. Evidence that is dropped with messages decides about them instead of the
DNS of today, also where it cannot be used: then they stay undecided. FILEs are
shown at once: anything that verify reads, and evidence, also folders of it.

With --offline no name is looked up: signers are judged by what they sent along
("dnseal sign --staple"), as "dnseal verify --offline" does.

The page is for you alone. The address that is printed works once: the browser
gets a cookie for it. The page answers on a loopback address only, to no other
name of this machine, and to no proxy. It has no script, and fetches nothing,
whatever a message holds. Nothing is kept on disk: Ctrl-C ends the page, and
with it everything is forgotten, as it is after an hour without use.

Encrypted messages are opened with the keys of --identities.

At most 256 MiB and 1,000 files can be dropped at a time, and 10,000 messages
are kept; for more use "dnseal verify".

From another machine: ssh -L 8025:127.0.0.1:8025 HOST, and there
"dnseal view --listen 127.0.0.1:8025 --no-browser".

Exit status: 0 it was ended, by Ctrl-C or SIGTERM; 2 wrong usage, or the address
cannot be used.`,
		Example: `  dnseal view
  dnseal view saved.mbox invoice.eml
  dnseal view --offline --max-age 7d --trust-anchor root.anchor mail.eml
  dnseal view --policy /etc/dnseal/dnseal.toml ~/Maildir
  dnseal view --listen 127.0.0.1:8025 --no-browser`,
		Args: cobra.ArbitraryArgs,
	}
	f.verify.dns.Register(cmd)
	f.verify.registerPolicy(cmd)
	f.verify.registerOffline(cmd)
	f.verify.registerKeys(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.stamps, "timestamp-roots", "", "PEM `FILE` of roots of time-stamping authorities that are believed, in evidence")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "loopback `ADDRESS` of the page, host:port; port 0 is a free one")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "only print the address, and start no browser")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runView(cmd, &f, args) }
	return cmd
}

func runView(cmd *cobra.Command, f *viewFlags, args []string) error {
	opts, client, err := f.verify.options(cmd)
	if err != nil {
		return err
	}
	if client != nil {
		defer client.Close() //nolint:errcheck // nothing is lost
	}
	anchors, err := f.verify.anchors()
	if err != nil {
		return err
	}
	var stamps []*x509.Certificate
	if f.stamps != "" {
		if stamps, err = config.ReadRoots(f.stamps); err != nil {
			return err
		}
	}
	server, err := view.Listen(cmd.Context(), view.Options{
		Listen: f.listen, Workers: runtime.GOMAXPROCS(0), Decide: f.verify.policy != "",
		Receiver: func(past func(context.Context, receiver.Digests) *receiver.Past) (*receiver.Receiver, error) {
			of := opts
			of.Past = past
			return receiver.New(of)
		},
		Evidence: evidence.Options{Anchors: anchors, Policy: evidence.PolicyOf(&opts), Witness: verify.Witness(cmd.Context(), stamps)},
	})
	if err != nil {
		return err
	}
	server.Show(args)
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), server.URL()); err != nil {
		_ = server.Close()
		return err
	}
	stderr := cmd.ErrOrStderr()
	if f.noBrowser || !view.OpenBrowser(cmd.Context(), server.URL()) {
		cli.Print(stderr, "dnseal: hint: open this address in a browser on this machine; it works once")
	}
	cli.Print(stderr, "dnseal: Ctrl-C ends the page, and forgets everything")
	return server.Serve(cmd.Context())
}
