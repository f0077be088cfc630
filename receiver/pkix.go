package receiver

import (
	"context"
	"crypto/x509"
	"errors"

	"dnseal/smime/certificate"
)

// orRoots lets the configured mail roots judge a CA-issued certificate about which the DNS proves
// nothing (RFC 8550, Section 4). It never overrules a secure record. Where no root knows the issuer
// the finding stays.
//
// A zone that is proven not to be signed counts as one whose owner publishes no record: most
// CA-issued certificates are of such zones.
// RFC 5280, Section 6.1.
func (sc *signatureCheck) orRoots(ctx context.Context, f finding) finding {
	roots := sc.receiver.opts.PKIXRoots
	if len(roots) == 0 || !sc.issued() || !sc.claim.mail() || !sc.claim.certified {
		return f
	}
	err := certificate.Verify(ctx, sc.sig.Certificate, certificate.Options{
		Certificates: sc.sig.Certificates, Anchors: roots, At: sc.now, Work: sc.work,
		// RFC 8550, Section 4.4.4.
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	})
	switch {
	case err == nil:
		sc.vouched = true
		return finding{Pass, CodePKIX, "PKIX: " + f.reason + "; a configured root vouches for the certificate"}
	case errors.Is(err, certificate.ErrNoPath):
		return f
	case ctx.Err() != nil, errors.Is(err, certificate.ErrWork):
		return unprovable(ctx)
	}
	sc.out.Freshness = Bad
	return finding{Policy, CodePKIX, "PKIX: " + f.reason + "; the certificate is not valid by its CA: " + err.Error()}
}
