package receiver

import (
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/authres"
	"pgregory.net/rapid"

	"dnseal/smime"
	"dnseal/smime/message"
)

// strictField is the form of our field, RFC 8601, Section 2.2, as narrow as we write it: what a
// result or a property begins with stands nowhere else.
var strictField = regexp.MustCompile(`^mx\.example\.net;( smime=[a-z]+( \([^()"\\;=]+\))?` +
	`( body\.smime-identifier=("[^"\\;=()]*"@[^ ;=()\\"]+|[^ ;=()\\]+))?( body\.smime-part=(` + word + `))?( body\.smime-serial=(` + word + `) body\.smime-issuer=(` + word + `))?(; ?|$))+$`)

const word = `[^ ;=()\\"]+|"[^"\\;=()]*"`

// TestResultFieldHostile: whatever a signer writes, the field stays one field of printable, folded
// lines in which every reader finds the results that are meant and no other, and a message that
// fails has none that looks for a pass would find.
func TestResultFieldHostile(t *testing.T) {
	t.Parallel()
	evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"x\r\nEvil: 1", "a; dkim=pass", `"; dkim=pass "`, "(", ")", `\`, strings.Repeat("y", 5000), "é@example.org", "a.example; spf=pass", "smime=pass", "smime=pass@example.org",
		`"smime=pass"@example.org`, "x) smime=pass (", "CN=smime=pass", "a@example.org", `"a b"@example.org`, "=?utf-8?q?smime=3Dpass?=",
	}))
	rapid.Check(t, func(t *rapid.T) {
		var sigs []*SignatureReport
		for range rapid.IntRange(1, 3).Draw(t, "signatures") {
			sigs = append(sigs, &SignatureReport{
				Part: evil.Draw(t, "part"), Verdict: rapid.SampledFrom([]Verdict{Fail, Policy, Pass}).Draw(t, "verdict"), Code: Code(evil.Draw(t, "code")), Identity: evil.Draw(t, "identity"),
				Certificate: &CertificateReport{Serial: evil.Draw(t, "serial"), Issuer: evil.Draw(t, "issuer")}, DNS: &DNSReport{Status: evil.Draw(t, "status")}, HeaderState: smime.HeaderState(evil.Draw(t, "state")),
				Binding: BindingFrom,
			})
		}
		value := resultField("mx.example.net", &Report{Verdict: Fail, Signatures: sigs, deciding: sigs}).Value
		for line := range strings.SplitSeq(value, "\r\n") {
			if len(line) > 900 || !strings.HasPrefix(line, " ") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("line %q of %q", line, value)
			}
		}
		unfolded := strings.TrimSpace(strings.ReplaceAll(value, "\r\n", ""))
		if !strictField.MatchString(unfolded) {
			t.Fatalf("not in form: %q", unfolded)
		}
		if strings.Contains(value, "smime=pass") {
			t.Fatalf("a pass in the field of a message that fails: %q", value)
		}
		id, results, err := authres.Parse(unfolded)
		if err != nil || id != "mx.example.net" || len(results) != len(sigs) {
			t.Fatalf("another reader: %q, %d results, %v of %q", id, len(results), err, unfolded)
		}
		for _, r := range results {
			if g, ok := r.(*authres.GenericResult); !ok || g.Method != "smime" || g.Value == authres.ResultPass {
				t.Fatalf("another reader: %#v of %q", r, unfolded)
			}
		}
	})
}

// TestForgedForLibrary: no field is left that a library, which reads less than readers do, takes
// for ours.
func TestForgedForLibrary(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{
		"mx.example.net", "MX.EXAMPLE.NET", "other.example", ";", " ", "\t", "(", ")", "\\", "\"", " 1", "smime=pass", "; none", "\r\n ", ".", "=", "\u00ad", "\uff1b",
	})
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "pieces"), "")
		m, err := message.Read(strings.NewReader("Authentication-Results: "+value+"\r\nFrom: a@example.org\r\n\r\n"), message.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		id, _, err := authres.Parse(m.First(message.ResultsField))
		if err == nil && strings.EqualFold(id, "mx.example.net") && len(message.ForgedResults(m, "mx.example.net")) == 0 {
			t.Fatalf("%q is left", value)
		}
	})
}
