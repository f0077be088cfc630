package smime

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"slices"

	"dnseal/smime/certificate"
	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Verify parses m and checks its signatures (RFC 8551, Section 3.10). It returns an error only for
// a failure of this machine (spool, context); everything about the message is in the Report.
func Verify(ctx context.Context, m *message.Message) (*Report, error) {
	return VerifyWith(ctx, m, VerifyOptions{})
}

// VerifyOptions are for [VerifyWith].
type VerifyOptions struct {
	// Digests notes the digest of each signature ([Signature.Object]).
	Digests bool
	// Decrypt opens what is encrypted around the content of the message; without keys nothing is.
	Decrypt DecryptOptions
}

// VerifyWith is [Verify] with options.
func VerifyWith(ctx context.Context, m *message.Message, opts VerifyOptions) (*Report, error) {
	v := &verifier{ctx: ctx, digests: opts.Digests, keys: opts.Decrypt}
	defer v.close()
	if err := v.run(m); err != nil {
		return nil, err
	}
	return v.report, nil
}

// verifier is one run of Verify.
type verifier struct {
	ctx     context.Context
	header  []message.Field // of the message
	stray   string          // entity.StrayReason
	report  *Report
	spools  []*message.Spool
	secured map[*entity.Part]bool // parts that a signature covers, good or bad
	src     io.ReaderAt           // the message
	root    *entity.Part          // nil where a limit stopped the walk
	digests bool                  // as in VerifyOptions
	keys    DecryptOptions
	// clearText is the innermost content that was encrypted, nil without any; payload is what is
	// inside all layers, and its header protection.
	clearText *layer
	payload   *protection
	// lastObject is the digest of the CMS object that was read last.
	lastObject [sha256.Size]byte
	// searches are for Explain alone.
	searches searches
}

// run fills in the report. What it opened remains open until close.
func (v *verifier) run(m *message.Message) error {
	v.header, v.stray, v.report = m.Header(), entity.StrayReason(m), &Report{Kind: KindNone, keys: v.keys}
	v.secured = map[*entity.Part]bool{}
	v.report.From, v.report.FromErr = m.From()
	v.src = m.Open()
	root, err := entity.Walk(v.ctx, v.src, v.header, m.BodyOffset(), m.Size(), false)
	if err == nil {
		v.root, v.report.root = root, root
		err = v.message(v.src, root)
	}
	if err == nil && v.stray != "" {
		err = v.checkStray(m)
	}
	if over, ok := errors.AsType[*LimitError](err); ok {
		v.malformed(Code("limit:"+over.What), over.Error())
		return nil
	}
	return err
}

// checkStray makes a message malformed that is signed or encrypted only for readers that continue
// after a line that ends the header.
func (v *verifier) checkStray(m *message.Message) error {
	claims, err := entity.ClaimsBehind(m)
	if claims {
		v.malformed(CodeMalformed, v.stray)
	}
	return err
}

func (v *verifier) close() {
	for _, s := range v.spools {
		s.Close() //nolint:errcheck // a file that is unlinked already
	}
}

// malformed notes the first thing that makes the message as a whole unreadable.
func (v *verifier) malformed(code Code, reason string) {
	if v.report.Code == "" {
		v.report.Code, v.report.Reason = code, reason
	}
}

// message checks the signatures of the root and of everything below it.
func (v *verifier) message(src io.ReaderAt, root *entity.Part) error {
	if root.Type.Name == "" && root.Malformed != "" {
		v.malformed(CodeMalformed, root.Malformed) // it may claim anything
	}
	if err := v.entity(&layer{src: src, entity: root, outer: v.header, root: true}); err != nil {
		return err
	}
	if v.report.Kind == KindNone && len(v.report.Signatures) > 0 {
		v.outside(v.content(root))
	}
	return nil
}

// content is what is inside the encryption of the root, if that was opened.
func (v *verifier) content(root *entity.Part) *entity.Part {
	if v.clearText != nil {
		return v.clearText.entity
	}
	return root
}

// outside notes the parts that no signature covers, where the message is signed in part.
func (v *verifier) outside(p *entity.Part) {
	switch {
	case v.secured[p] || len(v.report.Uncovered) > maxSignatures:
	case p.Leaf():
		v.uncovered(p.Subject() + " (" + entity.Quoted(p.Type.Name) + ")")
	default:
		for _, k := range p.Kids {
			v.outside(k)
		}
	}
}

