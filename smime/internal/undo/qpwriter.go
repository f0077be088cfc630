package undo

import (
	"bytes"
	"mime/quotedprintable"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
)

// qpGuards are characters that some programs escape although they need not be (RFC 2045, Section
// 6.7, rule 2, and RFC 2049, Section 3).
type qpGuards struct {
	from, dot bool // at the start of a line
	ebcdic    bool // what EBCDIC has in more than one place
	space     bool // white space before a soft line break, which goes to the next line
}

const ebcdicUnsafe = "!\"#$@[\\]^`{|}~"

// escapeQP escapes octets, without soft line breaks.
func escapeQP(octets []byte, guards qpGuards) []byte {
	out := make([]byte, 0, len(octets)+len(octets)/4)
	for i, c := range octets {
		switch {
		case c == '\r' && i+1 < len(octets) && octets[i+1] == '\n', c == '\n' && i > 0 && octets[i-1] == '\r':
			out = append(out, c)
		case c == '=', c < ' ' && c != '\t', c > '~', guards.ebcdic && bytes.IndexByte([]byte(ebcdicUnsafe), c) >= 0,
			(c == ' ' || c == '\t') && endsLine(octets[i+1:]):
			out = append(out, '=', entity.HexDigits[c>>4], entity.HexDigits[c&15])
		default:
			out = append(out, c)
		}
	}
	return out
}

func endsLine(rest []byte) bool { return len(rest) == 0 || bytes.HasPrefix(rest, crlfBytes) }

// breakSoft breaks lines after at most columns-1 characters, never inside an escape; lines of just
// columns characters only where full is set.
func breakSoft(b []byte, columns int, full bool, guards qpGuards) []byte {
	out := make([]byte, 0, len(b)+len(b)/16)
	longest := columns
	if full {
		longest--
	}
	for {
		l, rest, more := bytes.Cut(b, crlfBytes)
		for {
			lead := guards.lead(l)
			l = l[min(len(lead), 1):]
			out = append(out, lead...)
			if len(l) <= longest-len(lead) {
				break
			}
			n := guards.cut(l, columns-1-len(lead))
			out = append(append(out, l[:n]...), "=\r\n"...)
			l = l[n:]
		}
		out = append(out, l...)
		if !more {
			return out
		}
		out, b = append(out, crlfBytes...), rest
	}
}

// cut is where a line is broken that has room for n characters.
func (g qpGuards) cut(l []byte, n int) int {
	if j := bytes.LastIndexByte(l[:n], '='); j > n-3 && j > 0 {
		n = j
	}
	if g.space && (l[n-1] == ' ' || l[n-1] == '\t') {
		n--
	}
	return n
}

// lead is the escape for the first character of a line, or "".
func (g qpGuards) lead(l []byte) string {
	switch {
	case g.from && bytes.HasPrefix(l, fromWord):
		return "=46"
	case g.dot && len(l) > 0 && l[0] == '.':
		return "=2E"
	}
	return ""
}

// encodeStandardQP encodes b as package mime/quotedprintable does.
func encodeStandardQP(b []byte) []byte {
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	_, err := w.Write(b)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil // cannot happen with a buffer
	}
	return out.Bytes()
}

func encodeOwnQP(b []byte) []byte {
	var out bytes.Buffer
	q := transit.QPWriter{W: &out}
	for len(b) > 0 {
		l := entity.Line{First: true, Last: true}
		var found bool
		if l.Data, b, found = bytes.Cut(b, crlfBytes); found {
			l.Eol = 2
		}
		if q.Line(l) != nil {
			return nil
		}
	}
	if q.Close() != nil {
		return nil
	}
	return out.Bytes()
}

// canonicalLines makes all line breaks CRLF. RFC 2045, Section 6.8, requires that before base64
// encoding, but some encode LF.
func canonicalLines(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, crlfBytes, lfBytes), lfBytes, crlfBytes)
}
