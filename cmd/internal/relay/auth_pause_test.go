package relay

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnseal/cmd/internal/relay/sasl"
)

// TestGuessingIsSlow drives a guesser over many connections of one address: the third failure ends
// a connection, and after some of them logins are not even looked at.
func TestGuessingIsSlow(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Users: users(t, map[string]string{"alice": "x"})})
	conf := ca.client("relay.example.org")
	first := dial(t, r.addr)
	startTLS(first, conf)
	first.do(plain("alice", "1"), "535")
	first.do(plain("bob", "2"), "535")
	first.do(plain("alice", "3"), "421")
	first.wantEOF()
	second := dial(t, r.addr)
	startTLS(second, conf)
	second.do(plain("alice", "4"), "535")
	second.do(plain("alice", "5"), "535")
	// These five failures make the client wait for a second, which a slow machine needs for the
	// third connection: with four more, too few to count alone, it is 16.
	for range 4 {
		r.auth.Guesses.Failed(sasl.Guesser{Addr: netip.MustParseAddr("127.0.0.1")}, time.Now())
	}
	third := dial(t, r.addr)
	startTLS(third, conf)
	third.do(plain("alice", "x"), "454 4.7.0")
	if !strings.Contains(r.log.String(), "too many failed logins from this address") {
		t.Error("the log has no cause")
	}
}

// TestPauseGrows checks the pause before the answer to a failed login, on a clock of its own.
func TestPauseGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &session{srv: &Server{auth: &sasl.Authenticator{Options: sasl.Options{Pause: time.Second}}}}
		for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 50: 32 * time.Second} {
			begin := time.Now()
			if !s.pause(t.Context(), n) || time.Since(begin) != want {
				t.Errorf("pause(%d) took %v, want %v", n, time.Since(begin), want)
			}
		}
	})
}

// TestNewKeysAreSlow: who brings a new key for each connection is refused more slowly, and nobody
// else behind the address has to wait.
func TestNewKeysAreSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := &Server{auth: &sasl.Authenticator{Options: sasl.Options{Pause: time.Second, MaxFailures: 3}}, opts: Options{Log: slog.New(slog.DiscardHandler)}}
		refuse := func(addr string, key int, mechanism string) time.Duration {
			tlsState := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{RawSubjectPublicKeyInfo: []byte{byte(key)}}}}
			s := &session{srv: srv, tls: tlsState, mechanism: mechanism}
			s.peer.Addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 25)
			begin := time.Now()
			s.finishLogin(t.Context(), nil, sasl.ErrDenied)
			return time.Since(begin)
		}
		for key := range freeKeys {
			if took := refuse("192.0.2.1", key, sasl.External); took != time.Second {
				t.Fatalf("key %d: %v", key, took)
			}
		}
		for key := range 50 {
			refuse("192.0.2.1", freeKeys+key, sasl.External)
		}
		if took := refuse("192.0.2.1", 200, sasl.External); took != 32*time.Second {
			t.Errorf("a new key: %v", took)
		}
		if took := refuse("192.0.2.2", 201, sasl.External); took != time.Second {
			t.Errorf("another address: %v", took)
		}
		if took := refuse("192.0.2.1", 202, "PLAIN"); took != time.Second {
			t.Errorf("by password: %v", took)
		}
		device := &session{srv: srv, tls: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{RawSubjectPublicKeyInfo: []byte("device")}}}, mechanism: sasl.External}
		device.peer.Addr = netip.MustParseAddrPort("192.0.2.1:25")
		if err := device.claim("s1._device.example.net"); err != nil {
			t.Errorf("a device behind the same address: %v", err)
		}
	})
}
