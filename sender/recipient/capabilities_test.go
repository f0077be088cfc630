package recipient

import (
	"fmt"
	"strings"
	"testing"
)

// TestCapabilities: RFC 8551, Section 2.5.2.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	const (
		gcm128 = "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x06"
		gcm256 = "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e"
		chacha = "\x30\x0d\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x12"
		// RC2 with parameters
		rc2 = "\x30\x0e\x06\x08\x2a\x86\x48\x86\xf7\x0d\x03\x02\x02\x02\x00\x80"
	)
	list := func(s string) string { return "\x30" + string(rune(len(s))) + s }
	for der, want := range map[string]string{
		"":                                 "[]",
		list(""):                           "[]",
		list(gcm128):                       "[aes-128-gcm]",
		list(rc2 + gcm256 + chacha):        "[aes-256-gcm chacha20-poly1305]",
		list(gcm128 + "\x30\x00" + gcm256): "[aes-128-gcm]",
		list(gcm128) + "\x00":              "[]",
		"\x31\x00":                         "[]",
		list("\x30\x02\x06\x00" + gcm128):  "[]",
		list(gcm128)[:8]:                   "[]",
	} {
		if got := fmt.Sprint(readCapabilities([]byte(der))); got != want {
			t.Errorf("%x: %s, want %s", der, got, want)
		}
	}
	many := strings.Repeat("\x30\x03\x06\x01\x29", maxCapabilities) + gcm128
	if got := readCapabilities([]byte("\x30\x82\x02\x01" + many)); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// FuzzCapabilities: whatever an extension holds, no more comes out than is in it.
func FuzzCapabilities(f *testing.F) {
	for _, seed := range []string{"", "\x30\x00", "\x30\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x06", "\x30\x10\x30\x0e\x06\x08\x2a\x86\x48\x86\xf7\x0d\x03\x02\x02\x02\x00\x80"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if got := readCapabilities(der); 13*len(got) > len(der) {
			t.Errorf("%d ciphers in %d octets", len(got), len(der))
		}
	})
}

// TestOtherCase: what people write for a local part.
func TestOtherCase(t *testing.T) {
	t.Parallel()
	for local, want := range map[string]string{
		"bob": "Bob", "Bob": "bob", "BOB": "bob", "bob.smith": "Bob.Smith", "Bob.smith": "bob.smith", "jean-luc": "Jean-Luc",
		"o'neill": "O'neill", "élodie": "Élodie", "42": "42", "b2b": "B2b",
	} {
		if got := otherCase(local); got != want {
			t.Errorf("%s: %s, want %s", local, got, want)
		}
	}
}
