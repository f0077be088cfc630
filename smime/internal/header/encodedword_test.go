package header

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"dnseal/smime/internal/entity"
)

// Any text is ASCII as encoded words, none of them longer than RFC 2047, Section 2, allows, and
// another decoder finds it again.
func TestEncodeWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 200, -1).Draw(t, "text")
		words := EncodeWords(text)
		for word := range strings.SplitSeq(words, " ") {
			if len(word) > 75 || !entity.IsASCII(word) {
				t.Fatalf("%q of %q", word, text)
			}
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(words); err != nil || got != text {
			t.Fatalf("%q of %q: %q, %v", words, text, got, err)
		}
	})
	// RFC 1428, Section 3.
	if got := EncodeWords("J\xfcrgen"); got != "=?unknown-8bit?q?J=FCrgen?=" {
		t.Errorf("no UTF-8: %s", got)
	}
}

// Encoded words stand in phrases and comments only (RFC 2047, Section 5).
func TestEncodePhrases(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"Alice <alice@example.org>":             "Alice <alice@example.org>",
		"J\u00fcrgen <j@example.org>":           " =?utf-8?q?J=C3=BCrgen?= <j@example.org>",
		"\"M\u00fcller, J.\" <j@example.org>":   " =?utf-8?q?M=C3=BCller=2C_J=2E?= <j@example.org>",
		"j@example.org (B\u00fcro)":             "j@example.org (=?utf-8?q?B=C3=BCro?=)",
		"a@example.org, \u00fc <b@example.org>": "a@example.org, =?utf-8?q?=C3=BC?= <b@example.org>",
		"T\u00e4: a@example.org;":               " =?utf-8?q?T=C3=A4?= : a@example.org;",
		// an address has no other form
		"<\u00fc@example.org>":                              "<\u00fc@example.org>",
		"\u00fc@example.org":                                "\u00fc@example.org",
		"\"a\\\"\u00fc\" <b@example.org>, \"c\" <d@x.test>": " =?utf-8?q?a=22=C3=BC?= <b@example.org>, \"c\" <d@x.test>",
	} {
		if got := EncodePhrases(value); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// What is encoded in an address list says the same as before, to the comparer and to net/mail's
// decoder.
func TestEncodePhrasesSaysTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z\x{fc}\x{20ac} ]{1,30}`).Draw(t, "name")
		value := `"` + name + `" <a@example.org> (` + name + `), b@example.org`
		got := EncodePhrases(value)
		if !entity.IsASCII(got) || !utf8.ValidString(got) {
			t.Fatalf("%q of %q", got, value)
		}
		if c := (&Comparer{Words: MaxWords}); !c.mailboxes(value, got, "") {
			t.Fatalf("%q is unlike %q", got, value)
		}
	})
}
