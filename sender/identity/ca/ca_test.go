package ca

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// testNow is when the CAs of tests are made.
var testNow = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func newCA(t *testing.T, dir, domain string, opts Options) *Authority {
	t.Helper()
	if opts.Now.IsZero() {
		opts.Now = testNow
	}
	a, err := New(dir, domain, opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestProfile(t *testing.T) {
	t.Parallel()
	for _, algorithm := range identity.Algorithms() {
		if strings.HasPrefix(algorithm, "rsa") && algorithm != "rsa2048-pss" {
			continue // slow to make, and no other profile
		}
		a := newCA(t, t.TempDir(), "example.org", Options{Algorithm: algorithm})
		c := a.Certificate
		if !c.IsCA || !c.BasicConstraintsValid || c.MaxPathLen != 0 || !c.MaxPathLenZero || len(c.SubjectKeyId) != 20 {
			t.Errorf("%s: %+v", algorithm, c)
		}
		if c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || c.SerialNumber.BitLen() < 64 || c.Subject.CommonName != "example.org CA" {
			t.Errorf("%s: key usage %v, serial %x, subject %s", algorithm, c.KeyUsage, c.SerialNumber, c.Subject)
		}
		critical := map[string]bool{}
		for _, e := range c.Extensions {
			critical[e.Id.String()] = e.Critical
		}
		// RFC 5280, Sections 4.2.1.3, 4.2.1.9 and 4.2.1.10.
		if !critical["2.5.29.15"] || !critical["2.5.29.19"] || !critical["2.5.29.30"] || critical["2.5.29.14"] {
			t.Errorf("%s: critical %v", algorithm, critical)
		}
		if !signedBy(c, c) {
			t.Errorf("%s: it did not sign its certificate", algorithm)
		}
	}
}

// TestMLDSAAuthority: a CA with an ML-DSA key certifies keys of any kind, and is found again.
func TestMLDSAAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{Algorithm: "ml-dsa-44"})
	for name, algorithm := range map[string]string{"alice@example.org": "p256", "bob@example.org": "ml-dsa-65"} {
		if _, err := identity.Create(dir, name, identity.CreateOptions{Algorithm: algorithm, Now: testNow}); err != nil {
			t.Fatal(err)
		}
		id, err := a.SignIdentity(t.Context(), dir, name, IssueOptions{Now: testNow})
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if found, err := IssuerOf(dir, id); err != nil || found.Domain != "example.org" {
			t.Errorf("%s: IssuerOf: %v", algorithm, err)
		}
	}
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, kind := range AllConstraints() {
		a := newCA(t, dir, kind+".example.org", Options{Constraints: Constraints(kind)})
		if got := a.Constraints(); got != Constraints(kind) {
			t.Errorf("%s: %s", kind, got)
		}
		// Renewal keeps them.
		if err := a.Renew(Options{Now: testNow.AddDate(9, 0, 0)}); err != nil {
			t.Fatal(err)
		}
		if got := a.Constraints(); got != Constraints(kind) {
			t.Errorf("%s, renewed: %s", kind, got)
		}
	}
}

