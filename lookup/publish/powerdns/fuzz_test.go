package powerdns

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzContent: what the database holds is read without a panic, what was read is written the same
// way again, and a serial goes up by RFC 1982.
func FuzzContent(f *testing.F) {
	for _, text := range []string{
		"3 1 1 abab", "3 1 1 AB ab", "3 1", "256 0 0 00", "3 0 0 abc", "", "1 0 0 -", "1 1 12 ABCD", "1 0 0 a",
		"ns.example. hostmaster.example. 4294967295 3600 600 86400 60", "a b c d e f g", `x\.y\032z.example.lab`, `a\\.b`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := parseContent(text)
		if again := parseContent(content(r)); r.Usage != 255 && content(again) != content(r) {
			t.Errorf("%q is read as %s, then %s", text, content(r), content(again))
		}
		if d, ok := parseDenial(text); ok {
			d.signed = true
			if order := d.order("a.example.", "example."); order == nil || len(*order) != 32 {
				t.Errorf("%q hashes to %v", text, order)
			}
		}
		if next, ok := nextSerial(text); ok {
			before, after := strings.Fields(text)[2], strings.Fields(next)[2]
			if before == after || after == "0" {
				t.Errorf("the serial after %s is %s", before, after)
			}
		}
		if _, ok := dns.IsDomainName(text); ok && len(text) < 200 {
			if s := stored(dns.CanonicalName(text)); len(s) > 0 && strings.HasSuffix(s, ".") && !strings.HasSuffix(s, `\.`) {
				t.Errorf("%q is stored as %q", text, s)
			}
		}
		for name := text; name != ""; name = storedAbove(name) {
			if len(storedAbove(name)) >= len(name) {
				t.Fatalf("%q is above %q", storedAbove(name), name)
			}
		}
	})
}
