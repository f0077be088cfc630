package cms

import (
	"bytes"
	"crypto/x509"
	"math/big"
)

// Certificate returns the first certificate of sd, or else of extra, that Match accepts; nil when
// there is none. Then Match returns the reason for each.
func (si *SignerInfo) Certificate(sd *SignedData, extra []*x509.Certificate) *x509.Certificate {
	for _, certs := range [][]*x509.Certificate{sd.Certificates, extra} {
		for _, cert := range certs {
			if si.Match(cert) == nil {
				return cert
			}
		}
	}
	return nil
}

// Unreadable says why a certificate in sd that is the signer's, or may be, cannot be read: a
// *certificate.UnreadableError; nil where there is none.
func (si *SignerInfo) Unreadable(sd *SignedData) error {
	for _, why := range sd.unreadable {
		// RFC 5652, Section 5.3: a subjectKeyIdentifier is in an extension of it.
		if si.SubjectKeyID != nil || bytes.Equal(si.RawIssuer, why.RawIssuer) && bytes.Equal(si.Serial, why.Serial) {
			return why
		}
	}
	return nil
}

// Match says whether cert is the certificate the signer names, by issuer and serial number or by
// SubjectKeyIdentifier, and where signingCertificateV2 (RFC 5035) is present, whether it is the one
// hashed there. That attribute binds the key to one certificate: without it, a stranger can put
// another's key into a certificate of his own (RFC 5035, Section 1).
//
// Errors: *SignatureError with CodeOtherCertificate, CodeKeySubstituted, or CodeUnsupported when
// the hash is of an unknown kind.
func (si *SignerInfo) Match(cert *x509.Certificate) error {
	if !si.names(cert) {
		return failure(CodeOtherCertificate, "the signer names another certificate")
	}
	for _, id := range si.attributes.certificates {
		if err := id.check(cert); err != nil {
			return err
		}
	}
	return nil
}

// HashesCertificate says whether signingCertificateV2 or signingCertificate (RFC 5035) is among the
// signed attributes, so that Match accepts one certificate only.
func (si *SignerInfo) HashesCertificate() bool { return len(si.attributes.certificates) > 0 }

// MatchKey says whether the signer, who has no certificate, names the key in the DER
// SubjectPublicKeyInfo spki by its SubjectKeyIdentifier.
//
// Errors: *SignatureError with CodeOtherCertificate, or with CodeKeySubstituted when
// signingCertificateV2 names a certificate; else that spki is malformed.
func (si *SignerInfo) MatchKey(spki []byte) error {
	id, err := SubjectKeyID(spki)
	if err != nil {
		return err
	}
	if !bytes.Equal(id, si.SubjectKeyID) {
		return failure(CodeOtherCertificate, "the signer names another key")
	}
	// RFC 5035, Section 1.
	if len(si.attributes.certificates) > 0 {
		return failure(CodeKeySubstituted, "the signature is bound to a certificate, not to a bare key")
	}
	return nil
}

func (si *SignerInfo) names(cert *x509.Certificate) bool {
	// RFC 5652, Section 5.3: sid is issuerAndSerialNumber or subjectKeyIdentifier.
	if si.SubjectKeyID == nil {
		return bytes.Equal(si.RawIssuer, cert.RawIssuer) && si.serialNumber().Cmp(cert.SerialNumber) == 0
	}
	id := cert.SubjectKeyId
	if id == nil {
		// RFC 5280, Section 4.2.1.2: a certificate without the extension is named by method 1.
		id, _ = SubjectKeyID(cert.RawSubjectPublicKeyInfo)
	}
	return bytes.Equal(si.SubjectKeyID, id)
}

// serialNumber reads Serial as the two's complement it is.
func (si *SignerInfo) serialNumber() *big.Int {
	n := new(big.Int).SetBytes(si.Serial)
	if si.Serial[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(si.Serial))*8))
	}
	return n
}
