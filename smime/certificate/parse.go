package certificate

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Parse reads a DER certificate (RFC 5280, Section 4.1). What crypto/x509 reads is what it returns,
// but that a keyUsage or extKeyUsage that names no usage allows none. What crypto/x509 refuses is
// read all the same where key and names can be:
//
//   - a negative serial number, and another version than RFC 5280 has;
//   - names with characters that are not of their string type, and one name that cannot be read
//     among others;
//   - times with an offset, and times that cannot be read: such a certificate is never valid;
//   - keys as [ParsePublicKey] reads them. PublicKey is nil for any other;
//   - extensions that occur twice or cannot be read. What they say is the strictest that they
//     can mean, and their OIDs are in UnhandledCriticalExtensions, critical or not, so that no path
//     may hold the certificate ([Verify]). An unreadable keyUsage allows nothing
//     ([UnreadableKeyUsage]).
//
// Extensions has all extensions, also those that occur twice, and Raw, RawTBSCertificate,
// RawIssuer, RawSubject and RawSubjectPublicKeyInfo are octets of der, which may not be changed
// afterwards.
//
// The error is an [*UnreadableError].
func Parse(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return parseTolerantly(der)
	}
	restrictUsage(cert)
	return cert, nil
}

// parts are the fields of a certificate before anything is made of them. The contents of an element
// are without its header.
type parts struct {
	cert, tbs         cryptobyte.String // whole elements
	version           int
	serial            cryptobyte.String // contents
	algorithm         cryptobyte.String // whole
	algorithmsDiffer  bool
	issuer, subject   cryptobyte.String // whole
	validity          cryptobyte.String // contents
	key               cryptobyte.String // whole
	extensions        []extension
	signature         []byte
	signatureComplete bool
}

func parseTolerantly(der []byte) (*x509.Certificate, error) {
	p := &parts{}
	if err := p.read(der); err != nil {
		return nil, p.unreadable(err)
	}
	cert, err := p.readExtensions()
	if err != nil {
		return nil, p.unreadable(err)
	}
	p.fill(cert)
	restrictUsage(cert)
	return cert, nil
}

// UnreadableError says that a certificate cannot be read.
type UnreadableError struct {
	// RawIssuer and Serial (the contents octets of an INTEGER) say which certificate it is; nil
	// where that is not known.
	RawIssuer, Serial []byte
	// Reason in words; nothing of the certificate is in it.
	Reason string
}

func (e *UnreadableError) Error() string { return "certificate: " + e.Reason }

func (p *parts) unreadable(err error) error {
	return &UnreadableError{RawIssuer: p.issuer, Serial: p.serial, Reason: err.Error()}
}

var (
	errNotCertificate = errors.New("it has not the form of a certificate")
	errVersion        = errors.New("its version cannot be read")
	errSerial         = errors.New("its serial number cannot be read")
	errAlgorithm      = errors.New("its signature algorithm cannot be read")
	errIssuer         = errors.New("its issuer cannot be read")
	errSubject        = errors.New("its subject cannot be read")
	errValidity       = errors.New("its dates cannot be read")
	errKey            = errors.New("its public key cannot be read")
	errExtensions     = errors.New("its extensions cannot be read")
	errTrailing       = errors.New("something follows its last field")
)

// read reads RFC 5280, Section 4.1:
//
//	Certificate ::= SEQUENCE {
//	  tbsCertificate      TBSCertificate,
//	  signatureAlgorithm  AlgorithmIdentifier,
//	  signatureValue      BIT STRING }
func (p *parts) read(der []byte) error {
	outer := cryptobyte.String(der)
	var s, tbs, algorithm, signature cryptobyte.String
	if !outer.ReadASN1Element(&p.cert, cbasn1.SEQUENCE) || !outer.Empty() {
		return errNotCertificate
	}
	whole := p.cert
	if !whole.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1Element(&p.tbs, cbasn1.SEQUENCE) || !s.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) ||
		!s.ReadASN1(&signature, cbasn1.BIT_STRING) || !s.Empty() || len(signature) == 0 {
		return errNotCertificate
	}
	p.signature, p.signatureComplete = signature[1:], signature[0] == 0
	whole = p.tbs
	if !whole.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		return errNotCertificate
	}
	if err := p.readFields(&tbs); err != nil {
		return err
	}
	// RFC 5280, Section 4.1.1.2: both are the same.
	p.algorithmsDiffer = !bytes.Equal(algorithm, p.algorithm)
	return p.readRest(tbs)
}

