package smime

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"dnseal/smime/certificate"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// Integrity of one signature. The zero value is IntegrityUnknown.
type Integrity uint8

// Integrities.
const (
	IntegrityUnknown Integrity = iota // key not known, algorithm unsupported
	IntegrityBad
	IntegrityGood
)

// String returns the word of the verdict's JSON: "unknown", "bad" or "good".
func (i Integrity) String() string {
	switch i {
	case IntegrityBad:
		return "bad"
	case IntegrityGood:
		return "good"
	case IntegrityUnknown:
	}
	return "unknown"
}

// Code is a stable word for what is wrong with a signature or a message.
type Code = cms.Code

// Codes of a Signature whose integrity is not good, or which is weak.
const (
	CodeBadSignature   = cms.CodeBadSignature
	CodeBadDigest      = cms.CodeBadDigest
	CodeBadAttributes  = cms.CodeBadAttributes
	CodeWeak           = cms.CodeWeak
	CodeUnsupported    = cms.CodeUnsupported
	CodeKeySubstituted = cms.CodeKeySubstituted
	// CodeNoKey: neither the message nor the caller has the signer's key.
	CodeNoKey Code = "no-key"
	// CodeMalformed: the signature cannot be parsed.
	CodeMalformed Code = "malformed"
)

// Coverage says what signed content is: CoversMessage, or "part N" by its IMAP part number.
type Coverage string

// CoversMessage is the coverage of a signature whose content is the whole body of the message.
const CoversMessage Coverage = "message"

// Signature is one signer (RFC 5652, Section 5.3) of one signed part.
type Signature struct {
	// Part is the IMAP part number of the signature part as in RFC 7281 (of a part inside opaque
	// content: as if that were an attached message).
	Part   string
	Covers Coverage
	// Object is the SHA-256 of the CMS object that holds the signature, as decoded from its part,
	// where [VerifyOptions] asked for it; zero for one that cannot be read.
	Object [sha256.Size]byte
	// Outside says what text around the signed content some readers show that this signature does
	// not cover, e.g. "epilogue after the signed part"; "" for none, and for what programs write
	// there for readers without MIME.
	Outside string
	// NotEntity says why the signed content is no MIME entity (RFC 8551, Section 3.1), so that
	// readers show something else than was signed; "" for one that is.
	NotEntity string
	// Inner says that nothing of this signature can be read, and that it is inside what another
	// one covers (RFC 2634, Section 1.1).
	Inner bool
	// Integrity says whether the signature value is correct over exactly the bytes received.
	Integrity Integrity
	// Code is a stable word when Integrity is not good, or Weak: one of the Code constants. Reason
	// is a sentence.
	Code   Code
	Reason string
	// Algorithm, e.g. "ecdsa-p256-sha256"; without the curve where the key is not known.
	Algorithm string
	// Weak is set when the signature is correct, or may be, but by an algorithm or key size that
	// proves nothing. Integrity is good only where the value was checked.
	Weak        bool
	SigningTime time.Time
	// SignedAttributes says that the signature is over signed attributes (RFC 5652, Section 5.3),
	// not over the bare content.
	SignedAttributes bool
	// CertificateHashed says that the signed attributes hold the hash of the signer's
	// certificate (RFC 5035): then Integrity is good only with that certificate.
	CertificateHashed bool
	// Certificate is the signer's, from the message or from outside; nil when none is known.
	Certificate *x509.Certificate
	// CertificateErr says why the signer's certificate, which the message brings, cannot be read;
	// nil where it can be, or is not there.
	CertificateErr error
	// Certificates are those in the message that are cheap enough to compute with
	// ([certificate.CheckCost]).
	Certificates []*x509.Certificate
	// SubjectKeyID names the key where the signer gave no issuer and serial.
	SubjectKeyID []byte
	// PostQuantum is a signature by ML-DSA over the same content that stands beside this one
	// ([cms.OIDPostQuantum]); nil: there is none, or PostQuantumErr says why it cannot be read. No
	// other signature covers it: whoever forwards a message can add, change and remove it. What it
	// says about the header is what this one says.
	PostQuantum    *Signature
	PostQuantumErr error
	// PublicKey is the key that verified, nil when none did.
	PublicKey crypto.PublicKey
	// HeaderProtection is the form in which the content protects header fields.
	HeaderProtection HeaderProtection
	// ProtectedFrom are the addresses of the inner From where the header is protected;
	// ProtectedFromErr why they could not be read.
	ProtectedFrom    []message.Address
	ProtectedFromErr error
	// ProtectedFromText are the values of the inner From fields, unfolded, as readers of RFC 9788
	// are shown them.
	ProtectedFromText []string
	// Differences lists protected fields whose outer value differs or is missing, and fields
	// that readers show or act on that are outside only, by name.
	Differences []string
	// HeaderState says whether the fields that readers show or act on are as they were signed.
	// It counts only where Integrity is good, and is about the header around the signed part:
	// that of the message, or of the attached message that the part is in.
	HeaderState HeaderState
	// HeaderChanges lists the fields for which HeaderState is HeaderChanged, by name: those of
	// Differences that readers show or act on, without a Subject that lists only put their
	// names into.
	HeaderChanges []string

	protection *protection

	data    *cms.SignedData
	info    *cms.SignerInfo
	digests *cms.Digests
	// The content, while the message is open: in it, or, when it is attached, unpacked.
	content   io.ReaderAt
	off, size int64
	attached  bool
	outer     []message.Field // the header around the signed part
}

