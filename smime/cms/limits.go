package cms

import (
	"dnseal/smime/certificate"
	"dnseal/smime/cms/internal/ber"
)

// Limits of what Read accepts. No real mail exceeds them, only an attempt to keep the verifier
// busy. Each is checked before memory is allocated. Attached content has no limit: none of it is
// held.
const (
	// MaxDepth is how deep elements may nest, the ContentInfo being the first.
	MaxDepth = ber.MaxDepth
	// MaxCertificates counts all elements of CertificateSet, whatever their kind.
	MaxCertificates = 32
	// MaxSigners counts SignerInfos.
	MaxSigners = 8
	// MaxAttributes counts the signed attributes of one signer, and the unsigned ones.
	MaxAttributes = 64
	// MaxDigestAlgorithms counts the elements of DigestAlgorithmIdentifiers.
	MaxDigestAlgorithms = 16
	// MaxCertificateSize is for one element of CertificateSet, in octets.
	MaxCertificateSize = 64 << 10
	// MaxSignerSize is for one SignerInfo with its attributes (a time stamp token among the
	// unsigned ones brings its own certificates).
	MaxSignerSize = 128 << 10
	// MaxUnsignedSize is for all unsigned attributes of one signer that are given to be written,
	// for the one with the signature of its post-quantum signer, and for those of one type that are
	// read. By ML-DSA-87 with a certificate that takes 13 KiB, with one of its CA 20 KiB.
	MaxUnsignedSize = 64 << 10
	// MaxRevocationSize is for all of RevocationInfoChoices, which are read past and never held.
	MaxRevocationSize = 16 << 20
	// MaxRSABits and MinRSABits bound the modulus: above, one check costs too much; below, it
	// proves too little (RFC 8551, Section 2.2: weak).
	MaxRSABits = certificate.MaxRSABits
	MinRSABits = 2048

	// maxHeld is how much content is kept for an Ed25519 or ML-DSA signer without signed
	// attributes, whose signature is over the content itself.
	maxHeld = 1 << 20
)

var (
	limitCertificates    = ber.Limit{What: "certificates", Max: MaxCertificates}
	limitSigners         = ber.Limit{What: "signers", Max: MaxSigners}
	limitAttributes      = ber.Limit{What: "attributes", Max: MaxAttributes}
	limitDigests         = ber.Limit{What: "digest-algorithms", Max: MaxDigestAlgorithms}
	limitCertificateSize = ber.Limit{What: "certificate-size", Max: MaxCertificateSize}
	limitSignerSize      = ber.Limit{What: "signer-size", Max: MaxSignerSize}
	limitUnsignedSize    = ber.Limit{What: "unsigned-size", Max: MaxUnsignedSize}
	limitRevocationSize  = ber.Limit{What: "revocation-size", Max: MaxRevocationSize}
)