// readFields reads RFC 5280, Section 4.1:
//
//	TBSCertificate ::= SEQUENCE {
//	  version               [0] Version DEFAULT v1,
//	  serialNumber          CertificateSerialNumber,
//	  signature             AlgorithmIdentifier,
//	  issuer                Name,
//	  validity              Validity,
//	  subject               Name,
//	  subjectPublicKeyInfo  SubjectPublicKeyInfo, …
func (p *parts) readFields(tbs *cryptobyte.String) error {
	switch {
	case !p.readVersion(tbs):
		return errVersion
	case !tbs.ReadASN1(&p.serial, cbasn1.INTEGER) || !minimal(p.serial):
		return errSerial
	case !tbs.ReadASN1Element(&p.algorithm, cbasn1.SEQUENCE) || !isAlgorithm(p.algorithm):
		return errAlgorithm
	case !tbs.ReadASN1Element(&p.issuer, cbasn1.SEQUENCE) || !isDirectoryName(p.issuer):
		return errIssuer
	case !tbs.ReadASN1(&p.validity, cbasn1.SEQUENCE) || !isValidity(p.validity):
		return errValidity
	case !tbs.ReadASN1Element(&p.subject, cbasn1.SEQUENCE) || !isDirectoryName(p.subject):
		return errSubject
	case !tbs.ReadASN1Element(&p.key, cbasn1.SEQUENCE) || !isKey(p.key):
		return errKey
	}
	return nil
}

// readVersion counts from 1. A version that does not exist is read as the last one, which has
// everything that can restrict a certificate.
func (p *parts) readVersion(tbs *cryptobyte.String) bool {
	var s, number cryptobyte.String
	var present bool
	if !tbs.ReadOptionalASN1(&s, &present, constructed0) {
		return false
	}
	p.version = 1
	if !present {
		return true
	}
	if !s.ReadASN1(&number, cbasn1.INTEGER) || !s.Empty() || !minimal(number) {
		return false
	}
	p.version = 3
	if len(number) == 1 && number[0] <= 2 {
		p.version = int(number[0]) + 1
	}
	return true
}

// readRest reads the last fields of RFC 5280, Section 4.1:
//
//	issuerUniqueID   [1] IMPLICIT UniqueIdentifier OPTIONAL,
//	subjectUniqueID  [2] IMPLICIT UniqueIdentifier OPTIONAL,
//	extensions       [3] EXPLICIT Extensions OPTIONAL
//
// in the versions that have them, as crypto/x509 does.
func (p *parts) readRest(tbs cryptobyte.String) error {
	if p.version == 1 {
		return nil
	}
	var explicit cryptobyte.String
	var present bool
	if !tbs.SkipOptionalASN1(implicit(1)) || !tbs.SkipOptionalASN1(implicit(2)) {
		return errNotCertificate
	}
	if p.version == 2 {
		return nil
	}
	if !tbs.ReadOptionalASN1(&explicit, &present, implicit(3).Constructed()) {
		return errExtensions
	}
	if !tbs.Empty() {
		return errTrailing
	}
	if !present {
		return nil
	}
	var ok bool
	if p.extensions, ok = readExtensionList(explicit); !ok {
		return errExtensions
	}
	return nil
}

// minimal reports whether these are contents of an INTEGER (X.690, Section 8.3.2).
func minimal(contents []byte) bool {
	switch {
	case len(contents) == 0:
		return false
	case len(contents) == 1:
		return true
	}
	return contents[0] != 0 && contents[0] != 0xff || (contents[0]^contents[1])&0x80 != 0
}

