package dane

import (
	"context"
	"crypto/x509"
	"errors"

	"dnseal/smime/certificate"
)

// pathToAnchor wants a path from the certificate to the anchor a DANE-TA record names, without any
// PKIX root (RFC 7671, Section 5.2). The anchor is in the chain, or is the record itself (2 0 0, 2
// 1 0).
func (o *MatchOptions) pathToAnchor(ctx context.Context, r Record) error {
	var anchors []*x509.Certificate
	for _, c := range o.Chain {
		if selected(r, c) {
			anchors = append(anchors, c)
		}
	}
	if r.MatchingType == Exact && r.Selector == FullCertificate {
		anchor, err := certificate.Parse(r.Data)
		if err != nil {
			return errNotThis
		}
		anchors = append(anchors, anchor)
	}
	err := errNoAnchor
	if len(anchors) > 0 {
		err = o.verify(ctx, certificate.Options{Anchors: anchors})
	}
	// RFC 7671, Section 5.2.3: a bare key. Where a certificate of it came along, its
	// constraints hold.
	if bare := r.MatchingType == Exact && r.Selector == PublicKey; bare && (len(anchors) == 0 || errors.Is(err, certificate.ErrNoPath)) {
		err = o.verify(ctx, certificate.Options{Key: r.Data})
	}
	return err
}

// errNoAnchor: most programs send the signer's certificate alone, and a digest is no anchor (RFC
// 7671, Section 5.2.2).
var errNoAnchor = errors.New("the CA certificate that it names did not come along")

// pathThroughCA wants a path to a PKIX root through the CA that a PKIX-TA record names (RFC 7671,
// Section 5.4).
func (o *MatchOptions) pathThroughCA(ctx context.Context, r Record) error {
	return o.verify(ctx, certificate.Options{Anchors: o.Roots, Through: func(c *x509.Certificate) bool { return selected(r, c) }})
}

// pathToRoot wants a path to a PKIX root (RFC 7671, Section 5.3).
func (o *MatchOptions) pathToRoot(ctx context.Context) error {
	return o.verify(ctx, certificate.Options{Anchors: o.Roots})
}

// verify validates a path from the certificate (RFC 5280, Section 6) at the time given.
func (o *MatchOptions) verify(ctx context.Context, opts certificate.Options) error {
	opts.Certificates, opts.KeyUsages, opts.At, opts.Work = o.Chain, o.KeyUsages, o.At, o.Work
	return certificate.Verify(ctx, o.Certificate, opts)
}
