package identity

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"fmt"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// OwnerName returns the absolute owner name of the identity's record and its type.
// Errors: the name is not one that ParseName returns.
// RFC 8162, Section 3.
func (id *Identity) OwnerName() (string, dane.Type, error) {
	if id.Kind != Mail {
		owner, err := dane.TLSAName(id.Name)
		return owner, dane.TLSA, err
	}
	addr, err := message.ParseAddress(id.Name)
	if err != nil {
		return "", 0, fmt.Errorf("identity: %w", err)
	}
	owner, err := dane.SMIMEAName(addr.Local, addr.Domain)
	return owner, dane.SMIMEA, err
}

// Record returns the record that publishes the identity (RFC 6698, Section 2.1): usages 1 and 3
// bind its own certificate or key, usages 0 and 2 the highest certificate of
// [Identity.Authorities]. Errors have a [Hint]: a value that is not defined, a selector or usage
// that needs a certificate which is not there.
func (id *Identity) Record(usage, selector, matching uint8) (dane.Record, error) {
	if err := checkNumbers(usage, selector, matching); err != nil {
		return dane.Record{}, err
	}
	data, err := id.selected(usage, selector)
	if err != nil {
		return dane.Record{}, err
	}
	return newRecord(usage, selector, matching, data), nil
}

// CertificateRecord returns the record of any certificate, such as a CA's (RFC 6698, Section 2.1).
// The error, which has a [Hint], says that a value is not defined.
func CertificateRecord(cert *x509.Certificate, usage, selector, matching uint8) (dane.Record, error) {
	if err := checkNumbers(usage, selector, matching); err != nil {
		return dane.Record{}, err
	}
	return newRecord(usage, selector, matching, part(cert, selector)), nil
}

func checkNumbers(usage, selector, matching uint8) error {
	if usage <= dane.DANEEE && selector <= dane.PublicKey && matching <= dane.SHA512 {
		return nil
	}
	err := fmt.Errorf("identity: record %d %d %d is not defined", usage, selector, matching)
	return WithHint(err, "usage 0 to 3, selector 0 or 1, matching type 0 to 2 (RFC 6698, Section 2.1); 3 1 1 is right for most")
}

// newRecord is the record of what selector chose.
// RFC 6698, Section 2.1.3.
func newRecord(usage, selector, matching uint8, data []byte) dane.Record {
	switch matching {
	case dane.SHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case dane.SHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return dane.Record{Usage: usage, Selector: selector, MatchingType: matching, Data: data}
}

// part is the certificate, or its key.
// RFC 6698, Section 2.1.2.
func part(cert *x509.Certificate, selector uint8) []byte {
	if selector == dane.FullCertificate {
		return cert.Raw
	}
	return cert.RawSubjectPublicKeyInfo
}

// selected returns the bytes usage and selector choose.
// RFC 6698, Sections 2.1.1 and 2.1.2.
func (id *Identity) selected(usage, selector uint8) ([]byte, error) {
	cert := id.Certificate
	if usage == dane.PKIXTA || usage == dane.DANETA {
		if len(id.Chain) == 0 {
			err := fmt.Errorf("identity: %s: usage %d names the issuing CA, and no CA certificate is in %s", id.Name, usage, certFile)
			return nil, WithHint(err, "use usage 3 for a self-signed certificate, or add the certificate of its CA to %s", certFile)
		}
		above := id.Authorities()
		cert = above[len(above)-1]
	}
	switch {
	case cert == nil && (selector == dane.FullCertificate || usage != dane.DANEEE):
		err := fmt.Errorf("identity: %s has no certificate: a raw key is published with usage 3 and selector 1", id.Name)
		return nil, WithHint(err, "use 3 1 0, so that the record carries the key")
	case cert != nil:
		return part(cert, selector), nil
	}
	return id.SPKI()
}

// SPKI returns the DER SubjectPublicKeyInfo of the identity's key.
func (id *Identity) SPKI() ([]byte, error) {
	if id.Certificate != nil {
		return id.Certificate.RawSubjectPublicKeyInfo, nil
	}
	return cms.MarshalPublicKey(id.public())
}

// CheckName compares the names in the certificate with the identity's: receivers use the name in
// the certificate (RFC 8550, Section 3), so that with another one no signature passes. The error
// names what the certificate is for, and has a [Hint]. A raw key has no name to compare.
func (id *Identity) CheckName() error {
	if id.Certificate == nil || id.Names(id.Certificate) {
		return nil
	}
	var names []string
	sameLetters := false
	for _, n := range smime.CertificateNames(id.Certificate) {
		name := n.DNSName
		if n.Kind == smime.NameMail {
			name = n.Address.String()
		}
		names = append(names, name)
		sameLetters = sameLetters || strings.EqualFold(name, id.Name)
	}
	states := "no name at all"
	if len(names) > 0 {
		states = clip(strings.Join(names, ", "))
	}
	if sameLetters {
		states += " (lower and upper case differ, and before the @ they count)"
	}
	err := fmt.Errorf("identity: %s: its certificate is for %s, and receivers use that name", id.Name, states)
	return WithHint(err, "get a certificate for %s, or move it to the identity of its name", id.Name)
}

// Names reports whether cert states the identity's name in its subjectAltName.
// RFC 8550, Section 3.
func (id *Identity) Names(cert *x509.Certificate) bool {
	for _, n := range smime.CertificateNames(cert) {
		if n.Kind == smime.NameMail && n.Address.String() == id.Name || n.Kind == smime.NameDNS && n.DNSName == id.Name {
			return true
		}
	}
	return false
}
