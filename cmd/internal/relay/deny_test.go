package relay

import (
	"bufio"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup"
	"dnseal/lookup/dane"
)

func mustDeny(t *testing.T, list ...string) *Deny {
	t.Helper()
	d, err := ParseDeny(list)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseDeny(t *testing.T) {
	t.Parallel()
	d := mustDeny(t, "192.0.2.1", "2001:db8::/32", "s0004._device.example.net", "*.lost.example")
	for addr, want := range map[string]bool{"192.0.2.1": true, "::ffff:192.0.2.1": true, "192.0.2.2": false, "2001:db8::9": true, "2001:db8::9%eth0": true} {
		if got := d.Addr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Addr(%s) = %v, want %v", addr, got, want)
		}
	}
	for name, want := range map[string]bool{"s0004._device.example.net": true, "a.lost.example": true, "s0005._device.example.net": false} {
		if got := d.Name(name); got != want {
			t.Errorf("Name(%s) = %v, want %v", name, got, want)
		}
	}
	var none *Deny
	if none.Name("x") || none.Addr(netip.MustParseAddr("192.0.2.1")) || (&Deny{}).Name("") {
		t.Error("the zero value denies")
	}
	for _, bad := range []string{"", "!s0004._device.example.net", "a..b", "192.0.2.1/24", "alice@example.org", "two words", "192.0.2.300", "[2001:db8::1]", "-x.example"} {
		if _, err := ParseDeny([]string{bad}); err == nil {
			t.Errorf("ParseDeny(%q): no error", bad)
		}
	}
}

// connect connects without expecting a greeting.
func connect(tb testing.TB, addr string) *talk {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return &talk{t: tb, conn: conn, r: bufio.NewReader(conn)}
}

// TestDenyAddress refuses a client before its first command, though a "net:" covers it.
func TestDenyAddress(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Deny: mustDeny(t, "127.0.0.1")})
	k := connect(t, r.addr)
	k.want("554 5.7.1 Access denied")
	k.wantEOF()
	if log := r.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "reason=denied") {
		t.Errorf("log:\n%s", log)
	}
}

// TestDenyName shuts out one device of many without a lookup, and after SetDeny also one that is
// connected.
func TestDenyName(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const stolen, good = "s4._device.example.net", "s5._device.example.net"
	certs := map[string]tls.Certificate{stolen: ca.issue(t, stolen), good: ca.issue(t, good)}
	res := &resolver{table: map[string]lookup.Result{
		stolen + ".": present(record(dane.DANEEE, certs[stolen].Leaf)), good + ".": present(record(dane.DANEEE, certs[good].Leaf)),
	}}
	logins := make(chan string, 10)
	r := startRelay(t, Options{
		TLS: ca.server(t, "relay.example.org"), Deny: mustDeny(t, stolen), OnLogin: func(mechanism, result string) { logins <- mechanism + " " + result },
		Auth: sasl.Options{Clients: []string{"*._device.example.net"}, Lookup: res, Pause: 1},
	})
	login := func(name, reply string) *talk {
		k := dial(t, r.addr)
		startTLS(k, ca.client("relay.example.org", certs[name]))
		k.do(external(name), reply)
		return k
	}
	login(stolen, "535")
	if got := <-logins; got != "EXTERNAL refused" {
		t.Errorf("OnLogin(%q)", got)
	}
	if names := res.queries(); len(names) > 0 {
		t.Errorf("queries for %v", names)
	}
	k := login(good, "235")
	if got := <-logins; got != "EXTERNAL done" {
		t.Errorf("OnLogin(%q)", got)
	}
	r.SetDeny(mustDeny(t, "*._device.example.net"))
	k.do("MAIL FROM:<a@example.org>", "554 5.7.1 Access denied")
	k.wantEOF()
}

// TestRefusedConnection wants a refused connection in the log, once for many.
func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	var refused atomic.Int64
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxPerClient: 1}, OnRefused: func(reason string) {
		if reason == "per-client" {
			refused.Add(1)
		}
	}})
	dial(t, r.addr)
	for range 3 {
		k := connect(t, r.addr)
		k.want("421 4.7.0")
		k.wantEOF()
	}
	if log := r.log.String(); strings.Count(log, "reason=per-client") != 1 || !strings.Contains(log, "level=WARN") || refused.Load() != 3 {
		t.Errorf("log:\n%s", log)
	}
}

// TestOldTLS wants it logged that EXTERNAL is not offered because of the version of TLS.
func TestOldTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const device = "s5._device.example.net"
	r := submission(t, ca, sasl.Options{Clients: []string{device}, Lookup: &resolver{}})
	conf := ca.client("relay.example.org", ca.issue(t, device))
	conf.MaxVersion = tls.VersionTLS12
	k := dial(t, r.addr)
	if words := startTLS(k, conf); strings.Contains(words, "EXTERNAL") {
		t.Errorf("offered: %s", words)
	}
	k.do(external(device), "504")
	if log := r.log.String(); strings.Count(log, "reason=tls-version") != 2 || !strings.Contains(log, slog.LevelWarn.String()) {
		t.Errorf("log:\n%s", log)
	}
}
