package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

var clock = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// identities are made once: alice, billing, robots and a sensor.
func identities(tb testing.TB) map[string]*identity.Identity {
	tb.Helper()
	dir := tb.TempDir()
	out := map[string]*identity.Identity{}
	for _, name := range []string{"alice@example.org", "billing@example.org", "robots@example.org", "sensor7._device.example.net"} {
		if _, err := identity.Create(dir, name, identity.CreateOptions{Now: clock}); err != nil {
			tb.Fatal(err)
		}
		id, err := identity.Load(dir, name)
		if err != nil {
			tb.Fatal(err)
		}
		out[name] = id
	}
	return out
}

func newSender(tb testing.TB, change func(*Options)) *Sender {
	tb.Helper()
	ids := identities(tb)
	opts := Options{
		Rules: testRules, Now: func() time.Time { return clock }, Control: []string{"user:alice"},
		OpaqueFor: []string{"*@opaque.example"}, PlainFor: []string{"robot@plain.example"},
		Identities: func(name string) (*identity.Identity, error) {
			if id := ids[name]; id != nil {
				return id, nil
			}
			return nil, fmt.Errorf("no identity %s: %w", name, fs.ErrNotExist)
		},
	}
	if change != nil {
		change(&opts)
	}
	s, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// edited is the message after an edit.
func edited(tb testing.TB, m *message.Message, e *message.Edit) *message.Message {
	tb.Helper()
	var b bytes.Buffer
	if _, err := m.WriteEdited(&b, e); err != nil {
		tb.Fatal(err)
	}
	return read(tb, b.String())
}

// kindOf says how the message is signed and by whom: "clear alice@example.org", "opaque …" or
// "plain".
func kindOf(tb testing.TB, m *message.Message) string {
	tb.Helper()
	report, err := smime.Verify(tb.Context(), m)
	if err != nil {
		tb.Fatal(err)
	}
	if len(report.Signatures) == 0 {
		return "plain"
	}
	s := report.Signatures[0]
	if s.Integrity != smime.IntegrityGood || s.Covers != "message" {
		tb.Errorf("signature: %s, %s, %s", s.Integrity, s.Covers, s.Reason)
	}
	form := "clear"
	if strings.Contains(m.First("Content-Type"), "pkcs7-mime") {
		form = "opaque"
	}
	return form + " " + s.Certificate.Subject.CommonName
}

const plainText = "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhello\r\n"

func TestHandle(t *testing.T) {
	t.Parallel()
	signedAlready := "From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--x--\r\n"
	report := "From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x--\r\n"
	fragile := "From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" +
		strings.Replace(strings.TrimPrefix(signedAlready, "From: alice@example.org\r\nMIME-Version: 1.0\r\n"), "hi", "trailing ", 1) + "--m--\r\n"
	refuse := func(o *Options) {
		o.Rules = []Rule{{Who: []string{"user:alice"}, From: []string{"alice@example.org"}, RefuseOpaque: true}}
	}
	for _, tt := range []struct {
		name, who, text string
		rcpt            []string
		mailFrom        string
		change          func(*Options)
		action          message.Action
		result          string
		main            string            // how the message leaves
		forms           map[string]string // by recipients, for the others
	}{
		{"signed", "user:alice", "From: alice@example.org\r\n" + plainText, nil, "alice@example.org", nil, message.Accept, "signed", "clear alice@example.org", nil},
		{"by a named identity, opaque", "user:bot", "From: noreply@example.org\r\n" + plainText, nil, "", nil, message.Accept, "signed", "opaque robots@example.org", nil},
		{"by a device", "tls:sensor7._device.example.net", "From: alerts@example.net\r\n" + plainText, nil, "", nil, message.Accept, "signed", "clear sensor7._device.example.net", nil},
		{"opaque by default", "user:alice", "From: alice@example.org\r\n" + plainText, nil, "", func(o *Options) { o.Opaque = true }, message.Accept, "signed", "opaque alice@example.org", nil},
		{"a form per recipient", "user:alice", "From: alice@example.org\r\n" + plainText, []string{"a@x.example", "b@opaque.example", "robot@plain.example", "c@x.example"}, "", nil, message.Accept, "signed", "clear alice@example.org", map[string]string{"b@opaque.example": "opaque alice@example.org", "robot@plain.example": "plain"}},
		{"all recipients plain", "user:alice", "From: alice@example.org\r\n" + plainText, []string{"robot@plain.example"}, "", nil, message.Accept, "unsigned", "plain", nil},
		{"control: no", "user:alice", "X-Dnseal-Sign: no\r\nFrom: alice@example.org\r\n" + plainText, []string{"b@opaque.example"}, "", nil, message.Accept, "unsigned", "plain", nil},
		{"control: opaque", "user:alice", "x-dnseal-sign: Opaque\r\nFrom: alice@example.org\r\n" + plainText, nil, "", nil, message.Accept, "signed", "opaque alice@example.org", nil},
		{"control by one who may not", "user:billing", "X-Dnseal-Sign: no\r\nFrom: billing@example.org\r\n" + plainText, nil, "", nil, message.Accept, "signed", "clear billing@example.org", nil},
		{"nobody's", "user:carol", "From: carol@elsewhere.example\r\nX-Dnseal-Sign: opaque\r\n" + plainText, nil, "", nil, message.Accept, "unsigned", "plain", nil},
		{"nobody's, signed already", "user:carol", signedAlready, nil, "", func(o *Options) { o.Rules = nil }, message.Accept, "left-alone", "plain", nil},
		{"nobody's, signed already, refused", "user:carol", signedAlready, nil, "", func(o *Options) { o.Rules, o.On = nil, map[Class]message.Action{ClassNoRule: message.Reject} }, message.Reject, "no-rule", "", nil},
		{"nobody's, refused", "user:carol", "From: carol@elsewhere.example\r\n" + plainText, nil, "", func(o *Options) { o.On = map[Class]message.Action{ClassNoRule: message.Reject} }, message.Reject, "no-rule", "", nil},
		{"not allowed", "user:billing", "From: alice@example.org\r\n" + plainText, nil, "", nil, message.Reject, "not-allowed", "", nil},
		{"not allowed, also when signed already", "user:billing", signedAlready, nil, "", nil, message.Reject, "not-allowed", "", nil},
		{"signed already", "user:alice", signedAlready, nil, "", nil, message.Accept, "left-alone", "plain", nil},
		{"signed again", "user:alice", signedAlready, nil, "", func(o *Options) {
			o.Rules = []Rule{{Who: []string{"user:alice"}, From: []string{"alice@example.org"}, Again: true}}
		}, message.Accept, "signed", "clear alice@example.org", nil},
		{"with a part that may not be re-encoded", "user:alice", fragile, nil, "", nil, message.Accept, "signed", "opaque alice@example.org", nil},
		{"with one, refused", "user:alice", fragile, nil, "", refuse, message.Reject, "malformed", "", nil},
		{"with none, by the same rule", "user:alice", "From: alice@example.org\r\n" + plainText, []string{"a@x.example", "b@opaque.example"}, "", refuse, message.Accept, "signed", "clear alice@example.org", map[string]string{"b@opaque.example": "opaque alice@example.org"}},
		{"a delivery report", "user:alice", report, nil, "", nil, message.Accept, "left-alone", "plain", nil},
		{"a report from a person", "user:alice", report, nil, "alice@example.org", nil, message.Accept, "signed", "clear alice@example.org", nil},
		{"reports are signed", "user:alice", report, nil, "", func(o *Options) { o.SignReports = true }, message.Accept, "signed", "clear alice@example.org", nil},
		{"no such identity", "user:billing", "From: x@shop.example.org\r\n" + plainText, nil, "", nil, message.Defer, "sign-failed", "", nil},
		{"too big", "user:alice", "From: alice@example.org\r\n" + plainText, nil, "", func(o *Options) { o.MaxBytes = 20 }, message.Reject, "too-big", "", nil},
		{"too big, passed on", "user:alice", "From: alice@example.org\r\n" + plainText, nil, "", func(o *Options) { o.MaxBytes, o.On = 20, map[Class]message.Action{ClassTooBig: message.Accept} }, message.Accept, "too-big", "plain", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t, tt.change)
			m := read(t, tt.text)
			out := s.Handle(t.Context(), m, &message.Envelope{MailFrom: tt.mailFrom, Rcpt: tt.rcpt, Submitter: submitter(t, tt.who)})
			defer out.Close()
			if out.Action != tt.action || out.Result != tt.result {
				t.Fatalf("%s, %q; want %s, %q (%v)", out.Action, out.Result, tt.action, tt.result, out.Attrs)
			}
			if out.Action != message.Accept {
				checkReply(t, out.Reply)
				return
			}
			checkForms(t, m, out, tt.main, tt.forms)
		})
	}
}

