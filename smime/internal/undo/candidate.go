package undo

import (
	"bytes"
	"iter"
	"slices"

	"dnseal/smime/internal/entity"
)

// candidate is what the content may have been before a change.
type candidate struct {
	change   Change
	sentence string
	splices  []splice
	// describe says what the change was where only the original shows it; then change and sentence
	// are empty.
	describe func() (Change, string)
}

// named is what is told of the candidate.
func (c candidate) named() (Change, string) {
	if c.describe != nil {
		return c.describe()
	}
	return c.change, c.sentence
}

// generator lists what the content may have been before a kind of change, the usual forms first.
type generator func(x *suspect) iter.Seq[candidate]

// none generates nothing.
func none(*suspect) iter.Seq[candidate] { return func(func(candidate) bool) {} }

// all generates what each of several does, one after the other.
func all(generators ...generator) generator {
	return func(x *suspect) iter.Seq[candidate] {
		return func(yield func(candidate) bool) {
			for _, g := range generators {
				for c := range g(x) {
					if !yield(c) {
						return
					}
				}
			}
		}
	}
}

// splice replaces a range of a text.
type splice struct {
	off, end int64
	with     []byte
}

// wholes generates texts that replace the whole content.
func (x *suspect) wholes(change Change, sentence string, texts ...[]byte) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, t := range texts {
			if !yield(candidate{change: change, sentence: sentence, splices: []splice{{0, int64(len(x.text)), t}}}) {
				return
			}
		}
	}
}

// trimmed leaves out of each splice what is the same on both sides, in order. It reports false for
// ranges that overlap or lie outside.
func trimmed(text []byte, splices []splice) ([]splice, bool) {
	out := make([]splice, 0, len(splices))
	slices.SortStableFunc(splices, func(a, b splice) int { return int(a.off - b.off) })
	at := int64(0)
	for _, s := range splices {
		if s.off < at || s.end < s.off || s.end > int64(len(text)) {
			return nil, false
		}
		at = s.end
		if s = trim(text, s); s.off < s.end || len(s.with) > 0 {
			out = append(out, s)
		}
	}
	return out, true
}

func trim(text []byte, s splice) splice {
	old := text[s.off:s.end]
	n := commonPrefix(old, s.with)
	old, s.with = old[n:], s.with[n:]
	s.off += int64(n)
	n = commonSuffix(old, s.with)
	s.with = s.with[:len(s.with)-n]
	s.end -= int64(n)
	return s
}

// block is how many octets are compared at a time.
const block = 256

func commonPrefix(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for n+block <= most && bytes.Equal(a[n:n+block], b[n:n+block]) {
		n += block
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for n+block <= most && bytes.Equal(a[len(a)-n-block:len(a)-n], b[len(b)-n-block:len(b)-n]) {
		n += block
	}
	for n < most && a[len(a)-n-1] == b[len(b)-n-1] {
		n++
	}
	return n
}

// splicedText is a text with some ranges replaced, which are in order.
func splicedText(text []byte, splices []splice) []byte {
	size := len(text)
	for _, s := range splices {
		size += len(s.with) - int(s.end-s.off)
	}
	out, at := make([]byte, 0, size), int64(0)
	for _, s := range splices {
		out = append(append(out, text[at:s.off]...), s.with...)
		at = s.end
	}
	return append(out, text[at:]...)
}

// bodySplice replaces the body of p.
func bodySplice(p *entity.Part, with []byte) splice { return splice{p.Body, max(p.Body, p.End), with} }

// headerSplice replaces the header of p with the empty line after it.
func headerSplice(p *entity.Part, with []byte) splice {
	return splice{p.Start, min(p.Body, max(p.Start, p.End)), with}
}
