package lookup

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// startTLS serves a lab over TLS under the name dns.example.net.
func startTLS(t *testing.T, l *lab) (addr string, roots *x509.CertPool) {
	t.Helper()
	cert := issue(t, "dns", false, nil, func(c *x509.Certificate) {
		c.DNSNames, c.IsCA = []string{"dns.example.net"}, true
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	})
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: cert.key}}, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { (&liar{lab: l, change: pack(func(_, _ *dns.Msg) {})}).serveTCP(ctx, &done, listener) })
	t.Cleanup(func() {
		cancel()
		listener.Close()
		done.Wait()
	})
	trusted := x509.NewCertPool()
	trusted.AddCert(cert.Certificate)
	return listener.Addr().String(), trusted
}

// TestTLSResolver validates over an authenticated connection and believes no other.
func TestTLSResolver(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"))
	addr, roots := startTLS(t, l)
	for _, tt := range []struct {
		resolver string
		roots    *x509.CertPool
		want     dnssec.Status
	}{
		{"tls://" + addr + "#dns.example.net", roots, dnssec.Secure},
		{"tls://" + addr + "#other.example.net", roots, dnssec.Indeterminate},
		{"tls://" + addr, roots, dnssec.Indeterminate},
		{"tls://" + addr + "#dns.example.net", x509.NewCertPool(), dnssec.Indeterminate},
	} {
		c := l.client(t, func(o *Options) { o.Resolvers, o.RootCAs = []string{tt.resolver}, tt.roots })
		if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != tt.want {
			t.Errorf("%s: %s %q (%s), want %s", tt.resolver, r.Status, r.Code, r.Reason, tt.want)
		}
	}
}

// TestManyGoroutines uses one client from thousands at once, warm and cold, through pipelined
// connections.
func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, manyNames("example.lab", 50))
	addr, roots := startTLS(t, l)
	c := l.client(t, func(o *Options) {
		o.Resolvers, o.RootCAs = []string{"tls://" + addr + "#dns.example.net"}, roots
	})
	var wg sync.WaitGroup
	for i := range 3000 {
		wg.Go(func() {
			name := fmt.Sprintf("n%d._device.example.lab", i%50)
			r := c.Lookup(t.Context(), name, dane.TLSA)
			if i%7 == 0 {
				r = c.LookupFresh(t.Context(), name, dane.TLSA)
			}
			if r.Status != dnssec.Secure || r.Presence != dane.Present {
				t.Errorf("%s is %s %q (%s)", name, r.Status, r.Code, r.Reason)
			}
		})
	}
	wg.Wait()
}

// issued is a certificate with its key.
type issued struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate; a nil issuer: self-signed.
func issue(t *testing.T, name string, ca bool, by *issued, edit ...func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if ca {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	for _, e := range edit {
		e(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}
