//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// TestCases has a signing milter in Postfix sign the messages whose text was lost, which were
// deferred for ever, or which went opaque for no reason: each passes at the receiver, or is refused
// for good.
func TestCases(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	verifier := o.verifier(receiver.Options{})
	out := newSink(t, "8BITMIME")
	p := startPostfix(t, out.addr, []string{serveHandler(t, o.signer(sender.Options{}))})
	names, err := filepath.Glob("../testdata/cases/mail/[bej]-*/*.eml")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want := "250 "
		switch base := filepath.Base(name); {
		case base == "root-name-twice.eml":
			want = "550 5.6.0 Message cannot be signed: Content-Type can be read in two ways"
		case strings.HasPrefix(base, "7-"):
			continue // nothing to sign
		}
		reply, err := submit(p.addr, author, []string{recipient}, string(raw))
		if err != nil || !strings.HasPrefix(reply, want) {
			t.Errorf("%s: Postfix answers %q, %v, want %q", name, reply, err, want)
		}
		if want != "250 " || err != nil {
			continue
		}
		got := out.next(t).raw
		m, err := message.Read(strings.NewReader(got), message.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := verifier.Verify(t.Context(), m)
		if err != nil || report.Verdict != receiver.Pass || !strings.Contains(got, "multipart/signed") {
			t.Errorf("%s: %v, %v, want pass:\n%s", name, report, err, got)
		}
		m.Close()
	}
}
