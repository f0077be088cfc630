package identity

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

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

// Record returns the record that publishes the identity (RFC 6698, Section 2.1):
// usages 1 and 3 bind its own certificate or key, usages 0 and 2 the last
// certificate of its chain. Errors have a [Hint]: a value that is not defined, a
// selector or usage that needs a certificate which is not there.
func (id *Identity) Record(usage, selector, matching uint8) (dane.Record, error) {
	if usage > 3 || selector > 1 || matching > 2 {
		err := fmt.Errorf("identity: record %d %d %d is not defined", usage, selector, matching)
		return dane.Record{}, WithHint(err, "usage 0 to 3, selector 0 or 1, matching type 0 to 2 (RFC 6698, Section 2.1); 3 1 1 is right for most")
	}
	data, err := id.selected(usage, selector)
	if err != nil {
		return dane.Record{}, err
	}
	// RFC 6698, Section 2.1.3.
	switch matching {
	case 1:
		sum := sha256.Sum256(data)
		data = sum[:]
	case 2:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return dane.Record{Usage: usage, Selector: selector, MatchingType: matching, Data: data}, nil
}

// selected returns the bytes usage and selector choose.
// RFC 6698, Sections 2.1.1 and 2.1.2.
func (id *Identity) selected(usage, selector uint8) ([]byte, error) {
	cert := id.Certificate
	if usage == 0 || usage == 2 {
		if len(id.Chain) == 0 {
			err := fmt.Errorf("identity: %s: usage %d names the issuing CA, and no CA certificate is in %s", id.Name, usage, certFile)
			return nil, WithHint(err, "use usage 3 for a self-signed certificate")
		}
		cert = id.Chain[len(id.Chain)-1]
	}
	switch {
	case cert == nil && (selector == 0 || usage != 3):
		err := fmt.Errorf("identity: %s has no certificate: a raw key is published with usage 3 and selector 1", id.Name)
		return nil, WithHint(err, "use 3 1 0, so that the record carries the key")
	case selector == 0:
		return cert.Raw, nil
	case cert != nil:
		return cert.RawSubjectPublicKeyInfo, nil
	}
	return id.SPKI()
}

// RecordFormat is how a record is written in a zone file. The zero value is FormatZone.
type RecordFormat string

// Formats of records.
const (
	// FormatZone: OWNER TTL IN SMIMEA 3 1 1 HEX
	FormatZone RecordFormat = "zone"
	// FormatUnknown: OWNER TTL IN TYPE53 \# LENGTH HEX, for software that does not know the type
	// (yadifa); PowerDNS refuses a zone that writes a type it knows in this form
	FormatUnknown RecordFormat = "rfc3597"
)

// FormatRecord writes a record as one line of a zone file, without line end. A ttl of 0 is left
// out. Errors: an unknown format or type.
func FormatRecord(owner string, t dane.Type, r dane.Record, ttl time.Duration, format RecordFormat) (string, error) {
	word := map[dane.Type]string{dane.TLSA: "TLSA", dane.SMIMEA: "SMIMEA"}[t]
	if word == "" {
		return "", fmt.Errorf("identity: type %d is neither TLSA nor SMIMEA", t)
	}
	seconds := ""
	if ttl > 0 {
		seconds = fmt.Sprintf("%d ", int64(ttl/time.Second))
	}
	switch format {
	// RFC 6698, Section 2.2.
	case "", FormatZone:
		return fmt.Sprintf("%s %sIN %s %d %d %d %s", owner, seconds, word, r.Usage, r.Selector, r.MatchingType, hex.EncodeToString(r.Data)), nil
	// RFC 3597, Section 5.
	case FormatUnknown:
		data := append([]byte{r.Usage, r.Selector, r.MatchingType}, r.Data...)
		return fmt.Sprintf(`%s %sIN TYPE%d \# %d %s`, owner, seconds, uint16(t), len(data), hex.EncodeToString(data)), nil
	}
	return "", WithHint(fmt.Errorf("identity: unknown record format %q", clip(string(format))), "use zone or rfc3597")
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