// errNoSignature is for a Signature that is only a malformed part.
var errNoSignature = errors.New("smime: there is no signature to check")

// VerifyWithCertificate checks the signature again with a certificate from outside, and sets
// Integrity and what goes with it. An error says that cert is not the one the signer names; then
// nothing changes.
func (s *Signature) VerifyWithCertificate(cert *x509.Certificate) error {
	if s.info == nil {
		return errNoSignature
	}
	if err := s.info.Match(cert); err != nil {
		return fmt.Errorf("smime: certificate from outside: %w", err)
	}
	s.checkWith(cert)
	return nil
}

// VerifyWithKey checks the signature with a bare key from outside (DER SubjectPublicKeyInfo); its
// SubjectKeyIdentifier must be the one the signer names. An error says that it is not, or no key at
// all; then nothing changes.
func (s *Signature) VerifyWithKey(spki []byte) error {
	if s.info == nil {
		return errNoSignature
	}
	if err := s.info.MatchKey(spki); err != nil {
		return fmt.Errorf("smime: key from outside: %w", err)
	}
	pub, err := cms.ParsePublicKey(spki)
	if err != nil && !errors.Is(err, cms.ErrUnsupportedKey) {
		return fmt.Errorf("smime: key from outside: %w", err)
	}
	s.Certificate = nil
	s.checkKeyOr(pub, err)
	return nil
}

// Cosigned says whether s and o are two signers of one SignedData.
func (s *Signature) Cosigned(o *Signature) bool { return s.data != nil && s.data == o.data }

// Unsigned returns the values of this signer's unsigned attributes of a type, as
// [cms.SignerInfo.Unsigned] does: anyone can have put them there. A signature that cannot be read
// has none.
func (s *Signature) Unsigned(id x509.OID) ([][]byte, error) {
	if s.info == nil {
		return nil, nil
	}
	return s.info.Unsigned(id)
}

// readPostQuantum finds and checks the signature beside s.
func (s *Signature) readPostQuantum() {
	data, err := s.info.PostQuantum()
	if data == nil {
		s.PostQuantumErr = err
		return
	}
	info := data.Signers[0]
	s.PostQuantum = &Signature{
		Part: s.Part, Covers: s.Covers, Algorithm: info.Algorithm, SigningTime: info.SigningTime, SignedAttributes: info.SignedAttributes, CertificateHashed: info.HashesCertificate(),
		Certificates: append(affordable(data.Certificates), s.Certificates...), SubjectKeyID: info.SubjectKeyID, HeaderProtection: ProtectionNone,
		data: data, info: info, digests: s.digests, Object: s.Object,
	}
	s.PostQuantum.check()
}

