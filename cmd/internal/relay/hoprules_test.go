package relay

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/smime/message"
)

// TestInjectedBeforeTLS has a next hop, or who sits before it, send more than its answer to
// STARTTLS: nothing that came before TLS counts.
func TestInjectedBeforeTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := &scriptedHop{words: []string{"STARTTLS"}, tls: ca.server(t, "localhost"), answer: at("STARTTLS", "220 go\r\n250 2.0.0 ok")}
	s.start(t)
	_, port, _ := net.SplitHostPort(s.address())
	hop := nexthop.Options{Policy: nexthop.TLSVerify, TLS: &tls.Config{RootCAs: ca.pool()}}
	r := startRelay(t, Options{NextHop: []string{"localhost:" + port}, Trusted: loopback, Hop: hop})
	if reply := send(t, r.addr); !strings.HasPrefix(reply, "451 4.4.1") {
		t.Errorf("reply = %q, want 451", reply)
	}
}

// TestExtensions checks which words of the next hop count: not those of before TLS, and not lines
// of a reply to HELO.
func TestExtensions(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const rich = "250-hop\r\n250-STARTTLS\r\n250 SMTPUTF8"
	for name, tt := range map[string]struct {
		answer func(string) string
		policy nexthop.TLSPolicy
		want   bool
	}{
		"EHLO":            {at("EHLO relay.example.org", rich), nexthop.TLSNone, true},
		"EHLO before TLS": {nth(1, "EHLO", rich), nexthop.TLSVerify, false},
		"HELO": {func(line string) string {
			return map[string]string{"EHLO relay.example.org": "500 5.5.1 what", "HELO relay.example.org": rich}[line]
		}, nexthop.TLSNone, false},
	} {
		s := &scriptedHop{words: []string{"X"}, tls: ca.server(t, "localhost"), answer: tt.answer}
		s.start(t)
		_, port, _ := net.SplitHostPort(s.address())
		hop := nexthop.Options{Policy: tt.policy, TLS: &tls.Config{RootCAs: ca.pool()}}
		r := startRelay(t, Options{NextHop: []string{"localhost:" + port}, Trusted: loopback, Hop: hop})
		if reply := dial(t, r.addr).do("EHLO c", "250"); strings.Contains(reply, "SMTPUTF8") != tt.want {
			t.Errorf("%s: the relay offers %q", name, reply)
		}
		if reply := send(t, r.addr); !strings.HasPrefix(reply, "250") {
			t.Errorf("%s: reply = %q, want 250", name, reply)
		}
	}
}

// TestLMTPKnowsNoHELO: after a refused LHLO there is nothing to fall back to.
func TestLMTPKnowsNoHELO(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{lmtp: true, answer: at("LHLO relay.example.org", "500 5.5.1 what")}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	if reply := send(t, r.addr); !strings.HasPrefix(reply, "451") || len(s.commands("HELO")) > 0 {
		t.Errorf("reply = %q after %q, want 451", reply, s.commands(""))
	}
}

// TestHopDANEName: the name of the certificate counts for usage 2 and not for usage 3 (RFC 7672,
// Section 3.1.1 and Section 3.2.2).
func TestHopDANEName(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	server := ca.server(t, "other.example.org")
	for _, tt := range []struct {
		record dane.Record
		want   string
	}{{record(dane.DANETA, ca.cert), "451"}, {record(dane.DANEEE, server.Certificates[0].Leaf), "250"}} {
		s := serveSink(t, listen(t), server, false)
		_, port, _ := net.SplitHostPort(s.address())
		res := &resolver{table: map[string]lookup.Result{"_" + port + "._tcp.localhost.": present(tt.record)}}
		r := startRelay(t, Options{NextHop: []string{"localhost:" + port}, Trusted: loopback, Hop: nexthop.Options{Policy: nexthop.TLSDANE, Lookup: res}})
		if reply := send(t, r.addr); !strings.HasPrefix(reply, tt.want) {
			t.Errorf("usage %d: reply = %q, want %s", tt.record.Usage, reply, tt.want)
		}
	}
}

// TestNoLoginWithoutTLS: AUTH EXTERNAL is for a connection with a certificate.
func TestNoLoginWithoutTLS(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{words: []string{"AUTH EXTERNAL"}}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, Hop: nexthop.Options{Name: "relay.example.org"}})
	if reply := send(t, r.addr); !strings.HasPrefix(reply, "250") || len(s.commands("AUTH")) > 0 {
		t.Errorf("reply = %q, AUTH %q", reply, s.commands("AUTH"))
	}
}