// isAlgorithm reports whether der is an AlgorithmIdentifier (RFC 5280, Section 4.1.1.2).
func isAlgorithm(der cryptobyte.String) bool {
	var s, id, parameters cryptobyte.String
	var tag cbasn1.Tag
	if !der.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) || len(id) == 0 {
		return false
	}
	return s.Empty() || s.ReadAnyASN1Element(&parameters, &tag) && s.Empty()
}

// isValidity reports whether these are two times, whatever they say.
func isValidity(contents cryptobyte.String) bool {
	for range 2 {
		var time cryptobyte.String
		var tag cbasn1.Tag
		if !contents.ReadAnyASN1(&time, &tag) || tag != cbasn1.UTCTime && tag != cbasn1.GeneralizedTime {
			return false
		}
	}
	return contents.Empty()
}

// isKey reports whether der is a SubjectPublicKeyInfo (RFC 5280, Section 4.1).
func isKey(der cryptobyte.String) bool {
	var s, algorithm cryptobyte.String
	return der.ReadASN1(&s, cbasn1.SEQUENCE) && s.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) && isAlgorithm(algorithm) && s.SkipASN1(cbasn1.BIT_STRING) && s.Empty()
}

// fill adds what is no extension.
func (p *parts) fill(cert *x509.Certificate) {
	cert.Raw, cert.RawTBSCertificate = p.cert, p.tbs
	cert.RawIssuer, cert.RawSubject, cert.RawSubjectPublicKeyInfo = p.issuer, p.subject, p.key
	cert.Version, cert.SerialNumber = p.version, twosComplement(p.serial)
	cert.Issuer, cert.Subject = describeName(p.issuer), describeName(p.subject)
	cert.NotBefore, cert.NotAfter = p.dates()
	cert.PublicKey, cert.PublicKeyAlgorithm = nil, x509.UnknownPublicKeyAlgorithm
	// A key for ML-DSA is as crypto/x509 leaves it.
	if pub, err := ParsePublicKey(p.key); err == nil && !hasMLDSAKey(cert) {
		cert.PublicKey, cert.PublicKeyAlgorithm = pub, keyAlgorithm(pub)
	}
	cert.Signature = p.signature
	// Nothing is verified by an algorithm that the signed part does not name.
	if p.algorithmsDiffer || !p.signatureComplete {
		cert.SignatureAlgorithm = x509.UnknownSignatureAlgorithm
	}
}

func twosComplement(contents []byte) *big.Int {
	n := new(big.Int).SetBytes(contents)
	if contents[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(contents))*8))
	}
	return n
}

// dates are the times of RFC 5280, Section 4.1.2.5. A certificate with a time that cannot be read
// is never valid.
func (p *parts) dates() (notBefore, notAfter time.Time) {
	s := p.validity
	notBefore, ok := readTime(&s)
	if !ok {
		notBefore = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	notAfter, readable := readTime(&s)
	if !ok || !readable || !s.Empty() {
		notAfter = time.Time{}
	}
	return notBefore, notAfter
}

// readTime reads UTCTime and GeneralizedTime in the forms of X.680, Sections 46 and 47, but a local
// time.
func readTime(s *cryptobyte.String) (time.Time, bool) {
	var contents cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&contents, &tag) {
		return time.Time{}, false
	}
	layouts := []string{"20060102150405Z0700", "200601021504Z0700", "2006010215Z0700"}
	text := string(contents)
	switch tag {
	case cbasn1.UTCTime:
		layouts = layouts[:2]
		// RFC 5280, Section 4.1.2.5.1: 50 to 99 are of the last century.
		century := "20"
		if text >= "5" {
			century = "19"
		}
		text = century + text
	case cbasn1.GeneralizedTime:
	default:
		return time.Time{}, false
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// oidLarge stands for an OID whose numbers are too large for asn1.ObjectIdentifier (those of a
// UUID, X.667).
var oidLarge = asn1.ObjectIdentifier{2, 25}