func checkForms(t *testing.T, m *message.Message, out *message.Outcome, main string, forms map[string]string) {
	t.Helper()
	after := edited(t, m, out.Edit)
	if got := kindOf(t, after); got != main {
		t.Errorf("it leaves as %q, want %q", got, main)
	}
	if len(after.Fields("X-Dnseal-Sign")) > 0 {
		t.Error("the control field leaves this system")
	}
	if strings.HasPrefix(main, "clear") || strings.HasPrefix(main, "opaque") {
		for _, name := range []string{"Date", "Message-ID"} {
			if len(after.Fields(name)) != 1 {
				t.Errorf("%d fields %s", len(after.Fields(name)), name)
			}
		}
	}
	got := map[string]string{}
	for _, f := range out.Forms {
		got[strings.Join(f.Rcpt, " ")] = kindOf(t, edited(t, m, f.Edit))
	}
	if fmt.Sprint(got) != fmt.Sprint(forms) {
		t.Errorf("forms %v, want %v", got, forms)
	}
}

// checkReply: generic words only (RFC 3463 has the codes).
func checkReply(t *testing.T, r message.Reply) {
	t.Helper()
	for _, cause := range []string{"alice", "example", "rule", "key", "identity"} {
		if strings.Contains(r.Text, cause) {
			t.Errorf("the reply %q tells about %q", r.Text, cause)
		}
	}
	if r.Code == 0 || r.Enhanced == "" || r.Text == "" {
		t.Errorf("reply %+v", r)
	}
}

