package identity

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// defaultDays is the validity of a self-signed certificate: under DANE-EE its dates do not count
// (RFC 7671, Section 5.1).
const defaultDays = 3650

// maxDays is the longest validity: a hundred years.
const maxDays = 36500

// backdated covers verifiers whose clock is slow.
const backdated = time.Hour

// newCertificate makes the self-signed certificate of a name: its subject is
// the name and nothing else, so that it says no more about the owner than the mail itself.
// RFC 8550, Section 4.4; RFC 8162, Section 2.
func newCertificate(id *Identity, opts CreateOptions) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, err
	}
	ski, err := subjectKeyID(id.Key.Public())
	if err != nil {
		return nil, err
	}
	days := opts.Days
	if days == 0 {
		days = defaultDays
	}
	now := opts.Now.UTC().Truncate(time.Second)
	template := &x509.Certificate{
		// positive: RFC 5280, Section 4.1.2.2
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: id.Name},
		NotBefore:    now.Add(-backdated),
		NotAfter:     now.AddDate(0, 0, days),
		// RFC 8550, Sections 4.4.2 and 4.4.4.
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		SubjectKeyId: ski, // RFC 5280, Section 4.2.1.2
		// No basicConstraints: RFC 5280, Section 4.2.1.9, requires it in certificates of CAs only,
		// and Thunderbird cannot be told to trust one of which cA is FALSE.
	}
	if err = setAltName(template, id.Kind, id.Name); err != nil {
		return nil, err
	}
	if id.PSS {
		template.SignatureAlgorithm = x509.SHA256WithRSAPSS
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, id.Key.Public(), id.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// setAltName states the identity: rfc822Name, SmtpUTF8Mailbox where the local part is not ASCII
// (RFC 9598, Section 3), or dNSName.
func setAltName(template *x509.Certificate, kind Kind, name string) error {
	// RFC 5280, Section 4.2.1.6.
	if kind != Mail {
		template.DNSNames = []string{name}
		return nil
	}
	addr, err := message.ParseAddress(name)
	if err != nil {
		return err
	}
	if !strings.ContainsFunc(addr.Local, func(r rune) bool { return r >= utf8.RuneSelf }) {
		template.EmailAddresses = []string{name}
		return nil
	}
	ext, err := certificate.SMTPUTF8AltName(name)
	template.ExtraExtensions = []pkix.Extension{ext}
	return err
}

func encodeCertificate(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}
