package fleet

import (
	"encoding/hex"
	"strings"
	"testing"

	"dnseal/sender/identity"
)

// TestTemplate: what the forms of a template make of a row.
func TestTemplate(t *testing.T) {
	t.Parallel()
	columns := []string{"serial", "site", "number", "whole"}
	values := []string{"SN-0815", "Hall_1", "+4687976", "a._device.example.net"}
	key := []byte("key")
	pseudonym := Pseudonym(key, "sn-0815")
	for text, want := range map[string]string{
		"{serial}._device.example.net":             "sn-0815._device.example.net",
		"{Serial}@dev.example":                     "sn-0815@dev.example",
		"{serial[3:7]}.{site}._device.example.net": "0815.hall_1._device.example.net",
		"{enum(number)}._device.example.net":       "6.7.9.7.8.6.4._device.example.net",
		"{whole}":                                  "a._device.example.net",
		"{random}._device.example.net":             "rrr._device.example.net",
		"{hash(serial)}._device.example.net":       pseudonym + "._device.example.net",
		"{hash(serial)[0:2]}.{hash(serial)[2:4]}.x.{site}._device.example.net": pseudonym[:2] + "." + pseudonym[2:4] + ".x.hall_1._device.example.net",
	} {
		template, err := ParseTemplate(text, columns)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := template.expand(values, "", key, "rrr"); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
	uri, err := ParseURITemplate("pkcs11:token=fleet;object={name};id={serial}", columns)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := uri.expand([]string{"a;b/c", "", ""}, "d._device.example.net", nil, ""); err != nil || got != "pkcs11:token=fleet;object=d._device.example.net;id=a%3Bb%2Fc" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestURITemplateRefuses: a random part of a URI would be another at each run.
func TestURITemplateRefuses(t *testing.T) {
	t.Parallel()
	if _, err := ParseURITemplate("pkcs11:object={random}", []string{"serial"}); err == nil || identity.Hint(err) == "" {
		t.Error(err)
	}
}

// TestPseudonym: anybody with the key can make it: openssl dgst -sha256 -hmac, base32.
func TestPseudonym(t *testing.T) {
	t.Parallel()
	// RFC 4231, Section 4.3; the value is in lower case there.
	const sum = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	raw, err := hex.DecodeString(sum)
	if err != nil {
		t.Fatal(err)
	}
	if got := Pseudonym([]byte("Jefe"), "What do ya WANT for nothing?"); got != lowerBase32.EncodeToString(raw)[:26] {
		t.Error(got)
	}
}

func TestTemplateRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                   "a template has 1 to",
		"{random[0:6]}.example":              "6 random characters are too few",
		"{random[0:9]}{random[0:9]}.example": "9 random characters are too few",
		"{serial":                            "a brace is not closed",
		"serial}":                            "a brace is closed",
		"{batch}":                            `the table has no column "batch"; it has: serial, site`,
		"{name}":                             `the table has no column "name"`,
		"{sha(serial)}":                      "{sha(serial)} is no part",
		"{hash(serial}":                      "is no part",
		"{serial[2:1]}":                      "[2:1] is no part",
		"{serial[a:b]}":                      "is no part of a value",
		"{hash(serial)[0:27]}":               "there are 26 characters",
		"{enum(serial)[0:2]}":                "no name",
		"{}":                                 `no column ""`,
		strings.Repeat("x", 3000):            "1 to 2048",
	} {
		if _, err := ParseTemplate(text, []string{"serial", "site"}); err == nil || !strings.Contains(err.Error(), want) || identity.Hint(err) == "" {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"{site}":                "the column site is empty",
		"{serial}.example":      `the column serial has "a.b": letters, digits`,
		"{enum(serial)}":        `the column serial has "a.b", which is no number`,
		"{long}.example":        "the column long has 64 characters, and a label at most 63",
		"{short[0:3]}":          "the column short has 1 character, and the template wants 3",
		"{hash(site)}":          "the column site is empty",
		"{short[0:1]}@{serial}": "the column serial has",
	} {
		template, err := ParseTemplate(text, []string{"serial", "site", "long", "short"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := template.expand([]string{"a.b", "", strings.Repeat("x", 64), "y"}, "", nil, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzTemplate: what a template makes of a value has no dot that is not in the template, but those
// of enum, and is never longer than said.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"{serial}._device.example.net", "{hash(serial)[0:2]}.{serial}", "{enum(serial)}", "{serial[0:2]}{random}", "{", "}{"} {
		f.Add(seed, "sn-0815")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := ParseTemplate(text, []string{"serial"})
		if err != nil {
			return
		}
		name, err := template.expand([]string{value}, "", []byte("key"), "random")
		if err != nil || template.isName() {
			return
		}
		if len(name) > maxTemplate || !template.has(enum) && strings.Count(name, ".") != strings.Count(template.literals(), ".") {
			t.Errorf("%q of %q: %q", text, value, name)
		}
	})
}
