package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config/submitfile"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/submit"
	"dnseal/cmd/internal/submit/spool"
	"dnseal/cmd/internal/usage"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// submitConfig is read where no other file is named.
const submitConfig = "/etc/dnseal/submit.toml"

// tlsWords and verifyServer are for TLSDANE, which is not in every build.

// submitFlags are the flags of dnseal submit. Those that stand in the configuration have the same
// names there.
type submitFlags struct {
	config                       string
	server, tls, roots           string
	identities, identity, client string
	user, passwordFile           string
	spool                        string
	spoolBytes, spoolMessages    int64
	expire, timeout              cli.Span
	from, domain, admin          string
	opaque, asIs, header, later  bool
	flush, wait, queueOnly       bool
	sender, fullName             string
}

// least is a flag for a number that has a least value.
type least struct {
	value *int64
	least int64
}

// String implements [pflag.Value].
func (l *least) String() string { return strconv.FormatInt(*l.value, 10) }

// Type implements [pflag.Value].
func (*least) Type() string { return "int" }

// Set implements [pflag.Value].
func (l *least) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < l.least {
		return fmt.Errorf("want a whole number, %d at least", l.least)
	}
	*l.value = n
	return nil
}

func newSubmit() *cobra.Command {
	f := submitFlags{spoolBytes: 4 << 20, spoolMessages: 200, expire: cli.Span(5 * 24 * time.Hour), timeout: cli.Span(5 * time.Minute)}
	cmd := &cobra.Command{
		Use:   "submit [RECIPIENT...]",
		Short: "Sign a message and hand it in by SMTP, now or later",
		Long: `Reads one message from standard input, signs it as dnseal sign does, and hands
it in at a submission server, for the recipients that are named, or with -t for
those in To, Cc and Bcc (also where none is named). Bcc is removed; Date and
Message-ID are added where they are missing. Nothing is sent without TLS but to
this machine (--tls none).

It logs in by the certificate of the identity (SASL EXTERNAL under the name of
its TLSA records) where the identity is a device, service or host and the server
offers that; or by a password (--user, --password-file).

With --spool DIR a message is signed, written to DIR and then handed in; where
that fails now (no network, a 4xx reply) it is kept, the exit status is 0, and a
line says so. Later calls and --flush hand in what is there, the oldest first;
after a failure the server is left alone for a time that grows to two hours, but
not by --flush. Where the reply to a whole message does not come it is sent
again, with the same Message-ID: it can arrive twice, and is not lost.

What waited for --expire is tried once more and then moved to DIR/dead, and so
is at once what the server refuses for good and what is damaged: each with a
file "reason", until a new message needs the room; moved back into DIR it is
tried again. Its file "envelope" names the recipients who do not have it. The
spool counts the time from one attempt to the next, at most a quarter of
--expire each: no clock that is set, and no month without power, makes a message
too old.

By a link of the name sendmail it takes the options of sendmail, also bundled,
as cron, mail, mutt, PHP and git give them: -t, -f (or -r), -F and -q do what
they say, -odq is --later, -i is always so, and -bm is what it does. Those about
delivery, notification and rewriting (-A -B -C -D -G -L -N -O -R -U -V -X -c -d
-e -h -m -n -o -p -s -v -x) change nothing; -b with another letter, -I, -M, -Q
and -XV are refused. What is no option then stands in the configuration:
` + submitConfig + `, or the file that DNSEAL_SUBMIT names. It has lines
key = "value", with the names of the flags below as keys.

Exit status: 0 handed in, or kept in the spool to be handed in; 1 refused by the
server for some recipient, or no trustworthy connection (the message is in the
spool or its folder dead, if there is one); 2 wrong usage or configuration, a
message that cannot be signed; 3 not handed in now, and kept nowhere, or where
the disk does not confirm it. With --flush: 0 nothing is left that waits; 1
something was refused, given up or damaged, or the spool cannot be read or
written; 3 something is left, or another process hands it in.`,
		Example: `  dnseal submit --server relay.example.net ops@example.net <mail
  dnseal submit --server tls:relay.example.net --user box7 --password-file pw -t
  dnseal submit --flush`,
		Args: cobra.ArbitraryArgs,
	}
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runSubmit(cmd, &f, args) }
	return cmd
}

