package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/lookup/dnssec"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// Question is a message that somebody might hand in.
type Question struct {
	// As are the facts that the submitter has proven: "user:NAME", "tls:NAME", "net:ADDRESS".
	As []string
	// From is the value of the From field; MailFrom the envelope sender, "<>" for the null sender,
	// empty for the From address; To the recipients.
	From, MailFrom string
	To             []string
	// JSON answers by one object a line.
	JSON bool
}

// As prints what the daemons would do with a message: by which rule, whose identity and in which
// form they would sign it, or what keeps them from it. A Sender of theirs decides, and signs in
// memory. Errors: those of [config.Load]; an argument that makes no sense; [cli.ExitNotPass] when
// the message would not be signed; [cli.ExitTempfail] when the DNS gives no answer; those of out.
func As(ctx context.Context, out io.Writer, file string, q Question) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	env, err := q.envelope()
	if err != nil {
		return err
	}
	m, err := q.message()
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // in memory
	client, err := c.LookupClient()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	s, err := sender.New(c.SenderOptions(client))
	if err != nil {
		return err
	}
	a := answer{out: &output{Writer: out}, config: c, sender: s, env: env, question: &q}
	return a.print(ctx, m)
}

// envelope is that of the message. Its errors are about the arguments.
func (q *Question) envelope() (*message.Envelope, error) {
	env := &message.Envelope{Rcpt: q.To}
	for _, fact := range q.As {
		if err := addFact(&env.Submitter, fact); err != nil {
			return nil, fmt.Errorf("--as %q: %w", fact, err)
		}
	}
	for _, rcpt := range q.To {
		if _, err := message.ParseAddress(rcpt); err != nil {
			return nil, fmt.Errorf("--to %q is no mail address", rcpt)
		}
	}
	switch {
	case q.MailFrom == "<>":
	case q.MailFrom != "":
		a, err := message.ParseAddress(strings.TrimSuffix(strings.TrimPrefix(q.MailFrom, "<"), ">"))
		if err != nil {
			return nil, fmt.Errorf("--mail-from %q is no mail address, and not <>", q.MailFrom)
		}
		env.MailFrom = a.String()
	default:
		if a, err := message.ParseFrom(q.From); err == nil && len(a) == 1 {
			env.MailFrom = a[0].String()
		}
	}
	return env, nil
}

// addFact adds what a submitter has proven.
func addFact(s *message.Submitter, fact string) error {
	kind, value, _ := strings.Cut(fact, ":")
	switch {
	case value == "":
		return errors.New("write user:NAME, tls:NAME or net:ADDRESS")
	case kind == "user" && s.User == "":
		s.User = value
		return nil
	case kind == "tls" && s.TLSName == "":
		p, err := message.ParsePattern(value)
		if err != nil || p.IsAddress() || strings.Contains(value, "*") {
			return errors.New("want the one name of a device, service or host, without stars")
		}
		s.TLSName = p.String()
		return nil
	case kind == "net" && !s.Addr.IsValid():
		a, err := netip.ParseAddr(value)
		if err != nil {
			return errors.New("want one address of a client, such as net:192.0.2.7")
		}
		s.Addr = a.Unmap()
		return nil
	case slices.Contains([]string{"user", "tls", "net"}, kind):
		return fmt.Errorf("%s: is given twice, and a client proves one", kind)
	}
	return errors.New("user:, tls: or net: is missing at its start")
}

// message is a small message of the question.
func (q *Question) message() (*message.Message, error) {
	if strings.ContainsAny(q.From, "\r\n\x00") {
		return nil, errors.New("--from: a line end or NUL; write the value of one From field")
	}
	to := cmp.Or(strings.Join(q.To, ", "), "undisclosed-recipients:;")
	text := "From: " + q.From + "\r\nTo: " + to + "\r\nSubject: dnseal check\r\nDate: " + time.Now().Format(message.DateFormat) +
		"\r\nMessage-ID: <check@dnseal>\r\n\r\nSigned by dnseal check, and not sent.\r\n"
	return message.Read(strings.NewReader(text), message.ReadOptions{})
}

// answer prints what would be done.
type answer struct {
	out    *output
	config *config.Config
	sender *sender.Sender
	env    *message.Envelope
	why    *sender.Explanation
	dkim   []string // DOMAIN/SELECTOR that would sign

	question *Question
}

func (a *answer) line(word, format string, args ...any) {
	cli.Print(a.out, "%-10s %s", word, fmt.Sprintf(format, args...))
}

func (a *answer) print(ctx context.Context, m *message.Message) error {
	if reasons := a.shutOut(); reasons != "" {
		return a.notTaken(reasons)
	}
	outcome, why := a.sender.Explain(ctx, m, a.env)
	defer outcome.Close() //nolint:errcheck // in memory
	a.why = why
	why.Reason = cli.Plain(errors.New(why.Reason))
	signed := outcome.Result == sender.ResultSigned
	a.dkim = dkimNames(a.config, m, a.env.Submitter, why)
	if a.question.JSON {
		if err := cli.WriteJSON(a.out, a.json(signed)); err != nil {
			return err
		}
	} else {
		a.text(ctx, m, signed)
	}
	switch {
	case a.out.err != nil:
		return a.out.err
	case signed:
		return nil
	case why.Record != nil && why.Record.Code == dnssec.Indeterminate.String(),
		why.Class == sender.ClassNotEncrypted && why.Action == message.Defer:
		return cli.ExitTempfail
	}
	return cli.ExitNotPass
}

