package smime

import (
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"strings"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// Report is what Verify found.
type Report struct {
	// Kind is what the root of the message is: "none", "signed", "encrypted", "compressed", "certs-only", "pgp".
	Kind string
	// From holds the addresses of all outer From fields; FromErr why they could not be read.
	From    []message.Address
	FromErr error
	// Signatures in the order of their parts, every signer of every signed part, outermost first.
	Signatures []*Signature
	// Code and Reason are set when the structure is malformed or over a limit ("malformed", "limit:parts", …): verdict permerror.
	Code, Reason string
	// Uncovered says what a reader may see that no root signature covers, e.g. "epilogue after the signed part"; for people.
	Uncovered []string
}

// Verify takes m apart. It returns an error only for trouble of this machine (spool, context); everything about the message is in the Report.
func Verify(ctx context.Context, m *message.Message) (*Report, error) {
	v := &verifier{ctx: ctx}
	defer v.close()
	if err := v.run(m); err != nil {
		return nil, err
	}
	return v.report, nil
}

// verifier is one run of Verify.
type verifier struct {
	ctx    context.Context
	header []message.Field // of the message
	report *Report
	spools []*message.Spool
}

// run fills in the report. What it opened stays open until close.
func (v *verifier) run(m *message.Message) error {
	v.header, v.report = m.Header(), &Report{Kind: "none"}
	v.report.From, v.report.FromErr = m.From()
	src := m.Open()
	root, err := walk(v.ctx, src, v.header, m.BodyOffset(), m.Size(), false)
	if err == nil {
		err = v.message(src, root)
	}
	if over, ok := errors.AsType[*LimitError](err); ok {
		v.malformed("limit:"+over.What, over.Error())
		return nil
	}
	return err
}

func (v *verifier) close() {
	for _, s := range v.spools {
		s.Close() //nolint:errcheck // a file that is unlinked already
	}
}

// malformed notes the first thing that makes the message as a whole unreadable.
func (v *verifier) malformed(code, reason string) {
	if v.report.Code == "" {
		v.report.Code, v.report.Reason = code, reason
	}
}

// message judges the signatures of the root and of everything below it.
func (v *verifier) message(src io.ReaderAt, root *part) error {
	if root.malformed != "" {
		// Only a root that claims to be more than it is can mislead anybody about a signature.
		if k := kindOf(root); k != plain || root.typ.name == "" {
			v.malformed("malformed", root.malformed)
		}
	}
	if err := v.entity(&layer{src: src, entity: root, outer: v.header, root: true}); err != nil {
		return err
	}
	if v.report.Kind == "none" && len(v.report.Signatures) > 0 {
		v.outside(root)
	}
	return nil
}

// outside notes the parts that no signature covers, where the message is signed in part.
func (v *verifier) outside(p *part) {
	switch {
	case p.secured || len(v.report.Uncovered) > maxSignatures:
	case p.leaf():
		v.uncovered(p.subject() + " (" + quoted(p.typ.name) + ")")
	default:
		for _, k := range p.kids {
			v.outside(k)
		}
	}
}

// layer is an entity that may be signed, and the signatures around it.
type layer struct {
	src    io.ReaderAt
	entity *part
	outer  []message.Field // the header that its protected fields are compared with
	root   bool            // nothing but signatures stands around it (RFC 9787, Section 4: the cryptographic envelope)
	depth  int             // CMS objects around it
	chain  []*Signature    // of this entity, outermost first
}

func (l *layer) covers(p *part) string {
	if l.root {
		return "message"
	}
	return p.subject()
}

// entity takes layer after layer off an entity, until the content that they sign is reached, and then looks for signed parts in that.
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
		v.report.Kind = k.word()
	}
	switch k {
	case clearSigned:
		return v.clear(l)
	case cmsObject:
		return v.object(l, l.root && outermost)
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

// clear judges a multipart/signed entity (RFC 1847, Section 2.1; RFC 8551, Section 3.5.3) and goes on with its first part.
func (v *verifier) clear(l *layer) (bool, error) {
	p := l.entity
	number := p.number
	if p.delimiter != nil {
		number = childNumber(p.number, 2)
	}
	if reason := clearDefect(p, l.root); reason != "" {
		if l.root {
			v.malformed("malformed", p.subject()+": "+reason)
		}
		return false, v.add(l, malformedSignature(number, l.covers(p), reason))
	}
	content, signature := p.kids[0], p.kids[1]
	sd, tail, err := readCMS(v.ctx, l.src, signature, nil)
	if reason, other := defectOf(err); other != nil {
		return false, other
	} else if reason != "" {
		return false, v.add(l, malformedSignature(signature.number, l.covers(content), reason))
	}
	if l.root {
		v.around(p, tail)
	}
	if reason := detachedDefect(sd); reason != "" {
		return false, v.add(l, malformedSignature(signature.number, l.covers(content), reason))
	}
	digests := sd.Digests()
	off, n := content.signedRange()
	if err := copyRange(v.ctx, digests, l.src, off, n); err != nil {
		return false, err
	}
	first := len(v.report.Signatures)
	if err := v.signers(l, sd, digests, signature.number, l.covers(content)); err != nil {
		return false, err
	}
	for _, s := range v.report.Signatures[first:] {
		s.content, s.off, s.size = l.src, off, n
	}
	p.secured = true
	l.entity = content
	return true, nil
}

// clearDefect says why a multipart/signed cannot be judged, or "".
func clearDefect(p *part, root bool) string {
	switch {
	case p.malformed != "" && root:
		return p.malformed
	case p.delimiter == nil:
		return "multipart/signed without boundary"
	case len(p.kids) != 2:
		// RFC 1847, Section 2.1: exactly two.
		return fmt.Sprintf("multipart/signed with %d parts", len(p.kids))
	case p.closed < 0:
		return "multipart/signed without its last boundary"
	case !identityEncoding(p.cte):
		return "multipart/signed with transfer encoding " + quoted(p.cte) // RFC 2045, Section 6.4
	case p.frame&hasBareLF != 0:
		// Some take such a line for a boundary and some do not: they would be shown different texts.
		return "a boundary of multipart/signed without CR LF"
	case p.lookalike:
		// RFC 2046, Section 5.1.1 lets a reader compare the beginning of a line only: it would be shown one part more.
		return "a line outside of the signed part that begins like a boundary"
	case p.kids[1].malformed != "":
		return "signature part: " + p.kids[1].malformed
	case !isSignaturePart(p.kids[1]):
		return "the second part of multipart/signed is " + quoted(p.kids[1].typ.name)
	}
	return ""
}

func detachedDefect(sd *cms.SignedData) string {
	switch {
	case sd.Attached:
		// A verifier that took the content from inside would vouch for a text nobody is shown.
		return "content inside a detached signature"
	case len(sd.Signers) == 0:
		return "nobody signed" // RFC 5652, Section 5.1 allows it; it proves nothing.
	case !sd.ContentType.Equal(oidData):
		return notData
	}
	return ""
}

// object opens an application/pkcs7-mime entity (RFC 8551, Section 3.2), judges the signatures on what is inside and goes on with that.
func (v *verifier) object(l *layer, outermost bool) (bool, error) {
	p := l.entity
	if l.depth++; l.depth > maxLayers {
		return false, &LimitError{"layers", maxLayers}
	}
	content := message.NewSpool(0)
	v.spools = append(v.spools, content)
	sd, tail, err := readCMS(v.ctx, l.src, p, content)
	if kind := otherKind(err); kind != "" {
		if outermost {
			v.report.Kind = kind
		}
		return false, nil
	}
	if reason, other := defectOf(err); other != nil {
		return false, other
	} else if reason != "" {
		return false, v.add(l, malformedSignature(p.number, l.covers(p), reason))
	}
	if outermost && !sd.Attached && len(sd.Signers) == 0 {
		v.report.Kind = "certs-only" // RFC 8551, Section 3.8
	}
	if reason := attachedDefect(sd, p); reason != "" {
		return false, v.add(l, malformedSignature(p.number, l.covers(p), reason))
	}
	if !sd.Attached {
		return false, nil
	}
	if tail && l.root {
		v.uncovered("text after the signed data")
	}
	return true, v.inside(l, sd, content)
}

// inside judges attached content and makes it the entity of l.
func (v *verifier) inside(l *layer, sd *cms.SignedData, content *message.Spool) error {
	p := l.entity
	if err := v.signers(l, sd, sd.Digests(), p.number, l.covers(p)); err != nil {
		return err
	}
	inner, err := walkEntity(v.ctx, content, content.Size(), p.number)
	if err != nil {
		return err
	}
	if l.root && inner.malformed != "" && kindOf(inner) != plain {
		v.malformed("malformed", inner.subject()+": "+inner.malformed)
	}
	p.secured = true
	l.src, l.entity = content, inner
	return nil
}

func attachedDefect(sd *cms.SignedData, p *part) string {
	switch {
	case sd.Attached && len(sd.Signers) == 0:
		return "nobody signed"
	case !sd.Attached && len(sd.Signers) > 0:
		return "a signature without its content"
	case p.malformed != "":
		return p.malformed
	case sd.Attached && !sd.ContentType.Equal(oidData):
		return notData
	}
	return ""
}

// RFC 8551, Section 2.4.2: what is signed is a MIME entity, which is id-data. Whoever signed a time stamp or a receipt
// signed no mail.
const notData = "the signed content is not id-data"

var oidData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}

