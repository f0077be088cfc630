//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"strings"
	"testing"

	"dnseal/receiver"
	"dnseal/smime/message"
)

// TestPostfixRestoresHeader: through Postfix a message whose header was changed on the way is
// delivered with the fields as they were signed, between forged results and fields of the same
// names, and passes again at its end.
func TestPostfixRestoresHeader(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	out := newSink(t, "8BITMIME")
	p := startPostfix(t, out.addr, []string{serveHandler(t, o.verifier(receiver.Options{RestoreHeader: true}))})
	original := signedBy(t, o, "From: Alice <"+author+">\r\nTo: "+recipient+"\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and a long line that is folded because it is so long\r\n"+
		"Date: Wed, 25 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n")
	head, body, _ := strings.Cut(original, "\r\n\r\n")
	forged := "Authentication-Results: " + ourID + "; smime=pass\r\n"
	head = forged + "Reply-To: eve@example.com\r\nSUBJECT: first\r\n" + strings.Replace(head, "From: Alice <", "From: The director <", 1) +
		"\r\n" + forged + "reply-to: eve@example.com\r\nAuthentication-Results: other.example; none\r\nSubject: last\r\nX-Last: x"
	head = strings.Replace(head, "To: "+recipient, "To: eve@example.com", 1)
	for range 2 { // on the same connection of Postfix, too
		reply, err := submit(p.addr, author, []string{recipient}, head+"\r\n\r\n"+body)
		if err != nil || !strings.HasPrefix(reply, "250 ") {
			t.Fatalf("Postfix answers %q, %v", reply, err)
		}
		raw := out.next(t).raw
		if got := results(t, raw, ourID); len(got) != 1 || !strings.Contains(got[0], "smime=pass (DANE-EE 3 1 1, DNSSEC secure, header restored)") {
			t.Errorf("results %q", got)
		}
		restoredHeader(t, raw, original)
		m, err := message.Read(strings.NewReader(raw), message.ReadOptions{})
		o.check(err)
		defer m.Close()
		report, err := o.verifier(receiver.Options{}).Verify(t.Context(), m)
		if err != nil || report.Verdict != receiver.Pass || report.HeaderState != "protected" {
			t.Errorf("at its end %s, %s, %s, %v", report.Verdict, report.Code, report.HeaderState, err)
		}
		if t.Failed() {
			t.Fatalf("delivered\n%s", raw)
		}
	}
}

// restoredHeader compares what readers show of two messages; what else hops put in front is kept.
func restoredHeader(t *testing.T, raw, original string) {
	t.Helper()
	got, _ := message.ParseHeader([]byte(raw))
	want, _ := message.ParseHeader([]byte(original))
	for _, name := range []string{"From", "To", "Subject", "Date", "Reply-To", "X-Last", "Message-ID"} {
		var is, was []string
		for _, f := range got {
			if f.Is(name) {
				is = append(is, f.Unfolded())
			}
		}
		for _, f := range want {
			if f.Is(name) {
				was = append(was, f.Unfolded())
			}
		}
		if name == "X-Last" {
			was = []string{"x"}
		}
		if strings.Join(is, "\n") != strings.Join(was, "\n") {
			t.Errorf("%s: delivered %q, signed %q", name, is, was)
		}
	}
}
