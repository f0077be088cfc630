package cli

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"dnseal/receiver"
)

func TestWriteJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain, Grüße, 山田, 😀": `"plain, Grüße, 山田, 😀"`,
		"\u0085\u009b\x7f":    `"\u0085\u009b\u007f"`,
		"\u202eabc\u202c":     `"\u202eabc\u202c"`,
		"\u2066\u2069\u061c":  `"\u2066\u2069\u061c"`,
		"a\u200bb\ufeffc":     `"a\u200bb\ufeffc"`,
		"\u2028\u2029":        `"\u2028\u2029"`,
		"\u00ad\u3164\ufe0f":  `"\u00ad\u3164\ufe0f"`,
		"\U000e0041":          `"\udb40\udc41"`,
		"\\u202e stays as it": `"\\u202e stays as it"`,
		"\x1b[2J<&>":          `"\u001b[2J<&>"`,
	} {
		var b bytes.Buffer
		if err := WriteJSON(&b, in); err != nil || b.String() != want+"\n" {
			t.Errorf("%+q: %s, %v, want %s", in, b.String(), err, want)
		}
	}
}

// TestWriteJSONAll: whatever a stranger writes, the line is one of characters that can be seen, and
// says the same.
func TestWriteJSONAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		evil := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom(nil, unicode.Cf, unicode.Cc, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)))
		in := receiver.Report{File: evil.Draw(t, "file"), From: evil.Draw(t, "from"), Signatures: []*receiver.SignatureReport{{Identity: evil.Draw(t, "identity")}}}
		var b bytes.Buffer
		if err := WriteJSON(&b, &in); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(b.String(), "\n")
		if strings.ContainsFunc(line, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || unicode.IsSpace(r) && r != ' ' }) {
			t.Fatalf("%+q", line)
		}
		var out receiver.Report
		if err := json.Unmarshal(b.Bytes(), &out); err != nil || out.File != in.File || out.From != in.From || out.Signatures[0].Identity != in.Signatures[0].Identity {
			t.Fatalf("%+v, %v, want %+v", out, err, in)
		}
	})
}

// TestLogJSON: the log in JSON is written by the same hand.
func TestLogJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(JSON{&b}, nil)).Info("x", slog.String("from", "\u202ea\u200b"))
	if !strings.Contains(b.String(), `"from":"\u202ea\u200b"`) {
		t.Errorf("%+q", b.String())
	}
}
