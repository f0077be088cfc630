package message

import "testing"

// TestCharset holds in every build: what the one with the tag submit knows, it decodes alike.
func TestCharset(t *testing.T) {
	t.Parallel()
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	const first, last = "\u20ac\ufffd\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\ufffd\u017d\ufffd", "\ufffd\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\ufffd\u017e\u0178"
	var latin []rune
	for c := rune(0xa0); c < 0x100; c++ {
		latin = append(latin, c)
	}
	want := string(all[:0x80]) + first + last + string(latin)
	for _, label := range []string{"windows-1252", "ISO-8859-1", " us-ascii", "latin1", "ascii"} {
		decode, name, err := Charset(label)
		if err != nil || name != "windows-1252" {
			t.Fatalf("%q: %q, %v", label, name, err)
		}
		if got, err := decode(string(all)); got != want || err != nil {
			t.Errorf("%q: %q, %v", label, got, err)
		}
	}
	for _, label := range []string{"utf-8", "UTF8"} {
		decode, name, err := Charset(label)
		if err != nil || name != "utf-8" {
			t.Fatalf("%q: %q, %v", label, name, err)
		}
		if got, err := decode("a\u00fc\u20ac\xff!"); got != "a\u00fc\u20ac\ufffd!" || err != nil {
			t.Errorf("%q: %q, %v", label, got, err)
		}
	}
	if _, _, err := Charset("x-unknown"); err == nil {
		t.Error("an unknown label is known")
	}
}
