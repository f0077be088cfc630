// Package ca is a certification authority for the names of one domain: the domain's own, published
// in the DNS as a trust anchor (DANE-TA, usage 2 of RFC 6698), so that nobody has to install it.
//
// A CA is the folder DIR/ca/DOMAIN in the directory of the identities, which is no identity itself.
// It holds key.pem and cert.pem, in all forms that an identity's can have, issued/SERIAL.pem, a
// copy of each certificate, and lock. [New] makes it, [Load], [Find] and [List] find it,
// [Authority.Renew] gives it a new certificate of the same key, so that records 2 1 x stay right.
//
// [ReadRequest] reads the request of a key that is elsewhere (PKCS #10), [OfIdentity] makes one of
// an identity; [Authority.Issue] answers it. [SignIdentity] replaces the certificate of an identity
// by one of its domain's CA. A CA certifies names in its domain and below it, and nothing else: no
// other CA, no name that is not the request's, no extension that is not in its profile.
//
// The CA certificate has to travel in every message (RFC 7671, Section 5.2.2), and its dates and
// those of what it issued count (RFC 7671, Section 5.2), other than under usage 3.
//
// Standards: RFC 5280 and RFC 8550 (profile), RFC 2986 (requests), RFC 6698 and RFC 7671 (records).
//
// # Limitations
//
// There are no revocation lists: a certificate is withdrawn by its record, or with the CA. Keys for
// RSASSA-PSS only are not certified, because crypto/x509 writes no certificate of them.
package ca

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/smime/certificate"
)

// folder holds the CAs, in the directory of the identities. It is no name of an identity.
const folder = "ca"

// Authority is the CA of a domain.
type Authority struct {
	// Domain is in lower-case A-labels, without final dot.
	Domain string
	// Certificate is the CA's own, Above the certificates of CAs above it: none where it is
	// self-signed.
	Certificate *x509.Certificate
	Above       []*x509.Certificate
	// Folder is the path of its folder.
	Folder string

	id *identity.Identity // its key
}

// parseDomain returns a domain in lower-case A-labels.
func parseDomain(text string) (string, error) {
	kind, name, err := identity.ParseName(text)
	switch {
	case err == nil && kind == identity.Host:
		// RFC 1035, Section 2.3.4: there is room for its records.
		if _, _, err = identity.AtMail.DomainOwner(name); err == nil {
			return name, nil
		}
	case strings.Contains(text, "@"):
		err = errors.New("it is a mail address")
	case err == nil:
		err = errors.New("a label begins with an underscore")
	default:
		err = errors.Unwrap(err) // a name of an identity has more forms
	}
	shown := text
	if len(shown) > 100 {
		shown = shown[:100] + "…"
	}
	return "", identity.WithHint(fmt.Errorf("ca: %q is no domain: %w", shown, err), "write it as example.org; the CA certifies the names in it and below it")
}

// Loader loads CAs. The zero value is right for what runs unattended.
type Loader struct {
	// Keys opens the keys of CAs.
	Keys identity.Loader
}

// Load is that of a Loader that asks nobody.
func Load(dir, domain string) (*Authority, error) { return Loader{}.Load(dir, domain) }

// Load reads the CA of a domain. Errors: [fs.ErrNotExist] where there is none, and those of
// [identity.Load], with a hint.
func (l Loader) Load(dir, domain string) (*Authority, error) { return load(dir, domain, l.Keys.Load) }

// LoadPublic reads what of a CA can be published: it signs nothing. Errors: as Load.
func LoadPublic(dir, domain string) (*Authority, error) {
	return load(dir, domain, identity.LoadPublic)
}

func load(dir, domain string, read func(dir, name string) (*identity.Identity, error)) (*Authority, error) {
	domain, err := parseDomain(domain)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, folder, domain)
	if _, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("ca: there is no CA of %s in %s: %w", domain, dir, fs.ErrNotExist)
		return nil, identity.WithHint(err, "make it with: dnseal identity ca new %s --identities %s", domain, identity.Quote(dir))
	}
	id, err := read(filepath.Join(dir, folder), domain)
	if err != nil {
		return nil, err
	}
	if id.Certificate == nil {
		return nil, identity.WithHint(fmt.Errorf("ca: there is no certificate of the CA of %s in %s", domain, path), "put it into %s", identity.Quote(filepath.Join(path, "cert.pem")))
	}
	if !id.Certificate.IsCA {
		return nil, identity.WithHint(fmt.Errorf("ca: the certificate in %s is of no certification authority", id.CertFile), "make a CA with: dnseal identity ca new %s --identities DIR", domain)
	}
	return &Authority{Domain: domain, Certificate: id.Certificate, Above: id.Chain, Folder: path, id: id}, nil
}

