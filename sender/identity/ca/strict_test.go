package ca

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// TestReadRequestStrict: what a request holds beyond what is certified, and where a reader could be
// led to read it otherwise.
func TestReadRequestStrict(t *testing.T) {
	t.Parallel()
	asks := func(exts ...pkix.Extension) []byte {
		t.Helper()
		return testRequest(t, testKey(t), x509.CertificateRequest{EmailAddresses: []string{"alice@example.org"}, ExtraExtensions: exts})
	}
	longSignature := func() []byte {
		t.Helper()
		var parts struct {
			Info, Algorithm asn1.RawValue
			Signature       asn1.BitString
		}
		if _, err := asn1.Unmarshal(mailRequest(t), &parts); err != nil {
			t.Fatal(err)
		}
		parts.Signature = asn1.BitString{Bytes: make([]byte, 1025), BitLength: 1025 * 8}
		der, err := asn1.Marshal(parts)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	digital, failed := asn1.Marshal(usage(0x80))
	if failed != nil {
		t.Fatal(failed)
	}
	for _, tt := range []struct {
		what string
		data []byte
		want string
	}{
		{"cRLSign", asks(extension(t, oidKeyUsage, true, []byte{3, 2, 1, 0x82})), "signs certificates"},
		{"more after the key usage", asks(extension(t, oidKeyUsage, true, append(digital, 5, 0))), "cannot be read"},
		{"more after the basic constraints", asks(extension(t, oidBasicConstraints, true, []byte{0x30, 0, 5, 0})), "certificate of a CA"},
		{"an extension twice", asks(extension(t, oidKeyUsage, true, digital), extension(t, oidKeyUsage, true, digital)), "cannot be read"},
		{"a long signature", longSignature(), "1025"},
	} {
		if r, err := ReadRequest(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v, want %q", tt.what, r, err, tt.want)
		}
	}
	r, err := ReadRequest(mailRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	if err = r.SetName("bob@example.org"); identity.Hint(err) == "" || r.Name != "alice@example.org" {
		t.Errorf("another name: %v", err)
	}
	if err = r.SetName("alice@EXAMPLE.org"); err != nil {
		t.Errorf("the same name: %v", err)
	}
}

// TestConstrained: mail addresses and host names of the certificate are those of the domain.
func TestConstrained(t *testing.T) {
	t.Parallel()
	c := newCA(t, t.TempDir(), "example.org", Options{}).Certificate
	if !slices.Equal(c.PermittedDNSDomains, []string{"example.org"}) || !slices.Equal(c.PermittedEmailAddresses, []string{"example.org", ".example.org"}) {
		t.Errorf("%q, %q", c.PermittedDNSDomains, c.PermittedEmailAddresses)
	}
}

// TestIssueBounds: the dates of a certificate are within the CA's, and the key usage is that of the
// identity's certificate, for its kind of key.
func TestIssueBounds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{})
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	own := *id.Certificate
	own.KeyUsage = x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign
	id.Certificate = &own
	req, err := OfIdentity(id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Issue(t.Context(), req, IssueOptions{Now: testNow.Add(-30 * time.Minute)})
	if err != nil || c.NotBefore.Before(a.Certificate.NotBefore) || c.KeyUsage != x509.KeyUsageContentCommitment {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err = a.Issue(t.Context(), req, IssueOptions{Now: testNow, Days: maxDays + 1}); err == nil {
		t.Error("more than a hundred years")
	}
}

// TestWrongFolder: a CA whose folder is not its own issues nothing that would not hold.
func TestWrongFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := newCA(t, dir, "example.net", Options{})
	if err := os.Rename(other.Folder, filepath.Join(dir, folder, "example.org")); err != nil {
		t.Fatal(err)
	}
	a, err := Load(dir, "example.org")
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = a.SignIdentity(t.Context(), dir, id.Name, IssueOptions{Now: testNow}); err == nil || !strings.Contains(err.Error(), "would not hold") {
		t.Error(err)
	}
	// With the certificate of a name, or without one, there is no CA.
	file := filepath.Join(a.Folder, "cert.pem")
	if err = os.Rename(id.KeyFile, filepath.Join(a.Folder, "key.pem")); err == nil {
		err = os.Rename(id.CertFile, file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Load(dir, "example.org"); err == nil || !strings.Contains(err.Error(), "is of no certification authority") || identity.Hint(err) == "" {
		t.Error(err)
	}
	if err = os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err = Load(dir, "example.org"); err == nil || !strings.Contains(err.Error(), "no certificate of the CA") || identity.Hint(err) == "" {
		t.Error(err)
	}
}

// TestIssuerOf finds the CA that certified an identity, of several that could have.
func TestIssuerOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, domain := range []string{"example.org", "sub.example.org"} {
		a := newCA(t, dir, domain, Options{})
		name := strings.ReplaceAll(domain, ".", "-") + "@sub.example.org"
		if _, err := identity.Create(dir, name, identity.CreateOptions{Now: testNow}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.SignIdentity(t.Context(), dir, name, IssueOptions{Now: testNow}); err != nil {
			t.Fatal(err)
		}
	}
	for _, domain := range []string{"example.org", "sub.example.org"} {
		id, err := identity.Load(dir, strings.ReplaceAll(domain, ".", "-")+"@sub.example.org")
		if err != nil {
			t.Fatal(err)
		}
		if a, err := IssuerOf(dir, id); err != nil || a.Domain != domain {
			t.Errorf("%s: %+v, %v", id.Name, a, err)
		}
	}
}

// certifyAgain replaces the certificate of a CA by one of its key that parent signed, or itself.
func certifyAgain(t *testing.T, a *Authority, change func(*x509.Certificate), parent *Authority) *Authority {
	t.Helper()
	template := *a.Certificate
	template.SerialNumber, template.AuthorityKeyId = big.NewInt(7), nil
	change(&template)
	signedBy, key, above := &template, a.id.Key, []*x509.Certificate(nil)
	if parent != nil {
		signedBy, key, above = parent.Certificate, parent.id.Key, []*x509.Certificate{parent.Certificate}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, signedBy, a.id.Public, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err = identity.ReplaceFile(filepath.Join(a.Folder, "cert.pem"), identity.EncodeCertificates(append([]*x509.Certificate{cert}, above...)...), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := Load(filepath.Dir(filepath.Dir(a.Folder)), a.Domain)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestRenewKeeps: a certificate that other software made is renewed with its name and key
// identifier, by which what was issued names it.
func TestRenewKeeps(t *testing.T) {
	t.Parallel()
	a := certifyAgain(t, newCA(t, t.TempDir(), "example.org", Options{}), func(c *x509.Certificate) {
		c.RawSubject, c.Subject, c.SubjectKeyId = nil, pkix.Name{CommonName: "Ours", Organization: []string{"Example"}}, []byte("ours")
	}, nil)
	old := a.Certificate
	if err := a.Renew(Options{Now: testNow.AddDate(1, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	c := a.Certificate
	if c.Equal(old) || !bytes.Equal(c.RawSubject, old.RawSubject) || string(c.SubjectKeyId) != "ours" || c.SerialNumber.Cmp(old.SerialNumber) == 0 {
		t.Errorf("%s, %x, %x", c.Subject, c.SubjectKeyId, c.SerialNumber)
	}
}

// TestAbove: of a CA that another one certified all certificates travel with what it issues, and it
// cannot renew itself.
func TestAbove(t *testing.T) {
	t.Parallel()
	root := certifyAgain(t, newCA(t, t.TempDir(), "example.net", Options{Constraints: None}), func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 1, false }, nil)
	dir := t.TempDir()
	a := certifyAgain(t, newCA(t, dir, "example.org", Options{}), func(*x509.Certificate) {}, root)
	if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: testNow}); err != nil {
		t.Fatal(err)
	}
	id, err := a.SignIdentity(t.Context(), dir, "alice@example.org", IssueOptions{Now: testNow})
	if err != nil || len(id.Chain) != 2 || !id.Chain[0].Equal(a.Certificate) || !id.Chain[1].Equal(root.Certificate) {
		t.Fatalf("%+v, %v", id, err)
	}
	before := a.Certificate
	if err = a.Renew(Options{Now: testNow}); identity.Hint(err) == "" || !a.Certificate.Equal(before) {
		t.Errorf("renewed: %v", err)
	}
}

// TestRefreshSameName: a CA of the same name and another key is another CA.
func TestRefreshSameName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{})
	if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: testNow}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.SignIdentity(t.Context(), dir, "alice@example.org", IssueOptions{Now: testNow}); err != nil {
		t.Fatal(err)
	}
	other := newCA(t, t.TempDir(), "example.org", Options{})
	if changed, err := other.Refresh(dir); err != nil || len(changed) > 0 {
		t.Errorf("%q, %v", changed, err)
	}
}
