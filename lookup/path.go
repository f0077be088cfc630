package lookup

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// maxChain is how many certificates beside the signer's are looked at.
const maxChain = 16

// pathToAnchor wants a path from the certificate to the anchor a DANE-TA record names, without any PKIX root
// (RFC 7671, Section 5.2). The anchor is in the chain, or is the record itself (2 0 0, 2 1 0).
func (o *MatchOptions) pathToAnchor(r Record) error {
	anchors := x509.NewCertPool()
	found := false
	for _, c := range o.Chain {
		if selected(r, c) {
			anchors.AddCert(c)
			found = true
		}
	}
	if r.MatchingType == Exact {
		if r.Selector == PublicKey {
			return o.pathToKey(r.Data)
		}
		anchor, err := x509.ParseCertificate(r.Data)
		if err != nil {
			return errNotThis
		}
		anchors.AddCert(anchor)
		found = true
	}
	if !found {
		return errNotThis
	}
	_, err := o.verify(anchors)
	return err
}

// pathToKey wants a path that ends in a certificate signed by a bare key (RFC 7671, Section 5.2.3).
func (o *MatchOptions) pathToKey(spki []byte) error {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return errNotThis
	}
	holder := &x509.Certificate{PublicKey: pub}
	signed := func(c *x509.Certificate) bool {
		return holder.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
	}
	if signed(o.Certificate) {
		return o.checkAlone()
	}
	anchors := x509.NewCertPool()
	found := false
	for _, c := range o.Chain {
		if signed(c) {
			anchors.AddCert(c)
			found = true
		}
	}
	if !found {
		return errNotThis
	}
	_, err = o.verify(anchors)
	return err
}

// checkAlone checks what verify would of a certificate whose issuer is only a key.
func (o *MatchOptions) checkAlone() error {
	c := o.leaf()
	switch {
	case o.At.IsZero():
		return errors.New("no time to judge the certificate at")
	case o.At.Before(c.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s", c.NotBefore.UTC().Format("2006-01-02 15:04"))
	case o.At.After(c.NotAfter):
		return fmt.Errorf("the certificate expired on %s", c.NotAfter.UTC().Format("2006-01-02 15:04"))
	case len(c.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("critical extension %v is not understood", c.UnhandledCriticalExtensions[0])
	}
	return nil
}

// pathThroughCA wants a path to a PKIX root through the CA that a PKIX-TA record names (RFC 7671, Section 5.4).
func (o *MatchOptions) pathThroughCA(r Record) error {
	chains, err := o.verify(o.Roots)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		if slices.ContainsFunc(chain[1:], func(c *x509.Certificate) bool { return selected(r, c) }) {
			return nil
		}
	}
	return errNotThis
}

// verify validates paths from the certificate to the roots (RFC 5280, Section 6) at the time given.
func (o *MatchOptions) verify(roots *x509.CertPool) ([][]*x509.Certificate, error) {
	// The library takes a zero time for now.
	if o.At.IsZero() {
		return nil, errors.New("no time to judge the certificate at")
	}
	intermediates := x509.NewCertPool()
	for _, c := range o.Chain {
		intermediates.AddCert(c)
	}
	usages := o.KeyUsages
	if len(usages) == 0 {
		usages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}
	chains, err := o.leaf().Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: o.At, KeyUsages: usages,
	})
	if err != nil {
		return nil, err
	}
	// RFC 5280, Section 6.1: a certificate is no path to itself.
	chains = slices.DeleteFunc(chains, func(chain []*x509.Certificate) bool { return len(chain) < 2 })
	if len(chains) == 0 {
		return nil, errNotThis
	}
	return chains, nil
}

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// leaf is the certificate with a critical subjectAltName taken for understood: the library gives up on one that holds
// only names it does not know (SmtpUTF8Mailbox, RFC 9598), which NameOK reads. Where a CA constrains addresses it
// stays as it is, because nobody would hold that name to the constraint (RFC 9598, Section 6).
func (o *MatchOptions) leaf() *x509.Certificate {
	constrained := slices.ContainsFunc(o.Chain, func(c *x509.Certificate) bool {
		return len(c.PermittedEmailAddresses)+len(c.ExcludedEmailAddresses) > 0
	})
	if constrained || !slices.ContainsFunc(o.Certificate.UnhandledCriticalExtensions, oidSubjectAltName.Equal) {
		return o.Certificate
	}
	leaf := *o.Certificate
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), oidSubjectAltName.Equal)
	return &leaf
}
