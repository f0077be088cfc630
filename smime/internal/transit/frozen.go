package transit

import (
	"unicode/utf8"

	"dnseal/smime/internal/entity"
)

// frozen is Plan for parts that may not be changed, because a signature or encryption of their own
// covers them: RFC 1847, Section 2.1, has agents treat a signed part as opaque.
func (pl *Planner) frozen(p *entity.Part) bool {
	free := !p.Embedded || !signedHeader(p)
	s := step{newHeader: free && pl.header(p)}
	if p.Unended {
		// The empty line at the end is covered neither by the signatures of RFC 1847 nor by those
		// of RFC 6376, Section 3.4.3.
		s.todo = descend
	}
	pl.keep(p, free, true)
	return pl.add(p, s)
}

// keep reports what breaks a signature in transit in a part that stays as it is, and in the parts
// in it. free says that its header is not covered, ended that a line end is written after it.
func (pl *Planner) keep(p *entity.Part, free, ended bool) {
	found := p.Content | p.Frame
	if !free {
		found |= p.Header
	}
	if found &= entity.Breaking; found != 0 {
		pl.block(p, "%s, which a signature or encryption of its own protects from changes", found)
	}
	if reason := pl.rebuilt(p, free, ended); reason != "" {
		pl.fragile(p, reason+", which a signature or encryption of its own protects from changes")
	}
	for _, k := range p.Kids {
		pl.keep(k, false, false)
	}
}

// rebuilt says what of a part that stays as it is is written otherwise by some systems, or "".
func (pl *Planner) rebuilt(p *entity.Part, free, ended bool) string {
	if reason := rebuiltHeader(p); reason != "" && !free {
		return reason
	}
	if p.Unended && !ended {
		return "a multipart that ends without a line end"
	}
	if reason := rebuiltFrame(p); reason != "" {
		return reason
	}
	if p.Leaf() {
		inside, s := Planner{Ctx: pl.Ctx, Src: pl.Src}, step{}
		inside.messageLeaf(p, &s)
		if pl.Err == nil {
			pl.Err = inside.Err
		}
		if s != (step{}) || len(inside.Fragile) > 0 {
			return "a header that no empty line ends"
		}
	}
	return ""
}

// carriesSignature reports whether an attached message has a signature of its own that a change
// would break.
func carriesSignature(p *entity.Part) bool {
	return entity.KindOf(p) != entity.Plain || signedHeader(p)
}

// signedHeader reports whether an attached message has a signature over its header, too: RFC 6376,
// RFC 8617.
func signedHeader(p *entity.Part) bool {
	for _, name := range []string{"DKIM-Signature", "ARC-Message-Signature"} {
		if _, n := entity.Field(p.Fields, name); n > 0 {
			return true
		}
	}
	return false
}

// message decides about a part that holds a message.
func (pl *Planner) message(p *entity.Part) step {
	inside := p.Kids[0]
	s := step{newHeader: pl.header(p)}
	switch {
	case entity.IdentityEncoding(p.CTE) && needsUTF8(inside):
		// RFC 6532, Section 3.7: message/global may be encoded, as no other message may. The empty
		// line: see messageLeaf.
		return step{todo: encodeMessage, newHeader: true, before: "\r\n"}
	case pl.Plan(inside, carriesSignature(inside)), p.Content&entity.Has8bitLabel != 0:
		s.todo = descend
	}
	return s
}

// needsUTF8 reports whether the header of an attached message is one of RFC 6532, in UTF-8, and
// cannot be written in ASCII: there is no such form of an address, and what is signed has to stay.
func needsUTF8(p *entity.Part) bool {
	needs, signed := false, signedHeader(p)
	for _, f := range p.Fields {
		if entity.IsASCII(string(f.Raw)) {
			continue
		}
		if !utf8.Valid(f.Raw) {
			return false
		}
		raw, err := SafeField(f)
		needs = needs || signed || err != nil || !entity.IsASCII(string(raw))
	}
	return needs
}
