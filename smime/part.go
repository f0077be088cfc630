package smime

import (
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
	// start is where the header begins, body where the body does, end where the part ends: for a part of a multipart
	// before the line end that belongs to the boundary (RFC 2046, 5.1.1). end can be less than body when both are empty.
	start, body, end int64
	// number is the IMAP part number (RFC 3501, 6.4.5) of a part that is no multipart, or of one inside a multipart.
	number   string
	parent   *part
	kids     []*part
	embedded bool // the only kid of a message/rfc822 part: a message of its own

	// For a multipart: where the first delimiter line begins and where the closing one ends; -1 when missing.
	first, closed int64
	delimiter     []byte // "--" and the boundary

	// What the scan found in the header and in the body of a leaf, with the number of octets above 127.
	header, content hazard
	high            int64
	// preamble and epilogue say whether something other than empty lines stands there.
	preamble, epilogue bool
}

func (p *part) signedRange() (off, n int64) { return p.start, max(0, p.end-p.start) }

func (p *part) bodySize() int64 { return max(0, p.end-p.body) }

// leaf reports whether the part has a body of its own rather than parts.
func (p *part) leaf() bool { return p.delimiter == nil && len(p.kids) == 0 }

// root is the entity the part's message begins with, and top whether p is it.
func (p *part) top() bool { return p.parent == nil || p.embedded }

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
		p.malformed = "two Content-Transfer-Encoding fields"
	}
	if i := strings.IndexAny(cte, " \t(;"); i >= 0 {
		cte = cte[:i]
	}
	p.cte = strings.ToLower(cte)
	if p.cte == "8bit" || p.cte == "binary" {
		p.content |= has8bitLabel
	}
	p.first, p.closed = -1, -1
	if b := p.typ.get("boundary"); p.typ.multipart() && b != "" && len(b) <= maxBoundary {
		p.delimiter = []byte("--" + strings.TrimRight(b, " \t"))
	}
}

// maxBoundary is more than the 70 characters of RFC 2046, 5.1.1.
const maxBoundary = 200

// holdsMessage reports whether the body is a message to be walked into.
func (p *part) holdsMessage() bool {
	return p.typ.is("message/rfc822", "message/global") && p.cte != "base64" && p.cte != "quoted-printable"
}

// assignNumbers gives all parts below a message's root their IMAP numbers; prefix is the number of the part that holds the message, or "".
func assignNumbers(root *part, prefix string) {
	join := func(n int) string {
		if prefix == "" {
			return strconv.Itoa(n)
		}
		return prefix + "." + strconv.Itoa(n)
	}
	if root.delimiter == nil {
		root.number = join(1)
		assignBelow(root)
		return
	}
	root.number = prefix
	for i, k := range root.kids {
		k.number = join(i + 1)
		assignBelow(k)
	}
}

func assignBelow(p *part) {
	for i, k := range p.kids {
		if k.embedded {
			assignNumbers(k, p.number)
			continue
		}
		k.number = p.number + "." + strconv.Itoa(i+1)
		assignBelow(k)
	}
}

// subject is how a part is called in a report.
func (p *part) subject() string {
	if p.number == "" {
		return "message"
	}
	return "part " + p.number
}
