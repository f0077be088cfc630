package smime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"dnseal/smime/message"
)

// todo is how the body of a part becomes transit-proof.
type todo uint8

const (
	keep         todo = iota // byte for byte
	encodeQP                 // text
	encodeBase64             // octets as they are
	encodeText               // text whose line ends become CRLF, as base64
	repairQP                 // what is quoted-printable, with its lines made safe
	rewrapBase64             // what is base64, in lines of 76 columns
	// a multipart with its delimiter lines written again, without the usual preamble
	reframe
	descend // a message, or a multipart, whose parts change
)

// step is what is done to one part; the zero value keeps it byte for byte.
type step struct {
	todo      todo
	newHeader bool
}

// Plan holds the parts of a message that change, and how.
type Plan map[*part]step

// planner decides for every part of a message what has to be done to make it transit-proof (RFC
// 8551, Section 3.1.3): 7-bit, short lines, nothing that mail systems are known to change. A part
// that is so already stays byte for byte.
type planner struct {
	ctx   context.Context
	src   io.ReaderAt
	err   error // of reading src
	steps Plan
	// blocked says why not everything can be done; nil when it can.
	blocked *ContentError
	// unprotected are the header fields that could not be given a copy in the signed content.
	unprotected []string
}

// plan adds the steps for p and the parts in it, and reports whether anything changes. frozen parts
// belong to a signature of somebody else.
func (pl *planner) plan(p *part, frozen bool) bool {
	if frozen {
		pl.frozen(p)
		return false
	}
	if p.typ.is("multipart/signed", "multipart/encrypted") {
		pl.frozen(p)
		return false
	}
	if doubt := doubtOf(p); doubt != "" {
		if p.hazards() != 0 {
			pl.block(p, "%s", doubt)
		}
		return false
	}
	s := step{newHeader: pl.header(p)}
	switch {
	case p.leaf():
		s.todo = pl.leaf(p)
	case p.holdsMessage():
		if pl.plan(p.kids[0], carriesSignature(p.kids[0])) || p.content&has8bitLabel != 0 {
			s.todo = descend
		}
	default:
		s.todo = pl.multipart(p)
	}
	if s == (step{}) {
		return false
	}
	pl.steps[p] = s
	return true
}

// doubtOf says why readers do not agree on what a part inside is, or where its body begins, or "".
// Nothing in it may be encoded: those who take it for a text would be shown what only others
// decode.
func doubtOf(p *part) string {
	switch {
	case p.parent == nil || p.malformed != "":
		return p.malformed
	case slices.ContainsFunc(p.fields, func(f message.Field) bool { return f.Name() == "" }):
		return "header: " + errNoField.Error()
	}
	return ""
}

// frozen reports what breaks a signature on the way in parts that nobody may touch.
func (pl *planner) frozen(p *part) {
	if found := (p.header | p.content | p.frame) & breaking; found != 0 {
		pl.block(p, "%s, which a signature or encryption of its own protects from changes", found)
	}
	for _, k := range p.kids {
		pl.frozen(k)
	}
}

func (pl *planner) block(p *part, format string, args ...any) {
	pl.blockAt(p.subject(), format, args...)
}

func (pl *planner) blockAt(place, format string, args ...any) {
	if pl.blocked == nil {
		pl.blocked = &ContentError{ErrNotTransitProof, place, fmt.Sprintf(format, args...)}
	}
}

// carriesSignature reports whether an attached message has a signature of its own that a change
// would break.
func carriesSignature(p *part) bool {
	if kindOf(p) != plain {
		return true
	}
	for _, name := range []string{"DKIM-Signature", "ARC-Message-Signature"} {
		if _, n := field(p.fields, name); n > 0 {
			return true
		}
	}
	return false
}

// header reports whether the header of p has to be written anew. That of the root is made by the
// signer.
func (pl *planner) header(p *part) bool {
	if p.parent == nil || p.header&breaking == 0 {
		return false
	}
	for _, f := range p.fields {
		if _, err := safeField(f); err != nil {
			pl.block(p, "header: %v", err)
			return false
		}
	}
	return true
}