// List returns the domains that have a CA in dir, sorted; none where there is no dir. Errors: what
// the file system returned.
func List(dir string) ([]string, error) {
	names, err := identity.List(filepath.Join(dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// Find is that of a Loader that asks nobody.
func Find(dir, name string) (*Authority, error) { return Loader{}.Find(dir, name) }

// Find loads the CA for a name of an identity: that of its domain, or of the nearest domain above
// it. Errors: [fs.ErrNotExist] with a hint where there is none; those of Load.
func (l Loader) Find(dir, name string) (*Authority, error) {
	kind, name, err := identity.ParseName(name)
	if err != nil {
		return nil, err
	}
	domains, err := List(dir)
	if err != nil {
		return nil, err
	}
	for domain := domainOf(kind, name); domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		if slices.Contains(domains, domain) {
			return l.Load(dir, domain)
		}
	}
	err = fmt.Errorf("ca: there is no CA for %s in %s: %w", name, dir, fs.ErrNotExist)
	if len(domains) > 0 {
		return nil, identity.WithHint(err, "the CAs there are of: %s; each certifies the names in its domain and below it", strings.Join(domains, ", "))
	}
	return nil, identity.WithHint(err, "make one with: dnseal identity ca new DOMAIN --identities %s", identity.Quote(dir))
}

// domainOf is what of a name must be in the domain of its CA.
func domainOf(kind identity.Kind, name string) string {
	if kind == identity.Mail {
		return name[strings.LastIndexByte(name, '@')+1:]
	}
	return name
}

// Holds reports whether a canonical name is in the domain, or below it.
func (a *Authority) Holds(kind identity.Kind, name string) bool {
	domain := domainOf(kind, name)
	return domain == a.Domain || strings.HasSuffix(domain, "."+a.Domain)
}

// Chain returns what travels in messages after the signer's certificate, and stands after it in
// cert.pem: the certificate of the CA, and those above it.
func (a *Authority) Chain() []*x509.Certificate {
	return slices.Concat([]*x509.Certificate{a.Certificate}, a.Above)
}

// Record returns the record that publishes the CA (DANE-TA). Errors: as
// [identity.CertificateRecord].
func (a *Authority) Record(selector, matching uint8) (dane.Record, error) {
	return identity.CertificateRecord(a.Certificate, dane.DANETA, selector, matching)
}

// KeyType describes the key, as [identity.Identity.KeyType].
func (a *Authority) KeyType() string { return a.id.KeyType() }

// CheckDates wants that the CA certificate is valid at that time; the error has a hint.
func (a *Authority) CheckDates(now time.Time) error {
	const day = time.DateOnly
	switch c := a.Certificate; {
	case now.Before(c.NotBefore):
		err := fmt.Errorf("ca: the certificate of the CA of %s is not valid before %s", a.Domain, c.NotBefore.UTC().Format(day))
		return identity.WithHint(err, "check the clock of this machine")
	case now.After(c.NotAfter):
		err := fmt.Errorf("ca: the certificate of the CA of %s expired on %s", a.Domain, c.NotAfter.UTC().Format(day))
		return identity.WithHint(err, "renew it with the same key, so that records 2 1 1 stay right: dnseal identity ca renew %s", a.Domain)
	}
	return nil
}

// isFrom reports whether cert is of this CA's key and name, of whatever dates.
func (a *Authority) isFrom(cert *x509.Certificate) bool {
	return string(cert.RawSubjectPublicKeyInfo) == string(a.Certificate.RawSubjectPublicKeyInfo) && certificate.SameName(cert.RawSubject, a.Certificate.RawSubject)
}

// holds wants that a certificate is valid under the CA, and states the name.
func (a *Authority) holds(ctx context.Context, cert *x509.Certificate, name string, now time.Time) error {
	err := certificate.Verify(ctx, cert, certificate.Options{Anchors: []*x509.Certificate{a.Certificate}, At: now})
	if err == nil && !(&identity.Identity{Name: name}).Names(cert) {
		err = errors.New("it does not state the name")
	}
	if err != nil {
		return fmt.Errorf("ca: the certificate for %s would not hold under the CA of %s: %w", name, a.Domain, err)
	}
	return nil
}
