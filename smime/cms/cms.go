// Package cms reads and writes the Cryptographic Message Syntax (RFC 5652) as
// S/MIME 4.0 needs it (RFC 8551): SignedData, detached and attached.
//
// Reading takes BER or DER, in linear time, with fixed limits (limits.go) and in constant memory:
// attached content is streamed. Writing is deterministic DER. Signed attributes are hashed
// as received, never re-serialised from what was understood of them. What is neither certificate,
// nor revocation data, nor part of a signature is refused (foreign.go).
//
// # Where to start
//
// [Sign] and [SignAttached] make a SignedData with keys that are any
// [crypto.Signer]. [Read] takes one apart; then, for each [SignerInfo],
// [SignerInfo.Match] or [SignerInfo.Certificate] finds the certificate, and
// [SignerInfo.Verify] checks the signature over the [Digests] of the content.
//
// # Object identifiers of our own
//
// They are below
//
//	1.2.840.113556.1.8000.2554.21861.5220.32913.16599.36273.14217779.708875
//
// which is the UUID 55651464-8091-40d7-8db1-d8f2330ad10b, in pieces of 16 and 24 bits below the arc
// that is kept for such identifiers and needs no registration. The arc of ITU-T X.667, Section 7
// (2.25), holds a UUID as one number of 128 bits, and a program that reads numbers of 64 bits
// refuses a whole SignedData with it (GnuTLS: findings/certtool-uuid-oid.sh).
//
//	.1  staple    unsigned attribute, one value: the DNSSEC chain of the signer's own records
//	              ([OIDStaple]; its ASN.1 is in package lookup/evidence/staple)
//	.2  DNS name  reserved: the DNS name that a signature speaks for
//	.3  context   reserved: what a signature is made for
//	.4  beside    unsigned attribute, one value: a ContentInfo with a detached SignedData over the
//	              same content, by one post-quantum signer of the same name ([OIDPostQuantum])
//
// # Limitations
//
// The package knows nothing of mail, DNS or certificate trust: it says whether a
// signature value is right under a key, and which attributes were signed. The caller
// decides whose key it is and whether the certificate may be used. It also refuses
// a SignedData that is attached where it should be detached ([SignedData.Attached]), that
// is not about id-data ([SignedData.ContentType]) or that has no signature (no
// [SignedData.Signers]: RFC 8551 certs-only), and decides about a signer without signed
// attributes ([SignerInfo.SignedAttributes]).
//
// # What is refused as weak or too large
//
// A key or a signature value that is larger than package certificate allows is unsupported before
// any arithmetic; an Ed25519 key of small order (smallorder.go) is weak, because signatures by it
// hold for more than one message.
//
// # Specifications
//
// RFC 5652 (CMS), RFC 5754 (SHA-2), RFC 4055 and RFC 4056 (RSASSA-PSS), RFC 5753 and
// RFC 5480 (ECDSA), RFC 8419 (Ed25519), RFC 9882 (ML-DSA), RFC 5035 (signingCertificateV2),
// RFC 6211 (CMSAlgorithmProtection), RFC 8551 (SMIMECapabilities), X.690 (BER, DER).
package cms
