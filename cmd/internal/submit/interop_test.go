//go:build unix

package submit

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/cmd/internal/relay"
	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
)

// TestRelay: our own relay takes what is submitted, after EXTERNAL by the TLSA record of the
// device, PLAIN, or implicit TLS, and passes it on as it was signed, below its Received field. A
// device whose record is another's is not let in.
func TestRelay(t *testing.T) {
	t.Parallel()
	id, other := identityOf(t, device), identityOf(t, "sensor8._device.example.net")
	client := published(t, id)
	hash, err := sasl.HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "users")
	if err = os.WriteFile(users, []byte("box7:"+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hop := (&fake{noTLS: true}).start(t)
	conf, roots := serverTLS(t, "127.0.0.1")
	start := func(implicit bool) Server {
		s, err := relay.New(relay.Options{
			Hostname: "relay.example.org", TLS: conf, Implicit: implicit, NextHop: []string{hop.String()}, Log: slog.New(slog.DiscardHandler),
			Auth: sasl.Options{Users: users, Clients: []string{"*._device.example.net"}, Lookup: client, Pause: time.Millisecond},
		})
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { s.Serve(l) })
		t.Cleanup(func() {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			s.Shutdown(ctx)
			wg.Wait()
		})
		host, port, _ := net.SplitHostPort(l.Addr().String())
		return Server{Host: host, Port: port, Implicit: implicit}
	}
	starttls, implicit := start(false), start(true)
	for name, o := range map[string]*Options{
		"EXTERNAL":          {Server: starttls, Client: id},
		"EXTERNAL implicit": {Server: implicit, Client: id},
		"PLAIN":             {Server: starttls, User: "box7", Password: "secret"},
	} {
		o.Roots = roots
		d, said := delivery(t, o)
		l := letter(t, name[:1]+"@example.org")
		if err := d.Submit(t.Context(), l, false); err != nil || said.Len() > 0 {
			t.Errorf("%s: %v\n%s", name, err, said)
			continue
		}
		mails := hop.taken()
		var want bytes.Buffer
		_ = copyOf(l.Content)(&want)
		if got := mails[len(mails)-1].text; !strings.HasPrefix(got, "Received: ") || !strings.HasSuffix(got, want.String()) {
			t.Errorf("%s: the message was changed:\n%s", name, got)
		}
	}
	for name, o := range map[string]*Options{
		"answers AUTH EXTERNAL as sensor8._device.example.net with 535": {Server: starttls, Client: other},
		"answers the login of box7 with 535":                            {Server: starttls, User: "box7", Password: "wrong"},
		"answers MAIL FROM:<" + from + "> with 530":                     {Server: starttls},
	} {
		o.Roots = roots
		d, said := delivery(t, o)
		if err := d.Submit(t.Context(), letter(t, "a@example.org"), false); err != refused || !strings.Contains(said.String(), name) || left(t, d)+len(dead(t, d)) != 1 { //nolint:errorlint // a plain value
			t.Errorf("%s: %v\n%s", name, err, said)
		}
	}
}

// published is a resolver that knows the TLSA record of an identity.
func published(t *testing.T, id *identity.Identity) *lookup.Client {
	t.Helper()
	owner, typ, err := id.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	record, err := id.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	line, err := identity.FormatRecord(owner, typ, record, time.Minute, "zone")
	if err != nil {
		t.Fatal(err)
	}
	return knows(t, line)
}

// knows is a resolver that knows one record below example.net.
func knows(t *testing.T, line string) *lookup.Client {
	t.Helper()
	dns, err := lookuptest.New([]lookuptest.Zone{{Text: line + "\n", Origin: "example.net."}}, lookuptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err = dns.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dns.Close() })
	anchors, err := dnssec.ParseAnchors(dns.Anchor(), "test")
	if err != nil {
		t.Fatal(err)
	}
	client, err := lookup.New(lookup.Options{Resolvers: []string{dns.Addr()}, Anchors: anchors, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// TestPostfix: Postfix, which wants STARTTLS and asks for a certificate, takes what is submitted,
// and its next hop gets the content as it was signed.
func TestPostfix(t *testing.T) {
	t.Parallel()
	hop := (&fake{noTLS: true, exts: []string{"8BITMIME"}}).start(t)
	dir := peertest.ShortDir(t)
	conf, _ := serverTLS(t, "127.0.0.1")
	key, err := x509.MarshalPKCS8PrivateKey(conf.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	peertest.WriteFile(t, dir+"/server.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conf.Certificates[0].Certificate[0]})))
	addr := peertest.Postfix(t, dir, hop.String(), "smtpd_tls_chain_files = "+dir+"/server.pem", "smtpd_tls_security_level = encrypt", "smtpd_tls_ask_ccert = yes")
	host, port, _ := net.SplitHostPort(addr)
	// Its address is known too late for a certificate.
	same := func(_ context.Context, s Server, state tls.ConnectionState) error {
		if s.Port != port || !bytes.Equal(state.PeerCertificates[0].Raw, conf.Certificates[0].Certificate[0]) {
			return errors.New("another certificate")
		}
		return nil
	}
	d, said := delivery(t, &Options{Server: Server{Host: host, Port: port}, TLS: TLSDANE, VerifyServer: same, Client: identityOf(t, device)})
	l := letter(t, "ops@example.org")
	if err := d.Submit(t.Context(), l, false); err != nil || said.Len() > 0 {
		t.Fatalf("%v\n%s", err, said)
	}
	peertest.WaitFor(t, "the message", func() bool { return len(hop.taken()) == 1 })
	var want bytes.Buffer
	_ = copyOf(l.Content)(&want)
	_, body, _ := strings.Cut(want.String(), "\r\n\r\n")
	if got := hop.taken()[0]; !strings.HasSuffix(got.text, body) || !strings.Contains(got.from, from) {
		t.Errorf("%+v", got)
	}
}
