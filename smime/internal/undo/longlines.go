package undo

import (
	"bytes"
	"iter"
	"slices"
)

const (
	longLineSentence = "A line break and a space were inserted into a line that is too long for SMTP."
	bangSentence     = `A "!", a line break and a space were inserted into a line that is too long for SMTP, as Sendmail does.`
	cutLineSentence  = "A line break was inserted into a line that is too long for SMTP."
)

// breakForm is what a program puts into a long line.
type breakForm struct {
	before, after string // before the line break, and after it
	sentence      string
	shortest      int // lines that are shorter are not taken for broken ones
}

var usualBreaks = []breakForm{{"", " ", longLineSentence, 200}, {"!", " ", bangSentence, 60}}

var otherBreaks = []breakForm{{"", "", cutLineSentence, 200}, {"!", "", bangSentence, 60}, {"", "\t", longLineSentence, 200}, {"", " ", longLineSentence, 79}}

// longLines removes what is inserted into lines that are too long for SMTP (RFC 5321, Section
// 4.5.3.1.6: 1,000 octets with the CRLF).
func longLines(x *suspect) iter.Seq[candidate] { return x.unbroken(usualBreaks) }

func otherLongLines(x *suspect) iter.Seq[candidate] { return x.unbroken(otherBreaks) }

// maxLengths is how many lengths of lines are tried.
const maxLengths = 6

func (x *suspect) unbroken(forms []breakForm) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, form := range forms {
			x.budget.copied(len(x.text))
			places := form.places(x.text)
			for _, limit := range lengthsOf(places) {
				for _, counted := range []bool{true, false} {
					c := candidate{change: ChangeLongLine, sentence: form.sentence, splices: form.joins(places, limit, counted)}
					if !yield(c) {
						return
					}
				}
			}
			if c := (candidate{change: ChangeLongLine, sentence: form.sentence, splices: form.every(places)}); len(places) > 1 && !yield(c) {
				return
			}
		}
	}
}

// brokenAt is a line end that may have been inserted.
type brokenAt struct {
	off    int64 // of the line end
	length int   // of the line before it
	joined bool  // the line before it began after another such line end
}

// maxBreaks bounds the memory for the places.
const maxBreaks = 20000

// places are the line ends that may have been inserted.
func (f breakForm) places(text []byte) []brokenAt {
	var found []brokenAt
	last := int64(-1)
	mark := []byte(f.before + "\r\n" + f.after)
	for start := 0; len(found) < maxBreaks; {
		i := bytes.Index(text[start:], crlfBytes)
		if i < 0 {
			break
		}
		end := start + i
		if at := end - len(f.before); i >= f.shortest && at >= start && bytes.HasPrefix(text[at:], mark) && len(text) > at+len(mark) && text[at+len(mark)] != '\r' {
			found = append(found, brokenAt{int64(end), i, last == int64(start)})
			last = int64(end + 2)
		}
		start = end + 2
	}
	return found
}

// lengthsOf are the lengths of broken lines, the longest first.
func lengthsOf(places []brokenAt) []int {
	var lengths []int
	for _, p := range places {
		lengths = append(lengths, p.length)
	}
	slices.Sort(lengths)
	lengths = slices.Compact(lengths)
	slices.Reverse(lengths)
	return lengths[:min(len(lengths), maxLengths)]
}

// joins undoes the breaks of lines of limit octets; counted says that what was inserted at the
// start of a line counts.
func (f breakForm) joins(places []brokenAt, limit int, counted bool) []splice {
	var out []splice
	for _, p := range places {
		length := p.length
		if p.joined && !counted {
			length -= len(f.after)
		}
		if length == limit {
			out = append(out, f.join(p))
		}
	}
	return out
}

// shortestBroken is the length of lines that are all taken for broken ones.
const shortestBroken = 500

func (f breakForm) every(places []brokenAt) []splice {
	var out []splice
	for _, p := range places {
		if p.length >= shortestBroken {
			out = append(out, f.join(p))
		}
	}
	return out
}

func (f breakForm) join(p brokenAt) splice {
	return splice{p.off - int64(len(f.before)), p.off + 2 + int64(len(f.after)), nil}
}
