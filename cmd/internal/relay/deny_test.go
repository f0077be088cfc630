package relay

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
		TLS: ca.server(t, "relay.example.org"), Deny: mustDeny(t, stolen), OnLogin: func(l Login) { logins <- l.Mechanism + " " + l.Result + " " + l.Cause + " " + l.TLSName },
		Auth: sasl.Options{Clients: []string{"*._device.example.net"}, Lookup: res, Pause: 1},
	})
	login := func(name, reply string) *talk {
		k := dial(t, r.addr)
		startTLS(k, ca.client("relay.example.org", certs[name]))
		k.do(external(name), reply)
		return k
	}
	login(stolen, "535")
	if got := <-logins; got != "EXTERNAL refused denied "+stolen {
		t.Errorf("OnLogin(%q)", got)
	}
	if names := res.queries(); len(names) > 0 {
		t.Errorf("queries for %v", names)
	}
	k := login(good, "235")
	if got := <-logins; got != "EXTERNAL done  "+good {
		t.Errorf("OnLogin(%q)", got)
	}
	r.SetDeny(mustDeny(t, "*._device.example.net"))
	k.want("554 5.7.1 Access denied") // before its next command
	k.wantEOF()
}

// TestDenyConnected shuts out clients that are connected, wherever in the dialogue they are, when
// the list changes; nothing they send then is passed on. Others notice nothing.
func TestDenyConnected(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const stolen, good = "s4._device.example.net", "s5._device.example.net"
	certs := map[string]tls.Certificate{stolen: ca.issue(t, stolen), good: ca.issue(t, good)}
	res := &resolver{table: map[string]lookup.Result{
		stolen + ".": present(record(dane.DANEEE, certs[stolen].Leaf)), good + ".": present(record(dane.DANEEE, certs[good].Leaf)),
	}}
	r := startRelay(t, Options{
		TLS: ca.server(t, "relay.example.org"), Auth: sasl.Options{Clients: []string{"*._device.example.net"}, Lookup: res, Pause: 1},
	})
	login := func(name string, dialogue ...string) *talk {
		k := dial(t, r.addr)
		startTLS(k, ca.client("relay.example.org", certs[name]))
		k.do(external(name), "235")
		for i := 0; i < len(dialogue); i += 2 {
			k.do(dialogue[i], dialogue[i+1])
		}
		return k
	}
	mail := []string{"MAIL FROM:<a@example.org>", "250", "RCPT TO:<b@example.net>", "250"}
	idle, inMail, inData, inChunk := login(stolen), login(stolen, mail...), login(stolen, append(mail, "DATA", "354")...), login(stolen, append(mail, "BDAT 6\r\na: b", "250")...)
	fine := login(good, append(mail, "DATA", "354")...)
	inData.write("Subject: half\r\n")
	r.SetDeny(mustDeny(t, "192.0.2.0/24").With(mustDeny(t, stolen)))
	idle.want("554 5.7.1 Access denied")
	inMail.do("DATA", "554 5.7.1 Access denied")
	inData.do("\r\nthe rest\r\n.", "554 5.7.1 Access denied")
	inChunk.do("BDAT 2 LAST\r\n", "554 5.7.1 Access denied")
	for _, k := range []*talk{idle, inMail, inData} {
		k.wantEOF()
	}
	fine.do(simple+".", "250")
	r.SetDeny(nil)
	if got := len(r.hop.got()); got != 1 {
		t.Errorf("%d messages passed on, want 1", got)
	}
	login(stolen)
	r.SetDeny(mustDeny(t, "127.0.0.1"))
	fine.want("554 5.7.1 Access denied")
	fine.wantEOF()
}

// TestDenyEveryName shuts out who has logged in, whoever it is, and nobody who has not.
func TestDenyEveryName(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	r.SetDeny(mustDeny(t, "*"))
	k.do("EHLO c", "250")
	if _, err := ParseDeny([]string{"::ffff:192.0.2.0/120"}); err == nil {
		t.Error("a network that no address is in: no error")
	}
}

