package cms

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// forgery is a SignedData (RFC 5652, Section 5.1) put together by hand, every piece of which can be
// wrong.
type forgery struct {
	digests     [][]byte // DER of digestAlgorithms
	contentType string   // contents octets of eContentType
	content     *string  // eContent; nil: detached
	certs       []*x509.Certificate
	crls        []byte   // DER with its tag
	infos       [][]byte // DER of SignerInfos
	trailer     []byte
}

func (f forgery) der() []byte {
	encap := [][]byte{oidDER(f.contentType)}
	if f.content != nil {
		encap = append(encap, ber.TLV(ber.TagContext0, ber.TLV(ber.TagOctetString, []byte(*f.content))))
	}
	parts := [][]byte{{ber.TagInteger, 1, 1}, ber.TLV(ber.TagSet, f.digests...), ber.TLV(ber.TagSequence, encap...)}
	if f.certs != nil {
		var raw [][]byte
		for _, c := range f.certs {
			raw = append(raw, c.Raw)
		}
		parts = append(parts, ber.TLV(ber.TagContext0, raw...))
	}
	parts = append(parts, f.crls, ber.TLV(ber.TagSet, f.infos...))
	return append(ber.TLV(ber.TagSequence, oidDER(oidSignedData), ber.TLV(ber.TagContext0, ber.TLV(ber.TagSequence, parts...))), f.trailer...)
}

// forgedSigner is a SignerInfo (RFC 5652, Section 5.3) likewise.
type forgedSigner struct {
	key       crypto.Signer
	sid       []byte
	scheme    scheme
	digest    []byte   // DER of digestAlgorithm
	signature []byte   // DER of signatureAlgorithm
	attrs     [][]byte // in this order; nil: none
	signed    []byte   // what is signed; nil: the attributes in order as a SET, else the content
	value     []byte   // the signature value; nil: a right one
	unsigned  []byte   // DER of unsignedAttrs
}

// forge is a right SignerInfo over content, to be made wrong.
func forge(tb testing.TB, cert *x509.Certificate, key crypto.Signer, content string) *forgedSigner {
	tb.Helper()
	chosen, err := signingScheme(key.Public(), false)
	if err != nil {
		tb.Fatal(err)
	}
	s := &forgedSigner{key: key, scheme: chosen, digest: chosen.digestAlgorithm(), signature: chosen.signatureAlgorithm()}
	s.sid = ber.TLV(ber.TagSequence, cert.RawIssuer, integer(cert.SerialNumber))
	s.attrs = [][]byte{contentTypeIs(oidData), messageDigestOf(chosen.hash, content)}
	return s
}

func (s *forgedSigner) der(tb testing.TB, content string) []byte {
	tb.Helper()
	set := ber.TLV(ber.TagSet, s.attrs...)
	signed := s.signed
	switch {
	case signed == nil && s.attrs == nil:
		signed = []byte(content)
	case signed == nil:
		signed = ber.SetOf(ber.TagSet, slices.Clone(s.attrs))
	}
	value := s.value
	if value == nil {
		chosen := signer{scheme: s.scheme}
		var err error
		if value, err = s.key.Sign(rand.Reader, s.scheme.input(signed), chosen.options()); err != nil {
			tb.Fatal(err)
		}
	}
	parts := [][]byte{{ber.TagInteger, 1, 1}, s.sid, s.digest}
	if s.attrs != nil {
		parts = append(parts, retag(set, ber.TagContext0))
	}
	parts = append(parts, s.signature, ber.TLV(ber.TagOctetString, value), s.unsigned)
	return ber.TLV(ber.TagSequence, parts...)
}

func oidDER(oid string) []byte { return ber.TLV(ber.TagOID, []byte(oid)) }

func contentTypeIs(oid string) []byte { return attribute(oidContentType, oidDER(oid)) }

func messageDigestOf(h crypto.Hash, content string) []byte {
	return attribute(oidMessageDigest, ber.TLV(ber.TagOctetString, hashOf(h, content)))
}

func hashOf(h crypto.Hash, content string) []byte {
	d := h.New()
	d.Write([]byte(content))
	return d.Sum(nil)
}

// verdictOf does what a caller does with a message: a detached signature over *detached, or
// attached content. It returns a word for each signer, or one for the whole; "pass" when all of it
// is right.
func verdictOf(der []byte, detached *string) Code {
	sd, err := Read(bytes.NewReader(der), nil)
	if limit, ok := errors.AsType[*LimitError](err); ok {
		return Code("limit:" + limit.What)
	}
	switch {
	case err != nil:
		return "malformed"
	case sd.Attached != (detached == nil):
		return "attached"
	case len(sd.Signers) == 0:
		return "unsigned"
	}
	d := sd.Digests()
	if detached != nil {
		d.Write([]byte(*detached))
	}
	var words []string
	if sd.contentType != oidData {
		words = append(words, "not data")
	}
	for _, si := range sd.Signers {
		words = append(words, si.judgeWith(sd, d))
	}
	return Code(strings.Join(words, " "))
}

func (si *SignerInfo) judgeWith(sd *SignedData, d *Digests) string {
	cert := si.Certificate(sd, nil)
	if cert == nil {
		return "no certificate"
	}
	pub, err := PublicKey(cert)
	if err != nil {
		return "no key"
	}
	if err := si.Verify(d, pub); err != nil {
		return string(codeOf(err))
	}
	return "pass"
}
