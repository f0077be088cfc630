package relay

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"

	"dnseal/lookup/lookuptest/peertest"
)

// send hands one message to a relay and returns the reply that ended it, at whatever stage.
func send(t *testing.T, addr string) string {
	t.Helper()
	k := dial(t, addr)
	for _, line := range []string{"EHLO c", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>", "DATA"} {
		k.write(line + "\r\n")
		if r := k.reply(); r[0] != '2' && r[0] != '3' {
			k.do("NOOP", "250") // the client is still served
			return r
		}
	}
	k.write(simple + ".\r\n")
	return k.reply()
}

// TestHopTrouble lets the next hop fail at each stage, in each way. The client hears a 4xx in time
// (or the next hop's own 5xx), nothing counts as sent, and the relay goes on.
func TestHopTrouble(t *testing.T) {
	t.Parallel()
	stages := map[string]string{"greeting": "greeting", "EHLO": "EHLO relay.example.org", "MAIL": "MAIL FROM:<a@example.org>", "RCPT": "RCPT TO:<b@example.net>", "DATA": "DATA", "end": "."}
	for stage, line := range stages {
		for _, tt := range []struct{ name, answer, want string }{
			{"4xx", "452 4.3.1 full", "45"},
			{"421", "421 4.3.2 going down", "45"},
			{"3xx", "334 go", "45"},
			{"5xx", "554 5.7.1 no", ""},
			{"closing", "close", "45"},
			{"nonsense", "what?", "45"},
			{"silence", "silence", "45"},
			{"too much", strings.Repeat("250-x\r\n", 1000) + "250 x", "45"},
			{"long line", "250 " + strings.Repeat("x", 100000), "45"},
		} {
			t.Run(stage+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				quiet := make(chan struct{})
				s := &scriptedHop{answer: func(l string) string {
					if l != line {
						return ""
					}
					if tt.answer == "silence" {
						<-quiet
					}
					return tt.answer
				}}
				s.start(t)
				t.Cleanup(func() { close(quiet) })
				limit := hangGuard
				if tt.answer == "silence" {
					limit = 100 * time.Millisecond
				}
				r := startRelay(t, Options{
					NextHop: []string{s.address()}, Trusted: loopback,
					Hop: nexthop.Options{DialTimeout: limit, CommandTimeout: limit, FinalTimeout: limit},
				})
				reply := send(t, r.addr)
				want := tt.want
				switch {
				case want == "" && stage == "greeting":
					want = "451" // it is not about this message
				case want == "" && stage == "EHLO":
					want = "250" // by HELO
				case want == "":
					want = "554 5.7.1 no\n"
				}
				if !strings.HasPrefix(reply, want) {
					t.Errorf("reply = %q, want %s", reply, want)
				}
			})
		}
	}
}

// TestSuccessBeforeContent checks that a next hop that answers DATA by 250 has accepted nothing:
// the content was not sent yet (RFC 5321, Section 4.1.1.4: 354 or a refusal).
func TestSuccessBeforeContent(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{nil, {"PIPELINING"}} {
		s := (&scriptedHop{words: words, answer: at("DATA", "250 2.0.0 queued")}).start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
		if reply := send(t, r.addr); !strings.HasPrefix(reply, "451 ") {
			t.Errorf("%v: reply = %q, want 451", words, reply)
		}
		if got := s.got(); len(got) > 0 {
			t.Errorf("%v: the next hop accepted %q", words, got)
		}
	}
}

// TestUnprintableReply checks that a reply of the next hop comes to the client as one line of
// printable ASCII.
func TestUnprintableReply(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{answer: at(".", "550 5.7.1 no\x1b[2J\x00\tcaf\u00e9\x7f")}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	if reply, want := send(t, r.addr), "550 5.7.1 no?[2J??caf??\n"; reply != want {
		t.Errorf("reply = %q, want %q", reply, want)
	}
}

