package dnssec

import (
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// TestNameString writes every name, plain or not, as the library does.
func TestNameString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.OneOf(
			rapid.StringMatching(`[a-z0-9_-]{1,63}`),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 20), func(b []byte) string { lower(b); return string(b) }),
		)
		wire := ""
		for _, l := range rapid.SliceOfN(label, 0, 3).Draw(t, "labels") {
			wire += string(rune(len(l))) + l
		}
		n := name(wire + "\x00")
		want, _, err := dns.UnpackDomainName([]byte(n), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.String(); got != want {
			t.Errorf("String() of %q = %q, want %q", wire, got, want)
		}
	})
}
