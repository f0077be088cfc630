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
func (j *judgement) orRoots(ctx context.Context, f finding) finding {
	roots := j.receiver.opts.PKIXRoots
	if len(roots) == 0 || !j.issued() || !j.claim.mail() || !j.claim.certified {
		return f
	}
	err := certificate.Verify(ctx, j.sig.Certificate, certificate.Options{
		Certificates: j.sig.Certificates, Anchors: roots, At: j.now, Work: j.work,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	})
	switch {
	case err == nil:
		j.vouched = true
		return finding{Pass, CodePKIX, "PKIX: " + f.reason + "; a configured root vouches for the certificate"}
	case errors.Is(err, certificate.ErrNoPath):
		return f
	case ctx.Err() != nil, errors.Is(err, certificate.ErrWork):
		return unprovable(ctx)
	}
	j.out.Freshness = no
	return finding{Policy, CodePKIX, "PKIX: " + f.reason + "; the certificate does not hold by its CA: " + err.Error()}
}