// TestMissingFields: Date and Message-ID are there before the signature, and inside it (RFC 6409,
// Section 8).
func TestMissingFields(t *testing.T) {
	t.Parallel()
	s := newSender(t, func(o *Options) { o.Hostname = "relay.example.org" })
	for _, tt := range []struct{ fields, date, id string }{
		{"", "Tue, 24 Nov 2026 12:00:00 +0000", "@relay.example.org>"},
		{"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n", "Mon, 1 Jan 2024 00:00:00 +0000", "@relay.example.org>"},
		{"Message-Id: <own@example.org>\r\n", "Tue, 24 Nov 2026 12:00:00 +0000", "<own@example.org>"},
	} {
		m := read(t, "From: alice@example.org\r\n"+tt.fields+plainText)
		out := s.Handle(t.Context(), m, &message.Envelope{Submitter: message.Submitter{User: "alice"}})
		after := edited(t, m, out.Edit)
		if got := after.First("Date"); got != tt.date {
			t.Errorf("%q: Date %q", tt.fields, got)
		}
		if got := after.First("Message-ID"); !strings.HasSuffix(got, tt.id) {
			t.Errorf("%q: Message-ID %q", tt.fields, got)
		}
		body := new(bytes.Buffer)
		if _, err := body.ReadFrom(after.Body()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(body.String(), "Date: "+tt.date) || !strings.Contains(body.String(), after.First("Message-ID")) {
			t.Errorf("%q: not in what is signed:\n%s", tt.fields, body.String())
		}
		out.Close()
	}
}

// dnsOf answers for one identity, and counts.
type dnsOf struct {
	cached, fresh *lookup.Result
	asked         []string
}

func (d *dnsOf) Lookup(_ context.Context, name string, _ dane.Type) *lookup.Result {
	d.asked = append(d.asked, name)
	return d.cached
}

func (d *dnsOf) LookupFresh(_ context.Context, name string, _ dane.Type) *lookup.Result {
	d.asked = append(d.asked, "!"+name)
	return d.fresh
}

// TestPublished: nothing is signed that nobody can verify (draft-ietf-dance-client-auth: the record
// is there first).
func TestPublished(t *testing.T) {
	t.Parallel()
	ids := identities(t)
	record := func(name string, usage, selector, matching uint8) *lookup.Result {
		r, err := ids[name].Record(usage, selector, matching)
		if err != nil {
			t.Fatal(err)
		}
		return &lookup.Result{Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{r}}
	}
	right, other := record("alice@example.org", 3, 1, 1), record("billing@example.org", 3, 1, 1)
	absent := &lookup.Result{Status: dnssec.Secure, Presence: dane.Absent}
	for _, tt := range []struct {
		name          string
		cached, fresh *lookup.Result
		action        message.Action
		result        string
		lookups       int
	}{
		{"published", right, nil, message.Accept, "signed", 1},
		{"published a minute ago", absent, right, message.Accept, "signed", 2},
		{"rolled a minute ago", other, right, message.Accept, "signed", 2},
		{"absent", absent, absent, message.Defer, string(ClassKeyNotPublished), 2},
		{"another key", other, other, message.Defer, string(ClassKeyNotPublished), 2},
		{"insecure", &lookup.Result{Status: dnssec.Insecure, Presence: dane.Present, Records: right.Records}, nil, message.Defer, string(ClassKeyNotPublished), 1},
		{"bogus", &lookup.Result{Status: dnssec.Bogus}, nil, message.Defer, string(ClassKeyNotPublished), 1},
		{"silent", &lookup.Result{Status: dnssec.Indeterminate, Code: "timeout"}, nil, message.Defer, string(ClassKeyNotPublished), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dns := &dnsOf{cached: tt.cached, fresh: tt.fresh}
			s := newSender(t, func(o *Options) {
				o.Lookup = dns
				o.Identities = func(name string) (*identity.Identity, error) { return ids[name], nil }
			})
			m := read(t, "From: alice@example.org\r\n"+plainText)
			out := s.Handle(t.Context(), m, &message.Envelope{Submitter: message.Submitter{User: "alice"}})
			defer out.Close()
			if out.Action != tt.action || out.Result != tt.result || len(dns.asked) != tt.lookups {
				t.Errorf("%s, %q, asked %v; want %s, %q, %d lookups (%v)", out.Action, out.Result, dns.asked, tt.action, tt.result, tt.lookups, out.Attrs)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	source := func(string) (*identity.Identity, error) { return nil, errors.New("none") }
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{}, "no source"},
		{Options{Identities: source, Rules: []Rule{testRules[0], {}}}, "rule 2"},
		{Options{Identities: source, On: map[Class]message.Action{"bad-signature": message.Reject}}, "unknown class"},
		{Options{Identities: source, On: map[Class]message.Action{ClassTooBig: message.Quarantine}}, "accept, reject or defer"},
		{Options{Identities: source, Control: []string{"alice"}}, "control"},
		{Options{Identities: source, OpaqueFor: []string{"opaque.example"}}, "opaque recipients"},
		{Options{Identities: source, PlainFor: []string{""}}, "plain recipients"},
	} {
		if _, err := New(tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New = %v, want an error with %q", err, tt.want)
		}
	}
}

// TestSignMessageBare: a signature without certificate must state its name some other way.
func TestSignMessageBare(t *testing.T) {
	t.Parallel()
	ids := identities(t)
	m := read(t, "From: alice@example.org\r\n"+plainText)
	for _, tt := range []struct {
		id   string
		opts smime.SignOptions
		want string
	}{
		{"alice@example.org", smime.SignOptions{NoCertificates: true}, ""},
		{"alice@example.org", smime.SignOptions{NoCertificates: true, NoHeaderProtection: true}, "no name"},
		{"sensor7._device.example.net", smime.SignOptions{NoCertificates: true}, "without its certificate"},
	} {
		tt.opts.Time = clock
		edit, err := SignMessage(t.Context(), m, []*identity.Identity{ids[tt.id]}, tt.opts)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.id, err, tt.want)
		}
		edit.Close()
	}
	if _, err := SignMessage(t.Context(), m, nil, smime.SignOptions{Time: clock}); err == nil {
		t.Error("signed by nobody")
	}
	elsewhere := *ids["alice@example.org"]
	elsewhere.Public, elsewhere.Key = elsewhere.Key.Public(), nil
	if _, err := SignMessage(t.Context(), m, []*identity.Identity{&elsewhere}, smime.SignOptions{Time: clock}); !errors.Is(err, identity.ErrNoPrivateKey) {
		t.Errorf("signed without a private key: %v", err)
	}
}

