package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Reply is an SMTP reply (RFC 5321, Section 4.2). Lines hold the text after the code, with the
// enhanced status code where there is one.
type Reply struct {
	Code  int
	Lines []string
}

// Limits of a reply from the next hop.
const (
	maxReplyLines = 128
	maxReplyLine  = 512 // RFC 5321, Section 4.5.3.1.5
)

// NewReply makes a reply of one line. enhanced may be empty (greeting, EHLO, 354: RFC 2034, Section
// 4).
func NewReply(code int, enhanced, text string) Reply {
	if enhanced != "" {
		text = enhanced + " " + text
	}
	return Reply{Code: code, Lines: []string{text}}
}

// OK reports a reply of 2xx.
func (r Reply) OK() bool { return r.Code >= 200 && r.Code < 300 }

// Temporary reports a reply of 4xx.
func (r Reply) Temporary() bool { return r.Code >= 400 && r.Code < 500 }

// Closes reports whether the server closes the connection after this reply (RFC 5321, Section 3.8).
func (r Reply) Closes() bool { return r.Code == 421 }

// String is the reply as one line, for logs.
func (r Reply) String() string { return strconv.Itoa(r.Code) + " " + strings.Join(r.Lines, " ") }

// Append writes the reply in wire form (RFC 5321, Section 4.2.1).
func (r Reply) Append(b []byte) []byte {
	lines := r.Lines
	if len(lines) == 0 {
		lines = []string{""}
	}
	for i, l := range lines {
		sep := byte('-')
		if i == len(lines)-1 {
			sep = ' '
		}
		b = strconv.AppendInt(b, int64(r.Code), 10)
		b = append(append(append(b, sep), l...), '\r', '\n')
	}
	return b
}

// Forward is a next hop's reply as the client gets it: printable, and with an
// enhanced status code in every line, because we offered them (RFC 2034, Section 4).
func (r Reply) Forward() Reply {
	out := Reply{Code: r.Code}
	for _, l := range r.Lines {
		l = Printable(l)
		if !startsEnhanced(l) {
			l = fmt.Sprintf("%d.0.0 %s", r.Code/100, l)
		}
		out.Lines = append(out.Lines, l)
	}
	if len(out.Lines) == 0 {
		out.Lines = []string{fmt.Sprintf("%d.0.0", r.Code/100)}
	}
	return out
}

// startsEnhanced reports whether text begins with a status code of RFC 3463, Section 2.
func startsEnhanced(text string) bool {
	word, _, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	// RFC 3463, Section 2: class "." subject "." detail, the last two of up to three digits.
	if len(parts) != 3 || len(parts[0]) != 1 {
		return false
	}
	for _, p := range parts {
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 999 {
			return false
		}
	}
	return true
}

// Printable reduces s to printable ASCII, one line.
func Printable(s string) string {
	if len(s) > maxReplyLine {
		s = s[:maxReplyLine]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// ReadReply reads one reply, within the limits set last. Errors: those of [Input.Line], and text
// that is no reply or too long for one.
func (in *Input) ReadReply() (Reply, error) {
	var r Reply
	for {
		l, err := in.Line(2 * maxReplyLine)
		if err != nil && !errors.Is(err, ErrBareLine) {
			return Reply{}, err
		}
		code, text, last, ok := ParseReplyLine(string(l))
		if !ok || err != nil || (r.Code != 0 && code != r.Code) || len(r.Lines) >= maxReplyLines {
			return Reply{}, fmt.Errorf("sends no SMTP reply: %q", Printable(string(l)))
		}
		r.Code = code
		r.Lines = append(r.Lines, text)
		if last {
			return r, nil
		}
	}
}

// ParseReplyLine reads one line of a reply (RFC 5321, Section 4.2).
func ParseReplyLine(l string) (code int, text string, last, ok bool) {
	// RFC 5321, Section 4.2.1: the first digit is 2 to 5.
	if len(l) < 3 || l[0] < '2' || l[0] > '5' || l[1] < '0' || l[1] > '9' || l[2] < '0' || l[2] > '9' {
		return 0, "", false, false
	}
	code = int(l[0]-'0')*100 + int(l[1]-'0')*10 + int(l[2]-'0')
	// RFC 5321, Section 4.2: a reply may be the bare code.
	if len(l) == 3 {
		return code, "", true, true
	}
	// RFC 5321, Section 4.2.1: a hyphen after the code means that more lines follow.
	if l[3] != ' ' && l[3] != '-' {
		return 0, "", false, false
	}
	return code, l[4:], l[3] == ' ', true
}

// IsASCII reports whether s has no byte of 0x80 or more.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
