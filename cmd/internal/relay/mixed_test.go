package relay

import (
	"strings"
	"testing"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// TestMixedRecipients signs one message for recipients of several forms: each gets its own, which
// holds, and no recipient sees the Bcc.
func TestMixedRecipients(t *testing.T) {
	t.Parallel()
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	resolver := publish(t, id)
	signer, err := sender.New(sender.Options{
		Identities: func(string) (*identity.Identity, error) { return id, nil },
		Rules:      []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{"alice@example.org"}}},
		OpaqueFor:  []string{"*@opaque.example"}, PlainFor: []string{"*@plain.example"}, Lookup: resolver,
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := receiver.New(receiver.Options{Lookup: resolver})
	if err != nil {
		t.Fatal(err)
	}
	r := startRelay(t, Options{Trusted: loopback, Handler: signer})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<alice@example.org>", "250")
	for _, rcpt := range []string{"a@clear.example", "b@opaque.example", "c@plain.example", "hidden@clear.example", "d@opaque.example"} {
		k.do("RCPT TO:<"+rcpt+">", "250")
	}
	text := strings.Replace(simple, "From: a@example.org\r\n", "From: alice@example.org\r\nBcc: hidden@clear.example\r\nbcc: hidden@clear.example,\r\n e@x.example\r\n", 1)
	if reply := k.content(text); !strings.HasPrefix(reply, "250") {
		t.Fatalf("reply = %q", reply)
	}
	want := map[string]struct {
		kind    string
		verdict receiver.Verdict
	}{
		"clear.example":  {"Content-Type: multipart/signed;", receiver.Pass},
		"opaque.example": {"Content-Type: application/pkcs7-mime;", receiver.Pass},
		"plain.example":  {"Subject: t", receiver.None},
	}
	got := r.hop.got()
	if len(got) != len(want) {
		t.Fatalf("%d transactions, want %d", len(got), len(want))
	}
	for _, m := range got {
		domain := strings.TrimSuffix(m.rcpts[0][strings.IndexByte(m.rcpts[0], '@')+1:], ">")
		for _, rcpt := range m.rcpts {
			if !strings.HasSuffix(rcpt, "@"+domain+">") {
				t.Errorf("%s got the form for %s", rcpt, domain)
			}
		}
		if w := want[domain]; !strings.Contains(m.data, w.kind) || verdictOf(t, verifier, m.data) != w.verdict {
			t.Errorf("%s: %s, want %s with %q\n%s", domain, verdictOf(t, verifier, m.data), w.verdict, w.kind, m.data)
		}
		if strings.Contains(strings.ToLower(m.data), "bcc:") || strings.Contains(m.data, "hidden@") {
			t.Errorf("%s: Bcc can be seen in\n%s", domain, m.data)
		}
	}
}

func verdictOf(t *testing.T, r *receiver.Receiver, text string) receiver.Verdict {
	t.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	report, err := r.Verify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return report.Verdict
}
