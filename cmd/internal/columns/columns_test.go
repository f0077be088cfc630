package columns

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// long is a name of 200 octets.
var long = "d" + strings.Repeat("0123456789", 18) + "._device.example.net"

func table() *Table {
	return &Table{
		Header: []string{"NAME", "KEY", "STATE", "NEXT STEP", "WHEN"},
		Rows: [][]string{
			{long, "0123456789abcdef", "next-published", "withdraw the old record", "2026-11-24 12:00:00 UTC"},
			{"alice@example.org", "0123456789abcdef", "active", "-", "-"},
		},
		Least: []int{24, 0, 0, 0, 0}, Fold: 2,
	}
}

// TestWrite: without a terminal a row is a line with all that it has; on one no line is longer than
// it is wide, and both ends of a name can be read.
func TestWrite(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]struct{ lines, whole int }{0: {3, 1}, 300: {3, 1}, 140: {3, 0}, 80: {4, 0}, 60: {5, 0}, 52: {14, 0}, 20: {41, 0}} {
		var b strings.Builder
		if err := table().Write(&b, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != want.lines || strings.Count(b.String(), long) != want.whole {
			t.Errorf("%d columns: %d lines, %d whole names\n%s", width, len(lines), strings.Count(b.String(), long), b.String())
		}
		if i := slices.IndexFunc(lines, func(l string) bool { return width > 0 && utf8.RuneCountInString(l) > width }); i >= 0 {
			t.Errorf("%d columns: %s", width, lines[i])
		}
		plain := strings.Join(strings.Fields(b.String()), "")
		for _, part := range []string{"d0123", "example.net", "alice@example.org", "withdrawtheoldrecord", "2026-11-2412:00:00UTC"} {
			if !strings.Contains(plain, part) {
				t.Errorf("%d columns: no %s in\n%s", width, part, b.String())
			}
		}
	}
}

func TestGives(t *testing.T) {
	t.Parallel()
	tt := &Table{Header: []string{"A", "B"}, Rows: [][]string{{strings.Repeat("a", 20), strings.Repeat("b", 20)}}, Least: []int{8, 8}, Gives: 1, GivesTo: 10, Notes: map[int]string{0: "and more"}}
	var b strings.Builder
	if err := tt.Write(&b, 33); err != nil || !strings.Contains(b.String(), strings.Repeat("a", 20)+"  bbbbbbbbbb…\n") || !strings.Contains(b.String(), "  and more\n") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{10: "abcdefghij", 9: "abcd…ghij", 8: "abcd…hij"} {
		if got := shorten("abcdefghij", n, (n-1)/2); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestWidth(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Width(f) != 0 || Width(new(strings.Builder)) != 0 {
		t.Error("a file is no terminal")
	}
}

func TestParagraph(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{0: "one two three four\n", 20: "one two three four\n", 11: "one two\n  three\n  four\n", 12: "one two\n  three four\n", 5: "one two three four\n"} {
		if got := Paragraph("one two three four", "  ", width); got != want {
			t.Errorf("%d: %q, want %q", width, got, want)
		}
	}
}
