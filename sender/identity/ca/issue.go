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
	"time"

	"filippo.io/mldsa"

	"dnseal/sender/identity"
	"dnseal/smime/cms"
)

// DefaultDays is the validity of a certificate of a name: its dates count, other than under usage
// 3.
const DefaultDays = 365

// IssueOptions are for Issue. Zero values are the defaults.
type IssueOptions struct {
	// Days of validity, at most 36500; 0: 365. No certificate is valid longer than the CA's.
	Days int
	// Now is the time of issue; zero: time.Now.
	Now time.Time
	// NoCopy leaves out the copy in the CA's folder, and so the certificate is not in
	// [Authority.Issued]: who issues a million notes them elsewhere.
	NoCopy bool
}

// Issue certifies the key of a request for its name. The certificate has a random serial number,
// was checked as a receiver would, and a copy of it is in the CA's folder. Errors, with a hint
// where it helps: a name outside the domain, a request without name, a CA certificate that is not
// valid now, a private key that is not here; else what the file system returned, with which nothing
// was issued.
func (a *Authority) Issue(ctx context.Context, req *Request, opts IssueOptions) (*x509.Certificate, error) {
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	if opts.Days == 0 {
		opts.Days = DefaultDays
	}
	if opts.Days < 1 || opts.Days > maxDays {
		return nil, fmt.Errorf("ca: a certificate can be valid for 1 to %d days, not %d", maxDays, opts.Days)
	}
	if err := a.may(req, opts.Now); err != nil {
		return nil, err
	}
	template, err := a.template(req, opts)
	if err != nil {
		return nil, fmt.Errorf("ca: %s: %w", req.Name, err)
	}
	cert, err := a.id.SignCertificate(template, a.Certificate, req.Public)
	if err != nil {
		return nil, fmt.Errorf("ca: %s: %w", req.Name, err)
	}
	if err = a.holds(ctx, cert, req.Name, opts.Now); err != nil || opts.NoCopy {
		return cert, err
	}
	return cert, a.keep(cert)
}

var errNoName = identity.WithHint(errors.New("ca: the request states no name"),
	"ask for it in its subjectAltName (openssl req -addext subjectAltName=email:alice@example.org), or give it with --name")

// For loads the CA of domain; where that is empty the CA for the name of the request. Errors: those
// of Load and Find; a request without name, with a hint.
func (l Loader) For(dir, domain string, req *Request) (*Authority, error) {
	switch {
	case domain != "":
		return l.Load(dir, domain)
	case req.Name == "":
		return nil, errNoName
	}
	return l.Find(dir, req.Name)
}

// may says why the CA does not certify this now.
func (a *Authority) may(req *Request, now time.Time) error {
	if err := a.CheckDates(now); err != nil {
		return err
	}
	switch {
	case req.Name == "":
		return errNoName
	case !a.Holds(req.Kind, req.Name):
		return identity.WithHint(fmt.Errorf("ca: %s is not in %s", req.Name, a.Domain), "the CA of %s certifies names in it and below it; another domain needs a CA of its own", a.Domain)
	}
	return nil
}