// BenchmarkHandle signs 4 KiB with P-256 by rule.
func BenchmarkHandle(b *testing.B) {
	s := newSender(b, nil)
	m := read(b, "From: alice@example.org\r\nTo: x@example.com\r\nSubject: hello\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <x@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"+strings.Repeat("hello, this is a line of text that goes on for a while.\r\n", 74))
	env := &message.Envelope{MailFrom: "alice@example.org", Rcpt: []string{"x@example.com"}, Submitter: message.Submitter{User: "alice"}}
	b.ReportAllocs()
	for b.Loop() {
		out := s.Handle(b.Context(), m, env)
		if out.Result != "signed" {
			b.Fatal(out.Attrs)
		}
		out.Close()
	}
}

// TestOneForm has an entry point that gives all recipients the same message: recipients of
// different forms get the clear one.
func TestOneForm(t *testing.T) {
	t.Parallel()
	s := newSender(t, nil)
	for _, tt := range []struct {
		rcpt []string
		want string
	}{
		{[]string{"a@x.example"}, "clear"},
		{[]string{"b@opaque.example", "c@opaque.example"}, "opaque"},
		{[]string{"robot@plain.example"}, "plain"},
		{[]string{"b@opaque.example", "a@x.example"}, "clear"},
		{[]string{"robot@plain.example", "a@x.example"}, "clear"},
		{[]string{"robot@plain.example", "b@opaque.example"}, "clear"},
	} {
		m := read(t, "From: alice@example.org\r\n"+plainText)
		out := s.Handle(t.Context(), m, &message.Envelope{Rcpt: tt.rcpt, OneForm: true, Submitter: message.Submitter{User: "alice"}})
		if got := kindOf(t, edited(t, m, out.Edit)); len(out.Forms) > 0 || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%v: %s and %d other forms, want %s", tt.rcpt, got, len(out.Forms), tt.want)
		}
		out.Close()
	}
}

