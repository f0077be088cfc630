package transit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// todo is how the body of a part becomes transit-proof.
type todo uint8

// What is done to a body.
const (
	keep         todo = iota // byte for byte
	encodeQP                 // text
	encodeBase64             // octets as they are
	encodeText               // text whose line ends become CRLF, as base64
	repairQP                 // what is quoted-printable, with its lines made safe
	rewrapBase64             // what is base64, in lines of 76 columns
	// reframe: a multipart with its delimiter lines written again, without the usual preamble
	reframe
	descend // a message, or a multipart, whose parts change
	// encodeMessage: an attached message as message/global in base64
	encodeMessage
)

// step is what is done to one part; the zero value keeps it byte for byte.
type step struct {
	todo      todo
	newHeader bool
	// before and after are line ends written around the body, where no reader minds them.
	before, after string
}

// Plan holds the parts of a message that change, and how.
type Plan map[*entity.Part]step

// Planner decides for every part of a message what has to be done to make it transit-proof (RFC
// 8551, Section 3.1.3): 7-bit, short lines, nothing that mail systems are known to change. A part
// that is so already stays byte for byte.
type Planner struct {
	Ctx   context.Context
	Src   io.ReaderAt
	Err   error // of reading src
	Steps Plan
	// Blocked says why not everything can be done; nil when it can.
	Blocked *ContentError
	// Unprotected are the header fields that could not be given a copy in the signed content.
	Unprotected []string
	// Fragile are parts that some systems write anew, and that may not be changed for it.
	Fragile []*ContentError
}

// Plan adds the steps for p and the parts in it, and reports whether anything changes. frozen parts
// belong to a signature of somebody else.
func (pl *Planner) Plan(p *entity.Part, frozen bool) bool {
	// RFC 1847, Sections 2.1 and 2.2
	if frozen || p.Type.Is("multipart/signed", "multipart/encrypted") {
		return pl.frozen(p)
	}
	if doubt := doubtOf(p); doubt != "" {
		if p.Hazards() != 0 {
			pl.block(p, "%s", doubt)
		}
		pl.fragile(p, doubt)
		return false
	}
	if p.HoldsMessage() {
		return pl.add(p, pl.message(p))
	}
	s := step{newHeader: pl.header(p)}
	if p.Leaf() {
		s.todo = pl.leaf(p)
		pl.messageLeaf(p, &s)
	} else {
		s.todo = pl.multipart(p)
	}
	if reason := rebuiltFrame(p); reason != "" && s.todo != reframe {
		pl.fragile(p, reason)
	}
	return pl.add(p, s)
}

func (pl *Planner) add(p *entity.Part, s step) bool {
	if s == (step{}) {
		return false
	}
	pl.Steps[p] = s
	return true
}

// doubtOf says why readers do not agree on what a part inside is, or where its body begins, or "".
// Nothing in it may be encoded: readers that show it as text would show what only others decode.
func doubtOf(p *entity.Part) string {
	switch {
	case p.Parent == nil || p.Malformed != "":
		return p.Malformed
	case slices.ContainsFunc(p.Fields, func(f message.Field) bool { return f.Name() == "" }):
		return "header: " + errNoField.Error()
	}
	return ""
}

func (pl *Planner) block(p *entity.Part, format string, args ...any) {
	pl.blockAt(p.Subject(), format, args...)
}

func (pl *Planner) blockAt(place, format string, args ...any) {
	if pl.Blocked == nil {
		pl.Blocked = &ContentError{ErrNotTransitProof, place, fmt.Sprintf(format, args...)}
	}
}

// header reports whether the header of p has to be rewritten. That of the root is made by the
// signer.
func (pl *Planner) header(p *entity.Part) bool {
	if p.Parent == nil {
		return false
	}
	changed := p.Header&entity.Breaking != 0 || p.Headless
	for _, f := range p.Fields {
		raw, err := SafeField(f)
		if err == nil && !entity.IsASCII(string(raw)) {
			err = errEightBit
		}
		if err != nil {
			pl.block(p, "header: %v", err)
			return false
		}
		changed = changed || !bytes.Equal(raw, f.Raw)
	}
	return changed
}

