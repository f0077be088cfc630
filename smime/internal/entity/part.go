package entity

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"dnseal/smime/message"
)

// Part is one entity of a message (RFC 2045, Section 2.4) as ranges of its bytes.
type Part struct {
	Fields []message.Field
	Type   MediaType
	CTE    string // Content-Transfer-Encoding in lower case, "" for none
	// Malformed is set when readers may disagree on what kind of part this is.
	Malformed string
	// Start is where the header begins, Body where the body does, End where the part ends: for a
	// part of a multipart before the line end that belongs to the boundary (RFC 2046, Section
	// 5.1.1). End can be less than Body when both are empty.
	Start, Body, End int64
	// Number is the IMAP part number (RFC 3501, Section 6.4.5) of a part that is no multipart, or
	// of one inside a multipart.
	Number   string
	Parent   *Part
	Kids     []*Part
	Embedded bool // the only kid of a message/rfc822 part: a message of its own

	// For a multipart: where the first delimiter line begins and where the closing one ends; -1
	// when missing.
	First, Closed int64
	Delimiter     []byte // "--" and the boundary

	// What the scan found in the header, in the body without the parts in it, and on the delimiter
	// lines (this always; the others only when Walk measures). High is the number of octets above
	// 127 in a body.
	Header, Content, Frame Hazard
	High                   int64
	// Repeated is set when a part inside has the same delimiter (RFC 2046, Section 5.1.1 forbids
	// that): some look for the outer one first.
	Repeated bool
	// Longer is how many delimiter lines of parts inside begin with this delimiter: others than
	// this one to most readers.
	Longer int
	// Preamble and Epilogue are what stands before and after the parts.
	Preamble, Epilogue OutsideText
	// Unended is set when no line end of the multipart's own follows its closing delimiter.
	Unended bool
	// Headless is set when no empty line of the part's own ends its header.
	Headless bool
	// Shared is set when one line end served as those of the delimiters before and after the part.
	Shared bool
}

// SignedRange is the range of the part with its header (RFC 1847, Section 2.1).
func (p *Part) SignedRange() (off, n int64) { return p.Start, max(0, p.End-p.Start) }

// BodySize is the size of the body in bytes.
func (p *Part) BodySize() int64 { return max(0, p.End-p.Body) }

// Leaf reports whether the part has a body of its own rather than parts.
func (p *Part) Leaf() bool { return p.Delimiter == nil && len(p.Kids) == 0 }

// Describe fills in what the header says about the part.
func (p *Part) Describe() {
	ct, n := Field(p.Fields, "Content-Type")
	if n > 1 {
		p.Malformed = "two Content-Type fields"
	}
	if n > 0 {
		p.Type = ParseMediaType(ct)
		if p.Type.Ambiguous && p.Malformed == "" {
			p.Malformed = "a Content-Type field that can be read in more than one way"
		}
	} else if p.Parent != nil && !p.Embedded && p.Parent.Type.Name == "multipart/digest" {
		p.Type.Name = "message/rfc822" // RFC 2046, Section 5.1.5
	}
	cte, n := Field(p.Fields, "Content-Transfer-Encoding")
	if n > 1 && p.Malformed == "" {
		p.Malformed = TwoEncodings
	}
	// RFC 2045, Section 6.1: one word, whose case does not matter.
	if i := strings.IndexAny(cte, " \t(;"); i >= 0 {
		cte = cte[:i]
	}
	p.CTE = strings.ToLower(cte)
	if p.CTE == "8bit" || p.CTE == "binary" {
		p.Content |= Has8bitLabel
	}
	p.First, p.Closed = -1, -1
	// RFC 2046, Section 5.1.1: a boundary does not end in white space.
	if b := strings.TrimRight(p.Type.Get("boundary"), " \t"); p.Type.Multipart() && b != "" && len(b) <= maxBoundary {
		p.Delimiter = []byte("--" + b)
	}
}

// TwoEncodings is why a part with two such fields is malformed.
const TwoEncodings = "two Content-Transfer-Encoding fields"

// maxBoundary is more than the 70 characters of RFC 2046, Section 5.1.1.
const maxBoundary = 200

// HoldsMessage reports whether the body is a message to be walked into: of RFC 2046, Section 5.2.1,
// or RFC 6532, Section 3.7, which alone may be encoded.
func (p *Part) HoldsMessage() bool {
	return p.Type.Is("message/rfc822", "message/global") && p.CTE != "base64" && p.CTE != "quoted-printable"
}

// assignNumbers gives all parts of the message or entity root their IMAP numbers; prefix is the
// number of the part that holds it, or "".
func assignNumbers(root *Part, prefix string) {
	if root.Delimiter == nil {
		root.Number = ChildNumber(prefix, 1)
	} else {
		root.Number = prefix
	}
	assignBelow(root)
}

func assignBelow(p *Part) {
	for i, k := range p.Kids {
		if k.Embedded {
			assignNumbers(k, p.Number)
			continue
		}
		k.Number = ChildNumber(p.Number, i+1)
		assignBelow(k)
	}
}

// ChildNumber is the number of the n-th part of what has the number parent.
func ChildNumber(parent string, n int) string {
	if parent == "" {
		return strconv.Itoa(n)
	}
	return parent + "." + strconv.Itoa(n)
}

// Subject is the name of a part in a report.
func (p *Part) Subject() string {
	if p.Number == "" {
		return "message"
	}
	return "part " + p.Number
}

// IdentityEncoding says that the body stands as it is (RFC 2045, Section 6.2).
func IdentityEncoding(cte string) bool {
	return cte == "" || cte == "7bit" || cte == "8bit" || cte == "binary"
}

// IsText reports whether a part is text; RFC 2045, Section 5.2: without a type it is.
func IsText(p *Part) bool { return p.Type.Name == "" || strings.HasPrefix(p.Type.Name, "text/") }

// Quoted shortens a stranger's word for a reason.
func Quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Sprintf("%+q", strings.ToValidUTF8(s, "?"))
}

// Delimits reports whether line is a delimiter line of p (RFC 2046, Section 5.1.1).
func (p *Part) Delimits(line []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimRight(line, " \t"), p.Delimiter)
	return ok && (len(rest) == 0 || string(rest) == "--")
}
