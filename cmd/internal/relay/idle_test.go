package relay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/relay/sasl"
)

// TestIdleCommands ends a connection that never hands in a message; each message gives it all its
// commands again.
func TestIdleCommands(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	for i := range maxIdle - 1 {
		k.do([]string{"NOOP", "RSET", "VRFY a", "EHLO c"}[i%4], "25")
	}
	k.envelope("b@example.net")
	if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	for range maxIdle {
		k.do("NOOP", "250")
	}
	k.do("RSET", "421 4.7.0")
	k.wantEOF()
}

// TestRefusedRecipients ends a connection that only tries recipients, with all replies in order.
func TestRefusedRecipients(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Inbound: true, Recipients: []string{"example.net"}})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<a@example.org>", "250")
	go func() { // pipelined, so that some come together
		var all strings.Builder
		for i := range maxUnknown + 10 {
			fmt.Fprintf(&all, "RCPT TO:<b%d@example.com>\r\n", i)
		}
		_, _ = k.conn.Write([]byte(all.String()))
	}()
	for range maxUnknown {
		k.want("550 5.7.1")
	}
	k.want("421 4.7.0")
}

// TestRepeatedParameters: a parameter that stands there twice is an error (RFC 5321, Section
// 4.1.2, has no meaning for it), whatever its values.
func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	for _, twice := range []string{"SIZE=100 SIZE=100", "SIZE=100 size=99999999", "BODY=7BIT BODY=8BITMIME"} {
		k.do("MAIL FROM:<a@example.org> "+twice, "501 5.5.4")
	}
	k.do("MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME", "250")
}

// TestTimeoutInLogin says 421 before it closes (RFC 5321, Section 4.5.3.2).
func TestTimeoutInLogin(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := startRelay(t, Options{
		TLS: ca.server(t, "relay.example.org"), Auth: sasl.Options{Users: users(t, map[string]string{"alice": "p"})},
		Limits: Limits{CommandTimeout: 5 * time.Second}, // EHLO and the handshake need some
	})
	k := dial(t, r.addr)
	startTLS(k, ca.client("relay.example.org"))
	k.do("AUTH PLAIN", "334")
	k.want("421 4.4.2")
	k.wantEOF()
}