// check looks for the signer's certificate in the message, and checks the signature with it.
func (s *Signature) check() {
	if cert := s.info.Certificate(s.data, nil); cert != nil {
		s.checkWith(cert)
		return
	}
	s.Integrity, s.Code, s.Reason = IntegrityUnknown, CodeNoKey, "the signer's certificate is not in the message"
	if why := s.info.Unreadable(s.data); why != nil {
		s.CertificateErr, s.Reason = why, "the signer's certificate cannot be read: "+strings.TrimPrefix(why.Error(), "certificate: ")
	}
	// A certificate that is named, but is not the one in the signature, is no accident (RFC 5035,
	// Section 1).
	for _, cert := range s.data.Certificates {
		var failed *cms.SignatureError
		if err := s.info.Match(cert); errors.As(err, &failed) && failed.Code != cms.CodeOtherCertificate {
			s.Certificate = cert
			s.fail(failed)
		}
	}
	if s.Code == CodeNoKey {
		s.compareDigest()
	}
}

// compareDigest compares the digest, for which no key is needed (RFC 5652, Section 5.6).
func (s *Signature) compareDigest() {
	digest := s.digests.Sum(s.info.DigestAlgorithm)
	if s.info.SignedAttributes && digest != nil && string(digest) != string(s.info.MessageDigest) {
		s.Integrity, s.Code, s.Reason = IntegrityBad, CodeBadDigest, "the content is not the one that was signed"
	}
}

func (s *Signature) checkWith(cert *x509.Certificate) {
	s.Certificate = cert
	s.checkKeyOr(cms.PublicKey(cert))
}

// checkKeyOr is checkKey where there is no error.
func (s *Signature) checkKeyOr(pub crypto.PublicKey, err error) {
	if err == nil {
		s.checkKey(pub)
		return
	}
	s.Integrity = IntegrityUnknown
	s.Code, s.Reason = keyTrouble(err)
	s.compareDigest()
}

// keyTrouble says why nothing can be checked with a key.
func keyTrouble(err error) (Code, string) {
	var cost *certificate.CostError
	var numbers *certificate.RSAKeyError
	why := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "cms: "), "certificate: ")
	switch {
	case errors.Is(err, cms.ErrUnsupportedKey):
		return CodeUnsupported, "the type of the signer's key is not supported: " + strings.TrimPrefix(err.Error(), cms.ErrUnsupportedKey.Error()+": ")
	case errors.As(err, &cost), errors.As(err, &numbers):
		return CodeUnsupported, "the signer's key cannot be used: " + why
	}
	return CodeMalformed, "the signer's key cannot be read: " + why
}

// checkKey checks the signature with pub (RFC 5652, Section 5.6).
func (s *Signature) checkKey(pub crypto.PublicKey) {
	s.Integrity, s.Code, s.Reason, s.Weak, s.PublicKey = IntegrityUnknown, "", "", false, nil
	s.Algorithm = s.info.AlgorithmWith(pub)
	err := s.info.Verify(s.digests, pub)
	if err == nil {
		s.Integrity, s.PublicKey = IntegrityGood, pub
		return
	}
	var failed *cms.SignatureError
	if !errors.As(err, &failed) {
		failed = &cms.SignatureError{Code: CodeMalformed, Reason: err.Error()}
	}
	s.fail(failed)
	if s.Weak {
		s.PublicKey = pub
	}
}

// fail distinguishes what is wrong from what cannot be checked.
func (s *Signature) fail(err *cms.SignatureError) {
	s.Code, s.Reason = err.Code, err.Reason
	switch err.Code {
	case cms.CodeWeak:
		s.Integrity, s.Weak = IntegrityUnknown, true
	case cms.CodeUnsupported:
		s.Integrity = IntegrityUnknown
	default:
		s.Integrity = IntegrityBad
	}
}