// multipart decides about what stands around the parts of a multipart: what some reader may show of
// it stays where it is (text before the first part and after the last, or all of it where the
// boundary never occurs).
func (pl *Planner) multipart(p *entity.Part) todo {
	changed, shared := p.Parent == nil, false
	for _, k := range p.Kids {
		changed = pl.Plan(k, false) || changed
		shared = shared || k.Shared
	}
	found := (p.Content | p.Frame) & entity.Breaking &^ entity.Has8bitLabel
	switch {
	case p.Preamble.Odd() || p.Epilogue.Odd() || p.First < 0:
		if found != 0 {
			pl.block(p, "text outside its parts, and %s", found)
		}
		if shared {
			pl.fragile(p, "text outside its parts, and one line end for two boundaries")
		}
	case changed && p.Parent == nil, found != 0, shared, p.Unended, p.Closed < 0 && len(p.Kids) > 0:
		return reframe
	}
	if changed || p.Unended || p.Content&entity.Has8bitLabel != 0 {
		return descend
	}
	return keep
}

// leaf decides about a part that has a body of its own.
func (pl *Planner) leaf(p *entity.Part) todo {
	dirty := p.Content & (entity.Breaking | entity.HasLong | entity.HasDotStart)
	if dirty == 0 {
		return keep
	}
	messages := strings.HasPrefix(p.Type.Name, "message/")
	if (messages || p.Type.Multipart()) && dirty&entity.Breaking == 0 && entity.IdentityEncoding(p.CTE) {
		return keep // only a little wide, or with a dot
	}
	switch {
	case p.CTE == "quoted-printable":
		if !entity.IsText(p) && dirty&entity.HasBareLF != 0 {
			// RFC 2045, Section 6.7, rule 4: a line end means CRLF in text, and octets elsewhere.
			pl.block(p, "%s", entity.HasBareLF)
		}
		return repairQP
	case p.CTE == "base64":
		return pl.base64(p, dirty)
	case !entity.IdentityEncoding(p.CTE): // RFC 2045, Section 6.4: octets of an unknown form
		pl.block(p, "transfer encoding %s", entity.Quoted(p.CTE))
		return keep
	case dirty == entity.Has8bitLabel:
		return descend // only the label is wrong
	case messages && p.Type.Name != "message/global" || p.Type.Multipart():
		// RFC 2046, Sections 5.1 and 5.2: these may not be encoded. RFC 6532, Section 3.7:
		// message/global may.
		pl.block(p, "%s with %s", entity.Quoted(p.Type.Name), dirty)
		return keep
	case !entity.IsText(p) || dirty&entity.HasNUL != 0: // RFC 2045, Section 6.8
		return encodeBase64
	case dirty&entity.Has8bit != 0 && 4*p.High > p.BodySize():
		return encodeText // smaller, and quoted-printable would be as unreadable
	}
	return encodeQP
}

// base64 decides about a body in base64 that is not transit-proof.
func (pl *Planner) base64(p *entity.Part, dirty entity.Hazard) todo {
	pure, err := pureBase64(pl.Ctx, pl.Src, p)
	switch {
	case err != nil:
		pl.Err = err
	case pure:
		return rewrapBase64
	case dirty&entity.Breaking != 0:
		pl.block(p, "%s in what is no base64", dirty)
	}
	return keep
}

// encoding is the Content-Transfer-Encoding that a part has in the end, "" for no field.
func (s Plan) encoding(p *entity.Part) string {
	switch s[p].todo {
	case encodeQP:
		return "quoted-printable"
	case encodeBase64, encodeText, encodeMessage:
		return "base64"
	case keep, repairQP, rewrapBase64, reframe, descend:
	}
	if p.Content&entity.Has8bitLabel != 0 {
		return "" // RFC 2045, Section 6.1: 7bit is the default
	}
	return p.CTE
}

// appendEncoding adds a new Content-Transfer-Encoding field to a header from which the old one is
// left out.
func (s Plan) appendEncoding(h []byte, p *entity.Part) []byte {
	if cte := s.encoding(p); cte != "" && cte != p.CTE {
		h = fmt.Appendf(h, "Content-Transfer-Encoding: %s\r\n", cte)
	}
	return h
}

// AssumedCharset is what the text of a part without Content-Type is in.
func AssumedCharset(ctx context.Context, src io.ReaderAt, p *entity.Part) (string, error) {
	if p.Content&entity.Has8bit == 0 {
		return "us-ascii", nil // RFC 2045, Section 5.2: the default
	}
	lines := entity.NewLineReader(ctx, src, p.Body, p.End)
	defer lines.Close()
	for {
		l, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return "utf-8", nil
		case err != nil:
			return "", err
		case !utf8.Valid(l.Data):
			return "unknown-8bit", nil // RFC 1428, Section 3
		}
	}
}
