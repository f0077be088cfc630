package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/progress"
	"dnseal/cmd/internal/verify"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/receiver"
)

// verifyFlags are the flags of dnseal verify.
type verifyFlags struct {
	dns       dnsFlags
	json      bool
	workers   int
	pkixRoots string
	offline   bool
	maxAge    cli.Span
}

func newVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [FILE|MBOX|MAILDIR|FOLDER|ZIP|-]...",
		Short: "Verify messages by the signer's DNS records",
		Long: `Verifies saved messages; "-" or nothing is standard input. Arguments are read by
what they hold, not by their names: single messages; mbox files of any writer
(also mboxrd, with Content-Length, without empty lines) and MMDF; Maildir
folders with all below them; folders and zip archives of messages; Apple's
emlx; any of these compressed by gzip, zstd or bzip2. BOX.mbox#17 is the 17th
message of a file or folder. A ">" that an mbox has before "From " is removed
when, and only when, the digest of the signature is right without it, and the
report says so. What is no message is named, with what to do; it hides no other.

For each message it prints who signed it, what exactly is covered, what the DNS
publishes for the signer (validated by DNSSEC) and whether that is the author in
From. The verdict is a word of RFC 8601: none, pass, fail, policy, neutral,
temperror or permerror; only "pass" means proven. dnseal-verdicts(7) has all
verdicts and codes; "dnseal explain" shows how a message was changed in transit.

With --offline no name is looked up: a signer is judged by the DNSSEC chain that
"dnseal sign --staple" sent along. It must hold now, from the trust anchor down,
and its records must have been signed at most --max-age ago; a key that was
revoked since passes until then. What it does not prove is temperror. Without
--offline it is never looked at.

Exit status: 0 every message is "pass"; 1 some message is neither "pass" nor
"temperror"; 2 wrong usage, an argument that cannot be read, or output that
cannot be written; 3 undecided ("temperror"), nothing worse.`,
		Example: `  dnseal verify mail.eml
  dnseal verify big.mbox.gz#17
  dnseal verify --offline --max-age 7d --trust-anchor root.anchor mail.eml
  dnseal verify --json ~/Maildir | jq -r 'select(.verdict != "pass") | .file'`,
		Args: cobra.ArbitraryArgs,
	}
	f.dns.register(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print one JSON object a line and message (stable form)")
	flags.IntVarP(&f.workers, "jobs", "j", runtime.GOMAXPROCS(0), "verify `N` messages at the same time (default: one for each processor)")
	flags.Lookup("jobs").DefValue = "0" // the default depends on the machine
	flags.StringVar(&f.pkixRoots, "pkix-roots", "", "PEM `FILE` of trusted roots: also verify CA-issued signatures whose owner publishes no record")
	flags.BoolVar(&f.offline, "offline", false, "look nothing up: judge by what signers sent along (sign --staple)")
	f.maxAge = cli.Span(staple.DefaultMaxAge)
	flags.Var(&f.maxAge, "max-age", "with --offline: `TIME` since which the signer's records must have been signed, such as 12h or 7d")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.workers < 1 {
			return fmt.Errorf("-j needs at least 1, not %d", f.workers)
		}
		return runVerify(cmd, &f, args)
	}
	return cmd
}

func runVerify(cmd *cobra.Command, f *verifyFlags, args []string) error {
	opts := receiver.Options{Saved: true}
	client, err := f.source(cmd, &opts)
	if err != nil {
		return err
	}
	if client != nil {
		defer client.Close() //nolint:errcheck // nothing is lost
	}
	if f.pkixRoots != "" {
		if opts.PKIXRoots, err = config.ReadRoots(f.pkixRoots); err != nil {
			return err
		}
	}
	r, err := receiver.New(opts)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	out, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	v := &verify.Verifier{
		Receiver: r, Workers: f.workers, Stdin: cmd.InOrStdin(), Sinks: []verify.Sink{verify.Text(out)},
		Bar: progress.New(stderr, "messages"), Mixed: progress.IsTerminal(out),
		Notice: func(text string) { cli.Print(stderr, "dnseal: %s", text) },
		Fail:   func(err error) { _ = report(stderr, err) },
	}
	if f.json {
		v.Sinks = []verify.Sink{verify.JSON(out)}
	}
	totals, err := v.Run(cmd.Context(), args)
	if err != nil {
		return err
	}
	return conclude(stderr, totals)
}

// source says in opts where the records of signers come from: a resolver, which the caller closes,
// or what the signers sent along.
func (f *verifyFlags) source(cmd *cobra.Command, opts *receiver.Options) (*lookup.Client, error) {
	if !f.offline {
		if cmd.Flags().Changed("max-age") {
			return nil, errors.New("--max-age needs --offline: what the DNS says is always of today")
		}
		client, err := f.dns.client(nil)
		opts.Lookup = client
		return client, err
	}
	if name := f.dns.changed(cmd, "trust-anchor"); name != "" {
		return nil, fmt.Errorf("--%s contradicts --offline, which looks nothing up", name)
	}
	for _, name := range []string{"save-evidence", "evidence"} {
		if cmd.Flags().Changed(name) {
			return nil, fmt.Errorf("--%s contradicts --offline: a staple is what the signer sent, and no evidence of what the DNS said", name)
		}
	}
	if f.maxAge == 0 {
		return nil, errors.New("--max-age must be more than 0")
	}
	anchors, err := f.dns.anchors()
	opts.Offline = &receiver.Offline{Validator: &dnssec.Validator{Anchors: anchors}, MaxAge: time.Duration(f.maxAge)}
	return nil, err
}

// conclude says what a run came to besides the verdicts, and returns its exit status.
func conclude(stderr io.Writer, t verify.Totals) error {
	if t.Unread > 0 && t.Messages > 1 {
		cli.Print(stderr, "dnseal: %d of %d messages and arguments could not be read", t.Unread, t.Messages)
	}
	if t.Advice != "" {
		cli.Print(stderr, "dnseal: hint: %s", t.Advice)
	}
	if t.Status != cli.ExitOK {
		return t.Status
	}
	return nil
}
