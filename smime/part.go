package smime

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"dnseal/smime/message"
)

// part is one entity of a message (RFC 2045, 2.4) as ranges of its bytes.
type part struct {
	fields []message.Field
	typ    mediaType
	cte    string // Content-Transfer-Encoding in lower case, "" for none
	// malformed is set when readers may disagree on what kind of part this is.
	malformed string
	// start is where the header begins, body where the body does, end where the part ends: for a
	// part of a multipart before the line end that belongs to the boundary (RFC 2046, 5.1.1). end
	// can be less than body when both are empty.
	start, body, end int64
	// number is the IMAP part number (RFC 3501, 6.4.5) of a part that is no multipart, or of one
	// inside a multipart.
	number   string
	parent   *part
	kids     []*part
	embedded bool // the only kid of a message/rfc822 part: a message of its own

	// For a multipart: where the first delimiter line begins and where the closing one ends; -1
	// when missing.
	first, closed int64
	delimiter     []byte // "--" and the boundary

	// What the scan found in the header, in the body without the parts in it, and on the delimiter
	// lines (this always; the others only when walk measures). high is the number of octets above
	// 127 in a body.
	header, content, frame hazard
	high                   int64
	// repeated is set when a part inside has the same delimiter (RFC 2046, Section 5.1.1 forbids
	// that): some look for the outer one first.
	repeated bool
	// longer is how many delimiter lines of parts inside begin with this delimiter: others than
	// this one to most readers.
	longer int
	// preamble and epilogue are what stands before and after the parts.
	preamble, epilogue besideText
	// unended is set when no line end of the multipart's own follows its closing delimiter.
	unended bool
}

func (p *part) signedRange() (off, n int64) { return p.start, max(0, p.end-p.start) }

func (p *part) bodySize() int64 { return max(0, p.end-p.body) }

// leaf reports whether the part has a body of its own rather than parts.
func (p *part) leaf() bool { return p.delimiter == nil && len(p.kids) == 0 }

// describe fills in what the header says about the part.
func (p *part) describe() {
	ct, n := field(p.fields, "Content-Type")
	if n > 1 {
		p.malformed = "two Content-Type fields"
	}
	if n > 0 {
		p.typ = parseMediaType(ct)
		if p.typ.ambiguous && p.malformed == "" {
			p.malformed = "a Content-Type field that can be read in more than one way"
		}
	} else if p.parent != nil && !p.embedded && p.parent.typ.name == "multipart/digest" {
		p.typ.name = "message/rfc822" // RFC 2046, 5.1.5
	}
	cte, n := field(p.fields, "Content-Transfer-Encoding")
	if n > 1 && p.malformed == "" {
		p.malformed = twoEncodings
	}
	if i := strings.IndexAny(cte, " \t(;"); i >= 0 {
		cte = cte[:i]
	}
	p.cte = strings.ToLower(cte)
	if p.cte == "8bit" || p.cte == "binary" {
		p.content |= has8bitLabel
	}
	p.first, p.closed = -1, -1
	if b := strings.TrimRight(p.typ.get("boundary"), " \t"); p.typ.multipart() && b != "" && len(b) <= maxBoundary {
		p.delimiter = []byte("--" + b)
	}
}

const twoEncodings = "two Content-Transfer-Encoding fields"

// maxBoundary is more than the 70 characters of RFC 2046, 5.1.1.
const maxBoundary = 200

// holdsMessage reports whether the body is a message to be walked into.
func (p *part) holdsMessage() bool {
	return p.typ.is("message/rfc822", "message/global") && p.cte != "base64" && p.cte != "quoted-printable"
}

// assignNumbers gives all parts of the message or entity root their IMAP numbers; prefix is the
// number of the part that holds it, or "".
func assignNumbers(root *part, prefix string) {
	if root.delimiter == nil {
		root.number = childNumber(prefix, 1)
	} else {
		root.number = prefix
	}
	assignBelow(root)
}

func assignBelow(p *part) {
	for i, k := range p.kids {
		if k.embedded {
			assignNumbers(k, p.number)
			continue
		}
		k.number = childNumber(p.number, i+1)
		assignBelow(k)
	}
}

// childNumber is the number of the n-th part of what has the number parent.
func childNumber(parent string, n int) string {
	if parent == "" {
		return strconv.Itoa(n)
	}
	return parent + "." + strconv.Itoa(n)
}

// subject is how a part is called in a report.
func (p *part) subject() string {
	if p.number == "" {
		return "message"
	}
	return "part " + p.number
}

// identityEncoding says that the body stands as it is (RFC 2045, Section 6.2).
func identityEncoding(cte string) bool {
	return cte == "" || cte == "7bit" || cte == "8bit" || cte == "binary"
}

func isText(p *part) bool { return p.typ.name == "" || strings.HasPrefix(p.typ.name, "text/") }

// quoted shortens a stranger's word for a reason.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Sprintf("%+q", strings.ToValidUTF8(s, "?"))
}

func (p *part) delimits(line []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimRight(line, " \t"), p.delimiter)
	return ok && (len(rest) == 0 || string(rest) == "--")
}
