package receiver

import (
	"crypto/x509"
	"errors"
	"slices"

	"dnseal/smime/message"
)

// orRoots lets the configured mail roots judge a CA-issued certificate about which the DNS proves nothing (RFC
// 8550, Section 4). It never overrules a secure record. Where no root knows the issuer the finding stays.
//
// We read DESIGN 4 so that a zone that is proven not to be signed is one whose owner publishes no record: most
// CA-issued certificates are of such zones.
func (j *judgement) orRoots(f finding) finding {
	roots := j.receiver.opts.PKIXRoots
	if roots == nil || !j.issued() || !j.claim.mail() || !j.claim.certified {
		return f
	}
	intermediates := x509.NewCertPool()
	for _, c := range j.sig.Certificates[:min(len(j.sig.Certificates), maxIntermediates)] {
		intermediates.AddCert(c)
	}
	chains, err := j.sig.Certificate.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: j.now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	})
	if err == nil && !slices.ContainsFunc(chains, j.nameHeld) {
		err = errConstrained
	}
	switch unknown := (x509.UnknownAuthorityError{}); {
	case err == nil:
		return finding{Pass, CodePKIX, "PKIX: " + f.reason + "; a configured root vouches for the certificate"}
	case errors.As(err, &unknown):
		return f
	}
	j.out.Freshness = no
	return finding{Policy, CodePKIX, "PKIX: " + f.reason + "; the certificate does not hold by its CA: " + err.Error()}
}

var errConstrained = errors.New("its CA may certify certain addresses only, and this one stands where that is not checked")

// nameHeld reports whether the name constraints of a path hold for the address judged. crypto/x509 checks them for
// rfc822Names; for an address of the subject (RFC 5280, Section 4.2.1.10) or a SmtpUTF8Mailbox (RFC 9598, Section 6)
// there must be none.
func (j *judgement) nameHeld(chain []*x509.Certificate) bool {
	return slices.ContainsFunc(j.sig.Certificate.EmailAddresses, func(s string) bool {
		a, err := message.ParseAddress(s)
		return err == nil && a == j.claim.address
	}) || !slices.ContainsFunc(chain, func(c *x509.Certificate) bool {
		return len(c.PermittedEmailAddresses)+len(c.ExcludedEmailAddresses) > 0
	})
}

// maxIntermediates is how many certificates of a message are looked at for a path.
const maxIntermediates = 16
