package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/progress"
	"dnseal/cmd/internal/verify"
	"dnseal/receiver"
)

// verifyFlags are the flags of dnseal verify.
type verifyFlags struct {
	dns       dnsFlags
	json      bool
	workers   int
	pkixRoots string
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

Exit status: 0 every message is "pass"; 1 some message is neither "pass" nor
"temperror"; 2 wrong usage, an argument that cannot be read, or output that
cannot be written; 3 undecided ("temperror"), nothing worse.`,
		Example: `  dnseal verify mail.eml
  dnseal verify big.mbox.gz#17
  dnseal verify --json ~/Maildir | jq -r 'select(.verdict != "pass") | .file'`,
		Args: cobra.ArbitraryArgs,
	}
	f.dns.register(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print one JSON object a line and message (stable form)")
	flags.IntVarP(&f.workers, "jobs", "j", runtime.GOMAXPROCS(0), "verify `N` messages at the same time (default: one for each processor)")
	flags.Lookup("jobs").DefValue = "0" // the default depends on the machine
	flags.StringVar(&f.pkixRoots, "pkix-roots", "", "PEM `FILE` of trusted roots: also verify CA-issued signatures whose owner publishes no record")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.workers < 1 {
			return fmt.Errorf("-j needs at least 1, not %d", f.workers)
		}
		return runVerify(cmd, &f, args)
	}
	return cmd
}

func runVerify(cmd *cobra.Command, f *verifyFlags, args []string) error {
	client, err := f.dns.client(nil)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	opts := receiver.Options{Lookup: client, Saved: true}
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
