package message

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, local, domain string // an empty local part means: refused
	}{
		{"alice@example.org", "alice", "example.org"},
		{"Alice@EXAMPLE.Org", "Alice", "example.org"},
		{`"a b"@example.org`, "a b", "example.org"},
		{`"alice"@example.org`, "alice", "example.org"},
		{`"a\"\\b"@example.org`, `a"\b`, "example.org"},
		{`"a".b@example.org`, "a.b", "example.org"},
		{" alice (her) @ (at) example.org (there) ", "alice", "example.org"},
		{"a(x(y)z).b@example.org", "a.b", "example.org"},
		{"b\u00fccher@b\u00fccher.example", "b\u00fccher", "xn--bcher-kva.example"},
		{"bu\u0308cher@example.org", "b\u00fccher", "example.org"},
		{"a@XN--bcher-KVA.example", "a", "xn--bcher-kva.example"},
		{"a@[192.0.2.1]", "a", "[192.0.2.1]"},
		{"a+tag=x@example.org", "a+tag=x", "example.org"},
		{"", "", ""},
		{"alice", "", ""},
		{"@example.org", "", ""},
		{`""@example.org`, "", ""},
		{"alice@", "", ""},
		{"alice@example.org, bob@example.org", "", ""},
		{"<alice@example.org>", "", ""},
		{"a b@example.org", "", ""},
		{"a..b@example.org", "a..b", "example.org"},
		{".a@example.org", ".a", "example.org"},
		{"a.@example.org", "a.", "example.org"},
		{"a@srv_01.example.org", "a", "srv_01.example.org"},
		{".@example.org", "", ""},
		{"a@example..org", "", ""},
		{"a@example.org.", "", ""},
		{"a@-x.org", "", ""},
		{`a@"example".org`, "", ""},
		{"a@b@c", "", ""},
		{"a@ex ample.org", "", ""},
		{"a\x00@example.org", "", ""},
		{"\xff@example.org", "", ""},
		{`"a@example.org`, "", ""},
		{"(a@example.org", "", ""},
		{"a@xn--\u00fc.org", "", ""},
		{"a@[192.0.2.1", "", ""},
		{"a@" + strings.Repeat("x", 64) + ".org", "", ""},
		{strings.Repeat("a", 257) + "@example.org", "", ""},
	} {
		got, err := ParseAddress(c.in)
		want := Address{c.local, c.domain}
		if (err != nil) != (c.local == "") || got != want {
			t.Errorf("ParseAddress(%q) = %q, %v, want %q", c.in, got, err, want)
		}
	}
}

func TestParseAddressList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want string // addresses joined by a space
		bad  bool
	}{
		{"alice@example.org", "alice@example.org", false},
		{" Alice <alice@example.org>,\r\n\tBob <bob@example.org>", "alice@example.org bob@example.org", false},
		{`"mallory@evil.example" <alice@example.org>`, "alice@example.org", false},
		{"=?utf-8?q?mallory=40evil.example?= <alice@example.org>", "alice@example.org", false},
		{"John Q. Public <j@example.org>", "j@example.org", false},
		{"undisclosed-recipients:;", "", false},
		{"friends: a@example.org, Bee <b@example.org>;, c@example.org", "a@example.org b@example.org c@example.org", false},
		{", ,a@example.org,,", "a@example.org", false},
		{"", "", false},
		{"mallory@evil.example <alice@example.org>", "", true},
		{"alice@example.org mallory@evil.example", "", true},
		{"a@example.org\r\nBcc: x@example.org", "", true},
		{"a@example.org; b@example.org", "", true},
		{"a@example.org, broken", "a@example.org", true},
		{"Alice", "", true},
		{"Alice <>", "", true},
		{"Alice <a@example.org", "", true},
		{"<@relay.example:a@example.org>", "", true},
		{"g: a@example.org", "", true},
		{": a@example.org;", "", true},
		{"a@example.org\x00", "", true},
	} {
		got, err := ParseAddressList(c.in)
		var words []string
		for _, a := range got {
			words = append(words, a.String())
		}
		if diff := cmp.Diff(c.want, strings.Join(words, " ")); diff != "" || (err != nil) != c.bad {
			t.Errorf("ParseAddressList(%q): error %v, want one: %v; addresses (-want +got):\n%s", c.in, err, c.bad, diff)
		}
	}
}

// TestLongDomain: a domain is not mapped before its length is known, or a From field of 1 MiB would
// take an hour.
func TestLongDomain(t *testing.T) {
	var b strings.Builder
	for i := range 300_000 {
		b.WriteRune(rune(0x4e00 + i%20_000))
	}
	if a, err := ParseAddress("x@" + b.String()); err == nil {
		t.Errorf("ParseAddress = %.20q…, want an error", a.String())
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"alice@example.org", `"a b"@example.org`, "b\u00fc@b\u00fc.example", "a (c) <x@y>", "g:a@b;", "a@[1.2.3.4]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		as, _ := ParseAddressList(s)
		if a, err := ParseAddress(s); err == nil {
			as = append(as, a)
		}
		for _, a := range as {
			again, err := ParseAddress(a.String())
			if err != nil || again != a {
				t.Errorf("ParseAddress(%q) = %q, %v, want %q (from %q)", a.String(), again, err, a, s)
			}
		}
	})
}