// TestSignMessagePostQuantum: a name with an ML-DSA key beside its own signs by both, also with the
// signer that was made ready when it was loaded.
func TestSignMessagePostQuantum(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, algorithm := range []string{"", "ml-dsa-65"} {
		if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: clock, Algorithm: algorithm}); err != nil {
			t.Fatal(err)
		}
	}
	id, err := identity.Load(dir, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []smime.SignOptions{{}, {Opaque: true}, {NoCertificates: true}} {
		opts.Time, opts.FullSelfCheck = clock, true
		m := read(t, "From: alice@example.org\r\n"+plainText)
		edit, err := SignMessage(t.Context(), m, []*identity.Identity{id}, opts)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err = m.WriteEdited(&out, edit); err != nil {
			t.Fatal(err)
		}
		edit.Close()
		report, err := smime.Verify(t.Context(), read(t, out.String()))
		if err != nil || len(report.Signatures) != 1 || report.Signatures[0].PostQuantum == nil {
			t.Fatalf("%+v: %v: %+v", opts, err, report)
		}
		if beside := report.Signatures[0].PostQuantum; beside.Algorithm != "ml-dsa-65" || (beside.Integrity == smime.IntegrityGood) == opts.NoCertificates {
			t.Errorf("%+v: %s by %s: %s", opts, beside.Integrity, beside.Algorithm, beside.Reason)
		}
	}
}
