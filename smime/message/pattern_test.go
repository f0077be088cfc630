package message

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, address string
		match, folds     bool
	}{
		{"billing@example.org", "billing@example.org", true, true},
		{"billing@example.org", "Billing@example.org", false, true},
		{"billing@EXAMPLE.org", "billing@example.org", true, true},
		{"*@shop.example.org", "anyone@shop.example.org", true, true},
		{"*@shop.example.org", "anyone@eu.shop.example.org", false, false},
		{"*@*.example.org", "a@b.c.example.org", true, true},
		{"*@*.example.org", "a@example.org", false, false},
		{"*@example.org", `"x@example.org"@evil.example`, false, false},
		{"b*g@example.org", "billing@example.org", true, true},
		{"*@bücher.example", "a@xn--bcher-kva.example", true, true},
		{"example.org", "a@example.org", false, false},
		{"*", "a@example.org", false, false},
		{"*@*", "a@example.org", true, true},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		addr, err := ParseAddress(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.MatchAddress(addr); got != tt.match {
			t.Errorf("%q.MatchAddress(%q) = %v, want %v", tt.pattern, tt.address, got, tt.match)
		}
		if got := p.FoldsTo(addr); got != tt.folds {
			t.Errorf("%q.FoldsTo(%q) = %v, want %v", tt.pattern, tt.address, got, tt.folds)
		}
	}
	for _, bad := range []string{
		"", "a b", "@example.org", "a@", "a\r\n@x", "!s4._device.example.net", "!*@example.org", "a..b", ".example.org", "exa,mple.org", "*@exa mple.org",
		"a(b)*@example.org", "bü*.example.org", strings.Repeat("a", 64) + ".example.org", strings.Repeat("abcdefg.", 40) + "org",
	} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("ParsePattern(%q): no error", bad)
		}
	}
	p, _ := ParsePattern("*._device.example.net")
	if !p.MatchName("a.b._device.example.net") || p.MatchName("_device.example.net") || (Pattern{}).MatchName("") || (Pattern{}).MatchAddress(Address{}) {
		t.Error("MatchName")
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*c", "abc", true},
		{"a*c", "ab", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxcyyb", false},
		{"**a", "a", true},
		{"a*", "a", true},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{strings.Repeat("*a", 30) + "b", strings.Repeat("a", 5000), false},
	}
	for _, tt := range tests {
		if got := Glob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("Glob(%q, %.20q) = %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}
