package undo

import (
	"bytes"
	"iter"
)

var (
	crlfBytes = []byte("\r\n")
	lfBytes   = []byte("\n")
	crCRLF    = []byte("\r\r\n")
)

const (
	addedCRSentence  = "A CR was added to line ends (CR CR LF), as programs do that convert line ends twice or write mail to text files on Windows."
	lostCRSentence   = "The content was signed with CRLF line breaks, some of which lost their CR in transit."
	signedLFSentence = "The content was signed with LF line breaks, which were changed to CRLF in transit."
	bareCRSentence   = "The content was signed with CRLF line breaks, some of which lost their LF in transit."
	doubledSentence  = "Line ends were doubled: an empty line was put after every line."
	signedCRSentence = "The content was signed with CR CR LF line breaks, whose second CR was removed in transit."
)

// addedCRs restores CRLF where a CR was added or lost.
//
// RFC 2049, Section 3: many systems store text with line breaks of their own. RFC 8551, Section
// 3.1.1, requires CRLF before signing.
func addedCRs(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		unix := bytes.ReplaceAll(x.text, crlfBytes, lfBytes)
		x.budget.copied(len(x.text))
		for c := range x.wholes(ChangeLineEnds, addedCRSentence, withoutExtraCRs(x.text)) {
			if !yield(c) {
				return
			}
		}
		for c := range x.wholes(ChangeLineEnds, lostCRSentence, bytes.ReplaceAll(unix, lfBytes, crlfBytes)) {
			if !yield(c) {
				return
			}
		}
	}
}

// withoutExtraCRs leaves one CR of several before an LF.
func withoutExtraCRs(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for l := range bytes.SplitAfterSeq(text, lfBytes) {
		if bytes.HasSuffix(l, crCRLF) {
			out, l = append(out, bytes.TrimRight(l, "\r\n")...), crlfBytes
		}
		out = append(out, l...)
	}
	return out
}

// otherLineEnds undoes what old and faulty programs do.
func otherLineEnds(x *suspect) iter.Seq[candidate] {
	x.budget.copied(4 * len(x.text))
	return func(yield func(candidate) bool) {
		for _, w := range []struct{ old, with, sentence string }{
			{"\r\n\r\n", "\r\n", doubledSentence},
			{"\r\n", "\r\r\n", signedCRSentence},
		} {
			for c := range x.wholes(ChangeLineEnds, w.sentence, bytes.ReplaceAll(x.text, []byte(w.old), []byte(w.with))) {
				if !yield(c) {
					return
				}
			}
		}
		lf := bytes.ReplaceAll(bytes.ReplaceAll(x.text, crlfBytes, lfBytes), []byte("\r"), lfBytes)
		for c := range x.wholes(ChangeLineEnds, bareCRSentence, bytes.ReplaceAll(lf, lfBytes, crlfBytes)) {
			if !yield(c) {
				return
			}
		}
	}
}

// signedLF is for senders that signed the line ends of their own system.
func signedLF(x *suspect) iter.Seq[candidate] {
	x.budget.copied(len(x.text))
	return x.wholes(ChangeLineEnds, signedLFSentence, bytes.ReplaceAll(x.text, crlfBytes, lfBytes))
}

const finalRemoved, finalAdded = "Line breaks at the end of the content were removed.", "Line breaks at the end of the content were added."

// finalLines removes and adds an empty line at the end. RFC 6376, Section 3.4.3: DKIM ignores them
// there.
func finalLines(x *suspect) iter.Seq[candidate] { return x.finalLineEnds(1, 2) }

func moreFinalLines(x *suspect) iter.Seq[candidate] { return x.finalLineEnds(3, 8) }

func (x *suspect) finalLineEnds(from, to int) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		end := int64(len(x.text))
		for n := from; n <= to; n++ {
			line := bytes.Repeat(crlfBytes, n)
			if bytes.HasSuffix(x.text, line) && !yield(candidate{change: ChangeFinalLine, sentence: finalAdded, splices: []splice{{end - int64(len(line)), end, nil}}}) {
				return
			}
			if !yield(candidate{change: ChangeFinalLine, sentence: finalRemoved, splices: []splice{{end, end, line}}}) {
				return
			}
		}
	}
}
