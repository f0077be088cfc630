package ca

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"dnseal/sender/identity"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// Constraints says how the CA certificate is bound to the names of its domain (RFC 5280, Section
// 4.2.1.10). The zero value is Critical.
type Constraints string

// Kinds of name constraints.
const (
	// Critical is what RFC 5280 asks for: a program that does not know them refuses the CA, as
	// gpgsm does.
	Critical Constraints = "critical"
	// NotCritical binds the programs that know them, as Go, OpenSSL, GnuTLS and NSS do.
	NotCritical Constraints = "not-critical"
	// None binds nobody: what the CA issues is limited by this package alone.
	None Constraints = "none"
)

// AllConstraints lists the kinds, the default first.
func AllConstraints() []string { return []string{string(Critical), string(NotCritical), string(None)} }

const (
	// defaultDays is the validity of a CA certificate.
	defaultDays = 3650
	// maxDays is the longest validity: a hundred years.
	maxDays = 36500
	// backdated covers verifiers whose clock is slow.
	backdated = time.Hour
)

// Options are for New and Renew. Zero values are the defaults.
type Options struct {
	// Algorithm is one of [identity.Algorithms]; empty: [identity.DefaultAlgorithm]. Renew keeps
	// the key.
	Algorithm string
	// Days of validity, at most 36500; 0: 3650.
	Days int
	// Passphrase encrypts the key, as that of [identity.CreateOptions] does.
	Passphrase string
	// Constraints are the name constraints. Renew keeps those of the old certificate.
	Constraints Constraints
	// Now is the time of making; zero: time.Now.
	Now time.Time
}

func (o *Options) complete() error {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Days == 0 {
		o.Days = defaultDays
	}
	if o.Days < 1 || o.Days > maxDays {
		return fmt.Errorf("ca: a CA certificate can be valid for 1 to %d days, not %d", maxDays, o.Days)
	}
	switch o.Constraints {
	case "":
		o.Constraints = Critical
	case Critical, NotCritical, None:
	default:
		return identity.WithHint(fmt.Errorf("ca: unknown kind of name constraints %q", string(o.Constraints)), "use one of %s", strings.Join(AllConstraints(), ", "))
	}
	return nil
}

var oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}

// Constraints says how the certificate binds the CA to names.
func (a *Authority) Constraints() Constraints {
	for _, ext := range a.Certificate.Extensions {
		switch {
		case !ext.Id.Equal(oidNameConstraints):
		case ext.Critical:
			return Critical
		default:
			return NotCritical
		}
	}
	return None
}

// New makes the CA of a domain: a key and a self-signed certificate. Its folder appears whole or
// not at all. Errors: a domain that is none, options out of range (with a hint), [fs.ErrExist]
// where there is a CA, else what the file system returned.
func New(dir, domain string, opts Options) (*Authority, error) {
	domain, err := parseDomain(domain)
	if err != nil {
		return nil, err
	}
	if err = opts.complete(); err != nil {
		return nil, err
	}
	id, err := identity.Create(filepath.Join(dir, folder), domain, identity.CreateOptions{
		Algorithm: opts.Algorithm, Now: opts.Now, Passphrase: opts.Passphrase,
		Certify: func(id *identity.Identity) (*x509.Certificate, error) { return selfSigned(id, opts) },
	})
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("ca: there is a CA of %s in %s: %w", domain, dir, fs.ErrExist)
		return nil, identity.WithHint(err, "its key is never overwritten; a new certificate of the same key: dnseal identity ca renew %s --identities %s", domain, identity.Quote(dir))
	}
	if err != nil {
		return nil, err
	}
	return &Authority{Domain: domain, Certificate: id.Certificate, Folder: filepath.Dir(id.KeyFile), id: id}, nil
}

// selfSigned makes the certificate of a new CA.
// RFC 5280, Sections 4.2.1.2, 4.2.1.3, 4.2.1.9 and 4.2.1.10; RFC 8550, Section 4.4.
func selfSigned(id *identity.Identity, opts Options) (*x509.Certificate, error) {
	template, err := profile(id, opts)
	if err != nil {
		return nil, err
	}
	template.Subject = pkix.Name{CommonName: identity.CommonName(id.Name + " CA")}
	if opts.Constraints != None {
		template.PermittedDNSDomainsCritical = opts.Constraints == Critical
		template.PermittedDNSDomains = []string{id.Name}
		// A host, and with a leading dot the hosts below it.
		template.PermittedEmailAddresses = []string{id.Name, "." + id.Name}
	}
	return id.SignCertificate(template, template, id.Public)
}

// profile is what the certificates of all CAs have: they sign certificates of names, and of no CA
// below them.
func profile(id *identity.Identity, opts Options) (*x509.Certificate, error) {
	serial, err := identity.NewSerial()
	if err != nil {
		return nil, err
	}
	spki, err := cms.MarshalPublicKey(id.Public)
	if err != nil {
		return nil, err
	}
	ski, err := cms.SubjectKeyID(spki)
	if err != nil {
		return nil, err
	}
	now := opts.Now.UTC().Truncate(time.Second)
	return &x509.Certificate{
		SerialNumber: serial, SubjectKeyId: ski,
		NotBefore: now.Add(-backdated), NotAfter: now.AddDate(0, 0, opts.Days),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil
}

// Renew replaces the certificate of the CA by one of the same key, name and constraints: records 2
// 1 x stay right, records 2 0 x do not. Errors, with a hint: a CA that another one certified;
// [identity.ErrBusy]; else what the file system returned, with which the old certificate is in use.
func (a *Authority) Renew(opts Options) error {
	if err := opts.complete(); err != nil {
		return err
	}
	old := a.Certificate
	if !certificate.SelfIssued(old) {
		return identity.WithHint(fmt.Errorf("ca: the CA of %s was certified by %q", a.Domain, old.Issuer), "get a new certificate there, and put it into %s", identity.Quote(a.id.CertFile))
	}
	unlock, err := identity.Lock(a.Folder, "the CA of "+a.Domain)
	if err != nil {
		return err
	}
	defer unlock()
	template, err := profile(a.id, opts)
	if err != nil {
		return err
	}
	template.RawSubject, template.SubjectKeyId = old.RawSubject, old.SubjectKeyId
	for _, ext := range old.Extensions {
		// RFC 5280, Section 4.2.1.10.
		if ext.Id.Equal(oidNameConstraints) {
			template.ExtraExtensions = append(template.ExtraExtensions, ext)
		}
	}
	renewed, err := a.id.SignCertificate(template, template, a.id.Public)
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	if err = identity.ReplaceFile(filepath.Join(a.Folder, "cert.pem"), identity.EncodeCertificates(renewed), 0o644); err != nil {
		return err
	}
	a.Certificate = renewed
	return nil
}
