package transport

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// short is the time limit of tests that wait for it.
const short = time.Second

// swap changes an answer's bytes.
func swap(f func(wire []byte) []byte) func(in *dns.Msg) [][]byte {
	return func(in *dns.Msg) [][]byte { return [][]byte{f(answer(in))} }
}

// TestUDP shows what is done with each kind of datagram.
func TestUDP(t *testing.T) {
	t.Parallel()
	wrongID := func(wire []byte) []byte { wire[0]++; return wire }
	loop := func(wire []byte) []byte { return append(wire[:12], 0xc0, 12, 0, 1, 0, 1) }
	for _, tt := range []struct {
		name    string
		udp     func(in *dns.Msg) [][]byte
		tcp     func(conn net.Conn, in *dns.Msg)
		timeout time.Duration
		want    error // nil: an answer
		conns   int32
	}{
		{name: "good", udp: goodUDP},
		{name: "lost once", udp: lostOnce(), timeout: 10 * short},
		{name: "wrong ID, then good", udp: func(in *dns.Msg) [][]byte { return [][]byte{wrongID(answer(in)), answer(in)} }},
		{name: "another question, then good", udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Question[0].Name = "www.example.net." }), answer(in)}
		}},
		{name: "another class, then good", udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), answer(in)}
		}},
		{name: "our own question, then good", udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Response = false }), answer(in)}
		}},
		{name: "three octets, then good", udp: func(in *dns.Msg) [][]byte { return [][]byte{{1, 2, 3}, answer(in)} }},
		{name: "wrong IDs only", udp: swap(wrongID), timeout: short, want: context.DeadlineExceeded},
		{name: "a flood of wrong IDs", udp: func(in *dns.Msg) (out [][]byte) {
			for range maxStrays {
				out = append(out, wrongID(answer(in)))
			}
			return out
		}, tcp: good, conns: 1},
		{name: "truncated", udp: swap(func(wire []byte) []byte { wire[2] |= 2; return wire }), tcp: good, conns: 1},
		{name: "truncated in the middle of a record", udp: swap(func(wire []byte) []byte { wire[2] |= 2; return wire[:len(wire)-15] }), tcp: good, conns: 1},
		{name: "truncated over TCP too", udp: swap(func(wire []byte) []byte { wire[2] |= 2; return wire }), tcp: func(conn net.Conn, in *dns.Msg) {
			_, _ = conn.Write(framed(answer(in, func(m *dns.Msg) { m.Truncated = true })))
		}, want: ErrMalformed, conns: 1},
		{name: "larger than asked for", udp: swap(func(wire []byte) []byte { return append(wire, make([]byte, udpSize)...) }), tcp: good, conns: 1},
		{name: "compression loop", udp: swap(loop), tcp: func(conn net.Conn, in *dns.Msg) { _, _ = conn.Write(framed(loop(answer(in)))) }, want: ErrMalformed, conns: 1},
		{name: "cut off", udp: swap(func(wire []byte) []byte { return wire[:len(wire)-3] }), tcp: good, conns: 1},
		{name: "name in small letters", udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Question[0].Name = strings.ToLower(m.Question[0].Name) + "" })}
		}, tcp: good},
		{name: "FORMERR", udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Rcode, m.Answer, m.Extra = dns.RcodeFormatError, nil, nil })}
		}, want: ErrNoEDNS},
		{name: "FORMERR without question", udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Rcode, m.Answer, m.Extra, m.Question = dns.RcodeFormatError, nil, nil, nil })}
		}, want: ErrNoEDNS},
		{name: "no EDNS in the answer", udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Extra = nil })}
		}, want: ErrNoEDNS},
		{name: "silence", timeout: short, want: context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{udp: tt.udp, tcp: tt.tcp}
			c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Timeout: tt.timeout})
			m, err := exchange(t, c)
			if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
				t.Fatalf("Exchange() error = %v, want %v", err, tt.want)
			}
			if got := f.conns.Load(); tt.name != "name in small letters" && got < tt.conns {
				t.Errorf("%d connections, want %d", got, tt.conns)
			}
			if err != nil {
				return
			}
			if got := m.Question[0].Name + " " + m.Answer[0].Header().Name; got != "www.example.org. www.example.org." {
				t.Errorf("names %s; the case we made is left in them", got)
			}
			if !m.Response || m.Question[0].Qclass != dns.ClassINET {
				t.Errorf("%v is no reply to the question", m)
			}
		})
	}
}

// lostOnce drops the first question.
func lostOnce() func(in *dns.Msg) [][]byte {
	var asked atomic.Bool
	return func(in *dns.Msg) [][]byte {
		if !asked.Swap(true) {
			return nil
		}
		return goodUDP(in)
	}
}

// TestOtherAddress has a right answer come from a wrong place.
func TestOtherAddress(t *testing.T) {
	t.Parallel()
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	f := &fake{udp: goodUDP, other: other}
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Timeout: short})
	if _, err := exchange(t, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Exchange() error = %v, want a timeout: the answer came from another address", err)
	}
}

