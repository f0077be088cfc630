package undo

import (
	"bytes"
	"iter"
)

const trailingRemoved, trailingAdded = "White space at the end of lines was removed.", "White space at the end of lines was added."

// trailingSpace removes and adds white space at the ends of lines.
//
// RFC 2045, Section 6.7, rule 3: some systems pad lines, others remove white space from their ends.
func trailingSpace(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		x.budget.copied(8 * len(x.text))
		for c := range x.wholes(ChangeTrailing, trailingAdded, stripTrailing(x.text)) {
			if !yield(c) {
				return
			}
		}
		dashes := restoreDashes(x.text)
		for c := range x.wholes(ChangeTrailing, trailingRemoved, dashes, reflow(x.text), reflow(dashes)) {
			if !yield(c) {
				return
			}
		}
	}
}

// restoreDashes restores the space in the line before a signature block (RFC 3676, Section 4.3).
func restoreDashes(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("\r\n--\r\n"), []byte("\r\n-- \r\n"))
}

func stripTrailing(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for l := range bytes.SplitAfterSeq(text, lfBytes) {
		if body, ok := bytes.CutSuffix(l, crlfBytes); ok {
			out = append(append(out, bytes.TrimRight(body, " \t")...), crlfBytes...)
		} else {
			out = append(out, l...)
		}
	}
	return out
}

// reflow restores the space that format=flowed has at the end of the lines of a paragraph (RFC
// 3676, Section 4.2).
func reflow(text []byte) []byte {
	head, body, ok := bytes.Cut(text, []byte("\r\n\r\n"))
	if !ok {
		return text
	}
	out := append(append(make([]byte, 0, len(text)+len(text)/40), head...), "\r\n\r\n"...)
	for len(body) > 0 {
		l, next, ended := bytes.Cut(body, crlfBytes)
		out = append(out, l...)
		if !ended {
			break
		}
		if len(l) > 40 && len(next) > 0 && !bytes.HasPrefix(next, crlfBytes) && !bytes.HasPrefix(next, []byte("--")) {
			out = append(out, ' ')
		}
		out = append(out, crlfBytes...)
		body = next
	}
	return out
}

// oneBlank restores a space or a tab at the end of one line (RFC 2049, Section 3).
func oneBlank(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for at := 0; ; {
			i := bytes.Index(x.text[at:], crlfBytes)
			if i < 0 {
				return
			}
			end := int64(at + i)
			for _, blank := range []string{" ", "\t"} {
				if !yield(candidate{change: ChangeTrailing, sentence: "White space at the end of a line was removed.", splices: []splice{{end, end, []byte(blank)}}}) {
					return
				}
			}
			at += i + 2
		}
	}
}
