//go:build unix

package submit

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup/lookuptest/peertest"
)

// postfix runs a Postfix with STARTTLS, and returns where it is, its certificate and its next hop.
func postfix(t *testing.T, settings ...string) (Server, *x509.Certificate, *fake) {
	t.Helper()
	hop := (&fake{noTLS: true, exts: []string{"8BITMIME"}}).start(t)
	dir := peertest.ShortDir(t)
	conf, _ := serverTLS(t, "127.0.0.1")
	raw := conf.Certificates[0].Certificate[0]
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(conf.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	peertest.WriteFile(t, dir+"/server.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})))
	settings = append(settings, "smtpd_tls_chain_files = "+dir+"/server.pem", "smtpd_tls_security_level = encrypt")
	host, port, _ := net.SplitHostPort(peertest.Postfix(t, dir, hop.String(), settings...))
	return Server{Host: host, Port: port}, leaf, hop
}

// vouched checks a server as the TLSA record says that a signed zone has for it. The zone's name
// for the server is the test's: a loopback address has none.
func vouched(t *testing.T, server Server, record string) func(context.Context, Server, tls.ConnectionState) error {
	t.Helper()
	client := knows(t, fmt.Sprintf("_%s._tcp.relay 60 IN TLSA %s", server.Port, record))
	return func(ctx context.Context, s Server, state tls.ConnectionState) error {
		if s != server {
			return errors.New("another server")
		}
		return nexthop.Options{Lookup: client}.VerifyDANE(ctx, nexthop.Hop{Network: "tcp", Address: net.JoinHostPort("relay.example.net", s.Port)}, state)
	}
}

// TestPostfixDANE: Postfix gets the message where the TLSA record of a signed zone is of its key,
// and nothing where it is of another, which stays in the spool.
func TestPostfixDANE(t *testing.T) {
	t.Parallel()
	server, leaf, hop := postfix(t)
	own := fmt.Sprintf("3 1 1 %x", sha256.Sum256(leaf.RawSubjectPublicKeyInfo))
	other := fmt.Sprintf("3 1 1 %x", sha256.Sum256([]byte("another key")))
	d, said := delivery(t, &Options{Server: server, TLS: TLSDANE, VerifyServer: vouched(t, server, other)})
	// Kept or refused: both are told.
	_ = d.Submit(t.Context(), letter(t, "wrong@example.org"), false)
	if !strings.Contains(said.String(), "matches none of its TLSA records") || left(t, d) != 1 {
		t.Errorf("%s, %d left", said, left(t, d))
	}
	d, said = delivery(t, &Options{Server: server, TLS: TLSDANE, VerifyServer: vouched(t, server, own)})
	if err := d.Submit(t.Context(), letter(t, "right@example.org"), false); err != nil || said.Len() > 0 {
		t.Fatalf("%v, %s", err, said)
	}
	peertest.WaitFor(t, "the message", func() bool { return len(hop.taken()) == 1 })
	if got := hop.taken()[0]; got.to != "<right@example.org>" {
		t.Errorf("%+v", got)
	}
}

const dovecotAuth = `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols =
ssl = no
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[1]s allow_all_users=yes
}
passdb {
  driver = static
  args = user=%%u password=secret
}
auth_mechanisms = plain login
auth_failure_delay = 0
service auth {
  unix_listener auth-postfix {
    mode = 0666
  }
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
`

// TestPostfixPassword: Postfix, which asks Dovecot, lets in who has the password, by PLAIN over
// STARTTLS alone, and hands nothing on for another.
func TestPostfixPassword(t *testing.T) {
	t.Parallel()
	peertest.NeedRoot(t, "only root can start Dovecot and Postfix")
	program, dir := peertest.Program(t, "dovecot"), peertest.ShortDir(t)
	peertest.WriteFile(t, dir+"/conf", fmt.Sprintf(dovecotAuth, dir))
	peertest.LogWhenFailed(t, dir+"/log")
	peertest.Run(t, program, "-F", "-c", dir+"/conf")
	socket := dir + "/run/auth-postfix"
	peertest.WaitFor(t, "Dovecot's auth", func() bool { _, err := os.Stat(socket); return err == nil })
	server, leaf, hop := postfix(t, "smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot", "smtpd_sasl_path = "+socket,
		"smtpd_tls_auth_only = yes", "smtpd_recipient_restrictions = permit_sasl_authenticated, reject")
	own := func(_ context.Context, _ Server, state tls.ConnectionState) error {
		if !leaf.Equal(state.PeerCertificates[0]) {
			return errors.New("another certificate")
		}
		return nil
	}
	o := func(user, password string) *Options {
		return &Options{Server: server, TLS: TLSDANE, VerifyServer: own, User: user, Password: password}
	}
	d, said := delivery(t, o("box7", "wrong"))
	if err := d.Submit(t.Context(), letter(t, "wrong@example.org"), false); err != refused || !strings.Contains(said.String(), "the login of box7 with 535") || left(t, d) != 1 { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
	d, said = delivery(t, o("", ""))
	if err := d.Submit(t.Context(), letter(t, "none@example.org"), false); err != refused || left(t, d)+len(dead(t, d)) != 1 { //nolint:errorlint // a plain value
		t.Errorf("without a login: %v, %s", err, said)
	}
	d, said = delivery(t, o("box7", "secret"))
	if err := d.Submit(t.Context(), letter(t, "right@example.org"), false); err != nil || said.Len() > 0 {
		t.Fatalf("%v, %s", err, said)
	}
	peertest.WaitFor(t, "the message", func() bool { return len(hop.taken()) == 1 })
	if got := hop.taken()[0]; got.to != "<right@example.org>" {
		t.Errorf("%+v", got)
	}
}
