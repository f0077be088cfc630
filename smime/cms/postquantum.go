package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"dnseal/smime/cms/internal/ber"
)

// A signature by ML-DSA beside a classical one stands in a SignedData of its own, detached and over
// the same content, in an unsigned attribute of the classical SignerInfo. Programs that do not know
// ML-DSA refuse a SignedData in which two SignerInfos stand side by side, and pass over unsigned
// attributes.

// OIDPostQuantum is the type of the unsigned attribute with a post-quantum signature over the same
// content: one value, a ContentInfo with a SignedData (RFC 5652, Sections 3 and 5.1).
var OIDPostQuantum = ownOID(".4")

// PostQuantum returns the SignedData with the post-quantum signature that stands beside this one,
// nil where there is none: detached, about id-data, with one signer that has signed attributes
// (RFC 9882, Section 3.2, prefers them). That signer's own unsigned attributes are not read.
//
// It proves nothing before its signer's Verify returned nil, over the same Digests, and that it is
// there is no proof either: anyone can add, change and remove it.
//
// Errors: *SyntaxError, *LimitError and *ContentTypeError as [Read], and *SyntaxError where there
// are several, or one of another form.
func (si *SignerInfo) PostQuantum() (*SignedData, error) {
	return si.postQuantum, si.postQuantumErr
}

// readPostQuantum finds what PostQuantum returns.
func (si *SignerInfo) readPostQuantum() {
	if len(si.rawUnsigned) == 0 {
		return
	}
	values, err := si.Unsigned(OIDPostQuantum)
	if err != nil || len(values) == 0 {
		// Attributes that cannot be read are none of ours.
		return
	}
	if len(values) > 1 {
		si.postQuantumErr = &SyntaxError{Offset: si.offset, Reason: "SignerInfo: more than one post-quantum signature"}
		return
	}
	sd := &SignedData{beside: true}
	if err := sd.readFrom(bytes.NewReader(values[0]), nil); err != nil {
		si.postQuantumErr = err
		return
	}
	if why := sd.besideDefect(); why != "" {
		si.postQuantumErr = &SyntaxError{Offset: si.offset, Reason: "post-quantum signature: " + why}
		return
	}
	si.postQuantum = sd
}

// besideDefect says why sd is not of the form that stands beside a signature.
func (sd *SignedData) besideDefect() string {
	switch {
	case sd.Attached:
		return "content is inside"
	case sd.contentType != oidData:
		return "the content is not id-data"
	case len(sd.Signers) != 1:
		return fmt.Sprintf("%d signers", len(sd.Signers))
	case !sd.Signers[0].SignedAttributes:
		return "no signed attributes"
	}
	return ""
}

// withPostQuantum is s with a PostQuantum signer that is ready, too.
func (s Signer) withPostQuantum() (Signer, error) {
	switch beside := s.PostQuantum; {
	case beside == nil:
		return s, nil
	case beside.Key == nil || !PostQuantum(beside.Key.Public()):
		return Signer{}, fmt.Errorf("%w: the key of a post-quantum signer is not for ML-DSA", ErrUnsupportedKey)
	case beside.PostQuantum != nil:
		return Signer{}, errors.New("cms: a post-quantum signer has one of its own")
	}
	beside, err := s.PostQuantum.Ready()
	if err != nil {
		return Signer{}, err
	}
	s.PostQuantum = &beside
	return s, nil
}

// besidePostQuantum is what Ready found, with the PostQuantum signer of s.
func (s Signer) besidePostQuantum() *signer {
	if s.PostQuantum == nil {
		return s.ready
	}
	sr := *s.ready
	sr.postQuantum = s.PostQuantum.ready
	if cert := s.PostQuantum.Certificate; cert != nil {
		sr.besideCertificates = append([]*x509.Certificate{cert}, s.PostQuantum.Chain...)
	}
	return &sr
}

// postQuantumAttribute signs the content in d by the post-quantum signer of sr, and returns the DER
// of the attribute; nil where there is none.
func (sr *signer) postQuantumAttribute(random io.Reader, d *Digests, opts SignOptions) ([]byte, error) {
	if sr.postQuantum == nil {
		return nil, nil
	}
	m, err := newSignedMessage([]*signer{sr.postQuantum}, d, SignOptions{
		Certificates: sr.besideCertificates, Time: opts.Time, NoTime: opts.NoTime, Rand: random,
	})
	if err != nil {
		return nil, err
	}
	der, err := Attribute{OIDPostQuantum, append(m.head(detached), m.tail...)}.encode()
	switch {
	case err != nil:
		return nil, err
	case len(der) > MaxUnsignedSize:
		return nil, limitUnsignedSize.Exceeded()
	}
	return der, nil
}

// unsignedAttributes is the DER of the unsigned attributes of sr, with the tag they have in a
// SignerInfo; nothing where there are none.
func (sr *signer) unsignedAttributes(random io.Reader, d *Digests, attrs []Attribute, opts SignOptions) ([]byte, error) {
	ders, err := encodeUnsigned(attrs)
	if err != nil {
		return nil, err
	}
	beside, err := sr.postQuantumAttribute(random, d, opts)
	if err != nil {
		return nil, err
	}
	if beside != nil {
		ders = append(ders, beside)
	}
	switch {
	case len(ders) > MaxAttributes:
		return nil, limitAttributes.Exceeded()
	case len(ders) == 0:
		return nil, nil
	}
	return ber.SetOf(ber.TagContext1, ders), nil
}
