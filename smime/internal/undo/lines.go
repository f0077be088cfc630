package undo

import (
	"bytes"
	"hash"
	"slices"
)

// What happens to lines, whatever stands in them.

var (
	crlfBytes = []byte("\r\n")
	lfBytes   = []byte("\n")
)

// undoLineEnds exchanges LF and CRLF.
//
// RFC 2049, Section 3: many systems store text with line breaks of their own. RFC 8551, Section
// 3.1.1, asks for CRLF before signing.
func undoLineEnds(x *suspect) bool {
	unix := bytes.ReplaceAll(x.text, crlfBytes, lfBytes)
	return x.tryOriginal(ChangeLineEnds, "The content was signed with LF line breaks, which were changed to CRLF in transit.", unix) ||
		x.tryOriginal(ChangeLineEnds, "The content was signed with CRLF line breaks, some of which lost their CR in transit.", bytes.ReplaceAll(unix, lfBytes, crlfBytes))
}

// undoFinalLine removes and adds empty lines at the end. RFC 6376, Section 3.4.3: DKIM ignores them
// there.
func undoFinalLine(x *suspect) bool {
	const removed, added = "Line breaks at the end of the content were removed.", "Line breaks at the end of the content were added."
	more, less := x.text, x.text
	for range 5 {
		more = append(slices.Clip(more), crlfBytes...)
		if x.tryOriginal(ChangeFinalLine, removed, more) {
			return true
		}
		var ok bool
		if less, ok = bytes.CutSuffix(less, crlfBytes); ok && x.tryOriginal(ChangeFinalLine, added, less) {
			return true
		}
	}
	return false
}

const fromSentence = `A ">" was inserted before a line that begins with "From ", as mailboxes in mbox format do.`

func unquoteFrom(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("\n>From "), []byte("\nFrom "))
}

// undoFrom is for mailboxes in mbox format (RFC 4155).
//
// RFC 2049, Section 3: lines that begin with "From " are commonly corrupted.
func undoFrom(x *suspect) bool {
	quoted := []byte("\n>From ")
	if !bytes.Contains(x.text, quoted) {
		return false
	}
	if x.tryOriginal(ChangeFrom, fromSentence, unquoteFrom(x.text)) {
		return true
	}
	// Some lines may have had it before.
	at := 0
	for range maxSingles {
		i := bytes.Index(x.text[at:], quoted)
		if i < 0 {
			return false
		}
		if at += i + 1; x.tryOriginal(ChangeFrom, fromSentence, x.text[:at], x.text[at+1:]) {
			return true
		}
	}
	return false
}

const longLineSentence = "A line break and a space were inserted into a line that is too long for SMTP."

// undoLongLines removes what is inserted into lines that are too long for SMTP (RFC 5321, Section
// 4.5.3.1.6: 1,000 octets with the CRLF).
func undoLongLines(x *suspect) bool {
	for _, limit := range []int{998, 990, 997, 996, 1000, 2048} {
		if joined := joinLines(x.text, limit); len(joined) < len(x.text) && x.tryOriginal(ChangeLongLine, longLineSentence, joined) {
			return true
		}
	}
	return false
}

// joinLines joins lines of exactly limit octets with the lines after them that begin with a space.
func joinLines(text []byte, limit int) []byte {
	out := make([]byte, 0, len(text))
	length := 0
	for len(text) > 0 {
		i := bytes.Index(text, crlfBytes)
		if i < 0 {
			return append(out, text...)
		}
		out = append(out, text[:i]...)
		text = text[i+2:]
		if i+length == limit && len(text) > 0 && text[0] == ' ' {
			text, length = text[1:], 0
			continue
		}
		out = append(out, crlfBytes...)
		length = 0
	}
	return out
}

const trailingRemoved, trailingAdded = "White space at the end of lines was removed.", "White space at the end of lines was added."

// undoTrailing removes and adds white space at the ends of lines.
//
// RFC 2045, Section 6.7, rule 3: some systems pad lines, others remove white space from their ends.
func undoTrailing(x *suspect) bool {
	dashes := restoreDashes(x.text)
	return x.tryOriginal(ChangeTrailing, trailingAdded, stripTrailing(x.text)) ||
		x.tryOriginal(ChangeTrailing, trailingRemoved, dashes) ||
		x.tryOriginal(ChangeTrailing, trailingRemoved, reflow(x.text)) || x.tryOriginal(ChangeTrailing, trailingRemoved, reflow(dashes))
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
	lines := bytes.Split(body, crlfBytes)
	out := append(bytes.Clone(head), "\r\n\r\n"...)
	for i, l := range lines {
		out = append(out, l...)
		if i == len(lines)-1 {
			break
		}
		if next := lines[i+1]; len(l) > 40 && len(next) > 0 && !bytes.HasPrefix(next, []byte("--")) {
			out = append(out, ' ')
		}
		out = append(out, crlfBytes...)
	}
	return out
}

// undoOneBlank restores a space or a tab at the end of one line (RFC 2049, Section 3).
func undoOneBlank(x *suspect) bool {
	h, ok := x.hash.New().(hash.Cloner)
	if !ok {
		return false
	}
	for at := 0; ; {
		i := bytes.Index(x.text[at:], crlfBytes)
		if i < 0 || x.spent > maxWork {
			return false
		}
		h.Write(x.text[at : at+i])
		for _, blank := range []string{" ", "\t"} {
			try, err := h.Clone()
			if err != nil {
				return false
			}
			try.Write([]byte(blank))
			try.Write(x.text[at+i:])
			x.spent += int64(len(x.text) - at - i)
			if x.matches(try, ChangeTrailing, "White space at the end of a line was removed.") {
				x.original = slices.Concat(x.text[:at+i], []byte(blank), x.text[at+i:])
				return true
			}
		}
		h.Write(crlfBytes)
		at += i + 2
	}
}
