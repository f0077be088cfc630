package receiver

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"dnseal/smime/certificate"
)

// maxAhead is how far a signing time may be in the future, for clocks that differ.
const maxAhead = 5 * time.Minute

// quality is the fifth question's answer, but for the dates of a certificate: those count where a
// record or a root makes them count, and are judged there.
// RFC 5652, Section 11.3.
func (sc *signatureCheck) quality() finding {
	if sc.out.Freshness == Unknown {
		sc.out.Freshness = Good
	}
	if sc.sig.SigningTime.After(sc.now.Add(maxAhead)) {
		sc.out.Freshness = Bad
		return finding{Policy, CodeSignedInFuture, fmt.Sprintf("the signer claims to have signed at %s, which is in the future", stamp(sc.sig.SigningTime))}
	}
	if sc.sig.Weak {
		return finding{Policy, CodeWeak, sc.sig.Reason}
	}
	return sc.purpose()
}

// purpose wants a certificate that may sign mail. DANE-EE does not ask for its names and dates, but
// a key that its owner gave another purpose is not to be used for this one.
// RFC 7671, Section 5.1.
func (sc *signatureCheck) purpose() finding {
	c := sc.sig.Certificate
	// RFC 5280, Section 4.2.1.3.
	const signing = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	switch {
	case c == nil:
	case c.KeyUsage == certificate.UnreadableKeyUsage:
		return finding{Policy, CodeKeyUsage, "the key usage of the certificate names none, or cannot be read"}
	case certificate.UnreadableExtKeyUsage(c):
		return finding{Policy, CodeKeyUsage, "the extended key usage of the certificate names none, or cannot be read"}
	// RFC 8550, Section 4.4.2.
	case c.KeyUsage != 0 && c.KeyUsage&signing == 0:
		return finding{Policy, CodeKeyUsage, "the key usage of the certificate does not allow signatures"}
	// RFC 8550, Section 4.4.4.
	case len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.ContainsFunc(c.ExtKeyUsage, forMail):
		return finding{Policy, CodeKeyUsage, "the extended key usage of the certificate does not allow mail"}
	}
	return good
}

// forMail: RFC 5280, Section 4.2.1.12.
func forMail(u x509.ExtKeyUsage) bool {
	return u == x509.ExtKeyUsageEmailProtection || u == x509.ExtKeyUsageAny
}

// stamp is a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
