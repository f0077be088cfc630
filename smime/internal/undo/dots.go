package undo

import (
	"bytes"
	"iter"
	"slices"
)

// RFC 5321, Section 4.5.2: the client puts a dot before a line that begins with one, and the server
// removes it. Where only one of them does so, dots are lost or doubled.
const (
	dotsLost    = "A dot at the start of lines was lost, as by a program that does not double dots when it sends mail by SMTP."
	dotsDoubled = "A dot at the start of lines was doubled, as by a program that doubles dots for SMTP where none are removed."
)

// maxDots bounds the memory for lines that begin with a dot.
const maxDots = 20000

// dotLines are where lines begin with the prefix, after the header.
func (x *suspect) dotLines(prefix string) []int64 {
	var found []int64
	x.budget.copied(len(x.text))
	start := []byte("\n" + prefix)
	for at := int(x.root.Body) - 1; len(found) < maxDots && at >= 0 && at < len(x.text); {
		i := bytes.Index(x.text[at:], start)
		if i < 0 {
			break
		}
		at += i + 1
		found = append(found, int64(at))
	}
	return found
}

func (x *suspect) doubledDots() []splice {
	var out []splice
	for _, at := range x.dotLines("..") {
		out = append(out, splice{at, at + 1, nil})
	}
	return out
}

func (x *suspect) lostDots(prefix string) []splice {
	var out []splice
	for _, at := range x.dotLines(prefix) {
		out = append(out, splice{at, at, []byte(".")})
	}
	return out
}

// dots undoes the doubling of all dots at the start of lines, or doubles them.
func dots(x *suspect) iter.Seq[candidate] {
	return all(
		func(x *suspect) iter.Seq[candidate] {
			return spliceSets(ChangeDots, dotsDoubled, x.doubledDots(), true)
		},
		func(x *suspect) iter.Seq[candidate] {
			return spliceSets(ChangeDots, dotsLost, x.lostDots("."), true)
		},
	)(x)
}

// someDots does so for some of the lines, and puts a dot before any line.
func someDots(x *suspect) iter.Seq[candidate] {
	return all(
		func(x *suspect) iter.Seq[candidate] {
			return spliceSets(ChangeDots, dotsDoubled, x.doubledDots(), false)
		},
		func(x *suspect) iter.Seq[candidate] {
			return spliceSets(ChangeDots, dotsLost, x.lostDots("."), false)
		},
		lostUnseen,
	)(x)
}

// lostUnseen puts dots before one or two lines that show nothing of it; also with a dot before all
// lines that begin with one: those lost one, too.
func lostUnseen(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		seen, lines := x.lostDots("."), x.lostDots("")
		offer := func(splices ...splice) bool {
			both := append(slices.Clone(splices), seen...)
			return x.open() && yield(candidate{change: ChangeDots, sentence: dotsLost, splices: splices}) &&
				(len(seen) == 0 || yield(candidate{change: ChangeDots, sentence: dotsLost, splices: both}))
		}
		for _, s := range lines {
			if !offer(s) {
				return
			}
		}
		for i := range lines {
			for j := range i {
				if !offer(lines[j], lines[i]) {
					return
				}
			}
		}
	}
}