// template is the certificate before it is signed.
// RFC 5280, Section 4.2.1; RFC 8550, Section 4.4.
func (a *Authority) template(req *Request, opts IssueOptions) (*x509.Certificate, error) {
	template, err := identity.CertificateTemplate(req.Kind, req.Name, req.Public, opts.Now, opts.Days)
	if err != nil {
		return nil, err
	}
	if req.KeyUsage != 0 {
		template.KeyUsage = req.KeyUsage
	}
	// A device or service logs in by TLS too, and there its CA's word counts for this purpose
	// only (RFC 5280, Section 4.2.1.12).
	if req.Kind != identity.Mail {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	if end := a.Certificate.NotAfter; template.NotAfter.After(end) {
		template.NotAfter = end
	}
	if begin := a.Certificate.NotBefore; template.NotBefore.Before(begin) {
		template.NotBefore = begin
	}
	return template, nil
}

// SignIdentity replaces the certificate of an identity in dir by one of the CA a for the same key,
// with the CA's after it: the first time, and each time its end is near. Errors: those of
// [identity.Load], [identity.Lock] and Issue; the old certificate is in use then.
func (a *Authority) SignIdentity(ctx context.Context, dir, name string, opts IssueOptions) (*identity.Identity, error) {
	id, err := loadIdentity(dir, name)
	if err != nil {
		return nil, err
	}
	unlock, err := identity.Lock(filepath.Dir(id.KeyFile), id.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Now nobody replaces the key.
	if id, err = loadIdentity(dir, name); err != nil {
		return nil, err
	}
	req, err := OfIdentity(id)
	if err != nil {
		return nil, err
	}
	cert, err := a.Issue(ctx, req, opts)
	if err != nil {
		return nil, err
	}
	return id, id.ReplaceCertificates(cert, a.Chain()...)
}

// loadIdentity reads an identity; where its private key is locked, what of it is public.
func loadIdentity(dir, name string) (*identity.Identity, error) {
	id, err := identity.Load(dir, name)
	if errors.Is(err, identity.ErrLocked) {
		return identity.LoadPublic(dir, name)
	}
	return id, err
}

// IssuerOf loads the CA in dir that issued the certificate of an identity. Errors: [fs.ErrNotExist]
// where none did; those of Load.
func IssuerOf(dir string, id *identity.Identity) (*Authority, error) {
	domains, err := List(dir)
	if err != nil {
		return nil, err
	}
	for _, domain := range domains {
		a, err := LoadPublic(dir, domain)
		if err == nil && id.Certificate != nil && a.Holds(id.Kind, id.Name) && signedBy(id.Certificate, a.Certificate) {
			return Load(dir, domain)
		}
	}
	return nil, fmt.Errorf("ca: no CA in %s has certified %s: %w", dir, id.Name, fs.ErrNotExist)
}

// Certifier certifies what [identity.Create] makes, for its option Certify.
func (a *Authority) Certifier(ctx context.Context, opts IssueOptions) func(*identity.Identity) (*x509.Certificate, error) {
	return func(id *identity.Identity) (*x509.Certificate, error) {
		req, err := OfIdentity(id)
		if err != nil {
			return nil, err
		}
		id.Chain = a.Chain()
		return a.Issue(ctx, req, opts)
	}
}

// Refresh replaces the certificate of the CA in the identities of dir that hold an earlier one of
// the same key, as after Renew: what it issued stays valid under the new one. It returns the names
// that changed, and all errors together.
func (a *Authority) Refresh(dir string) (changed []string, err error) {
	names, err := identity.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		did, e := a.refresh(dir, name)
		if did {
			changed = append(changed, name)
		}
		err = errors.Join(err, e)
	}
	return changed, err
}

func (a *Authority) refresh(dir, name string) (bool, error) {
	id, err := identity.LoadPublic(dir, name)
	if err != nil || id.Certificate == nil || !slices.ContainsFunc(id.Chain, a.outdated) {
		return false, nil //nolint:nilerr // what cannot be read holds no certificate of this CA
	}
	unlock, err := identity.Lock(filepath.Dir(id.KeyFile), id.Name)
	if err != nil {
		return false, err
	}
	defer unlock()
	if id, err = identity.LoadPublic(dir, name); err != nil || id.Certificate == nil {
		return false, err
	}
	above := slices.Clone(id.Chain)
	for i, c := range above {
		if a.outdated(c) {
			above[i] = a.Certificate
		}
	}
	return true, id.ReplaceCertificates(id.Certificate, above...)
}

// signedBy reports whether the key of a CA signed cert; crypto/x509 does not know ML-DSA.
func signedBy(cert, ca *x509.Certificate) bool {
	pub, err := cms.PublicKey(ca)
	key, isMLDSA := pub.(*mldsa.PublicKey)
	if err != nil || !isMLDSA {
		return cert.CheckSignatureFrom(ca) == nil
	}
	return mldsa.Verify(key, cert.RawTBSCertificate, cert.Signature, nil) == nil
}

// Certifies reports whether the certificate of an identity, or one above it, is of the CA's key and
// name.
func (a *Authority) Certifies(id *identity.Identity) bool {
	return slices.ContainsFunc(id.Chain, a.isFrom)
}

// outdated reports whether cert is an earlier one of the CA.
func (a *Authority) outdated(cert *x509.Certificate) bool {
	return a.isFrom(cert) && !cert.Equal(a.Certificate)
}

// issuedFolder holds a copy of each certificate.
const issuedFolder = "issued"

// keep writes the copy of a certificate before anybody has it: whole, or not at all.
func (a *Authority) keep(cert *x509.Certificate) error {
	dir := filepath.Join(a.Folder, issuedFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	// Several may issue at once, so that each file has a name of its own until it is whole.
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone when it was renamed
	_, err = f.Write(identity.EncodeCertificates(cert))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, fmt.Sprintf("%032x.pem", cert.SerialNumber))) //nolint:gosec // G703: a number
	}
	if err == nil {
		err = identity.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("ca: the copy of a certificate cannot be kept, and it is not issued: %w", err)
	}
	return nil
}
