package layout

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain text":                      "plain text",
		"a\x1b[2Jb":                       "a?[2Jb",
		"a\nb\r\tc\x00\x7f":               "a?b??c??",
		"\u202egnp.\u2066x":               "?gnp.?x",
		"\xff\xfeé":                       "?é",
		"a\u200bb\u00adc\u3164d\ufe0f":    "a?b?c?d?",
		"e" + strings.Repeat("\u0301", 9): "e" + strings.Repeat("\u0301", maxMarks) + strings.Repeat("?", 9-maxMarks),
		"日本語":                             "日本語",
		"a\u00a0b\u2028c\u0085d":          "a?b?c?d",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"},
	} {
		if got := Cut(c.text, c.n); got != c.want {
			t.Errorf("%q in %d columns is %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

// TestFold: nothing is lost, words stay in their order, and no line is too long.
func TestFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"one two three", 12, "From  one\n      two\n      three\n"},
		{"abcdefgh", 12, "From  abcdef\n      gh\n"},
		{"x abcdefgh y", 12, "From  x abcd\n      efgh y\n"},
		{"日本語", 9, "From  日\n      本\n      語\n"},
		{"one two", 0, "From  one two\n"},
	} {
		if got := Fold("From  ", "      ", c.text, c.n); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.StringMatching(`[a-z日]{0,30}`), 1, 20).Draw(t, "words"), " ")
		n := rapid.IntRange(10, 60).Draw(t, "columns")
		got := Fold("First ", "  ", text, n)
		if strings.Join(strings.Fields(got), "") != "First"+strings.ReplaceAll(text, " ", "") {
			t.Fatalf("%q", got)
		}
		for line := range strings.Lines(got) {
			if line = strings.TrimSuffix(line, "\n"); Columns(line) > n {
				t.Fatalf("%q has more than %d columns", line, n)
			}
		}
	})
}
