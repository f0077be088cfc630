package identity

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"dnseal/smime/certificate"
)

// Authorities returns the certificates of CAs above the identity's own: its issuer first, then the
// issuer of that, as far as cert.pem holds them. Where the names in them make no path, those of the
// chain in its order. Nil without a chain.
func (id *Identity) Authorities() []*x509.Certificate {
	if id.Certificate == nil {
		return id.Chain
	}
	var path []*x509.Certificate
	for below := id.Certificate; !certificate.SelfIssued(below); below = path[len(path)-1] {
		i := slices.IndexFunc(id.Chain, func(c *x509.Certificate) bool {
			return issued(c, below) && !slices.Contains(path, c)
		})
		if i < 0 {
			break
		}
		path = append(path, id.Chain[i])
	}
	if len(path) == 0 {
		return id.Chain
	}
	return path
}

// issued compares names and key identifiers, not the signature (RFC 5280, Sections 4.1.2.4 and
// 4.2.1.1).
func issued(ca, c *x509.Certificate) bool {
	if len(ca.SubjectKeyId) > 0 && len(c.AuthorityKeyId) > 0 && string(ca.SubjectKeyId) != string(c.AuthorityKeyId) {
		return false
	}
	return certificate.SameName(ca.RawSubject, c.RawIssuer)
}

// CheckAuthority reports whether a record of usage 0 or 2 that names the certificate ca vouches for
// the identity at that time: its certificate has a valid path to ca, which allows its name
// (RFC 5280, Section 6.1). The error says what is wrong, and has a [Hint].
func (id *Identity) CheckAuthority(ctx context.Context, ca *x509.Certificate, at time.Time) error {
	if id.Certificate == nil {
		return WithHint(fmt.Errorf("identity: %s has no certificate that a CA could vouch for", id.Name), "use usage 3")
	}
	err := certificate.Verify(ctx, id.Certificate, certificate.Options{Certificates: id.Chain, Anchors: []*x509.Certificate{ca}, At: at})
	if err != nil {
		err = fmt.Errorf("identity: %s: its certificate does not hold under %q: %w", id.Name, ca.Subject, err)
		return WithHint(err, "put the certificates of its CA after its own in %s, or get a new certificate", certFile)
	}
	return nil
}
