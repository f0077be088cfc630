package mailbox

import (
	"bytes"
	"strings"

	"dnseal/smime/message"
)

// maxSeparator is the longest separator: longer lines are text. maxFollowing is how much after it
// is looked at.
const (
	maxSeparator = 1 << 10
	maxFollowing = 1 << 10
)

// writer is how the program that wrote an mbox writes separators, as its first one shows.
type writer struct {
	git   bool   // patches, as "git format-patch" writes them
	bare  bool   // Thunderbird, which also writes separators without a date
	shape string // of a first line that is in no known form; "" where it is
}

// writerOf reads the first line of an mbox.
func writerOf(line []byte) writer {
	s := parseSeparator(line)
	switch {
	case s.git:
		return writer{git: true}
	case s.dated, s.bare:
		return writer{bare: s.bare || s.hyphen}
	}
	return writer{shape: shapeOf(line)}
}

// begins reports whether the line is a separator that begins a message. RFC 4155, Appendix A: it
// has the address of the sender and a date. ended says that the file ends with rest.
func (w writer) begins(line, rest []byte, afterEmpty, ended bool) bool {
	s := parseSeparator(line)
	switch {
	case s.git:
		return w.git && fieldFollows(rest, ended)
	case s.dated:
		return (s.sender || afterEmpty) && fieldFollows(rest, ended)
	case s.bare:
		return w.bare && afterEmpty && (mailFollows(rest) || ended && fieldFollows(rest, ended))
	}
	return afterEmpty && w.shape != "" && shapeOf(line) == w.shape && fieldFollows(rest, ended)
}

// separator is a line that begins with "From ", taken apart.
type separator struct {
	dated  bool // a date ends it, and nothing stands before that but a sender
	sender bool
	bare   bool // nothing follows "From ", or a hyphen
	hyphen bool // the sender is one
	git    bool // a commit and the date that "git format-patch" writes
}

// maxWords is how many words a separator has at most.
const maxWords = 16

func parseSeparator(line []byte) separator {
	var words [maxWords]string
	n := 0
	for w := range strings.FieldsSeq(string(line[min(len(fromLine), len(line)):])) {
		if n == maxWords {
			return separator{}
		}
		words[n] = w
		n++
	}
	if n == 0 || n == 1 && words[0] == "-" {
		return separator{bare: true}
	}
	for i := range n {
		if asctime, ok := isDate(words[i:n]); ok {
			sender := words[:i]
			s := separator{dated: isSender(sender, asctime), sender: i > 0, hyphen: i == 1 && sender[0] == "-"}
			s.git = s.dated && i == 1 && isCommit(sender[0]) && strings.Join(words[i:n], " ") == "Mon Sep 17 00:00:00 2001"
			return s
		}
	}
	return separator{}
}

// isSender reports whether the words are one sender: an address, a name of this machine before a
// date in the form that RFC 4155 has, or nothing.
func isSender(words []string, asctime bool) bool {
	switch n := len(words); {
	case n == 0:
		return asctime
	case n == 1:
		return asctime || strings.Contains(words[0], "@")
	case n == 3 && strings.EqualFold(words[1], "at"): // archives of Mailman
		return true
	case strings.HasPrefix(words[0], `"`):
		return strings.Contains(words[n-1], `"@`)
	default:
		return n <= 6 && strings.HasPrefix(words[n-1], "<") && strings.Contains(words[n-1], "@") && strings.HasSuffix(words[n-1], ">")
	}
}

func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// fieldFollows reports whether text begins with a header field, after lines ">From " that some
// systems write there. ended says that the file ends with text: then the beginning of a field is
// enough.
func fieldFollows(text []byte, ended bool) bool {
	for range 4 {
		if !bytes.HasPrefix(text, []byte(">"+fromLine)) {
			break
		}
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	for i, c := range text {
		switch {
		case c == ':':
			return i > 0
		case c == ' ' || c == '\t': // RFC 5322, Section 4.5: obsolete white space before the colon
			rest := bytes.TrimLeft(text[i:], " \t")
			return i > 0 && (bytes.HasPrefix(rest, []byte(":")) || ended && len(rest) == 0)
		case c <= ' ' || c >= 0x7f:
			return false
		}
	}
	return ended
}

// mailFollows reports whether text begins with the header of a mail message, for a separator that
// says nothing of itself.
func mailFollows(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		switch {
		case usual(message.Field{Raw: line}), bytes.HasPrefix(line, []byte("X-Mozilla-")):
			return true
		case len(line) == 0 || line[0] != ' ' && line[0] != '\t' && !fieldFollows(line, false):
			return false
		}
	}
	return false
}

// shapeOf is what two lines of one unknown writer have in common: of each word whether it is an
// address, a time, a number or another.
func shapeOf(line []byte) string {
	var out []byte
	for w := range bytes.FieldsSeq(line[min(len(fromLine), len(line)):]) {
		kind := byte('w')
		switch {
		case len(out) == maxWords:
			return ""
		case bytes.IndexByte(w, '@') >= 0:
			kind = '@'
		case bytes.IndexByte(w, ':') >= 0:
			kind = ':'
		case w[0] >= '0' && w[0] <= '9':
			kind = '0'
		}
		out = append(out, kind)
	}
	return string(out)
}
