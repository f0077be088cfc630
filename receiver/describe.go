package receiver

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"

	"dnseal/smime"
)

// describe starts the report on a signature with what needs no signatureCheck and no key.
func describe(s *smime.Signature) *SignatureReport {
	out := &SignatureReport{
		Part: s.Part, Covers: s.Covers, Binding: BindingNone, Freshness: Unknown,
		HeaderProtection: s.HeaderProtection, Differences: s.Differences,
		HeaderState: smime.HeaderUnprotected, protectedFrom: s.ProtectedFrom,
		inner: s.Inner,
	}
	if !s.SigningTime.IsZero() {
		t := s.SigningTime.UTC()
		out.SigningTime = &t
	}
	return out
}

func describeCertificate(c *x509.Certificate) *CertificateReport {
	if c == nil {
		return nil
	}
	sum := sha256.Sum256(c.Raw)
	return &CertificateReport{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.Text(16),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), SHA256: hex.EncodeToString(sum[:]),
	}
}