// TestHopClosesInContent checks a next hop that goes away in the middle of a message, with and
// without a word.
func TestHopClosesInContent(t *testing.T) {
	t.Parallel()
	big := simple + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 1<<16)
	for _, tt := range []struct{ words, want string }{
		{"close", "451 4.4.2"},
		{"421 4.3.2 no more", "451 4.4.2"},
		{"552 5.3.4 too big\r\n421 bye", "55"},
		{"552 5.3.4 too big\r\nclose", "55"},
	} {
		s := &scriptedHop{cutAt: 1 << 20, answer: func(line string) string {
			if line == "cut" {
				return tt.words
			}
			return ""
		}}
		s.start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		// The reply may be lost with the connection; then it is the generic one. It is never a
		// success.
		if reply := k.content(big); !strings.HasPrefix(reply, tt.want) && !strings.HasPrefix(reply, "451 4.4.2") {
			t.Errorf("%q: reply = %q, want %s", tt.words, reply, tt.want)
		}
		if n := len(s.got()); n != 0 {
			t.Errorf("%d messages accepted", n)
		}
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		first  func(line string) string // nil: there is none
		second bool                     // the message goes to the second
		reply  string
	}{
		{"refused", nil, true, "250"},
		{"greeting 421", at("greeting", "421 busy"), true, "250"},
		{"greeting 554", at("greeting", "554 no mail here"), true, "250"},
		{"EHLO closing", at("EHLO relay.example.org", "close"), true, "250"},
		{"MAIL deferred", at("MAIL FROM:<a@example.org>", "451 4.3.0 no"), true, "250"},
		{"MAIL 3xx", at("MAIL FROM:<a@example.org>", "354 go"), true, "250"},
		{"MAIL closing", at("MAIL FROM:<a@example.org>", "close"), true, "250"},
		{"MAIL refused", at("MAIL FROM:<a@example.org>", "550 5.7.1 no"), false, "550 5.7.1 no\n"},
		{"RCPT deferred", at("RCPT TO:<b@example.net>", "451 4.3.0 no"), false, "451 4.3.0 no\n"},
		{"RCPT 3xx", at("RCPT TO:<b@example.net>", "354 go"), false, "451 4.4.2"},
		{"RCPT closing", at("RCPT TO:<b@example.net>", "close"), false, "451 4.4.2"},
		{"DATA deferred", at("DATA", "451 4.3.0 no"), false, "451 4.3.0 no\n"},
		{"end deferred", at(".", "451 4.3.0 no"), false, "451 4.3.0 no\n"},
		{"end closing", at(".", "close"), false, "451 4.4.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first := peertest.FreeAddr(t)
			if tt.first != nil {
				first = (&scriptedHop{answer: tt.first}).start(t).address()
			}
			second := startSink(t)
			r := startRelay(t, Options{NextHop: []string{first, second.address()}, Trusted: loopback})
			if reply := send(t, r.addr); !strings.HasPrefix(reply, tt.reply) {
				t.Errorf("reply = %q, want %s", reply, tt.reply)
			}
			if n := len(second.got()); (n == 1) != tt.second {
				t.Errorf("the second next hop accepted %d messages", n)
			}
		})
	}
}

// at answers one line.
func at(line, answer string) func(string) string {
	return func(l string) string {
		if l == line {
			return answer
		}
		return ""
	}
}

// TestPool checks that connections are used again, and that one which died at rest is replaced
// without a word.
func TestPool(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	for range 3 {
		if reply := send(t, r.addr); !strings.HasPrefix(reply, "250") {
			t.Fatalf("reply = %q", reply)
		}
	}
	if s.opened != 1 {
		t.Errorf("%d connections for 3 messages, want 1", s.opened)
	}
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	if reply := send(t, r.addr); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply after the connection died = %q", reply)
	}
}

// TestPoolIsBounded checks that no more connections are opened than allowed.
func TestPoolIsBounded(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Hop: nexthop.Options{MaxOpen: 2}})
	var ks []*talk
	for range 2 {
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		ks = append(ks, k)
	}
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<a@example.org>", "451 4.4.1")
	ks[0].content(simple)
	k.do("MAIL FROM:<a@example.org>", "250")
}

func TestUnixSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	listen := func(name string) net.Listener {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	s := serveSink(t, listen("out"), nil, true)
	r := serveRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback}, listen("in"))
	conn, err := net.Dial("unix", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	k := greet(t, conn)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	k.content(simple)
	if got := s.got(); len(got) != 1 || !strings.HasPrefix(got[0].data, "Received: from c\r\n") {
		t.Errorf("the next hop accepted %q", got)
	}
}

