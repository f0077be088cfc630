package config

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dnseal/sender/identity"
)

// TestNextHopIdentity: the client certificate for the next hop is that of the key that a rollover
// switched to, and none goes out once the identity is revoked.
func TestNextHopIdentity(t *testing.T) {
	t.Parallel()
	const name = "_smtp-client.relay.example.org"
	dir, other := t.TempDir(), t.TempDir()
	first, err := identity.Create(dir, name, identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := identity.Create(other, name, identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	if _, err = c.loaded.live.Load(dir, name); err != nil {
		t.Fatal(err)
	}
	hop := c.RelayOptions(&Relay{NextHopIdentity: name}, Wiring{}).Hop
	info := &tls.CertificateRequestInfo{Version: tls.VersionTLS13, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}
	leaf := func() (*tls.Certificate, error) {
		_, _ = c.loaded.live.Fresh(name) // without waiting a second
		return hop.TLS.GetClientCertificate(info)
	}
	if cert, e := leaf(); e != nil || !cert.Leaf.Equal(first.Certificate) || hop.Name != name {
		t.Fatalf("at first: %v", e)
	}
	for from, to := range map[string]string{second.CertFile: first.CertFile, second.KeyFile: first.KeyFile} {
		if err = os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if cert, e := leaf(); e != nil || !cert.Leaf.Equal(second.Certificate) {
		t.Fatalf("after the switch: %v", e)
	}
	info.SignatureSchemes = []tls.SignatureScheme{tls.PSSWithSHA256}
	if cert, e := leaf(); e != nil || len(cert.Certificate) > 0 {
		t.Errorf("a server that does not take it: %v", e)
	}
	id, err := identity.Load(dir, name)
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(first.KeyFile), identity.RevokedFile), []byte(id.KeyID()+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err = leaf(); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
}
