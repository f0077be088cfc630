package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/certificate"
	"dnseal/smime/cms/internal/ber"
)

// certificateID is the hash of the certificate under which the signer put the signature, RFC 5035,
// Section 4:
//
//	ESSCertIDv2 ::= SEQUENCE {
//	  hashAlgorithm  AlgorithmIdentifier DEFAULT {algorithm id-sha256},
//	  certHash       Hash,
//	  issuerSerial   IssuerSerial OPTIONAL }
//
// and without hashAlgorithm, which is then SHA-1, Section 5 (ESSCertID).
//
//	IssuerSerial ::= SEQUENCE {
//	  issuer        GeneralNames,
//	  serialNumber  CertificateSerialNumber }
//
// adds nothing to the hash of the whole certificate, but must not contradict it. One without a
// single distinguished name is ignored.
type certificateID struct {
	algorithm algorithmIdentifier
	hash      []byte
	issuer    []byte // the DER of a Name; nil where there is no issuerSerial
	serial    *big.Int
}

// readSigningCertificateV2 reads RFC 5035, Section 3:
//
//	SigningCertificateV2 ::= SEQUENCE {
//	  certs     SEQUENCE OF ESSCertIDv2,
//	  policies  SEQUENCE OF PolicyInformation OPTIONAL }
//
// The first is the signer's; those after it restrict the path, which this package does not
// check.
func (a *attributes) readSigningCertificateV2(value *cryptobyte.String) bool {
	id := certificateID{algorithm: algorithmIdentifier{OID: []byte(oidSHA256)}}
	first, ok := firstCertificateID(value)
	if !ok || first.PeekASN1Tag(cbasn1.SEQUENCE) && !readAlgorithm(&first, &id.algorithm, cbasn1.SEQUENCE) {
		return false
	}
	return a.addCertificateID(id, first)
}

// readSigningCertificate reads the older form of RFC 2634, Section 5.4 (RFC 5035, Section 5), with
// SHA-1: too weak to rely on, but a certificate with another hash is another certificate.
func (a *attributes) readSigningCertificate(value *cryptobyte.String) bool {
	first, ok := firstCertificateID(value)
	return ok && a.addCertificateID(certificateID{algorithm: algorithmIdentifier{OID: []byte(oidSHA1)}}, first)
}

// firstCertificateID returns the contents of the first element of certs.
func firstCertificateID(value *cryptobyte.String) (first cryptobyte.String, ok bool) {
	var s, certs cryptobyte.String
	ok = value.ReadASN1(&s, cbasn1.SEQUENCE) && s.ReadASN1(&certs, cbasn1.SEQUENCE) && certs.ReadASN1(&first, cbasn1.SEQUENCE)
	return first, ok
}

func (a *attributes) addCertificateID(id certificateID, s cryptobyte.String) bool {
	var hash cryptobyte.String
	if !s.ReadASN1(&hash, cbasn1.OCTET_STRING) {
		return false
	}
	id.hash = hash
	id.readIssuerSerial(s)
	a.certificates = append(a.certificates, id)
	return true
}

func (id *certificateID) readIssuerSerial(s cryptobyte.String) {
	const directoryName = cbasn1.Tag(4 | 0xa0) // [4] EXPLICIT Name
	var both, names, issuer cryptobyte.String
	serial := new(big.Int)
	if s.ReadASN1(&both, cbasn1.SEQUENCE) && both.ReadASN1(&names, cbasn1.SEQUENCE) && both.ReadASN1Integer(serial) &&
		names.ReadASN1(&issuer, directoryName) && names.Empty() {
		id.issuer, id.serial = issuer, serial
	}
}

// check says whether cert is the one that was hashed.
func (id certificateID) check(cert *x509.Certificate) *SignatureError {
	hash, ok := digestOf(id.algorithm.OID)
	if !ok || !id.algorithm.Plain() {
		return failure(CodeUnsupported, "signingCertificateV2 with digest algorithm %s", id.algorithm)
	}
	// RFC 5035, Section 4: certHash is over the whole DER certificate.
	if !bytes.Equal(digest(hash, cert.Raw), id.hash) {
		return failure(CodeKeySubstituted, "the certificate is not the one that signingCertificate names")
	}
	// RFC 5035, Section 4: issuerSerial must name the same certificate.
	if id.issuer != nil && (id.serial.Cmp(cert.SerialNumber) != 0 || !certificate.SameName(id.issuer, cert.RawIssuer)) {
		return failure(CodeKeySubstituted, "signingCertificate names another issuer or serial number than its certificate has")
	}
	return nil
}

// signingCertificateV2 is the attribute's value for cert: SHA-256, which is the default and so not
// written (X.690, Section 11.5), and no issuerSerial, which the SignerIdentifier has already.
func signingCertificateV2(cert *x509.Certificate) []byte {
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, ber.TLV(ber.TagOctetString, digest(crypto.SHA256, cert.Raw)))))
}
