package undo

import (
	"bytes"
	"iter"

	"dnseal/smime/internal/entity"
)

const (
	delimiterAdded   = "An empty line was added after the closing delimiter of a multipart inside the signed content, as programs do that read a message and write it anew."
	delimiterRemoved = "An empty line after the closing delimiter of a multipart inside the signed content was removed."
)

// delimiterEnds are the changes after the closing delimiters of multiparts (RFC 2046, Section
// 5.1.1: CRLF and an epilogue may follow): those that remove the line end there, and those that add
// one.
func (x *suspect) delimiterEnds() (remove, add []splice) {
	for _, p := range x.parts(func(p *entity.Part) bool { return p.Closed >= 0 && p.Delimiter != nil }) {
		end := x.closingEnd(p)
		if end > p.End || p.End > int64(len(x.text)) {
			continue
		}
		switch {
		case end == p.End:
			add = append(add, splice{end, end, crlfBytes})
		case bytes.Equal(x.text[end:p.End], crlfBytes):
			remove = append(remove, splice{end, p.End, nil})
		}
	}
	return remove, add
}

// closingEnd is where the closing delimiter line of p ends, without its line end.
func (x *suspect) closingEnd(p *entity.Part) int64 {
	return int64(len(bytes.TrimRight(x.text[:min(p.Closed, int64(len(x.text)))], "\r\n")))
}

// delimiterLines undoes what is done after all closing delimiters, or after all but the outermost.
func delimiterLines(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		remove, add := x.delimiterEnds()
		for _, way := range []struct {
			splices  []splice
			sentence string
		}{{inner(x, remove), delimiterAdded}, {remove, delimiterAdded}, {inner(x, add), delimiterRemoved}, {add, delimiterRemoved}} {
			if len(inner(x, way.splices)) == 0 {
				continue // a line end at the very end
			}
			for c := range spliceSets(ChangeDelimiter, way.sentence, way.splices, true) {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// inner leaves out what is at the end of the content.
func inner(x *suspect, splices []splice) []splice {
	var out []splice
	for _, s := range splices {
		if s.end < int64(len(x.text)) {
			out = append(out, s)
		}
	}
	return out
}

func someDelimiterLines(x *suspect) iter.Seq[candidate] {
	remove, add := x.delimiterEnds()
	return all(
		func(*suspect) iter.Seq[candidate] {
			return spliceSets(ChangeDelimiter, delimiterAdded, remove, false)
		},
		func(*suspect) iter.Seq[candidate] {
			return spliceSets(ChangeDelimiter, delimiterRemoved, add, false)
		},
	)(x)
}
