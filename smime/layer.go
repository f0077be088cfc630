package smime

import (
	"io"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// layer is an entity that may be signed, and the signatures around it.
type layer struct {
	src    io.ReaderAt
	entity *entity.Part
	outer  []message.Field // the header that its protected fields are compared with
	// only signatures are around it (RFC 9787, Section 4: the cryptographic envelope)
	root      bool
	depth     int          // CMS objects around it
	chain     []*Signature // of this entity, outermost first
	outside   string       // text around it that some readers show
	decrypted bool         // the entity was encrypted, and nothing inside that is opened yet
}

func (l *layer) covers(p *entity.Part) Coverage {
	if l.root {
		return CoversMessage
	}
	return Coverage(p.Subject())
}

// outermost reports whether nothing speaks for the whole message if this entity cannot be read. A
// signature around it covers all of its octets, whatever they mean.
func (l *layer) outermost() bool { return l.root && len(l.chain) == 0 }

// entity opens layer after layer (RFC 8551, Section 3.7) until it reaches the content that they
// sign, and then looks for signed parts in that.
func (v *verifier) entity(l *layer) error {
	// What is inside an encryption is what the message is.
	for first := true; ; first = first && l.decrypted {
		l.decrypted = false
		next, err := v.open(l, first)
		if err != nil {
			return err
		}
		if !next {
			break
		}
	}
	if len(l.chain) > 0 || l.root && v.clearText != nil {
		protection := readProtection(l)
		for _, s := range l.chain {
			protection.apply(s)
		}
		// What an attached message hides is not the Subject of this one.
		if l.root {
			v.payload, v.report.Hidden = protection, protection.restorable()
		}
	}
	return v.below(l)
}

// open opens one layer, and reports whether there was another entity in it.
func (v *verifier) open(l *layer, outermost bool) (bool, error) {
	k := entity.KindOf(l.entity)
	if l.root && outermost {
		v.report.Kind = kindOf(k)
	}
	if k == entity.Plain {
		return false, nil
	}
	// Only an entity that claims to be secured can mislead a reader about a signature.
	doubt := entity.Ambiguity(l.entity, l.root && outermost)
	if l.root && outermost && doubt == "" && v.stray != "" {
		doubt = v.stray
	}
	if doubt != "" && l.outermost() {
		v.malformed(CodeMalformed, l.entity.Subject()+": "+doubt)
	}
	switch k {
	case entity.ClearSigned:
		return v.clear(l, doubt)
	case entity.CMSObject:
		return v.object(l, l.root && outermost, doubt)
	case entity.PgpEncrypted:
		if !l.root || !outermost {
			v.sealed(l, KindEncrypted, false)
		}
	case entity.Plain, entity.PgpSigned, entity.PgpInline:
	}
	return false, nil
}

// below looks for signed parts in what is not signed itself, or inside what is.
func (v *verifier) below(l *layer) error {
	if k := entity.KindOf(l.entity); k != entity.Plain && k != entity.PgpSigned {
		return nil // its parts were processed
	}
	outer := l.outer
	for _, kid := range l.entity.Kids {
		// RFC 2046, Section 5.2.1: an attached message has a header of its own.
		if kid.Embedded {
			outer = kid.Fields
		}
		if err := v.entity(&layer{src: l.src, entity: kid, outer: outer, depth: l.depth}); err != nil {
			return err
		}
	}
	return nil
}