func TestHopTLS(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	server := ca.server(t, "localhost")
	leaf := server.Certificates[0].Leaf
	insecure := present(record(dane.DANEEE, leaf))
	insecure.Status = dnssec.Insecure
	for _, tt := range []struct {
		name     string
		policy   nexthop.TLSPolicy
		offers   *tls.Config
		roots    *authority
		answer   lookup.Result // for the hop's TLSA name
		fresh    bool          // only past the cache
		accepted bool
	}{
		{"none", nexthop.TLSNone, nil, nil, lookup.Result{}, false, true},
		{"verified", nexthop.TLSVerify, server, ca, lookup.Result{}, false, true},
		{"of another CA", nexthop.TLSVerify, server, other, lookup.Result{}, false, false},
		{"not offered", nexthop.TLSVerify, nil, ca, lookup.Result{}, false, false},
		{"DANE-EE", nexthop.TLSDANE, server, other, present(record(dane.DANEEE, leaf)), false, true},
		{"DANE-EE just published", nexthop.TLSDANE, server, other, present(record(dane.DANEEE, leaf)), true, true},
		{"DANE-TA", nexthop.TLSDANE, server, other, present(record(dane.DANETA, ca.cert)), false, true},
		{"DANE-TA of another", nexthop.TLSDANE, server, ca, present(record(dane.DANETA, other.cert)), false, false},
		{"PKIX-EE is not for SMTP", nexthop.TLSDANE, server, ca, present(record(dane.PKIXEE, leaf)), false, false},
		{"DANE absent", nexthop.TLSDANE, server, ca, lookup.Result{Status: dnssec.Secure, Presence: dane.Absent}, false, false},
		{"DANE insecure", nexthop.TLSDANE, server, ca, insecure, false, false},
		{"DANE bogus", nexthop.TLSDANE, server, ca, lookup.Result{Status: dnssec.Bogus}, false, false},
		{"DANE indeterminate", nexthop.TLSDANE, server, ca, lookup.Result{}, false, false},
		{"DANE not offered", nexthop.TLSDANE, nil, ca, present(record(dane.DANEEE, leaf)), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serveSink(t, listen(t), tt.offers, false)
			_, port, _ := net.SplitHostPort(s.address())
			table := map[string]lookup.Result{"_" + port + "._tcp.localhost.": tt.answer}
			res := &resolver{table: table}
			if tt.fresh {
				res = &resolver{fresh: table}
			}
			hop := nexthop.Options{Policy: tt.policy, Lookup: res}
			if tt.roots != nil {
				hop.TLS = &tls.Config{RootCAs: tt.roots.pool()}
			}
			r := startRelay(t, Options{NextHop: []string{"localhost:" + port}, Trusted: loopback, Hop: hop})
			reply := send(t, r.addr)
			want := map[bool]string{true: "250", false: "451 4.4.1 Next hop not available, try again later\n"}[tt.accepted]
			if !strings.HasPrefix(reply, want) {
				t.Errorf("reply = %q, want %s", reply, want)
			}
		})
	}
}

// TestHopImplicitTLS checks a next hop that speaks TLS from the first byte, and that its name is
// checked.
func TestHopImplicitTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for name, want := range map[string]string{"localhost": "250", "other.example.org": "451"} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", ca.server(t, name))
		if err != nil {
			t.Fatal(err)
		}
		serveSink(t, l, nil, false)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		r := startRelay(t, Options{NextHop: []string{"tls:localhost:" + port}, Trusted: loopback, Hop: nexthop.Options{TLS: &tls.Config{RootCAs: ca.pool()}}})
		if reply := send(t, r.addr); !strings.HasPrefix(reply, want) {
			t.Errorf("%s: reply = %q, want %s", name, reply, want)
		}
	}
}

// TestOwnIdentity checks that the relay shows its certificate and names the owner under which it is
// published.
func TestOwnIdentity(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const name = "_smtp-client.relay1.example.net"
	server := ca.server(t, "localhost")
	server.ClientAuth = tls.RequireAnyClientCert
	for _, tt := range []struct{ auth, answer, want string }{
		{"AUTH PLAIN EXTERNAL", "", "250"},
		{"AUTH EXTERNAL", "535 5.7.8 no", "451"},
		{"X", "", "250"},
	} {
		s := &scriptedHop{words: []string{"STARTTLS", tt.auth}, tls: server, answer: func(line string) string {
			if strings.HasPrefix(line, "AUTH") {
				return tt.answer
			}
			return ""
		}}
		s.start(t)
		_, port, _ := net.SplitHostPort(s.address())
		hop := nexthop.Options{Policy: nexthop.TLSVerify, TLS: &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{ca.issue(t, name)}}, Name: name}
		r := startRelay(t, Options{NextHop: []string{"localhost:" + port}, Trusted: loopback, Hop: hop})
		if reply := send(t, r.addr); !strings.HasPrefix(reply, tt.want) {
			t.Errorf("%s: reply = %q, want %s", tt.auth, reply, tt.want)
		}
		want := "AUTH EXTERNAL " + base64.StdEncoding.EncodeToString([]byte(name))
		if got := s.commands("AUTH"); strings.Contains(tt.auth, "EXTERNAL") && (len(got) == 0 || got[0] != want) {
			t.Errorf("the next hop saw %q, want %q", got, want)
		}
	}
}

