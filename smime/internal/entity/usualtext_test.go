package entity

import (
	"strings"
	"testing"
)

// oddAround walks a multipart with text before its parts and after them, and reports which is odd.
func oddAround(t *testing.T, before, after string) (preamble, epilogue bool) {
	t.Helper()
	text := "Content-Type: multipart/signed; boundary=S\r\n\r\n" + before + "\r\n--S\r\n\r\nHello\r\n--S--\r\n" + after
	p, err := WalkEntity(t.Context(), strings.NewReader(text), int64(len(text)), "")
	if err != nil || len(p.Kids) != 1 {
		t.Fatalf("%v of %q", err, text)
	}
	return p.Preamble.Odd(), p.Epilogue.Odd()
}

// Each text that programs put next to the parts is known, folded in any way, before them and after
// them; with anything more it is another.
func TestUsualTexts(t *testing.T) {
	t.Parallel()
	for _, text := range usualTexts {
		for _, as := range []string{text, "  " + text, text + "\r\n\r\n", "\r\n" + strings.ReplaceAll(text, " ", "\r\n"), strings.ReplaceAll(text, " ", "  \t")} {
			if preamble, _ := oddAround(t, as, ""); preamble {
				t.Errorf("%q before is odd", as)
			}
			if _, epilogue := oddAround(t, "", as); epilogue {
				t.Errorf("%q after is odd", as)
			}
		}
		for _, as := range []string{text + " x", "x " + text, text + "x", text[1:], text + "\r\n" + text, strings.ToUpper(text), text + "\u00a0", text + "\x00"} {
			if preamble, _ := oddAround(t, as, ""); !preamble {
				t.Errorf("%q before is not odd", as)
			}
			if _, epilogue := oddAround(t, "", as); !epilogue {
				t.Errorf("%q after is not odd", as)
			}
		}
	}
}
