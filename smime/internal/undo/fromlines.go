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

// fromWays are the three ways to undo the quoting of lines.
func (x *suspect) fromWays() []candidate {
	once := candidate{change: ChangeFrom, sentence: fromSentence}
	deep := candidate{change: ChangeFrom, sentence: mboxrdSentence}
	bare := candidate{change: ChangeFrom, sentence: unquotedSentence}
	for _, l := range x.fromLines() {
		unquoted := splice{l.off, l.off + 1, nil}
		if l.depth == 1 {
			once.splices = append(once.splices, unquoted)
		}
		if l.depth > 0 {
			deep.splices = append(deep.splices, unquoted)
		}
		bare.splices = append(bare.splices, splice{l.off, l.off, []byte(">")})
	}
	return []candidate{once, deep, bare}
}

// fromSubsets undoes the quoting of some of at most as many lines.
func (x *suspect) fromSubsets(most int) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, way := range x.fromWays() {
			if len(way.splices) > most {
				continue
			}
			for c := range spliceSets(way.change, way.sentence, way.splices, false) {
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

// maxUsualFrom is how many lines may be quoted so that some of them are among the usual forms.
const maxUsualFrom = 4

// fromLines is for mailboxes in mbox format (RFC 4155).
//
// RFC 2049, Section 3: lines that begin with "From " are commonly corrupted.
func fromLines(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, way := range x.fromWays() {
			if !offer(way, yield) {
				return
			}
		}
		for c := range x.fromSubsets(maxUsualFrom) {
			if !yield(c) {
				return
			}
		}
	}
}

// someFromLines is for content of which some lines were quoted before.
func someFromLines(x *suspect) iter.Seq[candidate] { return x.fromSubsets(maxFromLines) }