func (f *submitFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.config, "config", os.Getenv("DNSEAL_SUBMIT"), "configuration `FILE` (environment: DNSEAL_SUBMIT;\ndefault: "+submitConfig+", where it is there)")
	fs.StringVar(&f.server, "server", "", "submission `SERVER`: HOST, HOST:PORT (587; by STARTTLS), tls:HOST:PORT (465; TLS from the start)")
	fs.StringVar(&f.tls, "tls", string(submit.TLSVerify), "`HOW` the server proves itself: verify (a certificate for its name), "+tlsWords+"none (no TLS; on this machine only)")
	fs.StringVar(&f.roots, "roots", "", "`FILE` with the CAs (PEM) the server's certificate may be from; default: those of the system")
	fs.StringVar(&f.identities, "identities", os.Getenv("DNSEAL_IDENTITIES"), "`DIR` of the identities (environment: DNSEAL_IDENTITIES)")
	fs.StringVar(&f.identity, "identity", "", "sign as `NAME` instead of the From address")
	fs.StringVar(&f.client, "client", "", "log in by the certificate of the identity `NAME`; default: the one that signs, where it is no mail address")
	flags.CompleteIdentityFlag(cmd, "identity", &f.identities)
	flags.CompleteIdentityFlag(cmd, "client", &f.identities)
	fs.StringVar(&f.user, "user", "", "log in as `NAME` by a password")
	fs.StringVar(&f.passwordFile, "password-file", "", "`FILE` whose first line is the password")
	fs.StringVar(&f.spool, "spool", "", "keep in `DIR` what cannot be handed in now")
	fs.Var(&cli.Size{Value: &f.spoolBytes, Least: spool.MinBytes}, "spool-bytes", "most `BYTES` (4MB) in the spool, with 8192 for each message beside its own")
	fs.Var(&least{&f.spoolMessages, 1}, "spool-messages", "most messages in the spool, a `NUMBER`")
	fs.Var(&f.expire, "expire", "set a message aside after this `TIME` in the spool; 0: never")
	fs.Var(&f.timeout, "timeout", "longest `TIME` without an answer of the server")
	fs.StringVar(&f.from, "from", "", "the `ADDRESS` in From where that is missing or has no domain")
	fs.StringVar(&f.domain, "domain", "", "the `DOMAIN` of addresses that have none")
	fs.StringVar(&f.admin, "admin", "", "the `ADDRESS` that gets what is for addresses without a domain")
	fs.BoolVar(&f.opaque, "opaque", false, "make application/pkcs7-mime: survives every relay, unreadable without S/MIME")
	fs.BoolVar(&f.asIs, "as-is", false, "sign nothing: hand the message in as it is")
	fs.BoolVar(&f.later, "later", false, "only put the message into the spool; it is handed in at once where the spool has no room")
	fs.BoolVar(&f.flush, "flush", false, "read no message: hand in what is in the spool")
	fs.BoolVar(&f.wait, "wait", false, "with --flush: go on until the spool is empty")
	fs.BoolVarP(&f.header, "from-header", "t", false, "take recipients from To, Cc and Bcc too")
	fs.StringVarP(&f.sender, "sender", "f", "", "envelope sender `ADDRESS`; <> for none (default: the From address)")
	fs.StringVarP(&f.fullName, "full-name", "F", "", "display `NAME` for a From that is missing")
	fs.BoolVar(&f.queueOnly, "sendmail-queue", false, "what -odq of sendmail becomes: --later where there is a spool")
	_ = fs.MarkHidden("sendmail-queue") // it is there: the line above
	flags.CompleteWords(cmd, "tls", "verify", "dane", "none")
}

// submitArgs are the arguments of the program, with the options of sendmail read as such: by that
// name of the program, and behind the word submit.
func submitArgs(name string, args []string) ([]string, error) {
	base, _, _ := strings.Cut(filepath.Base(name), ".")
	byName := base == "sendmail"
	if !byName {
		if len(args) == 0 || args[0] != "submit" {
			return args, nil
		}
		args = args[1:]
	}
	args, err := submit.SendmailArgs(args, byName)
	return append([]string{"submit"}, args...), err
}

func runSubmit(cmd *cobra.Command, f *submitFlags, args []string) error {
	if err := f.configure(cmd.Flags()); err != nil {
		return err
	}
	if f.identities == "" && !f.asIs && !f.flush {
		return cli.Hint(errors.New("no identities directory"), "give --identities DIR or set DNSEAL_IDENTITIES; --as-is signs nothing")
	}
	f.later = f.later || f.queueOnly && f.spool != ""
	d, err := f.delivery(cmd)
	if err != nil {
		return err
	}
	if f.flush {
		if d.Spool == nil || len(args) > 0 || f.later {
			return errors.New("--flush needs --spool, and neither recipients nor --later")
		}
		return d.FlushAll(cmd.Context(), f.wait)
	}
	if f.later && f.spool == "" || f.wait {
		return errors.New("--later needs --spool, and --wait needs --flush")
	}
	letter, err := f.letter(cmd, d.Options, args)
	if err != nil {
		return err
	}
	defer letter.Content.Close() //nolint:errcheck // an unlinked file
	return d.Submit(cmd.Context(), letter, f.later)
}

