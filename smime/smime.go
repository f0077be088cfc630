// Package smime signs and verifies messages by S/MIME 4.0 (RFC 8551, RFC 8550)
// with header protection (RFC 9788).
//
// One message in, one message out: [Sign] answers with a [message.Edit],
// [Verify] with a [Report] of every signature found and of what exactly it
// covers. The package asks no DNS, no network and no clock; whether a key is
// the right one for a name is the caller's question (package receiver).
package smime

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"time"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// SignOptions are for Sign. The zero value of each field but Signers and Time is the safe default.
type SignOptions struct {
	// Signers sign in parallel; the first is the main one.
	Signers []cms.Signer
	// Chain holds further certificates to send along (no roots needed).
	Chain []*x509.Certificate
	// Time is the signing time. Required.
	Time time.Time
	// Opaque makes application/pkcs7-mime instead of multipart/signed.
	Opaque bool
	// NoCertificates leaves all certificates out (the records must carry them: DESIGN 3).
	NoCertificates bool
	// NoHeaderProtection leaves out RFC 9788 header protection.
	NoHeaderProtection bool
	// FullSelfCheck also verifies the signature values of what was made.
	FullSelfCheck bool
	// RefuseOpaque fails with ErrNotTransitProof where content cannot be made transit-proof without touching a signed part, instead of going opaque.
	RefuseOpaque bool
}

// Sign returns the edit that turns m into a signed message.
// Errors: ErrAlreadySecured (signed or encrypted already), ErrNotTransitProof, *message limits, what the key returned.
func Sign(m *message.Message, opts SignOptions) (*message.Edit, error) { panic("unwritten") }

// Integrity of one signature. The zero value is IntegrityUnknown.
type Integrity uint8

// Integrities.
const (
	IntegrityUnknown Integrity = iota // key not at hand, algorithm unsupported
	IntegrityBad
	IntegrityGood
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

// Signature is one signer of one signed part.
type Signature struct {
	// Part is the IMAP part number of the signature part as in RFC 7281; Covers is "message" when the signed content is the whole body, else "part N".
	Part   string
	Covers string
	// Integrity says whether the signature value is right over exactly the bytes received.
	Integrity Integrity
	// Code is a stable word when Integrity is not good: "bad-signature", "bad-digest", "bad-attributes", "weak", "unsupported", "no-key", "malformed", "key-substituted".
	Code   string
	Reason string
	// Algorithm, e.g. "ecdsa-p256-sha256".
	Algorithm string
	// Weak is set when the signature is intact but by an algorithm or key size that does not count.
	Weak        bool
	SigningTime time.Time
	// Certificate is the signer's, from the message or from outside; nil when none is known.
	Certificate *x509.Certificate
	// Certificates are all that came in the message.
	Certificates []*x509.Certificate
	// SubjectKeyID names the key where the signer gave no issuer and serial.
	SubjectKeyID []byte
	// PublicKey is the key that verified, nil when none did.
	PublicKey crypto.PublicKey
	// HeaderProtection is "none", "clear", "cipher" or "legacy".
	HeaderProtection string
	// ProtectedFrom are the addresses of the inner From where the header is protected; ProtectedFromErr why they could not be read.
	ProtectedFrom    []message.Address
	ProtectedFromErr error
	// Differences lists protected fields whose outer value differs or is missing, by name.
	Differences []string
}

// VerifyWithCertificate checks the signature again with a certificate from outside, and sets Integrity and what goes with it.
func (s *Signature) VerifyWithCertificate(cert *x509.Certificate) error { panic("unwritten") }

// VerifyWithKey checks the signature with a bare key from outside (DER SubjectPublicKeyInfo); its SubjectKeyIdentifier must be the one the signer names (DESIGN 3).
func (s *Signature) VerifyWithKey(spki []byte) error { panic("unwritten") }

// Verify takes m apart. It returns an error only for trouble of this machine (spool, context); everything about the message is in the Report.
func Verify(ctx context.Context, m *message.Message) (*Report, error) { panic("unwritten") }

// Name is an identity a certificate states.
type Name struct {
	// Kind is "mail" or "dns".
	Kind string
	// Address for mail (rfc822Name or SmtpUTF8Mailbox, RFC 9598); DNSName for dns.
	Address message.Address
	DNSName string
}

// CertificateNames returns the identities in the subjectAltName of cert, mail first; an emailAddress of the subject only when there is no subjectAltName mail name at all (RFC 8550, 3).
func CertificateNames(cert *x509.Certificate) []Name { panic("unwritten") }

// Secured reports whether m is already S/MIME or PGP signed or encrypted, and how ("smime-signed", "smime-encrypted", "pgp-signed", "pgp-encrypted", "").
func Secured(m *message.Message) string { panic("unwritten") }

// Errors of Sign.
var (
	ErrAlreadySecured  = errors.New("smime: the message is signed or encrypted already")
	ErrNotTransitProof = errors.New("smime: the content would not survive transit and may not be changed")
)

// Explanation is what Explain found out about a signature that does not hold.
type Explanation struct {
	// Part is the part number of the signature.
	Part string
	// Change is a stable word for the transformation that, undone, makes the digest fit; "" when none does.
	Change string
	// Sentence says it for people.
	Sentence string
}

// Explain tries the known transformations of mail systems on every signature whose digest does not fit.
// Diagnosis only. Errors: as Verify.
func Explain(ctx context.Context, m *message.Message) ([]Explanation, error) { panic("unwritten") }