// signers adds a Signature for every SignerInfo.
func (v *verifier) signers(l *layer, sd *cms.SignedData, digests *cms.Digests, number, covers string) error {
	for _, si := range sd.Signers {
		s := &Signature{
			Part: number, Covers: covers, Algorithm: si.Algorithm, SigningTime: si.SigningTime, SignedAttributes: si.SignedAttributes,
			Certificates: sd.Certificates, SubjectKeyID: si.SubjectKeyID, HeaderProtection: "none",
			data: sd, info: si, digests: digests,
		}
		if err := v.add(l, s); err != nil {
			return err
		}
		s.check()
	}
	return nil
}

func (v *verifier) add(l *layer, s *Signature) error {
	if len(v.report.Signatures) >= maxSignatures {
		return &LimitError{"signatures", maxSignatures}
	}
	v.report.Signatures = append(v.report.Signatures, s)
	l.chain = append(l.chain, s)
	return nil
}

// around notes what stands beside the two parts of the root.
func (v *verifier) around(p *part, tail bool) {
	if p.preamble {
		v.uncovered("preamble before the signed part")
	}
	if p.epilogue {
		v.uncovered("epilogue after the signed part")
	}
	if tail {
		v.uncovered("text after the signature in its part")
	}
}

func (v *verifier) uncovered(what string) { v.report.Uncovered = append(v.report.Uncovered, what) }

// otherKind is the Kind of a CMS object that is no SignedData, or "".
func otherKind(err error) string {
	var other *cms.ContentTypeError
	if !errors.As(err, &other) {
		return ""
	}
	if other.Name() == "compressedData" {
		return "compressed"
	}
	return "encrypted"
}

// defectOf sorts the errors of readCMS: what is wrong with the message, and what with this machine.
func defectOf(err error) (reason string, other error) {
	var syntax *cms.SyntaxError
	var limit *cms.LimitError
	var kind *cms.ContentTypeError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &syntax), errors.As(err, &limit), errors.As(err, &kind), errors.Is(err, errBase64):
		return err.Error(), nil
	}
	return "", err
}

// word is the Kind of the Report. What a CMS object is shows only inside: signed until something else is found.
func (k kind) word() string {
	switch k {
	case clearSigned, cmsObject:
		return "signed"
	case pgpSigned, pgpEncrypted, pgpInline:
		return "pgp"
	case plain:
	}
	return "none"
}

// quoted shortens a stranger's word for a reason.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Sprintf("%+q", strings.ToValidUTF8(s, "?"))
}
