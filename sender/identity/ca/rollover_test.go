package ca_test

import (
	"slices"
	"testing"

	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/lint"
	"dnseal/sender/identity/provision"
)

// TestRollover: the next key of an identity that the CA here certified is certified by it too, and
// the record of the CA stays right.
func TestRollover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := ca.New(dir, "example.org", ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, renew := range []bool{false, true} {
		name := map[bool]string{false: "alice@example.org", true: "bob@example.org"}[renew]
		if _, err = identity.Create(dir, name, identity.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		before, err := a.SignIdentity(t.Context(), dir, name, ca.IssueOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := provision.Lock(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		err = f.MakeNext(provision.NextOptions{Renew: renew})
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		next, err := identity.Loader{}.LoadFolder(f.Path+"/"+identity.NextFolder, name)
		if err != nil || len(next.Chain) != 1 || !next.Chain[0].Equal(a.Certificate) || next.Certificate.Equal(before.Certificate) {
			t.Fatalf("%+v, %v", next, err)
		}
		if same := string(next.Certificate.RawSubjectPublicKeyInfo) == string(before.Certificate.RawSubjectPublicKeyInfo); same != renew {
			t.Errorf("renew %v: the same key: %v", renew, same)
		}
		if err = next.CheckAuthority(t.Context(), a.Certificate, next.Certificate.NotBefore); err != nil {
			t.Error(err)
		}
	}
}

// TestLint: the linter finds nothing in what a CA issues, of any kind of name and key.
func TestLint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := ca.New(dir, "example.org", ca.Options{Now: made})
	if err != nil {
		t.Fatal(err)
	}
	for name, algorithm := range map[string]string{
		"alice@example.org": "p256", "jörg@example.org": "p384", "sensor7._device.example.org": "ed25519", "_smtp-client.relay1.example.org": "rsa2048", "device73.example.org": "p256",
	} {
		if _, err = identity.Create(dir, name, identity.CreateOptions{Algorithm: algorithm, Now: made}); err != nil {
			t.Fatal(err)
		}
		id, err := a.SignIdentity(t.Context(), dir, name, ca.IssueOptions{Now: made})
		if err != nil {
			t.Fatal(err)
		}
		findings := slices.DeleteFunc(lint.Lint(id, made), func(f lint.Finding) bool {
			// of the name and the key
			return f.Code == lint.NonASCIIName || f.Code == lint.UncommonKey
		})
		for _, f := range findings {
			t.Errorf("%s: %s: %s", name, f.Code, f)
		}
	}
}
