package undo

import (
	"bytes"
	"iter"
)

const (
	fromSentence     = `A ">" was inserted before a line that begins with "From ", as mailboxes in mbox format do.`
	mboxrdSentence   = `A ">" was inserted before lines that begin with "From ", or with ">" and that, as mailboxes in mboxrd format do.`
	unquotedSentence = `A ">" was removed before a line that begins with "From ", as programs do that read mailboxes in mbox format.`
	maxFromLines     = 1000
)

var fromWord = []byte("From ")

// quotedLines are the places of lines that begin with any number of ">" and "From ".
type quotedLine struct {
	off   int64
	depth int // how many ">"
}

func (x *suspect) fromLines() []quotedLine {
	var found []quotedLine
	x.budget.copied(len(x.text))
	for at := 0; len(found) < maxFromLines; {
		i := bytes.Index(x.text[at:], fromWord)
		if i < 0 {
			break
		}
		i += at
		at = i + len(fromWord)
		start := i
		for start > 0 && x.text[start-1] == '>' {
			start--
		}
		if start > 0 && x.text[start-1] == '\n' {
			found = append(found, quotedLine{int64(start), i - start})
		}
	}
	return found
}

// fromCandidates are the three ways to undo the quoting of lines: for all lines, or for some.
func (x *suspect) fromCandidates(whole bool) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		var once, deep, bare []splice
		for _, l := range x.fromLines() {
			if l.depth == 1 {
				once = append(once, splice{l.off, l.off + 1, nil})
			}
			if l.depth > 0 {
				deep = append(deep, splice{l.off, l.off + 1, nil})
			}
			bare = append(bare, splice{l.off, l.off, []byte(">")})
		}
		for _, way := range []struct {
			splices  []splice
			sentence string
		}{{once, fromSentence}, {deep, mboxrdSentence}, {bare, unquotedSentence}} {
			for c := range spliceSets(ChangeFrom, way.sentence, way.splices, whole) {
				if c.sentence == mboxrdSentence && !x.deepest(c.splices) {
					c.sentence = fromSentence
				}
				if !yield(c) {
					return
				}
			}
		}
	}
}

// deepest reports whether one of the lines has more than one ">".
func (x *suspect) deepest(splices []splice) bool {
	for _, s := range splices {
		if bytes.HasPrefix(x.text[s.off:], []byte(">>")) {
			return true
		}
	}
	return false
}

// fromLines is for mailboxes in mbox format (RFC 4155).
//
// RFC 2049, Section 3: lines that begin with "From " are commonly corrupted.
func fromLines(x *suspect) iter.Seq[candidate] { return x.fromCandidates(true) }

// someFromLines is for content of which some lines were quoted before.
func someFromLines(x *suspect) iter.Seq[candidate] { return x.fromCandidates(false) }
