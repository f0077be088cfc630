package undo

import (
	"bytes"
	"encoding/base64"
	"iter"

	"dnseal/smime/internal/entity"
)

func isBase64(p *entity.Part) bool { return p.Leaf() && p.CTE == "base64" }

const base64Sentence = "A base64 part was wrapped in lines of another length."

// base64Lines wraps base64 where other programs do.
//
// RFC 2045, Section 6.8: lines have at most 76 characters, and line breaks mean nothing.
func base64Lines(x *suspect) iter.Seq[candidate] { return x.rewrapped([]int{76, 72, 64, 60}, 1) }

func otherBase64Lines(x *suspect) iter.Seq[candidate] {
	return x.rewrapped([]int{76, 72, 64, 60, 75, 74, 73, 71, 70, 68, 65, 56, 57, 54, 48, 996, 0}, 3)
}

// rewrapped wraps in lines of each number of columns, with up to ends line ends.
func (x *suspect) rewrapped(columns []int, ends int) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, set := range x.sets(isBase64) {
			for _, n := range columns {
				for end := range ends + 1 {
					if c, ok := x.rewrap(set, n, end); ok && (!x.open() || !yield(c)) {
						return
					}
				}
			}
		}
	}
}

func (x *suspect) rewrap(set []*entity.Part, columns, ends int) (candidate, bool) {
	c := candidate{change: ChangeBase64Lines, sentence: base64Sentence}
	for _, p := range set {
		octets, ok := x.octets(p)
		if !ok {
			return c, false
		}
		x.budget.copied(2 * len(x.body(p)))
		w := bytes.TrimSuffix(wrapBase64(octets, columns), crlfBytes)
		for range ends {
			w = append(w, crlfBytes...)
		}
		c.splices = append(c.splices, bodySplice(p, w))
	}
	return c, true
}

// wrapBase64 encodes b in lines of the given width (RFC 2045, Section 6.8), or in one where it is
// 0.
func wrapBase64(b []byte, columns int) []byte {
	text := base64.StdEncoding.EncodeToString(b)
	if columns == 0 {
		columns = len(text)
	}
	out := make([]byte, 0, len(text)+2*(len(text)/max(1, columns)+2))
	for columns > 0 && len(text) > columns {
		out = append(append(out, text[:columns]...), crlfBytes...)
		text = text[columns:]
	}
	return append(append(out, text...), crlfBytes...)
}