// RFC 8551, Section 2.4.1: what is signed is a MIME entity, which is id-data. A signer of a time
// stamp or a receipt did not sign a message.
const notData = "the signed content is not id-data"

// RFC 5652, Section 5.1, allows a SignedData without signers; it proves nothing.
const noSigner = "there is no signer"

// signers adds a Signature for every SignerInfo (RFC 5652, Section 5.3) of what holder holds.
func (v *verifier) signers(l *layer, sd *cms.SignedData, digests *cms.Digests, holder *entity.Part, covers Coverage) error {
	usable := affordable(sd.Certificates)
	for _, si := range sd.Signers {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		s := &Signature{
			Part: holder.Number, Covers: covers, Algorithm: si.Algorithm, SigningTime: si.SigningTime, SignedAttributes: si.SignedAttributes, CertificateHashed: si.HashesCertificate(),
			Certificates: usable, SubjectKeyID: si.SubjectKeyID, HeaderProtection: ProtectionNone,
			data: sd, info: si, digests: digests, Object: v.lastObject,
		}
		if err := v.add(l, s); err != nil {
			return err
		}
		s.check()
		s.readPostQuantum()
	}
	return nil
}

// readCMS reads the CMS object in p, and notes its digest where that is wanted.
func (v *verifier) readCMS(src io.ReaderAt, p *entity.Part, content io.Writer) (*cms.SignedData, bool, error) {
	if !v.digests {
		return entity.ReadCMS(v.ctx, src, p, content)
	}
	h := sha256.New()
	sd, tail, err := entity.ReadCMSTo(v.ctx, src, p, content, h)
	h.Sum(v.lastObject[:0])
	return sd, tail, err
}

// affordable are the certificates that may be part of a path. One that is left out is still found
// as the signer's own.
func affordable(certs []*x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(certs), func(c *x509.Certificate) bool { return certificate.CheckCost(c) != nil })
}

func (v *verifier) add(l *layer, s *Signature) error {
	if len(v.report.Signatures) >= maxSignatures {
		return &LimitError{What: "signatures", Max: maxSignatures}
	}
	s.Outside = l.outside
	v.report.Signatures = append(v.report.Signatures, s)
	l.chain = append(l.chain, s)
	return nil
}

// addMalformed adds an entity that claims to be signed and is not, or whose signature cannot be
// read.
func (v *verifier) addMalformed(l *layer, part string, covered *entity.Part, reason string) error {
	return v.add(l, &Signature{
		Part: part, Covers: l.covers(covered), Integrity: IntegrityBad, Code: CodeMalformed, Reason: reason,
		Inner: len(l.chain) > 0, HeaderProtection: ProtectionNone,
	})
}

// noteOutside notes text around what a layer signs, if there is any: no signature of this layer,
// nor of one inside it, covers that.
func (v *verifier) noteOutside(l *layer, there bool, what string) {
	if !there {
		return
	}
	l.outside = cmp.Or(l.outside, what)
	if l.root {
		v.uncovered(what)
	}
}

func (v *verifier) uncovered(what string) { v.report.Uncovered = append(v.report.Uncovered, what) }

// defectOf sorts the errors of entity.ReadCMS: those of the message, and those of this machine.
func defectOf(err error) (reason string, other error) {
	if err == nil {
		return "", nil
	}
	var syntax *cms.SyntaxError
	var limit *cms.LimitError
	var kind *cms.ContentTypeError
	var inside *entity.MIMEError
	switch {
	case errors.As(err, &inside), errors.As(err, &syntax), errors.As(err, &limit), errors.As(err, &kind), errors.Is(err, entity.ErrBase64), errors.Is(err, entity.ErrEncoding):
		return err.Error(), nil
	}
	return "", err
}

// kindOf is the Kind of the Report. A CMS object counts as signed until it is opened.
func kindOf(k entity.Kind) Kind {
	switch k {
	case entity.ClearSigned, entity.CMSObject:
		return KindSigned
	case entity.PgpSigned, entity.PgpEncrypted, entity.PgpInline:
		return KindPGP
	case entity.Plain:
	}
	return KindNone
}
