package wire

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNormalizeTable has every line end before and after a single dot. Only CRLF on both sides ends
// content; a bare CR anywhere stays for the caller to refuse; each LF without CR is a line end of
// the text. What it does with the rest is what the reference of TestNormalizeProperty says.
func TestNormalizeTable(t *testing.T) {
	t.Parallel()
	const after = "MAIL FROM:<eve@evil.example>\r\n"
	for _, tt := range []struct {
		before, behind string
		body           string // of the text before after; empty: it ended
		bare           bool
	}{
		{"\r\n", "\r\n", "", false},
		{"\r\n", "\n", "a\r\n.\r\n", false},
		{"\r\n", "\r", "a\r\n\r", true},
		{"\r\n", "\n\r", "a\r\n.\r\n\r", true},
		{"\r\n", "\r\r\n", "a\r\n\r\r\n", true},
		{"\n", "\r\n", "a\r\n.\r\n", false},
		{"\n", "\n", "a\r\n.\r\n", false},
		{"\n", "\r", "a\r\n\r", true},
		{"\n", "\n\r", "a\r\n.\r\n\r", true},
		{"\n", "\r\r\n", "a\r\n\r\r\n", true},
		{"\n\r\n", "\n", "a\r\n\r\n.\r\n", false},
		{"\r\n\n", "\r\n", "a\r\n\r\n.\r\n", false},
		{"\r", "\r\n", "a\r.\r\n", true},
		{"\r", "\n", "a\r.\r\n", true},
		{"\r", "\r", "a\r.\r", true},
		{"\r\r\n", "\n", "a\r\r\n.\r\n", true},
		{"\n\r", "\r\n", "a\r\n\r.\r\n", true},
		{"\n\r", "\n", "a\r\n\r.\r\n", true},
		{"", "\r\n", "a.\r\n", false},
		{"", "\n", "a.\r\n", false},
		// No end, and dots that are doubled or begin a line of text.
		{"\n.", "\n", "a\r\n.\r\n", false},
		{"\n", "b\n", "a\r\nb\r\n", false},
		{"\r\n.", "\r\n", "a\r\n.\r\n", false},
	} {
		in := "a" + tt.before + "." + tt.behind + after + ".\r\nQUIT\r\n"
		body, rest := tt.body+after, "QUIT\r\n"
		if tt.body == "" {
			body, rest = "a\r\n", after+".\r\nQUIT\r\n"
		}
		for _, parts := range [][]string{{in}, strings.Split(in, "")} {
			c, gotBody, gotRest, err := readLines(true, parts...)
			if err != nil || gotBody != body || gotRest != rest || c.Bare != tt.bare || c.size != int64(len(body)) {
				t.Errorf("%q in %d pieces: body %q, rest %q, bare %v, size %d, %v; want %q, %q, %v", in, len(parts), gotBody, gotRest, c.Bare, c.size, err, body, rest, tt.bare)
			}
		}
	}
}

// normalized reads content byte by byte. It is slow and simple.
func normalized(text string) (body, rest string) {
	var b strings.Builder
	start := true // of the content, or after a CRLF: only here the end can begin
	for {
		if start && strings.HasPrefix(text, ".\r\n") {
			return b.String(), text[3:]
		}
		line, more, _ := strings.Cut(text, "\n")
		text = more
		start = strings.HasSuffix(line, "\r")
		content := strings.TrimSuffix(line, "\r")
		if strings.HasPrefix(content, ".") && content != "." {
			content = content[1:]
		}
		b.WriteString(content + "\r\n")
	}
}

// TestNormalizeProperty checks the block-wise reader against the simple one. Every body ends in
// CRLF, and holds no LF without a CR.
func TestNormalizeProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", "\r", "\n", ".", "..", "a", strings.Repeat("x", 700), strings.Repeat("y", 1023), "\n.\r\n", "\x00"}), 0, 60).Draw(t, "words")
		checkNormalized(t, strings.Join(words, "")+"\r\n.\r\nREST", func(rest string) int { return rapid.IntRange(1, len(rest)).Draw(t, "piece") })
	})
}

func checkNormalized(t interface{ Fatalf(string, ...any) }, text string, piece func(rest string) int) {
	wantBody, wantRest := normalized(text)
	var parts []string
	for rest := text; rest != ""; {
		n := piece(rest)
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	c, body, rest, err := readLines(true, parts...)
	if err != nil || body != wantBody || rest != wantRest || c.Bare != isBare(wantBody) {
		t.Fatalf("%q in %q: body %q, rest %q, bare %v, %v; want %q, %q, %v", text, parts, body, rest, c.Bare, err, wantBody, wantRest, isBare(wantBody))
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("a\n.\nb\r\n.\nc\n.\r\nd\r\n.\r\nx", 3)
	f.Add("..\n.a\n\r.", 1)
	f.Fuzz(func(t *testing.T, text string, n int) {
		checkNormalized(t, text+"\r\n.\r\n", func(rest string) int { return max(1, min(n, len(rest))) })
	})
}
