//go:build !submit

package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/dkim"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/manual"
	"dnseal/cmd/internal/progress"
	"dnseal/cmd/internal/verify"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/receiver"
)

// verifyFlags are the flags of dnseal verify.
type verifyFlags struct {
	dns       dnsflags.DNS
	output    verify.Output
	only      []string
	workers   int
	policy    string
	pkixRoots string
	keys      string // the folder of the identities that decrypt
	offline   bool
	dkim      bool
	maxAge    cli.Span
	evidence  verify.Kept
	loaded    *config.Config // of --policy; nil: none
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
message of a file or folder, "A.zip#b.eml (2)" the second b.eml of an archive.
A ">" that an mbox has before "From " is removed when, and only when, the digest
of the signature is right without it, and the report says so. What is no message
is named, with what to do; it hides no other.

For one message it prints who signed it, when, what exactly is covered, what the
DNS publishes for the signer, how trust runs from the root of the DNS to the
signature (or where it breaks), and whether the signer is the author in From.
The verdict is a word of RFC 8601: none, pass, fail, policy, neutral, temperror
or permerror; only "pass" means proven. dnseal-verdicts(7) has all verdicts and
codes; "dnseal explain" shows how a message was changed in transit.

Of several messages each is a line or two, and a summary of verdicts, signers
and reasons comes last, also where you interrupt; --long prints all of each.
--only chooses which messages are shown, in every form of output; the summary
and the exit status count all.
--group-by counts the messages that --only chooses, by the identity that signed,
by the domain of From, or by the code of the reason; at most 10,000 groups are
counted apart. On a terminal lines are folded to its width, and the verdict has
a colour unless NO_COLOR is set or TERM is dumb.

--csv has a header row and a row for each message (RFC 4180, UTF-8), with the
names of --json; what the columns from identity to certificate_sha256 say is of
the signature that decided. Cells that a spreadsheet would compute get a '
before them; characters that are not printable become "?".

--html writes a page for people: one HTML file that needs nothing else, with the
verdict first, the chain of trust, what is signed and what is not, and the texts
of the message. Of several messages DIR gets a page each and an index.html; DIR
is a folder that is there, or a name that ends in a slash. Nothing in a message
can become part of a page but as text. Earlier pages of the same names are
replaced, and no other files. Pages hold mail: only you can read them. --only
chooses here as well.

--policy applies [[domain]], [on], [verify], [dns] and pkix-roots of a
dnseal.toml, so that mail of devices can pass, and every report says what the
relay or milter would do with the message (action) and by which class. Other
files that it names are not read. The flags for the DNS, their environment
variables and --pkix-roots come before the file.

With --offline no name is looked up: a signer is judged by the DNSSEC chain that
"dnseal sign --staple" sent along. It must hold now, from the trust anchor down,
and its records must have been signed at most --max-age ago; a key that was
revoked since passes until then. What it does not prove is temperror. Without
--offline it is never looked at.

Encrypted mail is opened with the keys of --identities, and the signatures
inside are judged; the report says by which algorithms it was encrypted, and
whether they authenticate. Encryption proves no author: without a good signature
inside the verdict is not "pass", and what no key opens is "none" (encrypted). A
part that is encrypted beside parts in clear is not opened. Nothing of it is
written to disk in clear but into pages of --html.

--dkim, or [dkim] verify in the file of --policy, also checks DKIM signatures
and reports them beside the verdict, which they never change. Their keys are
those of today: an old message often has none any more, which proves nothing.
Nothing of them is kept as evidence.

--save-evidence keeps what the verdicts rested on: chains of DNSSEC signatures,
proofs of absence included, trust anchors, policy, and the digests of the
messages. --evidence verifies by that, offline, years later, and gives the
verdict of then, when key, record and signatures are long gone: "as of" says
when that was, and who witnesses the time: --timestamp has a service stamp the
evidence, and --timestamp-roots says whose stamps are believed (whether their
certificates were revoked is not asked). Without a stamp the time is the word of
who kept it. dnseal-evidence(5) has the form.

Where the reader of the output ends early, as head does, the run ends, too:
pages and evidence are of the messages before that, whole, and nothing else is
left.

Exit status: 0 every message is "pass"; 1 some message is neither "pass" nor
"temperror"; 2 wrong usage, an argument that cannot be read, or output that
cannot be written; 3 undecided ("temperror"), nothing worse; 141 the reader of
the output ended early.`,
		Example: `  dnseal verify mail.eml
  dnseal verify big.mbox.gz#17
  dnseal verify --offline --max-age 7d --trust-anchor root.anchor mail.eml
  dnseal verify --only not-pass --csv ~/Maildir >report.csv
  dnseal verify --html invoice.html invoice.eml
  dnseal verify --html report/ ~/Maildir
  dnseal verify --policy /etc/dnseal/dnseal.toml alarm.eml
  dnseal verify --save-evidence ~/evidence ~/Maildir
  dnseal verify --evidence ~/evidence --at 2026-11-29 mail.eml
  dnseal verify --json ~/Maildir | jq -r 'select(.verdict != "pass") | .file'`,
		Args: cobra.ArbitraryArgs,
	}
	f.dns.Register(cmd)
	f.evidence.Register(cmd.Flags())
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.workers < 1 {
			return fmt.Errorf("-j needs at least 1, not %d", f.workers)
		}
		return runVerify(cmd, &f, args)
	}
	return cmd
}

func (f *verifyFlags) register(cmd *cobra.Command) {
	f.registerPolicy(cmd)
	set := cmd.Flags()
	set.BoolVar(&f.output.JSON, "json", false, "print one JSON object a line and message (stable form)")
	set.BoolVar(&f.output.CSV, "csv", false, "print a table for spreadsheets, one row a message")
	set.StringVar(&f.output.HTML, "html", "", "write a page of each message to `FILE|DIR`; - is standard output")
	set.BoolVarP(&f.output.Long, "long", "l", false, "print the whole report of each message, also of several")
	set.StringSliceVar(&f.only, "only", nil, "show only messages with this `VERDICT` or code; repeated or with commas: several;\nnot-pass: all but pass")
	set.StringVar(&f.output.GroupBy, "group-by", "", "count messages by `WORD` in place of a report on each: "+flags.OneOf(verify.Groups))
	set.IntVarP(&f.workers, "jobs", "j", runtime.GOMAXPROCS(0), "verify `N` messages at the same time (default: one for each processor)")
	set.Lookup("jobs").DefValue = "0" // the default depends on the machine
	set.BoolVar(&f.dkim, "dkim", false, "also check DKIM signatures, which never change the verdict")
	f.registerOffline(cmd)
	f.registerKeys(cmd)
	flags.CompleteWords(cmd, "only", "pass", "none", "neutral", "temperror", "policy", "fail", "permerror", verify.NotPass)
	flags.CompleteWords(cmd, "group-by", verify.Groups...)
}

// registerOffline adds the flags of judging by what signers sent along.
func (f *verifyFlags) registerOffline(cmd *cobra.Command) {
	set := cmd.Flags()
	set.BoolVar(&f.offline, "offline", false, "look nothing up: judge by what signers sent along (sign --staple)")
	f.maxAge = cli.Span(staple.DefaultMaxAge)
	set.Var(&f.maxAge, "max-age", "with --offline: `TIME` since which the signer's records must have been signed, such as 12h or 7d")
}

// registerPolicy adds the flags of what messages are judged by.
func (f *verifyFlags) registerPolicy(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.policy, "policy", "", "`FILE` dnseal.toml: judge by its security domains, and say what the relay or milter would do")
	set.StringVar(&f.pkixRoots, "pkix-roots", "", "PEM `FILE` of trusted roots: also verify CA-issued signatures whose owner publishes no record")
}

func runVerify(cmd *cobra.Command, f *verifyFlags, args []string) error {
	out, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	note := func(text string) { cli.Print(stderr, "dnseal: note: %s", text) }
	f.output.Meaning, f.output.Note = manual.Meaning, note
	f.output.Style = receiver.TextStyle{Width: columns.Width(out), Colour: columns.Colour(out), Policy: f.policy}
	if err := f.output.Check(); err != nil {
		return err
	}
	var err error
	if f.output.Only, err = verify.ParseOnly(f.only, func(word string) bool { return manual.Meaning(word) != "" }); err != nil {
		return err
	}
	opts, client, err := f.options(cmd)
	if err != nil {
		return err
	}
	if client != nil {
		defer client.Close() //nolint:errcheck // nothing is lost
	}
	if err = f.checkDKIM(client, &opts); err != nil {
		return err
	}
	wrong := func(err error) { _ = cli.Report(stderr, err) }
	f.evidence.Program, f.evidence.Note = "dnseal "+cli.Version(), note
	defer f.evidence.Close()
	if err = f.evidence.Open(cmd.Context(), &opts, f.anchors, wrong); err != nil {
		return err
	}
	r, err := receiver.New(opts)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	pages, err := f.output.Pages(out)
	if err != nil {
		return err
	}
	v := &verify.Verifier{
		Receiver: r, Decide: f.policy != "", Workers: f.workers, Stdin: cmd.InOrStdin(), Sinks: f.output.Sinks(out, pages...),
		Bar: progress.New(stderr, "messages"), Mixed: progress.IsTerminal(out),
		Notice: func(text string) { cli.Print(stderr, "dnseal: %s", text) },
		Fail:   wrong,
	}
	v.Sinks = append(v.Sinks, f.evidence.Sinks()...)
	totals, err := v.Run(cmd.Context(), args)
	if cli.ReadEnough(err) && f.evidence.Keeps() {
		note("the reader of the output ended early: evidence was kept of the messages before that, and of no others")
	}
	if err != nil {
		return err
	}
	if f.evidence.Status() != cli.ExitOK {
		totals.Status = f.evidence.Status()
	}
	return conclude(stderr, totals)
}

// options are those of the receiver, with the client that it asks; nil: none.
func (f *verifyFlags) options(cmd *cobra.Command) (opts receiver.Options, client *lookup.Client, err error) {
	c, err := f.config()
	if err != nil {
		return opts, nil, err
	}
	f.loaded, opts.Saved = c, true
	if c != nil {
		opts = c.SavedOptions(nil)
	}
	if f.pkixRoots != "" {
		if opts.PKIXRoots, err = config.ReadRoots(f.pkixRoots); err != nil {
			return opts, nil, err
		}
	}
	if opts.Decrypt, err = verifyKeys(cmd, f.keys); err != nil {
		return opts, nil, err
	}
	client, err = f.source(cmd, c, &opts)
	return opts, client, err
}

// config is the file of --policy; nil: none.
func (f *verifyFlags) config() (*config.Config, error) {
	if f.policy == "" {
		return nil, nil //nolint:nilnil // as documented
	}
	var without []string
	if f.dns.Anchor != "" {
		without = append(without, "dns.trust-anchor")
	}
	if f.pkixRoots != "" {
		without = append(without, "pkix-roots")
	}
	return config.LoadPolicy(f.policy, without...)
}

// source says in opts where the records of signers come from: a resolver, which the caller closes,
// or what the signers sent along. c is the file of --policy, or nil.
func (f *verifyFlags) source(cmd *cobra.Command, c *config.Config, opts *receiver.Options) (client *lookup.Client, err error) {
	if !f.offline && cmd.Flags().Changed("max-age") {
		return nil, errors.New("--max-age needs --offline: what the DNS says is always of today")
	}
	if !f.offline && f.evidence.Recalls() {
		if name := f.dns.Changed(cmd, "trust-anchor"); name != "" {
			return nil, fmt.Errorf("--%s contradicts --evidence, which looks nothing up", name)
		}
		return nil, nil //nolint:nilnil // as documented
	}
	if !f.offline {
		if c == nil {
			client, err = f.dns.Client(nil)
		} else {
			client, err = f.dns.ClientOver(c.LookupOptions())
		}
		opts.Lookup = client
		return client, err
	}
	if name := f.dns.Changed(cmd, "trust-anchor"); name != "" {
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
	anchors, err := f.dns.Anchors()
	if c != nil && f.dns.Anchor == "" {
		anchors = c.LookupOptions().Anchors
	}
	opts.Offline = &receiver.Offline{Validator: &dnssec.Validator{Anchors: anchors}, MaxAge: time.Duration(f.maxAge)}
	return nil, err
}

// anchors are the trust anchors of the flags, else of --policy; nil: none are named.
func (f *verifyFlags) anchors() (*dnssec.Anchors, error) {
	switch {
	case f.dns.Anchor != "":
		return dnsflags.ReadAnchors(f.dns.Anchor)
	case f.loaded != nil:
		return f.loaded.LookupOptions().Anchors, nil
	}
	return nil, nil //nolint:nilnil // the keys of the root are meant
}

// checkDKIM has DKIM checked where the flag or the file of --policy wants it.
func (f *verifyFlags) checkDKIM(client *lookup.Client, opts *receiver.Options) error {
	switch {
	case client != nil && (f.dkim || f.loaded != nil && f.loaded.DKIM.Verify):
		opts.DKIM = (&dkim.Verifier{Lookup: client, Saved: true}).Verify
	case f.dkim:
		return errors.New("--dkim needs the DNS: --offline and --evidence look nothing up")
	}
	return nil
}
