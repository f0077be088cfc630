package undo

import (
	"bytes"
	"hash"
	"slices"
)

// What happens to lines, whatever they mean.

var (
	crlfBytes = []byte("\r\n")
	lfBytes   = []byte("\n")
)

func undoLineEnds(x *suspect) bool {
	unix := bytes.ReplaceAll(x.text, crlfBytes, lfBytes)
	return x.is(ChangeLineEnds, "The content was signed with line ends of LF, which were made CR LF on the way.", unix) ||
		x.is(ChangeLineEnds, "The content was signed with line ends of CR LF, of which some lost their CR.", bytes.ReplaceAll(unix, lfBytes, crlfBytes))
}

func undoFinalLine(x *suspect) bool {
	const removed, added = "Line ends at the end of the content were removed.", "Line ends at the end of the content were added."
	more, less := x.text, x.text
	for range 5 {
		more = append(slices.Clip(more), crlfBytes...)
		if x.is(ChangeFinalLine, removed, more) {
			return true
		}
		var ok bool
		if less, ok = bytes.CutSuffix(less, crlfBytes); ok && x.is(ChangeFinalLine, added, less) {
			return true
		}
	}
	return false
}

const fromSentence = `A ">" was put before a line that begins with "From ", as mailboxes in mbox form do.`

func unquoteFrom(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("\n>From "), []byte("\nFrom "))
}

// undoFrom knows what a mailbox in mbox form does (RFC 4155).
func undoFrom(x *suspect) bool {
	quoted := []byte("\n>From ")
	if !bytes.Contains(x.text, quoted) {
		return false
	}
	if x.is(ChangeFrom, fromSentence, unquoteFrom(x.text)) {
		return true
	}
	// Some lines may have had it before.
	at := 0
	for range maxSingles {
		i := bytes.Index(x.text[at:], quoted)
		if i < 0 {
			return false
		}
		if at += i + 1; x.is(ChangeFrom, fromSentence, x.text[:at], x.text[at+1:]) {
			return true
		}
	}
	return false
}

const longLineSentence = "A line end and a space were put into a line that is too long for SMTP."

// undoLongLines takes out what is put into lines that are too long for SMTP (RFC 5321, Section
// 4.5.3.1.6).
func undoLongLines(x *suspect) bool {
	for _, limit := range []int{998, 990, 997, 996, 1000, 2048} {
		if joined := joinLines(x.text, limit); len(joined) < len(x.text) && x.is(ChangeLongLine, longLineSentence, joined) {
			return true
		}
	}
	return false
}

// joinLines joins lines of exactly limit octets with the ones behind them that begin with a space.
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

func undoTrailing(x *suspect) bool {
	dashes := restoreDashes(x.text)
	return x.is(ChangeTrailing, trailingAdded, stripTrailing(x.text)) ||
		x.is(ChangeTrailing, trailingRemoved, dashes) ||
		x.is(ChangeTrailing, trailingRemoved, reflow(x.text)) || x.is(ChangeTrailing, trailingRemoved, reflow(dashes))
}

// restoreDashes puts the space back into the line before a signature block.
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

// reflow puts the space back that format=flowed has at the end of the lines of a paragraph (RFC
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

// undoOneBlank puts a space or a tab back at the end of one line.
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
			if x.fits(try, ChangeTrailing, "White space at the end of a line was removed.") {
				x.original = slices.Concat(x.text[:at+i], []byte(blank), x.text[at+i:])
				return true
			}
		}
		h.Write(crlfBytes)
		at += i + 2
	}
}
