// Package layout folds text for terminals, and makes text of strangers fit to be shown there.
//
// # Limitations
//
// How many columns a character has is a matter of the terminal and its font; this is what most of
// them do with the East Asian widths of Unicode (UAX #11).
package layout

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// maxMarks is how many marks may stand over one character: some fonts draw any number of them,
// across the lines above.
const maxMarks = 4

// Printable is text with a question mark in place of each character that a terminal obeys, that
// turns the direction of writing, that ends a line or that is not seen.
func Printable(text string) string {
	if isPlain(text) {
		return text
	}
	marks := 0
	return strings.Map(func(r rune) rune {
		if !unicode.IsMark(r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			return '?'
		}
		if visible(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(text, "?"))
}

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Columns is how many columns of a terminal a printable text has.
func Columns(text string) int {
	n := 0
	for _, r := range text {
		n += columns(r)
	}
	return n
}

func columns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	case width.Neutral, width.EastAsianAmbiguous, width.EastAsianNarrow, width.EastAsianHalfwidth:
	}
	return 1
}

// Cut is a text of at most n columns, with … for what is left out.
func Cut(text string, n int) string {
	if Columns(text) <= n {
		return text
	}
	used := 1 // …
	for i, r := range text {
		if used += columns(r); used > n {
			return text[:i] + "…"
		}
	}
	return text
}

// Fold writes text after first, in lines of at most n columns, the later ones after rest; n less
// than 1: in one line. Words that have no room in a line of their own are broken.
func Fold(first, rest, text string, n int) string {
	if n < 1 || Columns(first)+Columns(text) <= n {
		return first + text + "\n"
	}
	f := &folder{line: first, rest: rest, n: n, empty: true}
	f.used = Columns(first)
	for word := range strings.SplitSeq(text, " ") {
		f.add(word)
	}
	f.end()
	return f.String()
}

// folder is a text in lines; used are the columns of the last one, empty says that it has no word
// yet.
type folder struct {
	strings.Builder
	line, rest string
	n, used    int
	empty      bool
}

func (f *folder) add(word string) {
	size := Columns(word)
	if !f.empty && f.used+1+size > f.n && (Columns(f.rest)+size <= f.n || f.used+3 > f.n) {
		f.end()
	}
	if !f.empty {
		f.line, f.used = f.line+" ", f.used+1
	}
	for f.used+size > f.n {
		part := prefix(word, max(f.n-f.used, 1))
		if part == word {
			break
		}
		f.line += part
		f.end()
		word = word[len(part):]
		size = Columns(word)
	}
	f.line, f.used, f.empty = f.line+word, f.used+size, false
}

func (f *folder) end() {
	f.WriteString(f.line + "\n")
	f.line, f.used, f.empty = f.rest, Columns(f.rest), true
}

// prefix is as much of a word as n columns hold, and at least one character.
func prefix(word string, n int) string {
	for i, r := range word {
		if n -= columns(r); n < 0 && i > 0 {
			return word[:i]
		}
	}
	return word
}
