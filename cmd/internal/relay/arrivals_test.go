package relay

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest/peertest"
)

// waitingAt waits until so many connections wait for a place.
func (r *testRelay) waitingAt(t *testing.T, n int) {
	t.Helper()
	peertest.WaitFor(t, "connections that wait", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.arrivals.waiting() == n
	})
}

// queued connects while there is no place.
func (r *testRelay) queued(t *testing.T, n int) *talk {
	t.Helper()
	k := connect(t, r.addr)
	k.conn.SetDeadline(time.Now().Add(hangGuard))
	r.waitingAt(t, n)
	return k
}

// TestArrivalsWait has clients above the limit wait for a place, in their order, and refuses only
// those that are too many even to wait.
func TestArrivalsWait(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxConnections: 2, MaxWaiting: 3}})
	first, second := dial(t, r.addr), dial(t, r.addr)
	var waiting []*talk
	for i := range 3 {
		waiting = append(waiting, r.queued(t, i+1))
	}
	refused := connect(t, r.addr)
	refused.want("421 4.7.0")
	refused.wantEOF()
	waiting[1].conn.Close() // it gives up
	first.do("QUIT", "221")
	waiting[0].want("220")
	second.do("QUIT", "221")
	waiting[2].want("220")
	waiting[2].do("EHLO c", "250")
	r.waitingAt(t, 0)
	if log := r.log.String(); strings.Count(log, "reason=busy") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// TestWaitEnds refuses who has waited for so long, and all that wait when the server stops.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxConnections: 1, WaitTimeout: time.Millisecond}})
	dial(t, r.addr)
	k := connect(t, r.addr)
	k.want("421 4.7.0")
	k.wantEOF()
	r = startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxConnections: 1}})
	dial(t, r.addr)
	k = r.queued(t, 1)
	r.stop()
	k.want("421 4.3.2")
	k.wantEOF()
}

// TestRetireServesWhoWaits serves on, after a reload, also those that waited then.
func TestRetireServesWhoWaits(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxConnections: 1}})
	first := dial(t, r.addr)
	k := r.queued(t, 1)
	done := make(chan error, 1)
	go func() { done <- r.Retire(t.Context()) }()
	peertest.WaitFor(t, "the end of accepting", r.isClosing)
	first.do("QUIT", "221")
	k.want("220")
	k.do("QUIT", "221")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestShutdownIsFinal starts no session after Shutdown, whatever Retire does before, at the same
// time or after it: whoever was started then would be cut, perhaps in a message.
func TestShutdownIsFinal(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{
		"retire last": {"shutdown", "retire"}, "retire first": {"retire", "shutdown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, err := New(Options{NextHop: []string{"127.0.0.1:1"}, Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				s.running.Add(1) // a message in progress
				var ended sync.WaitGroup
				for _, how := range order {
					end := s.Retire
					if how == "shutdown" {
						end = s.Shutdown
					}
					ended.Go(func() {
						if err := end(t.Context()); err != nil {
							t.Error(err)
						}
					})
					synctest.Wait()
				}
				client, server := net.Pipe()
				go s.admit(server)
				if line, err := bufio.NewReader(client).ReadString('\n'); !strings.HasPrefix(line, "421 4.") {
					t.Errorf("a client that comes after: %q, %v", line, err)
				}
				_ = client.Close()
				s.running.Done()
				ended.Wait()
			})
		})
	}
}

// TestCrowd lets an address of many clients have more connections than one client, and leaves a
// quarter of all places to others.
func TestCrowd(t *testing.T) {
	t.Parallel()
	opts := Options{Trusted: loopback, Crowds: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Limits: Limits{MaxConnections: 4, MaxPerClient: 1}}
	r := startRelay(t, opts)
	crowd := []*talk{dial(t, r.addr), dial(t, r.addr), dial(t, r.addr)}
	fourth := r.queued(t, 1)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := from.DialContext(t.Context(), "tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	greet(t, conn)
	crowd[0].do("QUIT", "221")
	fourth.want("220")
	again, err := from.DialContext(t.Context(), "tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if line, err := bufio.NewReader(again).ReadString('\n'); !strings.HasPrefix(line, "421") {
		t.Errorf("the second connection of an address that is no crowd: %q, %v", line, err)
	}
	if log := r.log.String(); !strings.Contains(log, "name it in crowds") {
		t.Errorf("log:\n%s", log)
	}
}

// from connects from an address of this machine.
func (r *testRelay) from(t *testing.T, ip string) *talk {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(hangGuard))
	return &talk{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// TestDeniedDoNotWait refuses a denied address at once, also where others wait, and one that waits
// when it comes onto the list: what it took is free again.
func TestDeniedDoNotWait(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Deny: mustDeny(t, "127.0.0.2"), Limits: Limits{MaxConnections: 1, MaxWaiting: 1}})
	first := dial(t, r.addr)
	denied := r.from(t, "127.0.0.2")
	denied.want("554 5.7.1")
	denied.wantEOF()
	later := r.from(t, "127.0.0.3")
	r.waitingAt(t, 1)
	r.SetDeny(mustDeny(t, "127.0.0.3"))
	later.want("554 5.7.1")
	later.wantEOF()
	good := r.queued(t, 1)
	first.do("QUIT", "221")
	good.want("220")
}

// TestLanes: strangers who take all places and wait for more keep no crowd out, nor the other way
// round.
func TestLanes(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{
		Trusted: loopback, Crowds: []netip.Prefix{netip.MustParsePrefix("127.0.0.3/32")}, Limits: Limits{MaxConnections: 4, MaxWaiting: 1},
	})
	strangers, fleet := "127.0.0.1", "127.0.0.3"
	var inside []*talk
	for range 3 {
		k := r.from(t, strangers)
		k.want("220")
		inside = append(inside, k)
	}
	stranger := r.from(t, strangers)
	r.waitingAt(t, 1)
	r.from(t, strangers).want("421 4.7.0")
	device := r.from(t, fleet)
	device.want("220")
	next := r.from(t, fleet)
	r.waitingAt(t, 2)
	r.from(t, fleet).want("421 4.7.0")
	device.do("QUIT", "221")
	next.want("220")
	inside[0].do("QUIT", "221")
	stranger.want("220")
}

