package transport

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want Server
	}{
		{"127.0.0.1", Server{Addr: "127.0.0.1:53"}},
		{"127.0.0.1:5355", Server{Addr: "127.0.0.1:5355"}},
		{"::1", Server{Addr: "[::1]:53"}},
		{"[::1]", Server{Addr: "[::1]:53"}},
		{"[2001:db8::1]:5355", Server{Addr: "[2001:db8::1]:5355"}},
		{"fe80::1%eth0", Server{Addr: "[fe80::1%eth0]:53"}},
		{"resolver.example.net:53", Server{Addr: "resolver.example.net:53"}},
		{"tls://192.0.2.1:853#dns.example.net", Server{Addr: "192.0.2.1:853", TLS: true, Name: "dns.example.net"}},
		{"tls://dns.example.net", Server{Addr: "dns.example.net:853", TLS: true, Name: "dns.example.net"}},
		{"tls://[2001:db8::1]#dns.example.net", Server{Addr: "[2001:db8::1]:853", TLS: true, Name: "dns.example.net"}},
	} {
		got, err := Parse(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", tt.text, got, err, tt.want)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", got.String(), again, err, got)
		}
	}
	for _, text := range []string{
		"", ":53", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:dns", "udp://127.0.0.1", "127.0.0.1#name",
		"tls://", "tls://127.0.0.1#", "a b:53", "https://dns.example.net/dns-query", "a/b",
	} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", text, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"127.0.0.1": true, "127.1.2.3:5355": true, "::1": true, "192.0.2.1": false, "localhost:53": false} {
		s, err := Parse(text)
		if err != nil || s.Loopback() != want {
			t.Errorf("Loopback(%s) = %t, %v, want %t", text, s.Loopback(), err, want)
		}
	}
}

func TestFromResolvConf(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if _, err := FromResolvConf(path); err == nil {
		t.Error("no error for a missing file")
	}
	for _, tt := range []struct {
		text string
		want []Server
	}{
		{"search example.org\nnameserver 192.0.2.1\n# nameserver 192.0.2.2\nnameserver 2001:db8::1\noptions edns0\n", []Server{{Addr: "192.0.2.1:53"}, {Addr: "[2001:db8::1]:53"}}},
		{"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n", []Server{{Addr: "192.0.2.1:53"}, {Addr: "192.0.2.2:53"}, {Addr: "192.0.2.3:53"}}},
		{"search example.org\n", nil},
		{"", nil},
	} {
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := FromResolvConf(path)
		if !reflect.DeepEqual(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("FromResolvConf(%q) = %+v, %v, want %+v", tt.text, got, err, tt.want)
		}
	}
}