// configure sets what the file says and the command line does not.
func (f *submitFlags) configure(fs *pflag.FlagSet) error {
	name := f.config
	if name == "" {
		name = submitConfig
	}
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) && f.config == "" {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	settings, err := submitfile.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, s := range settings {
		if !slices.Contains(submitKeys, s.Key) {
			return cli.Hint(fmt.Errorf("%s: line %d: unknown key %q", name, s.Line, s.Key), "the keys are %s", strings.Join(submitKeys, ", "))
		}
		if fs.Changed(s.Key) {
			continue
		}
		if err := fs.Set(s.Key, s.Value); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, s.Line, usage.FlagError(&cobra.Command{Use: "dnseal submit"}, err))
		}
	}
	return nil
}

// submitKeys are the keys of the configuration.
var submitKeys = []string{
	"server", "tls", "roots", "identities", "identity", "client", "user", "password-file", "spool", "spool-bytes", "spool-messages",
	"expire", "timeout", "from", "domain", "admin", "opaque", "as-is",
}

// delivery makes what hands in messages.
func (f *submitFlags) delivery(cmd *cobra.Command) (*submit.Delivery, error) {
	if f.server == "" {
		return nil, cli.Hint(errors.New("no server"), "give --server, or server = \"HOST\" in %s", submitConfig)
	}
	o := &submit.Options{TLS: submit.TLSPolicy(f.tls), User: f.user, Step: time.Duration(f.timeout), VerifyServer: verifyServer}
	var err error
	if o.Server, err = submit.ParseServer(f.server); err != nil {
		return nil, err
	}
	if f.passwordFile != "" {
		if o.Password, err = flags.PassphraseIn(f.passwordFile); err != nil {
			return nil, err
		}
	}
	if f.roots != "" {
		if o.Roots, err = submit.ReadRoots(f.roots); err != nil {
			return nil, err
		}
	}
	d := &submit.Delivery{Options: o, Now: time.Now, Print: func(format string, args ...any) {
		cli.Print(cmd.ErrOrStderr(), "%s", cli.Printable(fmt.Sprintf(format, args...)))
	}}
	if f.spool != "" {
		d.Spool, err = spool.Open(f.spool, spool.Limits{Bytes: f.spoolBytes, Messages: int(min(f.spoolMessages, math.MaxInt32)), Expire: time.Duration(f.expire)}, time.Now)
		if err != nil && f.flush {
			d.Print("dnseal: error: nothing is handed in: %s", cli.Plain(err))
			return nil, cli.ExitNotPass
		}
		if err != nil {
			d.Print("dnseal: %s; the message is handed in without a spool", cli.Plain(err))
			err = nil
		}
	}
	if err == nil {
		err = f.logIn(cmd, o)
	}
	if err == nil {
		err = o.Check()
	}
	return d, err
}

// logIn loads the identity whose certificate logs in.
func (f *submitFlags) logIn(cmd *cobra.Command, o *submit.Options) error {
	name := f.client
	if name == "" && f.user == "" {
		name = f.identity
	}
	if name == "" || f.client == "" && strings.Contains(name, "@") {
		return nil
	}
	id, err := flags.Asking(cmd).Load(f.identities, name)
	if err == nil {
		err = id.CanSign()
	}
	if err == nil && (id.Certificate == nil || id.Kind == identity.Mail) {
		err = fmt.Errorf("%s cannot log in by a certificate: that is for a device, service or host with a certificate", id.Name)
	}
	o.Client = id
	return err
}

// letter reads the message and prepares it.
func (f *submitFlags) letter(cmd *cobra.Command, o *submit.Options, args []string) (*submit.Letter, error) {
	m, err := message.Read(cmd.InOrStdin(), message.ReadOptions{})
	if err != nil {
		return nil, fmt.Errorf("the message on standard input: %w", err)
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	draft := submit.Draft{Message: m, To: args, FromHeader: f.header, FullName: f.fullName}
	if cmd.Flags().Changed("sender") {
		draft.Sender = &f.sender
	}
	signer := func(m *message.Message) (*identity.Identity, error) {
		if f.identity != "" && o.Client != nil && f.client == "" {
			return o.Client, nil
		}
		var names []string
		if f.identity != "" {
			names = []string{f.identity}
		}
		ids, wrong := flags.Signers(flags.Asking(cmd), f.identities, names, m)
		if wrong != nil {
			return nil, wrong
		}
		return ids[0], nil
	}
	if f.asIs {
		signer = nil
	}
	letter, err := submit.Prepare(cmd.Context(), draft, submit.Defaults{From: f.from, Domain: f.domain, Admin: f.admin}, signer, f.opaque, time.Now())
	if err != nil {
		return nil, submitHint(cmd.Context(), err)
	}
	return letter, nil
}

func submitHint(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if submit.IsSigned(err) {
		return cli.Hint(err, "--as-is hands in a message that is signed or encrypted already")
	}
	return err
}
