package message

import "testing"

// TestUnescape: a triple is one octet, and nothing else changes.
func TestUnescape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "=": "=", "=4": "=4", "=41": "A", "x=41": "xA", "=41x": "Ax", "=c3=9F": "\u00df", "=4g=G4=4": "=4g=G4=4", "=3D41": "=41", "==41": "=A", "%41": "%41", "=00": "\x00",
	} {
		if got := Unescape(text, '='); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestDecodeB: padding does not count, nor what is no base64, nor one character too many.
func TestDecodeB(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"QUJD": "ABC", "QUI=": "AB", "QUI": "AB", "Q U\r\nJ!D": "ABC", "QUJDR": "ABC", "QQ=QQ": "A\x04\x10", "R": ""} {
		if got := decodeB(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestActionWords(t *testing.T) {
	t.Parallel()
	for action, want := range map[Action]string{Defer: "defer", Accept: "accept", Quarantine: "quarantine", Reject: "reject"} {
		if got := action.String(); got != want {
			t.Errorf("%d: %q, want %q", action, got, want)
		}
	}
}
