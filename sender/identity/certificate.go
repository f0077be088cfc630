package identity

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"dnseal/sender/identity/tbs"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// defaultDays is the validity of a self-signed certificate: under DANE-EE its dates do not count
// (RFC 7671, Section 5.1).
const defaultDays = 3650

// maxDays is the longest validity: a hundred years.
const maxDays = 36500

// backdated covers verifiers whose clock is slow.
const backdated = time.Hour

// CertificateTemplate is the certificate of a name and key before anybody signed it, valid from an
// hour before now: its subject is the name and nothing else, so that it says no more about the
// owner than the mail itself. Errors: a key that cannot be written, a name that ParseName does not
// return. RFC 8550, Section 4.4; RFC 8162, Section 2.
func CertificateTemplate(kind Kind, name string, pub crypto.PublicKey, now time.Time, days int) (*x509.Certificate, error) {
	serial, err := NewSerial()
	if err != nil {
		return nil, err
	}
	ski, err := subjectKeyID(pub)
	if err != nil {
		return nil, err
	}
	now = now.UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: CommonName(name)},
		NotBefore:    now.Add(-backdated),
		NotAfter:     now.AddDate(0, 0, days),
		// RFC 8550, Sections 4.4.2 and 4.4.4.
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		SubjectKeyId: ski, // RFC 5280, Section 4.2.1.2
		// No basicConstraints: RFC 5280, Section 4.2.1.9, requires it in certificates of CAs only,
		// and Thunderbird cannot be told to trust one of which cA is FALSE.
	}
	return template, setAltName(template, kind, name)
}

// maxCommonName is ub-common-name of RFC 5280, Appendix A.1, in characters.
const maxCommonName = 64

// CommonName is a name as a commonName can hold it: the end of one that is too long is replaced by
// its digest, so that no two names have the same subject.
func CommonName(name string) string {
	runes := []rune(name)
	if len(runes) <= maxCommonName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	digest := hex.EncodeToString(sum[:12])
	return string(runes[:maxCommonName-len(digest)-2]) + "… " + digest
}

// NewSerial is a random serial number, of at most 129 bits.
func NewSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, err
	}
	// positive: RFC 5280, Section 4.1.2.2
	return serial.Add(serial, big.NewInt(1)), nil
}

// newCertificate makes the self-signed certificate of an identity.
func newCertificate(id *Identity, opts CreateOptions) (*x509.Certificate, error) {
	template, err := id.template(opts)
	if err != nil {
		return nil, err
	}
	return id.SignCertificate(template, template, id.public())
}

// template is that of the certificate of a key for its use.
func (id *Identity) template(opts CreateOptions) (*x509.Certificate, error) {
	template, err := CertificateTemplate(id.Kind, id.Name, id.public(), opts.Now, cmp.Or(opts.Days, defaultDays))
	if err == nil {
		template.KeyUsage = keyUsage(id.public(), cmp.Or(opts.Use, id.Use()))
	}
	return template, err
}

// certify makes the certificate of a key of the same name that cannot sign: self-issued (RFC 5280,
// Section 3.2), by another key.
func (id *Identity) certify(other *Identity, opts CreateOptions) (*x509.Certificate, error) {
	template, err := other.template(opts)
	if err != nil {
		return nil, err
	}
	parent := id.Certificate
	if parent == nil {
		if parent, err = id.template(CreateOptions{Now: opts.Now}); err != nil {
			return nil, err
		}
	}
	return id.SignCertificate(template, parent, other.public())
}

// SignCertificate signs a certificate of the key pub, of any kind that package cms knows, under the
// identity's key, which is the one of parent: template itself for a self-signed one. Errors: those
// of crypto/x509, of package tbs and of the key, which must be here (see CanSign).
func (id *Identity) SignCertificate(template, parent *x509.Certificate, pub crypto.PublicKey) (*x509.Certificate, error) {
	if err := id.CanSign(); err != nil {
		return nil, err
	}
	if id.PSS {
		template.SignatureAlgorithm = x509.SHA256WithRSAPSS
	}
	if onlyEncrypts(pub) || isPostQuantum(pub) || isPostQuantum(id.public()) {
		return id.signUncommon(template, parent, pub)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, id.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// signUncommon is SignCertificate for what crypto/x509 does not write.
func (id *Identity) signUncommon(template, parent *x509.Certificate, pub crypto.PublicKey) (*x509.Certificate, error) {
	spki, err := cms.MarshalPublicKey(pub)
	if err != nil {
		return nil, err
	}
	der, err := tbs.Create(template, parent, spki, id.Key)
	if err != nil {
		return nil, err
	}
	return certificate.Parse(der)
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

// EncodeCertificates writes certificates in PEM form (RFC 7468, Section 5), one after the other.
func EncodeCertificates(certs ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range certs {
		text = append(text, encodeCertificate(c)...)
	}
	return text
}

func encodeCertificate(cert *x509.Certificate) []byte {
	return pemText("CERTIFICATE", cert.Raw)
}
