package undo

import (
	"bytes"
	"iter"
	"slices"
)

const spacingSentence = "White space after the colon of a field in the header of a part was changed, as programs do that read a message and write it anew."

// spaced writes a field with other white space after its colon.
func spaced(space string) func([]byte) []byte {
	return func(raw []byte) []byte {
		name, value, ok := bytes.Cut(raw, []byte(":"))
		if !ok {
			return raw
		}
		return append([]byte(string(name)+":"+space), bytes.TrimLeft(value, " \t")...)
	}
}

var usualSpaces, otherSpaces = []string{"", " "}, []string{"", " ", "  ", "\t", "   "}

// spacing removes the space after the colon of single fields and of all, or puts one there.
//
// RFC 5322, Section 2.2: white space is not asked for there, and programs write one space.
func spacing(x *suspect) iter.Seq[candidate] { return x.respaced(usualSpaces) }

// otherSpacing does so with other white space, and with two and three fields.
func otherSpacing(x *suspect) iter.Seq[candidate] {
	return all(
		func(x *suspect) iter.Seq[candidate] { return x.respaced(otherSpaces) },
		func(x *suspect) iter.Seq[candidate] { return x.respacedTogether(2) },
		func(x *suspect) iter.Seq[candidate] { return x.respacedTogether(3) },
	)(x)
}

func (x *suspect) respaced(spaces []string) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, space := range spaces {
			for c := range x.rewrittenFields(ChangeSpacing, spacingSentence, []func([]byte) []byte{spaced(space)}, true) {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// respacedTogether changes n fields, each in any way.
func (x *suspect) respacedTogether(n int) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		ways := make([][]splice, len(otherSpaces))
		for i, space := range otherSpaces {
			ways[i] = x.fieldSplices(x.parts(hasHeader), spaced(space))
		}
		fields := min(len(ways[0]), maxFields)
		var choose func(from int, chosen []splice) bool
		choose = func(from int, chosen []splice) bool {
			if len(chosen) == n {
				return x.open() && yield(candidate{change: ChangeSpacing, sentence: spacingSentence, splices: append([]splice(nil), chosen...)})
			}
			for f := from; f < fields; f++ {
				for _, way := range ways {
					if s := way[f]; !bytes.Equal(s.with, x.text[s.off:s.end]) && !choose(f+1, append(slices.Clip(chosen), s)) {
						return false
					}
				}
			}
			return true
		}
		choose(0, nil)
	}
}
