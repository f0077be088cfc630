package dnssec

import (
	"bytes"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// drawName draws a name of few labels from few octets, so that names often share their ends.
func drawName(t *rapid.T, what string) (name, [][]byte) {
	octet := rapid.SampledFrom([]byte{0, 1, '*', '-', 'a', 'b', 0xff})
	labels := rapid.SliceOfN(rapid.SliceOfN(octet, 1, 2), 0, 3).Draw(t, what)
	wire := []byte{}
	for _, l := range labels {
		wire = append(append(wire, byte(len(l))), l...)
	}
	return name(append(wire, 0)), labels
}

// TestNameOrder compares as RFC 4034, Section 6.1 says: labels from the right, as octets, absent
// ones first.
func TestNameOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, la := drawName(t, "a")
		b, lb := drawName(t, "b")
		slices.Reverse(la)
		slices.Reverse(lb)
		want := slices.CompareFunc(la, lb, bytes.Compare)
		if got := a.compare(b); (got < 0) != (want < 0) || (got == 0) != (want == 0) {
			t.Errorf("compare(%q, %q) = %d, want %d", a, b, got, want)
		}
		shared := 0
		for shared < min(len(la), len(lb)) && bytes.Equal(la[shared], lb[shared]) {
			shared++
		}
		if c := a.common(b); c.labels() != shared || !a.within(c) || !b.within(c) {
			t.Errorf("common(%q, %q) = %q, want %d labels", a, b, c, shared)
		}
		if got, want := a.within(b), shared == len(lb); got != want {
			t.Errorf("within(%q, %q) = %v", a, b, got)
		}
	})
}

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

// TestCompareNames: case and escapes are no difference, and what is no name is an error.
func TestCompareNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"Example.ORG", `\069xample.org.`, 0},
		{"a.example.org.", "example.org.", 1},
		{`sub\000.example.org.`, "z.sub.example.org.", 1},
		{`\000.example.org.`, "a.example.org.", -1},
	} {
		got, err := CompareNames(tt.a, tt.b)
		if err != nil || (got < 0) != (tt.want < 0) || (got > 0) != (tt.want > 0) {
			t.Errorf("CompareNames(%q, %q) = %d, %v, want %d", tt.a, tt.b, got, err, tt.want)
		}
	}
	if _, err := CompareNames("a..b", "a.b"); err == nil {
		t.Error("no error for a..b")
	}
}
