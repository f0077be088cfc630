package relay

import (
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"

	"dnseal/lookup/lookuptest/peertest"
)

// TestRestoresHeaderThroughPostfix: a message whose header was changed on the way comes through
// Postfix, the inbound relay and Postfix again, is delivered with the fields as they were signed,
// and passes at its end.
func TestRestoresHeaderThroughPostfix(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	store := peertest.Postfix(t, peertest.ShortDir(t), s.address(), "myhostname = store.example")
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := receiver.New(receiver.Options{Lookup: publish(t, id), AuthservID: "mx.example.net", RestoreHeader: true})
	if err != nil {
		t.Fatal(err)
	}
	inbound := startRelay(t, Options{Inbound: true, Recipients: []string{"example.net"}, Handler: verifier, NextHop: []string{store}})
	before := peertest.Postfix(t, peertest.ShortDir(t), inbound.addr, "myhostname = hop.example")
	const forged = "Authentication-Results: mx.example.net; smime=pass\r\n"
	text := signedText(t, id, "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: The plan\r\nDate: "+worldDate+"\r\nMessage-ID: <restore@example.org>\r\n\r\nbody\r\n")
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	head = forged + "Subject: first\r\nReply-To: eve@example.com\r\n" + strings.Replace(head, "From: Alice <", "From: The director <", 1) + "\r\n" + forged + "subject: last\r\nCc: eve@example.com"
	c := &submitter{addr: before}
	defer c.close()
	if got, reply := c.tryFor("bob@example.net", head+"\r\n\r\n"+body); got != done {
		t.Fatalf("Postfix answers %q", reply)
	}
	var raw string
	peertest.WaitFor(t, "the message", func() bool {
		for _, m := range s.got() {
			raw = m.data
		}
		return raw != ""
	})
	m, err := message.Read(strings.NewReader(raw), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	report, err := verifier.Verify(t.Context(), m)
	if err != nil || report.Verdict != receiver.Pass || report.HeaderState != "protected" {
		t.Errorf("at its end %s, %s, %s, %v", report.Verdict, report.Code, report.HeaderState, err)
	}
	for name, want := range map[string]string{"From": "Alice <alice@example.org>", "Subject": "The plan", "Reply-To": "", "Cc": "", "To": "bob@example.net"} {
		if fields := m.Fields(name); m.First(name) != want || len(fields) > 1 {
			t.Errorf("%s: %q, %d fields, want %q once", name, m.First(name), len(fields), want)
		}
	}
	if results := m.Fields("Authentication-Results"); len(results) != 1 || !strings.Contains(results[0].Unfolded(), "smime=pass (DANE-EE 3 1 1, DNSSEC secure, header restored)") {
		t.Errorf("results: %v", results)
	}
	if t.Failed() {
		t.Logf("delivered\n%s", raw)
	}
}

// signedText signs a message.
func signedText(t *testing.T, id *identity.Identity, text string) string {
	t.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	edit, err := sender.SignMessage(t.Context(), m, []*identity.Identity{id}, smime.SignOptions{Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer edit.Close()
	var out strings.Builder
	if _, err := m.WriteEdited(&out, edit); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
