package smime

import (
	"cmp"
	"context"
	"encoding/asn1"
	"fmt"
	"io"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
)

// clear checks the signatures of a multipart/signed entity (RFC 1847, Section 2.1; RFC 8551,
// Section 3.5.3), and continues with its first part. doubt is its ambiguity.
func (v *verifier) clear(l *layer, doubt string) (bool, error) {
	p := l.entity
	number := p.Number
	if p.Delimiter != nil {
		number = entity.ChildNumber(p.Number, 2)
	}
	reason, err := v.clearDefect(l, doubt)
	if err != nil {
		return false, err
	}
	if reason != "" {
		if l.outermost() {
			v.malformed(CodeMalformed, p.Subject()+": "+reason)
		}
		return false, v.addMalformed(l, number, p, reason)
	}
	content, signature := p.Kids[0], p.Kids[1]
	sd, tail, err := v.readCMS(l.src, signature, nil)
	if reason, other := defectOf(err); other != nil {
		return false, other
	} else if reason != "" {
		return false, v.addMalformed(l, signature.Number, content, reason)
	}
	v.noteOutside(l, p.Preamble.Odd(), "preamble before the signed part")
	v.noteOutside(l, p.Epilogue.Odd(), "epilogue after the signed part")
	if reason := detachedDefect(sd, tail); reason != "" {
		return false, v.addMalformed(l, signature.Number, content, reason)
	}
	digests, inside := sd.Digests(), entity.DelimiterCounter{Delimiter: p.Delimiter}
	off, n := content.SignedRange()
	if err := entity.CopyRange(v.ctx, io.MultiWriter(digests, &inside), l.src, off, n); err != nil {
		return false, err
	}
	// RFC 2046, Section 5.1.1: no line of a part begins with the delimiter around it.
	v.noteOutside(l, inside.N != p.Longer, "what follows a line in the signed part that some readers take for a boundary")
	first := len(v.report.Signatures)
	if err := v.signers(l, sd, digests, signature, l.covers(content)); err != nil {
		return false, err
	}
	for _, s := range v.report.Signatures[first:] {
		s.content, s.off, s.size, s.outer = l.src, off, n, l.outer
		s.NotEntity = entityDefect(content, l.outer)
	}
	v.secured[p] = true
	v.opened(p, content, first, false)
	l.entity = content
	return true, nil
}

// clearDefect says why a multipart/signed cannot be checked, or "".
func (v *verifier) clearDefect(l *layer, doubt string) (string, error) {
	if reason := cmp.Or(doubt, structureDefect(l.entity)); reason != "" {
		return reason, nil
	}
	n, err := boundaries(v.ctx, l.src, l.entity)
	if err != nil || n == 3 { // those before the two parts, and the closing one
		return "", err
	}
	return doubtfulBoundary, nil
}

func structureDefect(p *entity.Part) string {
	if reason := frameDefect(p); reason != "" {
		return reason
	}
	return signatureDefect(p)
}

// frameDefect says what is wrong with the lines around the two parts.
func frameDefect(p *entity.Part) string {
	switch {
	// RFC 2046, Section 5.1.1: the boundary parameter is required.
	case p.Delimiter == nil:
		return "multipart/signed without boundary"
	// RFC 1847, Section 2.1: exactly two.
	case len(p.Kids) == 1:
		return "multipart/signed with one part"
	case len(p.Kids) != 2:
		return fmt.Sprintf("multipart/signed with %d parts", len(p.Kids))
	// RFC 2046, Section 5.1.1: the last boundary ends in two hyphens.
	case p.Closed < 0:
		return "multipart/signed without its last boundary"
	// RFC 2045, Section 6.4.
	case !entity.IdentityEncoding(p.CTE):
		return "multipart/signed with transfer encoding " + entity.Quoted(p.CTE)
	case p.Frame&entity.HasBareLF != 0:
		// RFC 2046, Section 5.1.1: a boundary line begins after CR LF. Some readers accept others:
		// they would show different texts.
		return "a boundary of multipart/signed without CR LF"
	case p.Repeated:
		return doubtfulBoundary
	}
	return ""
}

const doubtfulBoundary = "lines that some readers take for boundaries and some do not"

// boundaries counts what some reader takes for boundary lines of p outside its first part.
func boundaries(ctx context.Context, src io.ReaderAt, p *entity.Part) (int, error) {
	c := entity.DelimiterCounter{Delimiter: p.Delimiter}
	off, n := p.Kids[0].SignedRange()
	err := entity.CopyRange(ctx, &c, src, p.Body, off-p.Body)
	if err == nil {
		err = entity.CopyRange(ctx, &c, src, off+n, p.End-off-n)
	}
	return c.N, err
}

func detachedDefect(sd *cms.SignedData, tail bool) string {
	switch {
	case tail:
		return "text after the signature in its part"
	// RFC 8551, Section 3.5.3.2: eContent is absent. A verifier that used it would confirm a text
	// that no reader shows.
	case sd.Attached:
		return "content inside a detached signature"
	case len(sd.Signers) == 0:
		return noSigner
	case !sd.ContentType.Equal(oidData):
		return notData
	}
	return ""
}

// oidData is id-data (RFC 5652, Section 4).
var oidData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