// TestReadDeny reads names, addresses and networks with comments, and names the line of a mistake.
func TestReadDeny(t *testing.T) {
	t.Parallel()
	read := func(text string) (*Deny, error) {
		path := filepath.Join(t.TempDir(), "deny")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return ReadDeny(path)
	}
	d, err := read("# lost\r\n\ns1._device.example.net # stolen\n\ts2._device.example.net.\n192.0.2.0/25\n192.0.2.200\n2001:db8::/32\n*.site9.example\nS3._DEVICE.example.net\n7.example")
	if err != nil || d.Len() != 8 {
		t.Fatalf("Len = %d, %v", d.Len(), err)
	}
	for name, want := range map[string]bool{
		"s1._device.example.net": true, "s2._device.example.net": true, "s3._device.example.net": true, "a.site9.example": true, "7.example": true, "s4._device.example.net": false,
	} {
		if got := d.Name(name); got != want {
			t.Errorf("Name(%s) = %v, want %v", name, got, want)
		}
	}
	for addr, want := range map[string]bool{
		"192.0.2.127": true, "192.0.2.128": false, "192.0.2.200": true, "::ffff:192.0.2.5": true, "2001:db8:1::1": true, "2001:db9::": false, "::": false, "0.0.0.0": false,
	} {
		if got := d.Addr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Addr(%s) = %v, want %v", addr, got, want)
		}
	}
	for text, want := range map[string]string{
		"a.example\nb..example\n": "line 2: \"b..example\"", "192.0.2.1/24": "line 1: ", "\n\nalice@example.org": "line 3: ", "a b": "line 1: ", strings.Repeat("x", 2000): "line 1: ", "a#b.example": "line 1: ",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadDeny(%.20q): %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"\ufeffa.example":   "line 1: a byte order mark stands before the text; save it as UTF-8 without one",
		"127.0.0.0/33":      `line 1: "127.0.0.0/33": an IPv4 network has a prefix length of 0 to 32`,
		"2001:db8::/129":    `line 1: "2001:db8::/129": an IPv6 network has a prefix length of 0 to 128`,
		"192.0.2.0/024":     `line 1: "192.0.2.0/024": an IPv4 network has a prefix length of 0 to 32`,
		"fe80::%eth0/64":    `line 1: "fe80::%eth0/64": a network has no zone`,
		"192.0.2.300":       `line 1: "192.0.2.300": an address, or no name: the last label of a name is no number`,
		"a.example/24":      `line 1: "a.example/24": "/" cannot occur`,
		"a.example\na..b\n": `line 2: "a..b": an empty label: a dot too many`,
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), want) > 1 {
			t.Errorf("ReadDeny(%q): %v, want %s", text, err, want)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := ReadDeny(path); err == nil {
			t.Errorf("ReadDeny(%s): no error", path)
		}
	}
}

func FuzzReadDeny(f *testing.F) {
	f.Add("s1._device.example.net # stolen\n192.0.2.0/25\n*.a.example\n::1/128\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDenyFile(strings.NewReader(text))
		if err != nil {
			return
		}
		for name := range d.names {
			again, err := ParseDeny([]string{name})
			if err != nil || !again.Name(name) || !d.Name(name) {
				t.Errorf("%q: %v", name, err)
			}
		}
		for p := range d.nets {
			if !d.Addr(p.Addr()) {
				t.Errorf("%s does not deny its own address", p)
			}
		}
	})
}

// BenchmarkDeny reads 300,000 names, and asks for one that is there and one that is not.
func BenchmarkDeny(b *testing.B) {
	var text strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&text, "s%06d._device.site%03d.example.net\n", i, i%300)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	d, err := parseDenyFile(strings.NewReader(text.String()))
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for b.Loop() {
		if !d.Name("s299999._device.site299.example.net") || d.Name("s300000._device.site000.example.net") {
			b.Fatal("wrong answer")
		}
	}
	b.ReportMetric(took.Seconds(), "s/load")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB/list")
	runtime.KeepAlive(d)
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
