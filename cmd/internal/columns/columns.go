// Package columns writes tables for people: as wide as the terminal is, or whole, one line a row,
// where the output is none.
//
// # Limitations
//
// Each character counts as one column, also those that terminals show in two.
package columns

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Width is that of the terminal, or 0 where out is none.
func Width(out io.Writer) int {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

// Colour reports whether colours can be written to out: a terminal that knows them, and whose user
// does not refuse them (environment variable NO_COLOR).
func Colour(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Table is a header and rows of as many cells.
type Table struct {
	Header []string
	Rows   [][]string
	// Notes are lines of their own after the row of this number; nil: none.
	Notes map[int]string
	// Least is, for each column, to how many characters its cells may be shortened, in the middle;
	// 0: never.
	Least []int
	// Gives is the column that is shortened before all others, down to GivesTo characters and then
	// as Least says; 0: none. What stands first in it counts: its end is left out.
	Gives, GivesTo int
	// Fold is how many columns, the last ones, go to a second line where the terminal is too
	// narrow.
	Fold int
}

// Write writes the table for a terminal of this width; 0: there is none, and every row is one line
// with all of its cells. Where the terminal is too narrow for shortened cells, and for folded
// columns, each row is a block of lines. Errors: those of w.
func (t *Table) Write(w io.Writer, width int) error {
	var b strings.Builder
	all := len(t.Header)
	widths, fits := t.widths(all, width)
	if !fits && t.Fold > 0 {
		all -= t.Fold
		widths, fits = t.widths(all, width)
	}
	if fits {
		t.lines(&b, widths, all, width)
	} else {
		t.blocks(&b, width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// gap is between two columns.
const gap = 2

// widths are those of the first n columns, shortened to width; fits is false where that is not
// enough.
func (t *Table) widths(n, width int) (widths []int, fits bool) {
	widths = make([]int, n)
	sum := -gap
	for c := range widths {
		widths[c] = utf8.RuneCountInString(t.Header[c])
		for _, row := range t.Rows {
			widths[c] = max(widths[c], utf8.RuneCountInString(row[c]))
		}
		sum += widths[c] + gap
	}
	for ; width > 0 && sum > width; sum-- {
		c := t.next(widths)
		if c < 0 {
			return nil, false
		}
		widths[c]--
	}
	return widths, true
}

// next is the column that is shortened next: the widest of those that can be, or -1.
func (t *Table) next(widths []int) int {
	if t.Gives > 0 && t.Gives < len(widths) && widths[t.Gives] > t.GivesTo {
		return t.Gives
	}
	best := -1
	for c, w := range widths {
		if t.Least[c] > 0 && w > t.Least[c] && (best < 0 || w > widths[best]) {
			best = c
		}
	}
	return best
}

// lines writes a line for each row, and a second one for what is folded.
func (t *Table) lines(b *strings.Builder, widths []int, n, width int) {
	t.line(b, t.Header[:n], widths)
	for i, row := range t.Rows {
		t.line(b, row[:n], widths)
		var folded []string
		for c := n; c < len(row); c++ {
			if !empty(row[c]) {
				folded = append(folded, "  "+strings.ToLower(t.Header[c])+": "+row[c])
			}
		}
		if whole := strings.Join(folded, ""); utf8.RuneCountInString(whole) <= width {
			folded = []string{whole}
		}
		for _, text := range folded {
			if text != "" {
				b.WriteString(text + "\n")
			}
		}
		if note := t.Notes[i]; note != "" {
			b.WriteString(strings.Repeat(" ", widths[0]+gap) + note + "\n")
		}
	}
}

func (t *Table) line(b *strings.Builder, cells []string, widths []int) {
	var l strings.Builder
	for c, text := range cells {
		if text = shorten(text, widths[c], (widths[c]-1)/2); c > 0 && c == t.Gives {
			text = shorten(cells[c], widths[c], 0)
		}
		l.WriteString(text + strings.Repeat(" ", widths[c]-utf8.RuneCountInString(text)+gap))
	}
	b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
}

// empty reports whether a cell says nothing.
func empty(cell string) bool { return cell == "" || cell == "-" }

// blocks writes each row as lines of its cells, long ones folded.
func (t *Table) blocks(b *strings.Builder, width int) {
	label := 0
	for _, h := range t.Header {
		label = max(label, utf8.RuneCountInString(h))
	}
	label += gap
	room := max(width-label, 8)
	for i, row := range t.Rows {
		for c, text := range row {
			if empty(text) {
				continue
			}
			head := t.Header[c] + strings.Repeat(" ", label-utf8.RuneCountInString(t.Header[c]))
			for _, part := range fold(text, room) {
				b.WriteString(head + part + "\n")
				head = strings.Repeat(" ", label)
			}
		}
		if note := t.Notes[i]; note != "" {
			b.WriteString(note + "\n")
		}
		b.WriteString("\n")
	}
}

// fold cuts a text into parts of at most n characters, between words where there are some.
func fold(text string, n int) (parts []string) {
	r := []rune(text)
	for len(r) > n {
		end, next := n, n
		for i := n; i > 0; i-- {
			if r[i] == ' ' {
				end, next = i, i+1
				break
			}
		}
		parts, r = append(parts, string(r[:end])), r[next:]
	}
	return append(parts, string(r))
}

// Paragraph is a text in lines of at most width characters, the later ones after indent; width 0:
// in one line. Long words are broken.
func Paragraph(text, indent string, width int) string {
	room := width - utf8.RuneCountInString(indent)
	if width < 1 || room < 8 {
		return text + "\n"
	}
	first := fold(text, width)[0]
	var b strings.Builder
	b.WriteString(first + "\n")
	if rest := strings.TrimPrefix(text[len(first):], " "); rest != "" {
		for _, part := range fold(rest, room) {
			b.WriteString(indent + part + "\n")
		}
	}
	return b.String()
}

// shorten makes of a text that is longer than n characters its beginning and the last ones, tail of
// them.
func shorten(text string, n, tail int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:n-1-tail]) + "…" + string(r[len(r)-tail:])
}