func TestIssue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{Days: 400})
	for _, name := range []string{
		"alice@example.org", "alice@sub.example.org", `"a b"@example.org`, "jörg@example.org", "sensor7._device.example.org",
		"_smtp-client.relay1.example.org", "device73.example.org", "example.org",
		strings.Repeat("a", 60) + "@" + strings.Repeat("b", 50) + ".example.org",
	} {
		if _, err := identity.Create(dir, name, identity.CreateOptions{Now: testNow}); err != nil {
			t.Fatal(err)
		}
		id, err := a.SignIdentity(t.Context(), dir, name, IssueOptions{Now: testNow, Days: 500})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c := id.Certificate
		if !c.NotAfter.Equal(a.Certificate.NotAfter) || c.NotBefore.Before(a.Certificate.NotBefore) {
			t.Errorf("%s: valid %v to %v, the CA %v to %v", name, c.NotBefore, c.NotAfter, a.Certificate.NotBefore, a.Certificate.NotAfter)
		}
		if len([]rune(c.Subject.CommonName)) > 64 || c.IsCA || string(c.AuthorityKeyId) != string(a.Certificate.SubjectKeyId) {
			t.Errorf("%s: %s", name, c.Subject)
		}
		if client := len(c.ExtKeyUsage) == 2 && c.ExtKeyUsage[1] == x509.ExtKeyUsageClientAuth; client != (id.Kind != identity.Mail) {
			t.Errorf("%s: %v", name, c.ExtKeyUsage)
		}
		got, err := identity.Load(dir, name)
		if err != nil || !got.Certificate.Equal(c) || len(got.Chain) != 1 || !got.Chain[0].Equal(a.Certificate) || got.CheckName() != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	issued, err := a.Issued()
	if err != nil || len(issued) != 9 || issued[0].Name != `"a b"@example.org` {
		t.Errorf("%d issued, %v", len(issued), err)
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{Days: 10})
	request := func(name string) *Request {
		t.Helper()
		id, err := identity.Create(t.TempDir(), name, identity.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := OfIdentity(id)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	alice := request("alice@example.org")
	tests := []struct {
		what string
		req  *Request
		opts IssueOptions
		want string
	}{
		{"another domain", request("alice@example.com"), IssueOptions{}, "is not in example.org"},
		{"a longer label", request("alice@badexample.org"), IssueOptions{}, "is not in example.org"},
		{"above", request("alice@org.example"), IssueOptions{}, "is not in example.org"},
		{"a device elsewhere", request("a._device.example.net"), IssueOptions{}, "is not in example.org"},
		{"no name", &Request{Public: alice.Public}, IssueOptions{}, "states no name"},
		{"days", alice, IssueOptions{Days: -1}, "1 to 36500 days"},
		{"expired", alice, IssueOptions{Now: testNow.AddDate(0, 0, 11)}, "expired on 2026-12-04"},
		{"not yet", alice, IssueOptions{Now: testNow.AddDate(0, 0, -1)}, "not valid before 2026-11-24"},
	}
	for _, tt := range tests {
		if tt.opts.Now.IsZero() {
			tt.opts.Now = testNow
		}
		if _, err := a.Issue(t.Context(), tt.req, tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) || tt.opts.Days == 0 && identity.Hint(err) == "" {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
	if issued, err := a.Issued(); len(issued) > 0 || err != nil {
		t.Errorf("%d issued, %v", len(issued), err)
	}
	// Renewed, it signs again, with the same key.
	if err := a.Renew(Options{Now: testNow.AddDate(0, 0, 11)}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(t.Context(), alice, IssueOptions{Now: testNow.AddDate(0, 0, 11)}); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newCA(t, dir, "example.org", Options{})
	if _, err := New(dir, "Example.Org.", Options{}); !errors.Is(err, fs.ErrExist) || identity.Hint(err) == "" {
		t.Errorf("again: %v", err)
	}
	long := strings.Repeat("abcdefghi.", 24) + "example.org"
	for _, domain := range []string{"", "org", "a b.org", "alice@example.org", "_x.example.org", "*.example.org", "../example.org", "\xff.org", strings.Repeat("a", 64) + ".org", long} {
		if _, err := New(dir, domain, Options{}); identity.Hint(err) == "" {
			t.Errorf("%q: %v", domain, err)
		}
	}
	for _, opts := range []Options{{Days: -1}, {Days: 40000}, {Constraints: "x"}, {Algorithm: "rot13"}} {
		if _, err := New(dir, "example.net", opts); err == nil {
			t.Errorf("%+v: no error", opts)
		}
	}
	if domains, err := List(dir); err != nil || len(domains) != 1 {
		t.Errorf("List = %q, %v", domains, err)
	}
	if names, err := identity.List(dir); err != nil || len(names) != 0 {
		t.Errorf("identities: %q, %v", names, err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Find(dir, "alice@example.org"); !errors.Is(err, fs.ErrNotExist) || identity.Hint(err) == "" {
		t.Errorf("none: %v", err)
	}
	newCA(t, dir, "example.org", Options{})
	newCA(t, dir, "sub.example.org", Options{})
	for name, want := range map[string]string{
		"alice@example.org": "example.org", "alice@a.sub.example.org": "sub.example.org", "x._device.sub.example.org": "sub.example.org", "example.org": "example.org", "alice@example.net": "",
	} {
		a, err := Find(dir, name)
		if want == "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || a.Domain != want {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
}

// TestAtOnce: many issue at once, each certificate is kept; one identity is signed by one at a
// time.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{})
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := identity.Lock(filepath.Dir(id.KeyFile), id.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = a.SignIdentity(t.Context(), dir, id.Name, IssueOptions{Now: testNow}); !errors.Is(err, identity.ErrBusy) || identity.Hint(err) == "" {
		t.Errorf("locked: %v", err)
	}
	unlock()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			one, e := Load(dir, "example.org")
			if e == nil {
				_, e = one.SignIdentity(context.WithoutCancel(t.Context()), dir, id.Name, IssueOptions{Now: testNow})
			}
			if e != nil && !errors.Is(e, identity.ErrBusy) {
				t.Error(e)
			}
		})
	}
	wg.Wait()
	got, err := identity.Load(dir, id.Name)
	if err != nil || len(got.Chain) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	entries, _ := os.ReadDir(filepath.Join(a.Folder, issuedFolder))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// TestNoRoom: what cannot be kept is not issued, and cert.pem stays.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{})
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	// in the way
	if err = os.WriteFile(filepath.Join(a.Folder, issuedFolder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = a.SignIdentity(t.Context(), dir, id.Name, IssueOptions{Now: testNow}); err == nil {
		t.Error("issued")
	}
	got, err := identity.Load(dir, id.Name)
	if err != nil || !got.Certificate.Equal(id.Certificate) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newCA(t, dir, "example.org", Options{Days: 10})
	newCA(t, dir, "example.net", Options{})
	for _, name := range []string{"alice@example.org", "bob@example.org", "carol@example.org", "dave@example.net"} {
		if _, err := identity.Create(dir, name, identity.CreateOptions{Now: testNow}); err != nil {
			t.Fatal(err)
		}
		if name == "carol@example.org" {
			continue // self-signed
		}
		of, err := Find(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = of.SignIdentity(t.Context(), dir, name, IssueOptions{Now: testNow, Days: 5}); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := a.Record(1, 1)
	later := testNow.AddDate(0, 0, 3)
	if err := a.Renew(Options{Now: later}); err != nil {
		t.Fatal(err)
	}
	if after, _ := a.Record(1, 1); string(before.Data) != string(after.Data) {
		t.Error("the record 2 1 1 changed")
	}
	changed, err := a.Refresh(dir)
	if err != nil || len(changed) != 2 || changed[0] != "alice@example.org" || changed[1] != "bob@example.org" {
		t.Errorf("Refresh = %q, %v", changed, err)
	}
	id, err := identity.Load(dir, "alice@example.org")
	if err != nil || !id.Chain[0].Equal(a.Certificate) {
		t.Fatalf("%v, %v", id, err)
	}
	// What was issued before holds under the new certificate, to its own end.
	if err = id.CheckAuthority(t.Context(), a.Certificate, later); err != nil {
		t.Error(err)
	}
	if changed, err = a.Refresh(dir); err != nil || len(changed) > 0 {
		t.Errorf("again: %q, %v", changed, err)
	}
	// Locked meanwhile.
	unlock, err := identity.Lock(a.Folder, "the CA")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err = a.Renew(Options{Now: later}); !errors.Is(err, identity.ErrBusy) {
		t.Errorf("locked: %v", err)
	}
}
