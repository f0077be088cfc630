package dane

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSMIMEAName(t *testing.T) {
	t.Parallel()
	const (
		// RFC 8162, Section 3 names this hash for "hugh".
		hugh = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6"
		// printf 'Hugh' | sha256sum | cut -c1-56, and so on.
		upper = "02667fba187f81a89d4ef4b1d3dee3c31f66db8d8d66d31c8ef8baa9"
	)
	for _, tt := range []struct{ local, domain, want string }{
		{"hugh", "example.com", hugh + "._smimecert.example.com."},
		{"hugh", "EXAMPLE.com.", hugh + "._smimecert.example.com."},
		{"hugh", "bücher.example", hugh + "._smimecert.xn--bcher-kva.example."},
		{"hugh", "xn--bcher-kva.example", hugh + "._smimecert.xn--bcher-kva.example."},
		{"hugh", "a--b.example", hugh + "._smimecert.a--b.example."},
		{"", "example.com", ""},
		{"\xff", "example.com", ""},
		{strings.Repeat("a", 65), "example.com", ""},
		{"hugh", "", ""},
		{"hugh", ".", ""},
		{"hugh", "a..b", ""},
		{"hugh", "[192.0.2.1]", ""},
		{"hugh", "_x.example.com", ""},
		{"hugh", "exa mple.com", ""},
		{"hugh", "-a.example", ""},
		{"hugh", "a-.example", ""},
		{"hugh", "xn--\x00", ""},
		{"hugh", "a。b.example", hugh + "._smimecert.a.b.example."},
		{"hugh", strings.Repeat("a", 64) + ".example", ""},
		{"hugh", strings.Repeat("abcdefg.", 24) + "example", ""},
		{"hugh", strings.Repeat("abcdefg.", 100000) + "example", ""},
	} {
		got, err := SMIMEAName(tt.local, tt.domain)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("SMIMEAName(%.20q, %.40q) = %q, %v, want %q", tt.local, tt.domain, got, err, tt.want)
		}
	}
	if a, _ := SMIMEAName("Hugh", "example.com"); strings.HasPrefix(a, hugh) || strings.HasPrefix(a, upper) && len(upper) != 56 {
		t.Error("the local part was folded")
	}
	composed, _ := SMIMEAName("\u00e9", "example.com")
	decomposed, _ := SMIMEAName("e\u0301", "example.com")
	if composed != decomposed {
		t.Error("the local part was not brought to NFC")
	}
}

func TestUserName(t *testing.T) {
	t.Parallel()
	if got, err := UserName("Example.ORG"); got != "_user.example.org." || err != nil {
		t.Errorf("UserName = %q, %v", got, err)
	}
	if _, err := UserName("_x.example.org"); err == nil {
		t.Error("UserName took an underscore")
	}
}

func TestTLSAName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, want string }{
		{"sensor7._device.example.net", "sensor7._device.example.net."},
		{"Rack1.Sensor7._DEVICE.example.net.", "rack1.sensor7._device.example.net."},
		{"_device.example.net", "_device.example.net."},
		{"_smtp-client.relay1.example.net", "_smtp-client.relay1.example.net."},
		{"_25._tcp.mx.example.net", "_25._tcp.mx.example.net."},
		{"_user.example.org", "_user.example.org."},
		{"device73.example.net", "device73.example.net."},
		{"sensor7._device.bücher.example", "sensor7._device.xn--bcher-kva.example."},
		{"_smtp-client.bücher.example", "_smtp-client.xn--bcher-kva.example."},
		{"a._other.example.net", ""},
		{"_a._b._c.example.net", ""},
		{"sensor7._device", ""},
		{"_device", ""},
		{"*._device.example.net", ""},
		{"_.example.net", ""},
		{"__a.example.net", ""},
		{"x._smimecert.example.net", ""},
		{"alice@example.net", ""},
		{"", ""},
		{".", ""},
		{"_" + strings.Repeat("a", 63) + ".example", ""},
		{"a\x00.example", ""},
	} {
		got, err := TLSAName(tt.name)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("TLSAName(%.70q) = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// TestNamesStay checks that a name once made is a fixed point, and that no name gets too long.
func TestNamesStay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name, err := TLSAName(rapid.String().Draw(t, "name"))
		if err != nil {
			return
		}
		again, err := TLSAName(name)
		if again != name || err != nil || len(name) > maxName || !isASCII(name) {
			t.Fatalf("TLSAName(%q) = %q, %v", name, again, err)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"sensor7._device.example.net", "a。b", "xn--bcher-kva.example", "_a._b.c", "a..b", "\u00df.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if name, err := TLSAName(s); err == nil {
			if again, err := TLSAName(name); again != name || err != nil {
				t.Errorf("TLSAName(%q) = %q, then %q, %v", s, name, again, err)
			}
		}
		if name, err := SMIMEAName(s, s); err == nil && len(name) > maxName {
			t.Errorf("SMIMEAName(%q) is too long", s)
		}
	})
}