// poolBubble has a relay with the next hops "a:25" and "b:25" on a clock of its own. submit hands
// in a message for so many clients at once, and opened counts the connections to a.
func poolBubble(t *testing.T, opts Options, a, b *scriptedHop, use func(submit func(clients int), opened func() int64)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var opened atomic.Int64
		opts.NextHop, opts.Trusted, opts.Log = []string{"a:25", "b:25"}, loopback, slog.New(slog.DiscardHandler)
		opts.Hop.Policy = nexthop.TLSNone
		opts.Hop.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			hop := b
			if address == "a:25" {
				hop = a
				opened.Add(1)
			}
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				hop.session(theirs)
			}()
			return ours, nil
		}
		srv, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		use(func(clients int) {
			ks := make([]*talk, clients)
			for i := range ks {
				client, server := net.Pipe()
				srv.admit(server)
				ks[i] = &talk{t: t, conn: client}
				ks[i].greetPipe()
				ks[i].do("EHLO c", "250")
				ks[i].envelope("b@example.net")
			}
			for _, k := range ks {
				if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
					t.Errorf("reply = %q", reply)
				}
				k.conn.Close()
			}
			synctest.Wait()
		}, opened.Load)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		srv.Shutdown(ctx)
	})
}

// TestHopDown: a next hop that failed comes last for some seconds, and then first again.
func TestHopDown(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"greeting", "MAIL FROM:<a@example.org>"} {
		poolBubble(t, Options{}, &scriptedHop{answer: at(line, "421 4.3.2 later")}, &scriptedHop{}, func(submit func(int), opened func() int64) {
			submit(1)
			first := opened()
			submit(1)
			if opened() != first {
				t.Errorf("%s: %d connections to a next hop that failed, then %d", line, first, opened())
			}
			time.Sleep(time.Minute)
			if submit(1); opened() == first {
				t.Errorf("%s: the next hop is never tried again", line)
			}
		})
	}
}

// TestHelloWaitsForNoHop: EHLO does not try a next hop again that failed a moment ago.
func TestHelloWaitsForNoHop(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	inBubbleTo(t, func(net.Conn) { opened.Add(1) }, Options{}, func(k *talk) {
		k.do("EHLO c", "250")
		k.do("EHLO c", "250")
		if opened.Load() != 1 {
			t.Errorf("%d connections, want 1", opened.Load())
		}
	})
}

// TestIdleConnections: so many are kept, for so long, and for so many messages.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		use  func(submit func(clients int))
		want int64
	}{
		"one after the other": {func(submit func(int)) { submit(1); submit(1) }, 1},
		"expired":             {func(submit func(int)) { submit(1); time.Sleep(31 * time.Second); submit(1) }, 2},
		"not expired":         {func(submit func(int)) { submit(1); time.Sleep(29 * time.Second); submit(1) }, 1},
		"32 kept":             {func(submit func(int)) { submit(33); submit(33) }, 34},
		"100 messages": {func(submit func(int)) {
			for range 100 {
				submit(1)
			}
		}, 1},
		"101 messages": {func(submit func(int)) {
			for range 101 {
				submit(1)
			}
		}, 2},
	} {
		poolBubble(t, Options{}, &scriptedHop{}, &scriptedHop{}, func(submit func(int), opened func() int64) {
			if tt.use(submit); opened() != tt.want {
				t.Errorf("%s: %d connections, want %d", name, opened(), tt.want)
			}
		})
	}
}

// TestAfterQuit: commands after QUIT in the same segment are none.
func TestAfterQuit(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.write("QUIT\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n")
	k.want("221")
	k.wantEOF()
	r.stop()
	if got := s.commands("MAIL"); len(got) > 0 {
		t.Errorf("the next hop saw %q", got)
	}
}

// TestLongestCommand: a line of 12,288 octets (RFC 4954, Section 4) is read, and none longer.
func TestLongestCommand(t *testing.T) {
	t.Parallel()
	k := dial(t, startRelay(t, Options{Trusted: loopback}).addr)
	noop := func(octets int) string { return "NOOP " + strings.Repeat("x", octets-len("NOOP \r\n")) }
	k.do(noop(maxCommand), "250")
	k.do(noop(maxCommand+1), "500 5.5.6")
}

// failingHolder is a handler that panics before it has a message.
type failingHolder struct{ message.Handler }

func (failingHolder) Hold() (message.Handler, func()) { panic("no handler") }

// TestSessionPanic: a panic ends its session, and no other.
func TestSessionPanic(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Handler: failingHolder{}})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.write("MAIL FROM:<a@example.org>\r\nNOOP\r\n")
	k.wantEOF()
	if !strings.Contains(r.log.String(), "a session failed") {
		t.Errorf("log: %s", r.log)
	}
	dial(t, r.addr).do("EHLO c", "250")
}
