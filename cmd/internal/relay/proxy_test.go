package relay

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

func TestProxyHeaderIn(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	client := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1234}
	client6 := &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 1234}
	header := func(h *proxyproto.Header) string {
		b, err := h.Format()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	long := proxyproto.HeaderProxyFromAddrs(2, client, client)
	long.SetTLVs([]proxyproto.TLV{{Type: proxyproto.PP2_TYPE_NOOP, Value: make([]byte, 1500)}})
	for _, tt := range []struct {
		name, first string
		trace       string // empty: the connection ends
	}{
		{"version 2", header(proxyproto.HeaderProxyFromAddrs(2, client, client)), "([192.0.2.7])"},
		{"IPv6", header(proxyproto.HeaderProxyFromAddrs(2, client6, client6)), "([IPv6:2001:db8::7])"},
		{"with TLVs", header(long), "([192.0.2.7])"},
		{"local", header(&proxyproto.Header{Version: 2, Command: proxyproto.LOCAL}), "([127.0.0.1])"},
		{"version 1", header(proxyproto.HeaderProxyFromAddrs(1, client, client)), ""},
		{"none", "EHLO c\r\nEHLO c\r\n", ""},
		{"too long", string(proxyproto.SIGV2) + "\x21\x11\xff\xff", ""},
		{"unix", string(proxyproto.SIGV2) + "\x21\x31\x00\xd8" + strings.Repeat("x", 0xd8), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: append(loopback, netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")), Proxies: loopback})
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Write([]byte(tt.first))
			if tt.trace == "" {
				if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
					t.Fatal("the server speaks, want the end of the connection")
				}
				return
			}
			k := greet(t, conn)
			k.do("EHLO c", "250")
			k.envelope("b@example.net")
			k.content(simple)
			if !strings.Contains(lastAccepted(t, s, tt.trace), tt.trace) {
				t.Errorf("no message with %s in its trace field", tt.trace)
			}
		})
	}
}

// lastAccepted returns the message that contains a string.
func lastAccepted(t *testing.T, s *sink, want string) string {
	t.Helper()
	for _, m := range s.got() {
		if strings.Contains(m.data, want) {
			return m.data
		}
	}
	return ""
}

// TestProxyHeaderFromStrangers checks that a client that is not listed cannot name another address.
func TestProxyHeaderFromStrangers(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	client := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1234}
	k := dial(t, r.addr)
	if _, err := proxyproto.HeaderProxyFromAddrs(2, client, client).WriteTo(k.conn); err != nil {
		t.Fatal(err)
	}
	// The header holds LF bytes, so it makes some lines; none of them is a command.
	k.write("\r\nEHLO c\r\n")
	for r := k.reply(); !strings.HasPrefix(r, "250"); r = k.reply() {
		if !strings.HasPrefix(r, "500 ") {
			t.Fatalf("reply = %q", r)
		}
	}
	k.do("MAIL FROM:<a@example.org>", "530")
}

// ahead is a connection whose first write has other bytes in front of it, in one piece.
type ahead struct {
	net.Conn
	first []byte
}

func (a *ahead) Write(p []byte) (int, error) {
	_, err := a.Conn.Write(append(a.first, p...))
	a.first = nil
	return len(p), err
}

// TestProxyHeaderBeforeTLS checks that a proxy's header and the client's first TLS bytes may come
// in one piece, and that a command in clear between them does not become one inside TLS.
func TestProxyHeaderBeforeTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := (&scriptedHop{}).start(t)
	client := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1234}
	header, err := proxyproto.HeaderProxyFromAddrs(2, client, client).Format()
	if err != nil {
		t.Fatal(err)
	}
	r := startRelay(t, Options{
		NextHop: []string{s.address()}, Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Proxies: loopback,
		TLS: ca.server(t, "relay.example.org"), Implicit: true,
	})
	for between, ok := range map[string]bool{"": true, "EHLO evil\r\nMAIL FROM:<evil@example.org>\r\n": false} {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		inside := tls.Client(&ahead{conn, append(bytes.Clone(header), between...)}, ca.client("relay.example.org"))
		if err := inside.Handshake(); (err == nil) != ok {
			t.Fatalf("%q before TLS: handshake = %v", between, err)
		}
		if !ok {
			continue
		}
		k := greet(t, inside)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
			t.Errorf("reply = %q", reply)
		}
	}
	if got := s.commands("MAIL FROM:<evil"); len(got) != 0 {
		t.Errorf("the next hop saw %q", got)
	}
}
