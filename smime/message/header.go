package message

import (
	"bytes"
	"fmt"
	"strings"
)

// maxShown is as much of a header line as an error or a log line shows.
const maxShown = 60

// HeaderError says which line of a header no reader can be trusted with. It is an ErrMalformed.
type HeaderError struct {
	// Line is that line without its end, or the first octets of it.
	Line string
	// Octet is what may not be in it, a control octet where an entry point has not refused others.
	Octet byte
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("%v: octet 0x%02x in the line %+q", ErrMalformed, e.Octet, e.Line)
}

// Reply refuses the message for good, and names the line to those who sent it.
// RFC 3463, Section 3.7: X.6.0, a media error.
func (e *HeaderError) Reply() Reply {
	return Reply{Code: 554, Enhanced: "5.6.0", Text: fmt.Sprintf("Message header is malformed: octet 0x%02x in the line %+q", e.Octet, e.Line)}
}

// Unwrap returns ErrMalformed.
func (e *HeaderError) Unwrap() error { return ErrMalformed }

// shown is the beginning of a line without its end.
func shown(line []byte) string {
	line = chomp(line)
	return string(line[:min(len(line), maxShown)])
}

// chomp removes the line end, which the end of a file may have cut off.
func chomp(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// layout is where a header ends. stray is the beginning of the line that ended it in place of an
// empty one.
type layout struct {
	end, body int
	stray     string
}

// findEnd finds the end of the header at the start of b, which is the empty line, or the first line
// that is no header field: MTAs write the missing empty line before it. found is false when it
// stands after b; all says that nothing does. Errors: *HeaderError.
// RFC 5322, Section 2.1.
func findEnd(b []byte, all bool) (l layout, found bool, err error) {
	for i := 0; i < len(b); {
		n := bytes.IndexByte(b[i:], '\n') + 1
		if n == 0 && !all {
			return layout{}, false, nil
		}
		if n == 0 {
			n = len(b) - i
		}
		line := b[i : i+n]
		switch {
		case isEmptyLine(line):
			return layout{end: i, body: i + n}, true, nil
		case string(line) == "\r": // cut off in its empty line
			return layout{end: i, body: i}, true, nil
		}
		ok, err := isFieldLine(line, i == 0)
		if err != nil {
			return layout{}, false, err
		}
		if !ok {
			return layout{end: i, body: i, stray: shown(line)}, true, nil
		}
		i += n
	}
	return layout{end: len(b), body: len(b)}, all, nil
}

// isEmptyLine: RFC 5322, Section 2.1.
func isEmptyLine(line []byte) bool {
	return line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}

// isFieldLine reports whether a line belongs to a header: it begins a field, continues one, or is
// the line of a mailbox in mbox form (RFC 4155), which only the first can be.
//
// A control octet is never a reason to end the header there: readers differ on whether such a line
// is a field, and on where its name ends, so that whatever follows would be the header of some and
// the text of others. That is an error, and so is a NUL (RFC 5322, Sections 2.2 and 3.6.8).
func isFieldLine(line []byte, first bool) (bool, error) {
	colon := bytes.IndexByte(line, ':')
	begins := first || !isWSP(line[0])
	mailbox := first && IsMailboxLine(line)
	for i, c := range chomp(line) {
		inName := begins && !mailbox && (i < colon || colon < 0)
		if c == 0 || inName && isControl(c) && (c != '\t' || colon >= 0) {
			return false, &HeaderError{Line: shown(line), Octet: c}
		}
	}
	return !begins || mailbox || fieldColon(line) > 0, nil
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

// holdsControl reports whether the value of a field holds a control octet other than tabs and its
// line ends.
func holdsControl(value string) bool {
	value = strings.ReplaceAll(value, "\r\n", "\n")
	for i := range len(value) {
		folds := value[i] == '\n' && (i+1 == len(value) || isWSP(value[i+1]))
		if isControl(value[i]) && value[i] != '\t' && !folds {
			return true
		}
	}
	return false
}

// IsMailboxLine reports whether line, the first of a file, is the one before a message in mbox form
// (RFC 4155): it begins with "From ", quoted or not, and is no field of that name.
func IsMailboxLine(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) && fieldColon(line) == 0
}
