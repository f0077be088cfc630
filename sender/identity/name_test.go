package identity

import (
	"strings"
	"testing"
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
