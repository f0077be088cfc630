package smime

import (
	"io"

	"dnseal/smime/message"
)

// layer is an entity that may be signed, and the signatures around it.
type layer struct {
	src    io.ReaderAt
	entity *part
	outer  []message.Field // the header that its protected fields are compared with
	// nothing but signatures stands around it (RFC 9787, Section 4: the cryptographic envelope)
	root   bool
	depth  int          // CMS objects around it
	chain  []*Signature // of this entity, outermost first
	beside string       // somebody's text around it, that some readers show
}

func (l *layer) covers(p *part) string {
	if l.root {
		return "message"
	}
	return p.subject()
}

// entity takes layer after layer off an entity, until the content that they sign is reached, and
// then looks for signed parts in that.
func (v *verifier) entity(l *layer) error {
	for first := true; ; first = false {
		next, err := v.open(l, first)
		if err != nil {
			return err
		}
		if !next {
			break
		}
	}
	if len(l.chain) > 0 {
		protection := readProtection(l)
		for _, s := range l.chain {
			protection.apply(s)
		}
	}
	return v.below(l)
}

// open takes off one layer, and reports whether another entity came out.
func (v *verifier) open(l *layer, outermost bool) (bool, error) {
	k := kindOf(l.entity)
	if l.root && outermost {
		v.report.Kind = kindWord(k)
	}
	if k == plain {
		return false, nil
	}
	// Only an entity that claims to be more than it is can mislead anybody about a signature.
	doubt := ambiguity(l.entity, l.root && outermost)
	if l.root && outermost && doubt == "" && v.stray != "" {
		doubt = v.stray
	}
	if l.root && doubt != "" {
		v.malformed("malformed", l.entity.subject()+": "+doubt)
	}
	switch k {
	case clearSigned:
		return v.clear(l, doubt)
	case cmsObject:
		return v.object(l, l.root && outermost, doubt)
	case plain, pgpSigned, pgpEncrypted, pgpInline:
	}
	return false, nil
}

// below looks for signed parts in what is not signed itself, or inside what is.
func (v *verifier) below(l *layer) error {
	if k := kindOf(l.entity); k != plain && k != pgpSigned {
		return nil // its parts were dealt with
	}
	outer := l.outer
	for _, kid := range l.entity.kids {
		if kid.embedded {
			outer = kid.fields
		}
		if err := v.entity(&layer{src: l.src, entity: kid, outer: outer, depth: l.depth}); err != nil {
			return err
		}
	}
	return nil
}