// TestFoldsCase goes to TCP once and then knows the server.
func TestFoldsCase(t *testing.T) {
	t.Parallel()
	f := &fake{tcp: good, udp: func(in *dns.Msg) [][]byte {
		in.Question[0].Name = strings.ToLower(in.Question[0].Name)
		return [][]byte{answer(in)}
	}}
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}})
	for range 40 {
		if _, err := exchange(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.conns.Load(); got != 1 || !(*c.servers.Load())[0].health.foldsCase.Load() {
		t.Errorf("%d connections, folds case: %t; want 1, true", got, (*c.servers.Load())[0].health.foldsCase.Load())
	}
}

// TestOrder asks the next resolver when one is of no use.
func TestOrder(t *testing.T) {
	t.Parallel()
	refuses := func(in *dns.Msg) [][]byte {
		return [][]byte{answer(in, func(m *dns.Msg) { m.Rcode, m.Answer = dns.RcodeRefused, nil })}
	}
	for _, tt := range []struct {
		name    string
		first   Server
		asks    bool // the second one
		timeout time.Duration
	}{
		{"refuses", (&fake{udp: refuses}).start(t), true, 0},
		{"is not there", Server{Addr: nobody}, true, 0},
		{"is silent", (&fake{}).start(t), true, 4 * short},
		{"knows no EDNS", (&fake{udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Rcode, m.Answer, m.Extra = dns.RcodeNotImplemented, nil, nil })}
		}}).start(t), true, 0},
		{"answers", (&fake{udp: goodUDP}).start(t), false, 0},
		{"says SERVFAIL", (&fake{udp: func(in *dns.Msg) [][]byte {
			return [][]byte{answer(in, func(m *dns.Msg) { m.Rcode, m.Answer = dns.RcodeServerFailure, nil })}
		}}).start(t), true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			second := &fake{udp: goodUDP}
			c := newTestClient(t, Options{Servers: []Server{tt.first, second.start(t)}, Timeout: tt.timeout})
			if _, err := exchange(t, c); err != nil {
				t.Fatal(err)
			}
			if got := second.asked.Load(); (got > 0) != tt.asks {
				t.Errorf("the second resolver was asked %d times", got)
			}
		})
	}
	t.Run("all refuse", func(t *testing.T) {
		t.Parallel()
		c := newTestClient(t, Options{Servers: []Server{(&fake{udp: refuses}).start(t), (&fake{udp: refuses}).start(t)}})
		if m, err := exchange(t, c); err != nil || m.Rcode != dns.RcodeRefused {
			t.Errorf("Exchange() = %v, %v, want the refusal", m, err)
		}
	})
}

// TestCancel ends at once with its context.
func TestCancel(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.exchange(ctx, "example.org.", false); !errors.Is(err, context.Canceled) {
		t.Errorf("Exchange() error = %v, want canceled", err)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	f := &fake{udp: goodUDP}
	var seen []Query
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Trace: func(q Query) { seen = append(seen, q) }})
	if _, err := c.exchange(t.Context(), "Example.ORG", true); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 || seen[0].Name != "example.org." || !seen[0].CD || seen[0].Server != f.addr || seen[0].Duration <= 0 {
		t.Errorf("traced %+v", seen)
	}
}

// TestQuestionForms asks as recursive resolvers and as name servers are asked (RFC 1035, Section
// 4.1.1), by UDP and by TCP alone.
func TestQuestionForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		ask   Question
		conns int32
	}{
		{"recursive", Question{}, 0},
		{"authoritative", Question{Authoritative: true}, 0},
		{"TCP", Question{TCP: true}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var wants atomic.Bool
			f := &fake{}
			f.udp = func(in *dns.Msg) [][]byte { wants.Store(in.RecursionDesired); return goodUDP(in) }
			f.tcp = func(conn net.Conn, in *dns.Msg) { wants.Store(in.RecursionDesired); good(conn, in) }
			c := newTestClient(t, Options{Servers: []Server{f.start(t)}})
			tt.ask.Name, tt.ask.Type = "www.example.org.", dns.TypeA
			if _, err := c.AskOne(t.Context(), 0, tt.ask); err != nil {
				t.Fatal(err)
			}
			if wants.Load() == tt.ask.Authoritative || f.conns.Load() != tt.conns {
				t.Errorf("RD=%t over %d connections, want %t over %d", wants.Load(), f.conns.Load(), !tt.ask.Authoritative, tt.conns)
			}
		})
	}
}

// TestOnlyUDP: where connections are refused, questions by UDP go on.
func TestOnlyUDP(t *testing.T) {
	t.Parallel()
	f := &fake{udp: goodUDP}
	c := newTestClient(t, Options{Servers: []Server{f.startUDP(t)}})
	if _, err := c.AskOne(t.Context(), 0, Question{Name: "www.example.org.", Type: dns.TypeA, TCP: true}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("over TCP: %v, want a refused connection", err)
	}
	if _, err := exchange(t, c); err != nil {
		t.Error(err)
	}
}
