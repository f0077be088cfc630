package identity

import (
	"context"
	"crypto"
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

// ownCertificates returns the newest certificate of the key and the chain above it, in order;
// before is the chain that it replaces. Nil without a certificate of the key.
func (in *importing) ownCertificates(key crypto.PublicKey, before []*x509.Certificate) []*x509.Certificate {
	var own *x509.Certificate
	for _, c := range in.certificates {
		if sameKey(key, c) && (own == nil || c.NotBefore.After(own.NotBefore)) {
			own = c
		}
	}
	if own == nil {
		return nil
	}
	certs := []*x509.Certificate{own}
	for below := own; !certificate.SelfIssued(below); below = certs[len(certs)-1] {
		above := in.issuer(below, certs)
		if above == nil {
			break
		}
		certs = append(certs, above)
	}
	for _, c := range in.certificates {
		if !slices.ContainsFunc(certs, c.Equal) {
			in.did("left out the certificate of %q, which is not in the chain of %s", clip(c.Subject.String()), in.id.Name)
		}
	}
	return in.withoutRoot(certs, before)
}

// issuer prefers a CA whose key signed below: crypto/x509 does not know all signatures.
func (in *importing) issuer(below *x509.Certificate, path []*x509.Certificate) *x509.Certificate {
	var byName *x509.Certificate
	for _, c := range in.certificates {
		if !issued(c, below) || slices.ContainsFunc(path, c.Equal) {
			continue
		}
		if c.CheckSignature(below.SignatureAlgorithm, below.RawTBSCertificate, below.Signature) == nil {
			return c
		}
		if byName == nil {
			byName = c
		}
	}
	return byName
}

// withoutRoot leaves out the root that certs end with, unless it is an anchor.
func (in *importing) withoutRoot(certs, before []*x509.Certificate) []*x509.Certificate {
	last := certs[len(certs)-1]
	if len(certs) == 1 || !certificate.SelfIssued(last) || in.opts.Anchor || len(before) > 0 && before[len(before)-1].Equal(last) {
		return certs
	}
	// as dnseal identity ca makes it
	if len(last.PermittedEmailAddresses)+len(last.PermittedDNSDomains) > 0 {
		in.Hints = append(in.Hints, "the root CA certifies names of one domain alone: where the domain publishes it in the DNS (dnseal identity ca publish, or usage 2), receivers need it in each message: run this again with --anchor")
	}
	in.did("left out the root CA %q: programs that trust it have it (--anchor keeps it, to publish it with usage 2)", clip(last.Subject.String()))
	return certs[:len(certs)-1]
}
