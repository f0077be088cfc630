package identity

import (
	"strings"
	"testing"

	"dnseal/smime/message"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		kind Kind
		want string
	}{
		{"alice@example.org", Mail, "alice@example.org"},
		{"Alice@EXAMPLE.org", Mail, "Alice@example.org"},
		{`"alice"@example.org`, Mail, "alice@example.org"},
		{`"a b"@example.org`, Mail, `"a b"@example.org`},
		{"jörg@bücher.example", Mail, "jörg@xn--bcher-kva.example"},
		{"../../x@example.org", "", ""},
		{`"../../x"@example.org`, Mail, "\"../../x\"@example.org"},
		{"Sensor7._device.Example.net.", Device, "sensor7._device.example.net"},
		{"a.b._device.example.net", Device, "a.b._device.example.net"},
		{"_smtp-client.relay1.example.net", Service, "_smtp-client.relay1.example.net"},
		{"device73.example.net", Host, "device73.example.net"},
		{"", "", ""},
		{"alice", "", ""},
		{"alice@", "", ""},
		{"@example.org", "", ""},
		{"alice@@example.org", "", ""},
		{"alice@[192.0.2.1]", "", ""},
		{"Alice <alice@example.org>", "", ""},
		{"..", "", ""},
		{"../etc", "", ""},
		{"/etc/passwd", "", ""},
		{"a..example.org", "", ""},
		{"alice\x00@example.org", "", ""},
		{strings.Repeat("a", 64) + ".example.org", "", ""},
	}
	for _, tt := range tests {
		kind, got, err := ParseName(tt.in)
		if kind != tt.kind || got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("ParseName(%q) = %q, %q, %v, want %q, %q", tt.in, kind, got, err, tt.kind, tt.want)
		}
		if err != nil && Hint(err) == "" {
			t.Errorf("ParseName(%q): %v: no hint", tt.in, err)
		}
	}
}

func TestFolderName(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, folder string }{
		{"alice@example.org", "alice@example.org"},
		{`"../x"@example.org`, `%22..%2Fx%22@example.org`},
		{"100%@example.org", "100%25@example.org"},
		{"jörg@example.org", "j%C3%B6rg@example.org"},
		{"sensor7._device.example.net", "sensor7._device.example.net"},
	}
	for _, tt := range tests {
		if got := folderName(tt.name); got != tt.folder {
			t.Errorf("folderName(%q) = %q, want %q", tt.name, got, tt.folder)
		}
		if got, ok := nameOfFolder(tt.folder); !ok || got != tt.name {
			t.Errorf("nameOfFolder(%q) = %q, %v, want %q", tt.folder, got, ok, tt.name)
		}
	}
	for _, folder := range []string{".new-123", "lost+found", "%", "%4", "%61lice@example.org", "Example.NET"} {
		if got, ok := nameOfFolder(folder); ok {
			t.Errorf("nameOfFolder(%q) = %q, want none", folder, got)
		}
	}
}

// FuzzParseName: a canonical name parses to itself, and its folder is one harmless path element.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"alice@example.org", `"a b/.."@example.org`, "jörg@bücher.example", "x._device.example.net", "..", "%2e@a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		kind, name, err := ParseName(s)
		if err != nil {
			if Hint(err) == "" || name != "" || kind != "" {
				t.Fatalf("ParseName(%q) = %q, %q, %v", s, kind, name, err)
			}
			return
		}
		kind2, name2, err := ParseName(name)
		if err != nil || kind2 != kind || name2 != name {
			t.Fatalf("ParseName(%q) = %q, %q; again %q, %q, %v", s, kind, name, kind2, name2, err)
		}
		folder := folderName(name)
		if strings.ContainsAny(folder, "/\\\x00 ") || folder[0] == '.' {
			t.Fatalf("folderName(%q) = %q", name, folder)
		}
		if back, ok := nameOfFolder(folder); !ok || back != name {
			t.Fatalf("nameOfFolder(%q) = %q, %v, want %q", folder, back, ok, name)
		}
	})
}

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
		addr, err := message.ParseAddress(tt.address)
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
	if !p.MatchName("a.b._device.example.net") || p.MatchName("_device.example.net") || (Pattern{}).MatchName("") || (Pattern{}).MatchAddress(message.Address{}) {
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
