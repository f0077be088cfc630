package lookup

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
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
	pair, cert := serverCertificate(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
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
	trusted.AddCert(cert)
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

// serverCertificate is self-signed, for dns.example.net.
func serverCertificate(t *testing.T) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"dns.example.net"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, cert
}