// TestXCLIENT checks that the next hop learns each client's address, also over a connection that is
// used again.
func TestXCLIENT(t *testing.T) {
	t.Parallel()
	s := &scriptedHop{words: []string{"XCLIENT NAME ADDR PORT PROTO HELO"}, answer: func(line string) string {
		if strings.HasPrefix(line, "XCLIENT") {
			return "220 sink"
		}
		return ""
	}}
	s.start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Inbound: true, Recipients: []string{"example.net"}, Proxies: loopback, Hop: nexthop.Options{Pass: "xclient"}})
	for _, addr := range []string{"192.0.2.7", "192.0.2.8", "2001:db8::9"} {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		from := &net.TCPAddr{IP: net.ParseIP(addr), Port: 1234}
		proxyproto.HeaderProxyFromAddrs(2, from, from).WriteTo(conn)
		k := greet(t, conn)
		k.do("EHLO mail+"+addr, "250")
		k.envelope("b@example.net")
		k.content(simple)
		k.do("QUIT", "221")
	}
	got := slices.Compact(s.commands("XCLIENT"))
	want := []string{
		"XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=1234 PROTO=ESMTP HELO=unknown",
		"XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.8 PORT=1234 PROTO=ESMTP HELO=unknown",
		"XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::9 PORT=1234 PROTO=ESMTP HELO=unknown",
	}
	if !slices.Equal(got, want) {
		t.Errorf("XCLIENT = %q, want %q", got, want)
	}
}

// TestXCLIENTNotOffered checks that inbound mail is deferred rather than passed on under our own
// address.
func TestXCLIENTNotOffered(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Inbound: true, Recipients: []string{"example.net"}, Hop: nexthop.Options{Pass: "xclient"}})
	if reply := send(t, r.addr); !strings.HasPrefix(reply, "451") {
		t.Errorf("reply = %q, want 451", reply)
	}
	if !strings.Contains(r.log.String(), "smtpd_authorized_xclient_hosts") {
		t.Error("the log has no remedy")
	}
}

// TestProxyHeaderOut checks the header that the next hop gets.
func TestProxyHeaderOut(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 10)
	serveSink(t, &proxyproto.Listener{Listener: noting{l, seen}, ReadHeaderTimeout: hangGuard}, nil, false)
	r := startRelay(t, Options{NextHop: []string{l.Addr().String()}, Inbound: true, Recipients: []string{"example.net"}, Hop: nexthop.Options{Pass: "proxy"}})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	k.content(simple)
	own := k.conn.LocalAddr().(*net.TCPAddr)
	want, err := proxyproto.HeaderProxyFromAddrs(2, own, k.conn.RemoteAddr()).Format()
	if err != nil {
		t.Fatal(err)
	}
	before := len(seen)
	k.envelope("b@example.net")
	k.content(simple)
	if len(seen) != before+1 {
		t.Errorf("%d connections for another message: a header speaks for one client only", len(seen)-before)
	}
	if first := <-seen; !bytes.Equal([]byte(first), want) {
		t.Errorf("header = %x, want %x", first, want)
	}
}

// noting is a listener that reports the first 28 bytes of each connection.
type noting struct {
	net.Listener
	seen chan string
}

func (n noting) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &notingConn{Conn: c, seen: n.seen}, nil
}

type notingConn struct {
	net.Conn
	seen chan string
	got  []byte
}

func (c *notingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if before := len(c.got); before < 28 {
		if c.got = append(c.got, p[:n]...); len(c.got) >= 28 {
			c.seen <- string(c.got[:28])
		}
	}
	return n, err
}