// multipart decides about what stands around the parts of a multipart: what some reader may show of
// it stays where it is (text before the first part and after the last, or all of it where the
// boundary never occurs).
func (pl *planner) multipart(p *part) todo {
	changed := p.parent == nil
	for _, k := range p.kids {
		changed = pl.plan(k, false) || changed
	}
	found := (p.content | p.frame) & breaking &^ has8bitLabel
	switch {
	case p.preamble.odd() || p.epilogue.odd() || p.first < 0:
		if found != 0 {
			pl.block(p, "text outside its parts, and %s", found)
		}
	case changed && p.parent == nil, found != 0, p.unended, p.closed < 0 && len(p.kids) > 0:
		return reframe
	}
	if changed || p.unended || p.content&has8bitLabel != 0 {
		return descend
	}
	return keep
}

// leaf decides about a part that has a body of its own.
func (pl *planner) leaf(p *part) todo {
	dirty := p.content & (breaking | hasLong)
	if dirty == 0 {
		return keep
	}
	messages := strings.HasPrefix(p.typ.name, "message/")
	if (messages || p.typ.multipart()) && dirty&breaking == 0 {
		return keep // only a little wide
	}
	switch {
	case p.cte == "quoted-printable":
		if !isText(p) && dirty&hasBareLF != 0 {
			pl.block(p, "%s", hasBareLF) // of text alone the line ends may change
		}
		return repairQP
	case p.cte == "base64":
		return pl.base64(p, dirty)
	case !identityEncoding(p.cte):
		pl.block(p, "transfer encoding %s", quoted(p.cte))
		return keep
	case dirty == has8bitLabel:
		return descend // only the label is wrong
	case messages && p.typ.name != "message/global" || p.typ.multipart():
		// RFC 2046, Sections 5.1 and 5.2: these may not be encoded.
		pl.block(p, "%s with %s", quoted(p.typ.name), dirty)
		return keep
	case !isText(p) || dirty&hasNUL != 0:
		return encodeBase64
	case dirty&has8bit != 0 && 4*p.high > p.bodySize():
		return encodeText // smaller, and nobody could read the other either
	}
	return encodeQP
}

// base64 decides about a body in base64 that is not transit-proof.
func (pl *planner) base64(p *part, dirty hazard) todo {
	pure, err := pureBase64(pl.ctx, pl.src, p)
	switch {
	case err != nil:
		pl.err = err
	case pure:
		return rewrapBase64
	case dirty&breaking != 0:
		pl.block(p, "%s in what is no base64", dirty)
	}
	return keep
}

// encoding is the Content-Transfer-Encoding a part has afterwards; "" for none of its own.
func (s Plan) encoding(p *part) string {
	switch s[p].todo {
	case encodeQP:
		return "quoted-printable"
	case encodeBase64, encodeText:
		return "base64"
	case keep, repairQP, rewrapBase64, reframe, descend:
	}
	if p.content&has8bitLabel != 0 {
		return "" // 7bit is the default
	}
	return p.cte
}

// appendEncoding adds a new Content-Transfer-Encoding field to a header from which the old one is
// left out.
func (s Plan) appendEncoding(h []byte, p *part) []byte {
	if cte := s.encoding(p); cte != "" && cte != p.cte {
		h = fmt.Appendf(h, "Content-Transfer-Encoding: %s\r\n", cte)
	}
	return h
}

// assumedCharset is what the text of a part without Content-Type is in.
func assumedCharset(ctx context.Context, src io.ReaderAt, p *part) (string, error) {
	if p.content&has8bit == 0 {
		return "us-ascii", nil
	}
	lines := newLineReader(ctx, src, p.body, p.end)
	defer lines.close()
	for {
		l, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return "utf-8", nil
		case err != nil:
			return "", err
		case !utf8.Valid(l.data):
			return "unknown-8bit", nil // RFC 1428, Section 3
		}
	}
}