// notTaken says that no listener takes the message.
func (a *answer) notTaken(reasons string) error {
	a.why = &sender.Explanation{Action: message.Reject, Code: "not-taken", Reason: reasons}
	if !a.question.JSON {
		a.line("listener", "%s", reasons)
		a.line("result", "not signed: the message is not taken")
	} else if err := cli.WriteJSON(a.out, a.json(false)); err != nil {
		return err
	}
	return cmp.Or[error](a.out.err, cli.ExitNotPass)
}

// text prints the answer for people.
func (a *answer) text(ctx context.Context, m *message.Message, signed bool) {
	a.signer()
	a.forms(ctx, m)
	if signed {
		a.line("result", "signed")
	} else {
		a.unsigned()
	}
	if len(a.dkim) > 0 {
		a.line("dkim", "signed by %s", strings.Join(a.dkim, ", "))
	}
	signs := false
	for _, l := range listeners(a.config) {
		signs = signs || l.signs
		if l.signs && l.observe {
			a.line("note", "the %s on %s only observes: there the message passes unchanged", l.kind, l.address)
		}
	}
	if !signs {
		a.line("note", "no listener here signs: this is what one would do")
	}
}

// signer prints rule, identity and record.
func (a *answer) signer() {
	if a.why.Rule == 0 {
		return
	}
	a.line("rule", "%s", a.rules([]int{a.why.Rule}))
	a.line("identity", "%s", a.why.Identity)
	switch r := a.why.Record; {
	case r == nil && a.config.Sign.CheckRecord != nil && !*a.config.Sign.CheckRecord:
		a.line("record", "not looked up (check-record = false)")
	case r == nil:
	case r.Code == "":
		a.line("record", "%s %d %d %d at %s matches the key, DNSSEC %s", r.Type, r.Match.Usage, r.Match.Selector, r.Match.MatchingType, r.Name, r.Status)
	default:
		a.line("record", "%s: %s", state(r), r.Reason)
	}
}

// forms prints the forms by recipients; also that of a milter, where it differs.
func (a *answer) forms(ctx context.Context, m *message.Message) {
	for _, f := range a.why.Forms {
		word := formWord(f.Form)
		if f.Form == sender.FormPlain {
			word += " (unsigned)"
		}
		if f.Encryption != nil {
			word += ", encrypted (" + string(f.Encryption.Cipher) + ")"
		}
		if len(a.why.Forms) > 1 {
			word += " for " + strings.Join(f.Rcpt, ", ")
		}
		a.line("form", "%s", word)
	}
	for _, e := range a.why.InClear {
		a.line("note", "not encrypted to %s: %s", e.Address, e.Reason)
	}
	if len(a.why.Forms) > 1 && slices.ContainsFunc(listeners(a.config), func(l listener) bool { return l.kind == "milter" && l.signs }) {
		env := *a.env
		env.OneForm = true
		outcome, why := a.sender.Explain(ctx, m, &env)
		defer outcome.Close() //nolint:errcheck // in memory
		for _, f := range why.Forms {
			a.line("form", "through a milter: %s for all", f.Form)
		}
		if why.Class == sender.ClassNotEncrypted {
			a.line("form", "through a milter: refused: %s", cli.Plain(errors.New(why.Reason)))
		}
	}
}

// unsigned prints why the message is not signed, and what is done with it.
func (a *answer) unsigned() {
	if a.why.Class == "" {
		a.line("result", "not signed: all its recipients are in plain-for or a route with form = \"plain\"")
		return
	}
	a.line("class", "%s (%s): %s", a.why.Class, a.why.Code, a.why.Reason)
	if a.why.Code == "no-identity" {
		a.line("hint", "make it with: dnseal identity new %s --identities %s", identity.Quote(a.why.Identity), identity.Quote(a.config.Identities))
	}
	a.naming()
	switch a.why.Action {
	case message.Reject, message.Defer:
		a.line("action", "%s: %d %s %s", a.why.Action, a.why.Reply.Code, a.why.Reply.Enhanced, a.why.Reply.Text)
	case message.Accept, message.Quarantine:
		a.line("action", "%s: it is passed on unsigned", a.why.Action)
	}
	a.line("result", "not signed")
}

// naming prints which rules name the address and the submitter, where no rule permits.
func (a *answer) naming() {
	if a.why.Rule > 0 {
		return
	}
	from, _ := message.ParseAddress(a.why.From)
	address, submitter := a.sender.Naming(a.env.Submitter, from)
	if a.why.From != "" && len(address) > 0 {
		a.line("named", "%s is in the from of %s", a.why.From, a.rules(address))
	}
	if len(submitter) > 0 {
		a.line("named", "the submitter is in the who of %s", a.rules(submitter))
	}
	for _, n := range submitter {
		text := strings.Join(a.config.Sign.Rules[n-1].From, " ")
		if strings.Contains(a.env.Submitter.User, "@") && strings.Contains(text, "{user}@") {
			a.line("hint", "this user name is a whole address, and {user}@… is for user names without an @; write from = [\"{user}\"] for such users")
			return
		}
	}
}

// rules are rules by their places in the file.
func (a *answer) rules(numbers []int) string {
	const most = 5
	var out []string
	for _, n := range numbers[:min(most, len(numbers))] {
		out = append(out, fmt.Sprintf("rule %d (%s)", n, a.config.At(fmt.Sprintf("sign.rule[%d]", n-1))))
	}
	if more := len(numbers) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}
