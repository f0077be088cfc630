package transport

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

const serverHalf = "0123456789abcdef"

// withCookie puts a cookie into an answer.
func withCookie(cookie string) func(*dns.Msg) {
	return func(m *dns.Msg) {
		opt := m.IsEdns0()
		opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	}
}

// baker answers each question by UDP with the next of its answers, and notes the cookies that came.
type baker struct {
	fake
	mu      sync.Mutex
	got     []string
	answers []func(in *dns.Msg, client string) [][]byte
}

func newBaker(answers ...func(in *dns.Msg, client string) [][]byte) *baker {
	b := &baker{answers: answers}
	b.udp = func(in *dns.Msg) [][]byte {
		b.mu.Lock()
		defer b.mu.Unlock()
		cookie := cookieOf(in)
		b.got = append(b.got, cookie)
		return b.answers[min(len(b.got), len(b.answers))-1](in, cookie[:min(clientHalf, len(cookie))])
	}
	b.tcp = good
	return b
}

// carried says for each question what halves of a cookie it carried: "", "client" or "client
// server".
func (b *baker) carried() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, c := range b.got {
		switch {
		case c == "":
			out = append(out, "none")
		case len(c) == clientHalf:
			out = append(out, "client")
		default:
			out = append(out, "client "+strings.TrimPrefix(c[clientHalf:], serverHalf))
		}
	}
	return strings.Join(out, ",")
}

// TestCookies shows what is done with each kind of cookie (RFC 7873, Section 5.3), question by
// question.
func TestCookies(t *testing.T) {
	t.Parallel()
	plain := func(in *dns.Msg, _ string) [][]byte { return [][]byte{answer(in)} }
	full := func(in *dns.Msg, client string) [][]byte { return [][]byte{answer(in, withCookie(client+serverHalf))} }
	forged := func(in *dns.Msg) []byte { return answer(in, withCookie("ffffffffffffffff"+serverHalf)) }
	formErr := func(in *dns.Msg, _ string) [][]byte {
		return [][]byte{answer(in, func(m *dns.Msg) { m.Rcode, m.Answer, m.Extra = dns.RcodeFormatError, nil, nil })}
	}
	for _, tt := range []struct {
		name    string
		baker   *baker
		carried string
		conns   int32
	}{
		{"none", newBaker(plain), "client,client,client", 0},
		{"full", newBaker(full), "client,client ,client ", 0},
		{"another's, then ours", newBaker(func(in *dns.Msg, client string) [][]byte { return append([][]byte{forged(in)}, full(in, client)...) }), "client,client ,client ", 0},
		{"another's only", newBaker(func(in *dns.Msg, _ string) (out [][]byte) {
			for range maxStrays {
				out = append(out, forged(in))
			}
			return out
		}), "client,client,client", 3},
		{"given, then missing", newBaker(full, plain, full), "client,client ,client", 1},
		{"bad", newBaker(func(in *dns.Msg, client string) [][]byte {
			return [][]byte{answer(in, withCookie(client+serverHalf), func(m *dns.Msg) { m.Rcode, m.Answer = dns.RcodeBadCookie, nil })}
		}, full), "client,client ,client ", 1},
		{"half a cookie", newBaker(func(in *dns.Msg, client string) [][]byte { return [][]byte{answer(in, withCookie(client+"00"))} }), "client,client,client", 0},
		{"not understood", newBaker(formErr, plain), "client,none,none,none", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newTestClient(t, Options{Servers: []Server{tt.baker.start(t)}})
			for range 3 {
				m, err := exchange(t, c)
				if err != nil || len(m.Answer) != 1 {
					t.Fatalf("Exchange() = %v, %v", m, err)
				}
			}
			if got := tt.baker.carried(); got != tt.carried {
				t.Errorf("questions carried %q, want %q", got, tt.carried)
			}
			if got := tt.baker.conns.Load(); got != tt.conns {
				t.Errorf("%d connections, want %d", got, tt.conns)
			}
		})
	}
}

// TestCookieAddress: from another address another cookie, so that the two cannot be linked.
func TestCookieAddress(t *testing.T) {
	t.Parallel()
	var c cookies
	at := func(last byte) string {
		client, server := c.next(&net.UDPAddr{IP: net.IPv4(192, 0, 2, last), Port: 53})
		if server != "" {
			t.Errorf("the server's half %q came along", server)
		}
		return client
	}
	first := at(1)
	if again := at(1); again != first {
		t.Errorf("from the same address %s after %s", again, first)
	}
	c.server = serverHalf
	if other := at(2); other == first {
		t.Errorf("from another address the same cookie %s", other)
	}
}
