package relay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// headerCase is a message whose header holds a line that is no field.
type headerCase struct {
	name, text string
	words      []string // what must be there in the end
	refused    string   // or what the refusal names
}

// headerCases are those handed to us, and more of their kind.
func headerCases(t *testing.T) []headerCase {
	t.Helper()
	cases := []headerCase{
		{name: "junk-line", words: []string{"This is no header\r\nSubject: Report\r\n\r\nThe job is done."}},
		{name: "from-line", words: []string{"Mailbox-Line: From alice@example.org Sat Nov 28 20:00:00 2026\r\n", "Subject: Report\r\n", "The job is done."}},
		{name: "no-blank-line", words: []string{"The job is done.\r\nRegards"}},
		{name: "nul-subject", refused: `Subject: a\x00b`},
		{name: "space-name", words: []string{"X Device Name: UPS\r\nSubject: Report\r\n\r\nThe job is done."}},
		{name: "unfolded-content-type", words: []string{`boundary="B1"`, "The scan is attached."}},
		{name: "unfolded-subject", words: []string{"script has broken in two\r\n\r\nThe job is done."}},
	}
	for i, c := range cases {
		raw, err := os.ReadFile(filepath.Join("../../../testdata/cases/mail/c-header-junk", c.name+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		cases[i].text = string(raw)
	}
	const from, rest = "From: alice@example.org\r\n", "Subject: Report\r\n\r\nThe job is done.\r\n"
	return append(cases,
		headerCase{name: "mailbox line inside", text: from + "From alice@example.org Sat Nov 28 20:00:00 2026\r\n" + rest, words: []string{"Subject: Report\r\n\r\nThe job"}},
		headerCase{name: "mailbox line, quoted", text: ">From alice@example.org Sat Nov 28 20:00:00 2026\r\n" + from + rest, words: []string{"Mailbox-Line: >From alice@example.org"}},
		headerCase{name: "no name", text: from + ": x\r\n" + rest, words: []string{": x\r\nSubject: Report"}},
		headerCase{name: "8-bit name", text: from + "Pr\xc3\xa9nom: x\r\n" + rest, words: []string{"nom: x", "Subject: Report", "The job is done."}},
		headerCase{name: "fields after", text: from + "text\r\nAuthentication-Results: mx.example.net; smime=pass\r\n" + rest, words: []string{"text\r\nAuthentication-Results"}},
		headerCase{name: "ends in the header", text: from + "Subject: Report\r\nThe job is done.\r\n", words: []string{"The job is done."}},
		headerCase{name: "control octet", text: from + "Sub\x01ject: x\r\n" + rest, refused: `Sub\x01ject`},
		headerCase{name: "tab before the colon", text: from + "X-Subject\t: x\r\n" + rest, refused: `X-Subject\t`},
		headerCase{name: "delete", text: from + "\x7f: x\r\n" + rest, refused: `\x7f`},
		headerCase{name: "control octet in text", text: from + "x\x1b\r\n" + rest, refused: `x\x1b`},
	)
}

// signingHop is a relay that signs for alice before next, and who verifies it.
func signingHop(t *testing.T, next string) (addr string, verifier *receiver.Receiver) {
	t.Helper()
	dir := t.TempDir()
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dns := publish(t, id)
	s, err := sender.New(sender.Options{
		Identities: func(name string) (*identity.Identity, error) { return identity.Load(dir, name) },
		Rules:      []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{"alice@example.org"}}}, Lookup: dns,
	})
	if err != nil {
		t.Fatal(err)
	}
	if verifier, err = receiver.New(receiver.Options{Lookup: dns, AuthservID: "mx.example.net"}); err != nil {
		t.Fatal(err)
	}
	return startRelay(t, Options{NextHop: []string{next}, Trusted: loopback, Handler: s}).addr, verifier
}

// TestHeaderEnd signs what a header with such a line leaves of a message, and nothing of it is
// lost; or it is refused with the line named.
func TestHeaderEnd(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	addr, verifier := signingHop(t, s.address())
	checkHeaderEnd(t, addr, s, verifier)
}

// TestHeaderEndPostfixNext has Postfix as next hop, which ends headers in its own way.
func TestHeaderEndPostfixNext(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	addr, verifier := signingHop(t, peertest.Postfix(t, peertest.ShortDir(t), s.address(), "myhostname = hop.example"))
	checkHeaderEnd(t, addr, s, verifier)
}

func checkHeaderEnd(t *testing.T, addr string, s *sink, verifier *receiver.Receiver) {
	t.Helper()
	for _, c := range headerCases(t) {
		before := len(s.got())
		k := dial(t, addr)
		k.do("EHLO c", "250")
		k.envelope("bob@example.net")
		reply := k.content(c.text)
		if c.refused != "" {
			if !strings.HasPrefix(reply, "554 5.6.0 ") || !strings.Contains(reply, c.refused) {
				t.Errorf("%s: %q, which should name %s", c.name, reply, c.refused)
			}
			continue
		}
		if !strings.HasPrefix(reply, "250 ") {
			t.Errorf("%s: %q", c.name, reply)
			continue
		}
		peertest.WaitFor(t, c.name, func() bool { return len(s.got()) > before })
		checkDelivered(t, c, s.got()[before].data, verifier)
	}
}