// TestNetworkShare: the addresses of one network do not fill the queue either.
func TestNetworkShare(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxConnections: 1, MaxWaiting: 16, MaxPerClient: 1}})
	dial(t, r.addr)
	second := r.from(t, "127.0.0.2")
	r.from(t, "127.0.0.3")
	r.waitingAt(t, 2)
	r.from(t, "127.0.0.4").want("421 4.7.0")
	r.from(t, "127.0.1.4")
	r.waitingAt(t, 3)
	if log := r.log.String(); !strings.Contains(log, "2 connections of 127.0.0.0/24 wait already") {
		t.Errorf("log:\n%s", log)
	}
	r.SetDeny(mustDeny(t, "127.0.0.2")) // gives its place to another
	second.want("554")
	r.from(t, "127.0.0.4")
	r.waitingAt(t, 3)
}

// TestCrowdBehindProxy: a crowd that a proxy names has its share too, and no more.
func TestCrowdBehindProxy(t *testing.T) {
	t.Parallel()
	crowd := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1234}
	other := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 1234}
	r := startRelay(t, Options{
		Trusted: loopback, Proxies: loopback, Crowds: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}, Limits: Limits{MaxConnections: 4, MaxPerClient: 1},
	})
	from := func(client *net.TCPAddr, want string) *talk {
		t.Helper()
		k := connect(t, r.addr)
		k.conn.SetDeadline(time.Now().Add(hangGuard))
		if _, err := proxyproto.HeaderProxyFromAddrs(2, client, client).WriteTo(k.conn); err != nil {
			t.Fatal(err)
		}
		k.want(want)
		return k
	}
	first := from(crowd, "220")
	from(crowd, "220")
	from(crowd, "220")
	from(crowd, "421").wantEOF()
	from(other, "220")
	first.do("QUIT", "221")
	peertest.WaitFor(t, "a place", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.arrivals.sessions[laneCrowd] == 2
	})
	from(crowd, "220")
}

// TestCrowdGuesses: one device that always fails does not lock out the others behind its address,
// but itself.
func TestCrowdGuesses(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const bad, good = "s4._device.example.net", "s5._device.example.net"
	certs := map[string]tls.Certificate{bad: ca.issue(t, bad), good: ca.issue(t, good)}
	r := startRelay(t, Options{
		TLS: ca.server(t, "relay.example.org"), Crowds: loopback,
		Auth: sasl.Options{
			Clients: []string{"*._device.example.net"}, Users: users(t, map[string]string{"alice": "p"}), Pause: 1, MaxFailures: 100,
			Lookup: &resolver{table: map[string]lookup.Result{good + ".": present(record(dane.DANEEE, certs[good].Leaf))}},
		},
	})
	login := func(name string) *talk {
		k := dial(t, r.addr)
		startTLS(k, ca.client("relay.example.org", certs[name]))
		return k
	}
	k := login(bad)
	key := sha256.Sum256(certs[bad].Leaf.RawSubjectPublicKeyInfo)
	for range 15 { // so that it must wait for a minute
		r.auth.Keys.Failed(sasl.Guesser{Addr: netip.MustParseAddr("127.0.0.1"), Name: string(key[:])}, time.Now())
	}
	k.do(external(bad), "454 4.7.0")
	login(good).do(external(good), "235")
	k.do(plain("alice", "p"), "235")
	if log := r.log.String(); !strings.Contains(log, "reason=guessing") || !strings.Contains(log, bad) {
		t.Errorf("log:\n%s", log)
	}
	for range 15 {
		r.auth.Guesses.Failed(sasl.Guesser{Addr: netip.MustParseAddr("127.0.0.1"), Name: "alice"}, time.Now())
	}
	login(bad).do(plain("alice", "p"), "454 4.7.0")
}

// TestProofOfKeyIsNotThrottled: wrong passwords as a device, and wrong certificates, keep a device
// that has its key out neither in a crowd nor behind an address of its own.
func TestProofOfKeyIsNotThrottled(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const name = "s5._device.example.net"
	device, stranger := ca.issue(t, name), ca.issue(t, name)
	for kind, crowds := range map[string][]netip.Prefix{"crowd": loopback, "one client": nil} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := startRelay(t, Options{
				TLS: ca.server(t, "relay.example.org"), Crowds: crowds,
				Auth: sasl.Options{
					Clients: []string{"*._device.example.net"}, Users: users(t, map[string]string{"alice": "p"}), Pause: 1, MaxFailures: 100,
					Lookup: &resolver{table: map[string]lookup.Result{name + ".": present(record(dane.DANEEE, device.Leaf))}},
				},
			})
			k := dial(t, r.addr)
			startTLS(k, ca.client("relay.example.org", stranger))
			k.do(plain(name, "guess"), "535")
			for range 4 {
				k.do(external(name), "535")
			}
			key := clientKey(netip.MustParseAddr("127.0.0.1"))
			for range 15 {
				for _, as := range []string{"", name} {
					r.auth.Guesses.Failed(sasl.Guesser{Addr: key, Name: as}, time.Now())
				}
			}
			k.do(plain(name, "guess"), "454 4.7.0")
			k = dial(t, r.addr)
			startTLS(k, ca.client("relay.example.org", device))
			k.do(external(name), "235")
		})
	}
}
