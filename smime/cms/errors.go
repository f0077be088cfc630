package cms

import (
	"cmp"
	"encoding/asn1"
	"fmt"

	"dnseal/smime/cms/internal/ber"
)

// SyntaxError says that the input is no SignedData at all: truncated, malformed, or followed by
// something. Offset is where in the input, in octets; Reason says it in words.
type SyntaxError = ber.SyntaxError

// LimitError says that the input is over one of the limits of this package. What is one of depth,
// certificates, signers, attributes, digest-algorithms, certificate-size, signer-size,
// unsigned-size, revocation-size, element-size; Limit is the largest number or size that is
// accepted.
type LimitError = ber.LimitError

// ContentTypeError says that the input is a ContentInfo of another type than was to be read.
type ContentTypeError struct {
	// Type is the contentType.
	Type asn1.ObjectIdentifier
	// Wanted names what was to be read; empty: signed-data.
	Wanted string
}

func (e *ContentTypeError) Error() string {
	return fmt.Sprintf("cms: content type %s is not %s", e.Name(), cmp.Or(e.Wanted, "signed-data"))
}

// Name returns the type as RFC 5652 and its relatives write it, without "id-": "envelopedData",
// "authEnvelopedData", "compressedData", "data", …, else as [AlgorithmName] does.
func (e *ContentTypeError) Name() string { return AlgorithmName(e.Type) }

// Code is a stable word for what is wrong with a signature.
type Code string

// Codes of SignatureError.
const (
	// CodeBadSignature: the signature value is wrong, or cannot be by a key of this kind.
	CodeBadSignature Code = "bad-signature"
	// CodeBadDigest (RFC 5652, Section 5.6): the content is not the one that was signed.
	CodeBadDigest Code = "bad-digest"
	// CodeBadAttributes: the signed attributes break a rule, or contradict the rest of the
	// SignedData.
	CodeBadAttributes Code = "bad-attributes"
	// CodeWeak: the signature is right (MD5, RSA keys below 1024 bits and Ed25519 keys of small
	// order: not checked), but by an algorithm or key that proves nothing.
	CodeWeak Code = "weak"
	// CodeUnsupported: the signature cannot be checked, or its value is right and its two
	// algorithms do not go together.
	CodeUnsupported Code = "unsupported"
	// CodeKeySubstituted: the certificate is not the one the signer put under the signature (RFC
	// 5035).
	CodeKeySubstituted Code = "key-substituted"
	// CodeOtherCertificate: the signer names another certificate.
	CodeOtherCertificate Code = "other-certificate"
)

// SignatureError says why a signature does not count.
type SignatureError struct {
	// Code is one of the Code constants.
	Code Code
	// Reason in words; nothing of the input is in it but algorithm identifiers.
	Reason string
}

func (e *SignatureError) Error() string { return "cms: " + string(e.Code) + ": " + e.Reason }

func failure(code Code, format string, args ...any) *SignatureError {
	return &SignatureError{Code: code, Reason: fmt.Sprintf(format, args...)}
}
