package cms

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"io"
	"time"
)

// SignedData is a parsed RFC 5652, Section 5.1 structure.
type SignedData struct {
	// ContentType is the eContentType (id-data for mail).
	ContentType asn1.ObjectIdentifier
	// Attached says that the content was inside.
	Attached bool
	// ContentSize is the number of content octets when Attached.
	ContentSize int64
	// RawCertificates holds the certificates as DER, in their order; what x509 cannot parse is not in Certificates.
	RawCertificates [][]byte
	Certificates    []*x509.Certificate
	Signers         []*SignerInfo
}

// Read reads exactly one ContentInfo with SignedData (BER or DER) from r. Attached content is written to content as it goes by (nil: discarded)
// and hashed with the digests the structure announces; nothing of it is held in memory.
// Errors: *SyntaxError for what is malformed, *LimitError for what is over a limit, *ContentTypeError when it is another type
// (EnvelopedData, CompressedData, …: its OID tells which), else what r or content returned.
func Read(r io.Reader, content io.Writer) (*SignedData, error) { panic("unwritten") }

// Digests returns the digest algorithms (SHA-256, 384, 512, and SHA-1 so that it can be called weak) the signers need.
// For a detached signature the caller hashes the content with each and hands the result to Verify.
func (sd *SignedData) Digests() *Digests { panic("unwritten") }

// SignerInfo is RFC 5652, Section 5.3.
type SignerInfo struct {
	// RawIssuer and Serial, or SubjectKeyID, name the certificate.
	RawIssuer    []byte
	Serial       []byte // DER INTEGER contents
	SubjectKeyID []byte
	// Algorithm is a word like "ecdsa-p256-sha256" when the key is known, else by OID, e.g. "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256", "ed25519".
	Algorithm string
	// SigningTime is the claimed time (zero: none).
	SigningTime time.Time
	// SigningCertificateHash: see Certificate matching below; nil when no signingCertificateV2.
	Capabilities []byte // raw SMIMECapabilities value, nil when absent
}

// Certificate returns the certificate of sd (or of extra) this signer names, or nil. With signingCertificateV2 (RFC 5035) only the one it hashes will do.
func (si *SignerInfo) Certificate(sd *SignedData, extra []*x509.Certificate) *x509.Certificate {
	panic("unwritten")
}

// Verify checks this signer's signature under pub over the content hashed in d: nil when right. spki is the key's DER SubjectPublicKeyInfo (for PSS keys).
// Errors: *SignatureError{Code} with Code "bad-signature", "bad-digest", "bad-attributes", "weak", "unsupported", "key-substituted".
// Weak and unsupported are told apart from wrong: errors.As gives the Code.
func (si *SignerInfo) Verify(d *Digests, pub crypto.PublicKey) error { panic("unwritten") }

// Signer makes one SignerInfo.
type Signer struct {
	// Key signs. RSA (2048 to 4096 bit), ECDSA P-256, P-384, P-521, Ed25519.
	Key crypto.Signer
	// Certificate is the key's certificate. Nil: the signer is named by the SubjectKeyIdentifier of the key
	// (RFC 5280, 4.2.1.2, method 1) and signingCertificateV2 is left out.
	Certificate *x509.Certificate
	// PSS signs with RSASSA-PSS (RFC 4056); RSA keys only.
	PSS bool
}

// SignOptions are for Sign. The zero value is safe except Time, which is needed.
type SignOptions struct {
	Signers []Signer
	// Certificates go into the SignedData (the signers' own too: they are not added by themselves).
	Certificates []*x509.Certificate
	// Time is the signingTime attribute.
	Time time.Time
	// Rand is the source of randomness; nil means crypto/rand.
	Rand io.Reader
}

// Sign returns the DER of a detached SignedData over the content read from content (hashed once, whatever the number of signers).
func Sign(content io.Reader, opts SignOptions) ([]byte, error) { panic("unwritten") }

// SignAttached writes the DER of a SignedData with content inside. size is the exact length of content, which is read twice (DER needs lengths and digests first… the signature stands behind the content, so once is enough: it is hashed while it is copied).
func SignAttached(w io.Writer, content io.Reader, size int64, opts SignOptions) error {
	panic("unwritten")
}
