package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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

// TestHopPassword: the first line of the file is the password, and nothing that prints the
// configuration or the options shows it.
func TestHopPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("sesame 1\r\nanother line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(write(t, dir, `[[relay]]
role = "inbound"
listen = ":25"
recipients = ["example.org"]
next-hop = ["127.0.0.1:25"]
next-hop-user = "relay"
next-hop-password-file = "DIR/password"
`))
	if err != nil {
		t.Fatal(err)
	}
	hop := c.RelayOptions(&c.Relays[0], Wiring{}).Hop
	if hop.User != "relay" || string(hop.Password) != "sesame 1" || hop.ClearLogin {
		t.Errorf("user %q, password %q", hop.User, string(hop.Password))
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format+format, hop.Password, hop); strings.Contains(text, "sesame") || strings.Contains(text, "736573616d65") {
			t.Errorf("%s shows the password", format)
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("hop", hop.Password), slog.Any("loaded", c.loaded.passwords))
	if strings.Contains(log.String(), "sesame") {
		t.Errorf("the log shows the password: %s", &log)
	}
}
