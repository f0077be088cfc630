package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// tcpOnly makes UDP answers too long.
func tcpOnly(tcp func(conn net.Conn, in *dns.Msg)) *fake {
	return &fake{tcp: tcp, udp: func(in *dns.Msg) [][]byte {
		return [][]byte{answer(in, func(m *dns.Msg) { m.Truncated = true })}
	}}
}

// TestPipelined asks many questions at once over few connections; answers come in another order.
func TestPipelined(t *testing.T) {
	t.Parallel()
	const questions = 200
	var mu sync.Mutex
	var held [][]byte
	f := tcpOnly(func(conn net.Conn, in *dns.Msg) {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, framed(answer(in, keepalive(10))))
		if len(held)%2 == 0 {
			_, _ = conn.Write(held[len(held)-1])
			return
		}
		// Odd ones wait for their time on the connection they came over.
		time.AfterFunc(time.Millisecond, func() { _, _ = conn.Write(framed(answer(in, keepalive(10)))) })
	})
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}})
	var wg sync.WaitGroup
	for i := range questions {
		wg.Go(func() {
			name := strconv.Itoa(i) + ".example.org."
			m, err := c.exchange(t.Context(), name, false)
			if err != nil {
				t.Error(err)
			} else if m.Answer[0].Header().Name != name {
				t.Errorf("asked for %s, got %s", name, m.Answer[0].Header().Name)
			}
		})
	}
	wg.Wait()
	if got := f.conns.Load(); got < 1 || got > 4 {
		t.Errorf("%d connections, want 1 to 4", got)
	}
}

// keepalive offers to keep an idle connection for so many tenths of a second (RFC 7828).
func keepalive(tenths uint16) func(*dns.Msg) {
	return func(m *dns.Msg) {
		opt := m.IsEdns0()
		opt.Option = append(opt.Option, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE, Timeout: tenths})
	}
}

// TestIdle ends a connection with the last answer that is waited for, unless the server offers to
// keep it: one that has a single process answers no other client before.
func TestIdle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		edit  func(*dns.Msg)
		conns int32
	}{
		{"says nothing", func(*dns.Msg) {}, 3},
		{"wants it ended", keepalive(0), 3},
		{"offers to keep it", keepalive(100), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := tcpOnly(func(conn net.Conn, in *dns.Msg) { _, _ = conn.Write(framed(answer(in, tt.edit))) })
			c := newTestClient(t, Options{Servers: []Server{f.start(t)}})
			for range 3 {
				if _, err := exchange(t, c); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.conns.Load(); got != tt.conns {
				t.Errorf("%d connections, want %d", got, tt.conns)
			}
			if kept := len((*c.servers.Load())[0].pool.open); kept != int(3-tt.conns)/2 {
				t.Errorf("%d connections are kept", kept)
			}
		})
	}
}

// TestDrip has servers that keep a connection busy and never finish.
func TestDrip(t *testing.T) {
	t.Parallel()
	drip := func(conn net.Conn, in *dns.Msg) {
		for _, b := range framed(answer(in)) {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(short / 4) // the pace of a slow server: no test waits for it
		}
	}
	for _, tt := range []struct {
		name string
		tcp  func(conn net.Conn, in *dns.Msg)
		want error
	}{
		{"one octet now and then", drip, context.DeadlineExceeded},
		{"the length and nothing else", func(conn net.Conn, _ *dns.Msg) { _, _ = conn.Write([]byte{0xff, 0xff}) }, context.DeadlineExceeded},
		{"wrong IDs", func(conn net.Conn, in *dns.Msg) { in.Id++; good(conn, in) }, context.DeadlineExceeded},
		{"no length at all", func(conn net.Conn, _ *dns.Msg) { _, _ = conn.Write([]byte{0, 0}) }, context.DeadlineExceeded},
		{"hangs up", func(conn net.Conn, _ *dns.Msg) { conn.Close() }, errLost},
		{"hangs up in the middle", func(conn net.Conn, in *dns.Msg) { _, _ = conn.Write(framed(answer(in))[:20]); conn.Close() }, errLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := tcpOnly(tt.tcp)
			limit := short
			if errors.Is(tt.want, errLost) {
				limit = 0 // it does not come to that
			}
			c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Timeout: limit})
			if _, err := exchange(t, c); !errors.Is(err, tt.want) {
				t.Errorf("Exchange() error = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestHangsUp reconnects to a server that ends each connection after one answer.
func TestHangsUp(t *testing.T) {
	t.Parallel()
	f := tcpOnly(func(conn net.Conn, in *dns.Msg) { good(conn, in); conn.Close() })
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}})
	for range 20 {
		if _, err := exchange(t, c); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSilentConnection is not used for a second question.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	f := tcpOnly(nil)
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Timeout: short})
	for range 2 {
		if _, err := exchange(t, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if got := f.conns.Load(); got < 2 {
		t.Errorf("%d connections, want a new one for each question", got)
	}
}

// startTLS serves DNS over TLS under a name.
func startTLS(t *testing.T, name string) (addr string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{tcp: good}
	var done sync.WaitGroup
	done.Go(func() { f.serveTCP(&done, listener) })
	t.Cleanup(func() { listener.Close(); done.Wait() })
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return listener.Addr().String(), roots
}

func TestTLS(t *testing.T) {
	t.Parallel()
	addr, roots := startTLS(t, "dns.example.net")
	for _, tt := range []struct {
		name  string
		roots *x509.CertPool
		ok    bool
	}{
		{"dns.example.net", roots, true},
		{"other.example.net", roots, false},
		{"127.0.0.1", roots, false},
		{"dns.example.net", x509.NewCertPool(), false},
	} {
		c := newTestClient(t, Options{Servers: []Server{{Addr: addr, TLS: true, Name: tt.name}}, RootCAs: tt.roots})
		if _, err := exchange(t, c); (err == nil) != tt.ok {
			t.Errorf("Exchange() with name %s = %v, want ok %t", tt.name, err, tt.ok)
		}
	}
}
