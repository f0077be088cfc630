package pkcs11

import (
	"errors"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	t.Parallel()
	u, err := ParseURI("pkcs11:token=my%20token;object=alice%3b;id=%01%ff;type=private;x-vendor=1?module-path=/usr/lib/x.so&pin-source=file:/etc/pin")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		attrToken: "my token", attrObject: "alice;", attrID: "\x01\xff", attrModulePath: "/usr/lib/x.so", attrPINSource: "file:/etc/pin",
	} {
		if got := u.attrs[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	again, err := ParseURI(u.with(attrID, "\x07\x08").String())
	if err != nil || again.attrs[attrID] != "\x07\x08" || again.Object() != u.Object() || again.attrs[attrModulePath] != "/usr/lib/x.so" {
		t.Errorf("with id = %v, %v", again, err)
	}
	if _, err = ParseURI("pkcs11:"); err != nil {
		t.Errorf("the URI of every key: %v", err)
	}
}

func TestParseURIRefuses(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"":                                "not begin with",
		"pkcs12:token=x":                  "not begin with",
		"pkcs11:token=a;token=b":          "twice",
		"pkcs11:?token=b":                 "unknown attribute",
		"pkcs11:tokens=a":                 "unknown attribute tokens",
		"pkcs11:module-path=/x":           "unknown attribute module-path",
		"pkcs11:token":                    "no NAME=VALUE",
		"pkcs11:token=%4":                 "percent encoding",
		"pkcs11:token=%zz":                "percent encoding",
		"pkcs11:token=a b":                "must be percent-encoded",
		"pkcs11:token=a\n":                "must be percent-encoded",
		"pkcs11:token=%0A":                "control character",
		"pkcs11:type=cert":                "another type than private",
		"pkcs11:slot-id=x":                "no number",
		"pkcs11:token=a?pin-value=123456": "has no place",
		"pkcs11:token=a;pin-value=123456": "has no place",
		"pkcs11:?pin-source=%7Ccat%20pin": "is a command",
		"pkcs11:token=" + strings.Repeat("a", maxURI): "more than",
	} {
		_, err := ParseURI(uri)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "123456") {
			t.Errorf("%q: %v, want %q", uri, err, want)
		}
	}
}

// TestNotBuilt: without the build tag the error says what to do.
func TestNotBuilt(t *testing.T) {
	t.Parallel()
	if Built {
		t.Skip("this build has PKCS #11")
	}
	var h interface{ Hint() string }
	if _, err := Open(URI{}, Options{}); !errors.Is(err, ErrNotBuilt) || !errors.As(err, &h) || !strings.Contains(h.Hint(), "-tags pkcs11") {
		t.Errorf("Open: %v", err)
	}
	if _, err := Generate(URI{}, "p256", Options{}); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("Generate: %v", err)
	}
	if err := Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("pkcs11:token=my%20token;object=alice;id=%01?module-path=/x.so&pin-source=/pin")
	f.Add("pkcs11:?module-name=x&pin-source=|x")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		again, err := ParseURI(u.with(attrID, "\x00\xff").String())
		if err != nil && len(s) < maxURI-10 || err == nil && again.Object() != u.Object() {
			t.Errorf("%q with an id: %v, %v", s, again, err)
		}
	})
}

// TestWithObject: another key on the same token keeps what says where the token and its PIN are.
func TestWithObject(t *testing.T) {
	t.Parallel()
	u, err := ParseURI("pkcs11:object=a%20b;token=mail;id=%01?module-path=/m.so&pin-source=/pin")
	if err != nil {
		t.Fatal(err)
	}
	next := u.WithObject("a b-2é")
	if want := "pkcs11:token=mail;object=a%20b-2%C3%A9?module-path=/m.so&pin-source=/pin"; next.String() != want {
		t.Errorf("WithObject = %s, want %s", next, want)
	}
	again, err := ParseURI(next.String())
	if err != nil || again.Object() != "a b-2é" || next.Object() != again.Object() {
		t.Errorf("%s: %v", again, err)
	}
	if got := strings.Join(u.Tool(), " "); got != "--module /m.so --token-label mail --id 01" {
		t.Errorf("Tool = %s", got)
	}
	if got := strings.Join(next.Tool(), " "); got != "--module /m.so --token-label mail --label a b-2é" {
		t.Errorf("Tool = %s", got)
	}
}
