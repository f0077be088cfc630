package smime

import (
	"cmp"
	"errors"
	"strings"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// object opens an application/pkcs7-mime entity (RFC 8551, Section 3.2), checks the signatures on
// its content, and continues with that.
func (v *verifier) object(l *layer, outermost bool, doubt string) (bool, error) {
	p := l.entity
	// RFC 8551, Section 3.7: nesting is processed within reasonable limits.
	if l.depth++; l.depth > maxLayers {
		return false, &LimitError{What: "layers", Max: maxLayers}
	}
	content := v.spool()
	sd, tail, err := v.readCMS(l.src, p, content)
	if kind := otherKind(err); kind != "" {
		return v.encrypted(l, kind, outermost)
	}
	reason, other := defectOf(err)
	if other != nil {
		return false, other
	}
	// RFC 8551, Section 3.8: no signature is claimed, so that none can be bad.
	if isCertsOnly(p) && (reason != "" || len(sd.Signers) == 0) {
		v.certsOnly(outermost)
		return false, nil
	}
	if reason != "" {
		return false, v.addMalformed(l, p.Number, p, reason)
	}
	if !sd.Attached && len(sd.Signers) == 0 {
		v.certsOnly(outermost)
	}
	if reason := attachedDefect(sd, cmp.Or(doubt, objectNameDefect(p, sd))); reason != "" {
		return false, v.addMalformed(l, p.Number, p, reason)
	}
	if !sd.Attached {
		return false, nil
	}
	v.noteOutside(l, tail, "text after the signed data")
	return true, v.inside(l, sd, content)
}

// spool is for the content of an object: what was encrypted does not go to disk in clear.
func (v *verifier) spool() *message.Spool {
	content := message.NewSpool(0)
	if v.clearText != nil {
		content = message.NewSecretSpool(0)
	}
	v.spools = append(v.spools, content)
	return content
}

func (v *verifier) certsOnly(outermost bool) {
	if outermost {
		v.report.Kind = KindCertsOnly
	}
}

// isCertsOnly reports whether p says that it holds certificates alone (RFC 8551, Section 3.2.2).
func isCertsOnly(p *entity.Part) bool {
	return strings.EqualFold(p.Type.Get("smime-type"), "certs-only")
}

// sealed notes an entity whose content cannot be seen.
func (v *verifier) sealed(l *layer, kind Kind, outermost bool) {
	v.report.openings = append(v.report.openings, opening{part: l.entity, sealed: kind})
	switch {
	case outermost:
		v.report.Kind = kind
	case len(v.report.Sealed) <= maxSignatures:
		v.report.Sealed = append(v.report.Sealed, l.entity.Subject()+" is "+string(kind))
	}
}

// objectNameDefect is nameDefect for content with its signature: some readers use the name, and
// offer the object as a document of that name.
func objectNameDefect(p *entity.Part, sd *cms.SignedData) string {
	if !sd.Attached {
		return ""
	}
	return nameDefect(p, "signed object", ".p7m", ".p7s")
}

// inside checks the signatures of attached content, and makes it the entity of l.
func (v *verifier) inside(l *layer, sd *cms.SignedData, content *message.Spool) error {
	p := l.entity
	first := len(v.report.Signatures)
	if err := v.signers(l, sd, sd.Digests(), p, l.covers(p)); err != nil {
		return err
	}
	for _, s := range v.report.Signatures[first:] {
		s.content, s.size, s.attached = content, content.Size(), true
	}
	inner, err := entity.WalkEntity(v.ctx, content, content.Size(), p.Number)
	if err != nil {
		return err
	}
	for _, s := range v.report.Signatures[first:] {
		s.NotEntity = entityDefect(inner, l.outer)
	}
	v.secured[p] = true
	v.opened(p, inner, first, true)
	l.src, l.entity = content, inner
	return nil
}

func attachedDefect(sd *cms.SignedData, doubt string) string {
	switch {
	// RFC 5652, Section 5.1 allows no signer; that proves nothing.
	case sd.Attached && len(sd.Signers) == 0:
		return noSigner
	// RFC 8551, Section 3.5.2: the content is in the object.
	case !sd.Attached && len(sd.Signers) > 0:
		return "a signature without its content"
	case doubt != "":
		return doubt
	case sd.Attached && !sd.ContentType.Equal(oidData):
		return notData
	}
	return ""
}

// otherKind is the Kind of a CMS object that is no SignedData, or "".
func otherKind(err error) Kind {
	var other *cms.ContentTypeError
	if !errors.As(err, &other) {
		return ""
	}
	// RFC 8551, Section 3.6.
	if other.Name() == "compressedData" {
		return KindCompressed
	}
	return KindEncrypted // RFC 8551, Sections 3.3 and 3.4
}
