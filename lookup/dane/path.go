package dane

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

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
	err := o.noAnchor()
	if len(anchors) > 0 {
		err = o.verify(ctx, certificate.Options{Anchors: anchors})
	}
	// RFC 7671, Section 5.2.3: a bare key. Where a certificate of it came along, its
	// constraints hold.
	if bare := r.MatchingType == Exact && r.Selector == PublicKey; bare && (len(anchors) == 0 || errors.Is(err, certificate.ErrNoPath)) {
		err = o.verify(ctx, certificate.Options{Key: r.Data})
	}
	// RFC 7671, Section 5.2: a trust anchor issues the certificate, and is not the certificate.
	if errors.Is(err, certificate.ErrNoPath) && selected(r, o.Certificate) {
		return errOwn
	}
	return err
}

var (
	// errNoAnchor: most programs send the signer's certificate alone, and a digest is no anchor
	// (RFC 7671, Section 5.2.2).
	errNoAnchor = errors.New("the CA certificate that it names by a digest did not come along")
	errNoPath   = errors.New("the certificates that came along do not lead from the signer's to one that may vouch for it")
	errSelf     = errors.New("it names a CA, and the certificate names no other as its issuer")
	errOther    = errors.New("it names another CA than the certificate is from")
	errOwn      = errors.New("its usage is for the certificate of a CA, and it names the signer's own")
)

// noAnchor is what is wrong where no certificate is the one that a digest names. Nothing is missing
// from certificates that lead, by their names, to one that issued itself.
func (o *MatchOptions) noAnchor() error {
	if certificate.SelfIssued(o.Certificate) {
		return errSelf
	}
	last := o.Certificate
	for range len(o.Chain) {
		i := slices.IndexFunc(o.Chain, func(c *x509.Certificate) bool { return certificate.SameName(c.RawSubject, last.RawIssuer) })
		if i < 0 {
			return errNoAnchor
		}
		if last = o.Chain[i]; certificate.SelfIssued(last) {
			return errOther
		}
	}
	return errNoAnchor
}

// pathThroughCA wants a path to a PKIX root through the CA that a PKIX-TA record names (RFC 7671,
// Section 5.4).
func (o *MatchOptions) pathThroughCA(ctx context.Context, r Record) error {
	named := func(c *x509.Certificate) bool { return selected(r, c) }
	err := o.verify(ctx, certificate.Options{Anchors: o.Roots, Through: named})
	if errors.Is(err, certificate.ErrNoPath) && r.MatchingType != Exact && !slices.ContainsFunc(o.Chain, named) && !slices.ContainsFunc(o.Roots, named) {
		return o.noAnchor()
	}
	return err
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
