package cms

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"

	"dnseal/smime/certificate"
)

// SignedData is a parsed RFC 5652, Section 5.1 structure.
type SignedData struct {
	// ContentType is the eContentType (id-data for mail).
	ContentType asn1.ObjectIdentifier
	// Attached says that the content was inside.
	Attached bool
	// ContentSize is the number of content octets when Attached.
	ContentSize int64
	// RawCertificates holds the certificates as DER, in their order; what certificate.Parse cannot
	// read is not in Certificates. Neither may be changed: what was parsed once is handed out
	// again.
	RawCertificates [][]byte
	Certificates    []*x509.Certificate
	// Signers may be empty: that is no signature, but RFC 8551, Section 3.8 (certs-only).
	Signers []*SignerInfo

	contentType string        // contents octets of ContentType
	announced   []crypto.Hash // digestAlgorithms; 0 for an unknown one
	// digestAlgorithms are the same as received.
	digestAlgorithms []algorithmIdentifier
	content          *Digests // of attached content
	// beside: it stands in an unsigned attribute itself.
	beside bool
	// unreadable are the certificates that are not in Certificates, and why.
	unreadable []*certificate.UnreadableError
}

// Digests returns the argument of Verify. For attached content it is filled. For a detached
// signature it is a new one, empty, with the digest algorithms that the signers need: the caller
// writes the content to it.
func (sd *SignedData) Digests() *Digests {
	if sd.Attached {
		return sd.content
	}
	d := new(Digests)
	for _, si := range sd.Signers {
		d.add(si.DigestAlgorithm)
		d.hold = d.hold || familyTable[si.scheme.family].pure && !si.SignedAttributes
		if si.postQuantum != nil {
			d.add(si.postQuantum.Signers[0].DigestAlgorithm)
		}
	}
	return d
}
