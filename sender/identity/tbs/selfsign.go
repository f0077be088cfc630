package tbs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/bits"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Extensions of RFC 5280, Section 4.2.1, and the purpose of Section 4.2.1.12 for mail.
var (
	oidKeyUsage     = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectKeyID = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidAltName      = asn1.ObjectIdentifier{2, 5, 29, 17}

	// mailPurpose is the extension extKeyUsage with id-kp-emailProtection alone.
	mailPurpose = []byte("\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04")
	// ecdsaWithSHA256 is its AlgorithmIdentifier (RFC 5758, Section 3.2).
	ecdsaWithSHA256 = []byte("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
)

// roomy is more octets than most certificates have.
const roomy = 768

var errNotSimple = errors.New("identity: this certificate is for crypto/x509")

// SelfSign returns the DER of the self-signed certificate of a P-256 key whose SubjectPublicKeyInfo
// is spki. What is signed is octet for octet what crypto/x509 writes of the template; it takes a
// third of the time, because the signature is not verified afterwards, which is the caller's to do
// where the key is on hardware that can fail. Errors: a key on another curve; a template with more
// than subject, dates, one key usage octet, the purpose of mail, key identifier, names and further
// extensions; those of the key. RFC 5280, Section 4.1.
func SelfSign(template *x509.Certificate, spki []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	if key.Curve != elliptic.P256() || !isSimple(template) {
		return nil, errNotSimple
	}
	subject, err := asn1.Marshal(template.Subject.ToRDNSequence())
	if err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, roomy))
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		// v3
		b.AddASN1(cbasn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
		b.AddASN1BigInt(template.SerialNumber)
		b.AddBytes(ecdsaWithSHA256)
		b.AddBytes(subject)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addTime(b, template.NotBefore)
			addTime(b, template.NotAfter)
		})
		b.AddBytes(subject)
		b.AddBytes(spki)
		b.AddASN1(cbasn1.Tag(3).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addExtensions(b, template) })
		})
	})
	contents, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(contents)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	whole := cryptobyte.NewBuilder(make([]byte, 0, roomy))
	whole.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(contents)
		b.AddBytes(ecdsaWithSHA256)
		b.AddASN1BitString(signature)
	})
	return whole.Bytes()
}

// isSimple reports whether SelfSign writes all that a template says.
func isSimple(t *x509.Certificate) bool {
	more := len(t.UnknownExtKeyUsage) + len(t.AuthorityKeyId) + len(t.OCSPServer) + len(t.IssuingCertificateURL) + len(t.IPAddresses) + len(t.URIs) +
		len(t.PolicyIdentifiers) + len(t.Policies) + len(t.CRLDistributionPoints) + len(t.PermittedDNSDomains) + len(t.PermittedEmailAddresses) + len(t.ExtKeyUsage)
	return more == 1 && t.ExtKeyUsage[0] == x509.ExtKeyUsageEmailProtection && !t.BasicConstraintsValid && t.KeyUsage > 0 && t.KeyUsage < 256 &&
		len(t.SubjectKeyId) > 0 && t.SerialNumber != nil && t.SerialNumber.Sign() > 0 && t.SignatureAlgorithm == x509.UnknownSignatureAlgorithm
}

// addTime writes UTCTime until 2049, then GeneralizedTime (RFC 5280, Section 4.1.2.5).
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
		return
	}
	b.AddASN1GeneralizedTime(t)
}

// addExtensions writes them in the order of crypto/x509.
func addExtensions(b *cryptobyte.Builder, t *x509.Certificate) {
	addExtension(b, oidKeyUsage, true, func(b *cryptobyte.Builder) {
		usage := bits.Reverse8(uint8(t.KeyUsage))
		b.AddASN1(cbasn1.BIT_STRING, func(b *cryptobyte.Builder) { b.AddBytes([]byte{uint8(bits.TrailingZeros8(usage)), usage}) })
	})
	b.AddBytes(mailPurpose)
	addExtension(b, oidSubjectKeyID, false, func(b *cryptobyte.Builder) { b.AddASN1OctetString(t.SubjectKeyId) })
	if len(t.DNSNames)+len(t.EmailAddresses) > 0 {
		addExtension(b, oidAltName, false, func(b *cryptobyte.Builder) { addNames(b, t) })
	}
	for _, e := range t.ExtraExtensions {
		addExtra(b, e)
	}
}

func addExtension(b *cryptobyte.Builder, id asn1.ObjectIdentifier, critical bool, contents cryptobyte.BuilderContinuation) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		if critical {
			b.AddASN1Boolean(true)
		}
		b.AddASN1(cbasn1.OCTET_STRING, contents)
	})
}

func addExtra(b *cryptobyte.Builder, e pkix.Extension) {
	addExtension(b, e.Id, e.Critical, func(b *cryptobyte.Builder) { b.AddBytes(e.Value) })
}

// addNames writes GeneralNames: dNSName is [2], rfc822Name [1] (RFC 5280, Section 4.2.1.6).
func addNames(b *cryptobyte.Builder, t *x509.Certificate) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, name := range t.DNSNames {
			b.AddASN1(cbasn1.Tag(2).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
		}
		for _, name := range t.EmailAddresses {
			b.AddASN1(cbasn1.Tag(1).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
		}
	})
}