func checkDelivered(t *testing.T, c headerCase, data string, verifier *receiver.Receiver) {
	t.Helper()
	m, err := message.Read(strings.NewReader(data), message.ReadOptions{})
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	defer m.Close()
	report, err := verifier.Verify(t.Context(), m)
	if err != nil || report.Verdict != receiver.Pass {
		t.Errorf("%s: %v, %+v of\n%s", c.name, err, report, data)
	}
	for _, w := range c.words {
		if !strings.Contains(data, w) {
			t.Errorf("%s: %q is not in\n%s", c.name, w, data)
		}
	}
}

// TestFirstLine keeps the first line of a submission out of our trace field.
func TestFirstLine(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	for i, c := range []struct{ in, header, body string }{
		{" indented\r\nFrom: a@example.org\r\n\r\nx\r\n", "", " indented\r\nFrom: a@example.org\r\n\r\nx\r\n"},
		{"\tx: y\r\n", "", "\tx: y\r\n"},
		{"\r\n x\r\n", "", " x\r\n"},
		{"From : a@example.org\r\n\r\nx\r\n", "From : a@example.org\r\n", "x\r\n"},
		{"From a\r\nFrom: a@example.org\r\n\r\n" + strings.Repeat("large\r\n", 60000), "Mailbox-Line: From a\r\nFrom: a@example.org\r\n", strings.Repeat("large\r\n", 60000)},
	} {
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		if reply := k.content(c.in); !strings.HasPrefix(reply, "250 ") {
			t.Fatal(reply)
		}
		header, body, _ := strings.Cut(r.hop.got()[i].data, "\r\n\r\n")
		header += "\r\n"
		if !strings.HasPrefix(header, "Received: ") || !strings.Contains(header, " "+time.Now().Format("2006")+" ") || body != c.body || !strings.Contains(header, c.header) {
			t.Errorf("%.40q became\n%s\n\n%.100s", c.in, header, body)
		}
	}
}

// TestInboundHeader: what a verifying relay hands on reads the same to all, whatever line came in
// the header, and holds no result of ours but its own.
func TestInboundHeader(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	_, verifier := signingHop(t, s.address())
	r := startRelay(t, Options{Inbound: true, Recipients: []string{"example.net"}, Handler: verifier, NextHop: []string{s.address()}})
	const forged = "Authentication-Results: mx.example.net; smime=pass\r\n"
	for _, tt := range []struct{ in, want string }{
		{"From: a@example.org\r\nno field\r\n" + forged + "\r\nx\r\n", "From: a@example.org\r\n\r\nno field\r\n" + forged + "\r\nx\r\n"},
		{": " + forged + "From: a@example.org\r\n\r\nx\r\n", "\r\n: " + forged + "From: a@example.org\r\n\r\nx\r\n"},
		{"Authentication-Results : mx.example.net; none\r\nFrom: a@example.org\r\n\r\nx\r\n", "From: a@example.org\r\n\r\nx\r\n"},
		{" " + forged + "From: a@example.org\r\n\r\nx\r\n", "\r\n " + forged + "From: a@example.org\r\n\r\nx\r\n"},
		{"Authentication-Results\x01: mx.example.net; none\r\nFrom: a@example.org\r\n\r\nx\r\n", ""},
		{"From\x0b: a@example.org\r\nFrom: b@example.org\r\n\r\nx\r\n", ""},
		{"From: b@example.org\r\nSubject: a\x00b\r\n\r\nx\r\n", ""},
	} {
		before := len(s.got())
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		reply := k.content(tt.in)
		if tt.want == "" {
			if !strings.HasPrefix(reply, "554 5.6.0 ") || len(s.got()) != before {
				t.Errorf("%q: %q", tt.in, reply)
			}
			continue
		}
		if !strings.HasPrefix(reply, "250 ") {
			t.Errorf("%q: %q", tt.in, reply)
			continue
		}
		data := s.got()[before].data
		if !strings.HasPrefix(data, "Authentication-Results: mx.example.net;") || !strings.HasSuffix(data, tt.want) ||
			strings.Contains(strings.TrimSuffix(data, tt.want), "smime=pass") {
			t.Errorf("%q became\n%s", tt.in, data)
		}
	}
}

// TestSubmittedResults: a submission leaves without results of ours, signed or not.
func TestSubmittedResults(t *testing.T) {
	t.Parallel()
	signer, err := sender.New(sender.Options{Identities: func(string) (*identity.Identity, error) { return nil, os.ErrNotExist }, AuthservID: "mx.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	r := startRelay(t, Options{Trusted: loopback, Handler: signer})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	const other = "Authentication-Results: other.example; none\r\n"
	if reply := k.content("Authentication-Results: mx.example.net; smime=pass\r\n" + other + "Bcc: c@example.net\r\n" + simple); !strings.HasPrefix(reply, "250 ") {
		t.Fatal(reply)
	}
	if data := r.hop.got()[0].data; strings.Contains(data, "mx.example.net") || !strings.Contains(data, other) || strings.Contains(data, "Bcc") {
		t.Errorf("handed on:\n%s", data)
	}
}
