package certificate

import (
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TestDecodeString: a text in octets that its type does not have is none.
func TestDecodeString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tag      cbasn1.Tag
		octets   string
		text     string
		readable bool
	}{
		{cbasn1.UTF8String, "J\xc3\xb6rg", "Jörg", true},
		{cbasn1.UTF8String, "J\xf6rg", "", false},
		{cbasn1.PrintableString, "a_b@c", "a_b@c", true},
		{cbasn1.PrintableString, "J\xc3\xb6rg", "", false},
		{cbasn1.IA5String, "J\xf6rg", "", false},
		{cbasn1.T61String, "J\xf6rg", "Jörg", true},
		{30, "\x00J\x00\xf6", "Jö", true},
		{30, "\xd8\x00", "", false},
		{28, "\x00\x00\x00J", "J", true},
		{28, "\x00\x11\x00\x00", "", false},
		{cbasn1.OCTET_STRING, "J", "", false},
	} {
		text, ok := decodeString([]byte(tt.octets), tt.tag)
		if ok != tt.readable || ok && text != tt.text {
			t.Errorf("%v %q: %q, %v", tt.tag, tt.octets, text, ok)
		}
	}
}
