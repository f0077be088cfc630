package relay

import (
	"net"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"dnseal/cmd/internal/relay/nexthop"

	"dnseal/lookup/lookuptest/peertest"
)

// TestPostfixLearnsTheClient checks with a real Postfix that it sees the client of an inbound
// relay, and so does not relay for strangers that come from an address it trusts.
func TestPostfixLearnsTheClient(t *testing.T) {
	t.Parallel()
	for pass, setting := range map[string]string{
		"xclient": "smtpd_authorized_xclient_hosts = 127.0.0.0/8",
		"proxy":   "smtpd_upstream_proxy_protocol = haproxy",
	} {
		t.Run(pass, func(t *testing.T) {
			t.Parallel()
			s := startSink(t)
			postfix := peertest.Postfix(t, peertest.ShortDir(t), s.address(), setting, "myhostname = mx.example", "relay_domains = example.net",
				"smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination")
			r := startRelay(t, Options{
				NextHop: []string{postfix}, Inbound: true, Recipients: []string{"example.net", "example.com"}, Proxies: loopback,
				Hop: nexthop.Options{Pass: pass},
			})
			for _, addr := range []string{"192.0.2.7", "192.0.2.8"} {
				conn, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Fatal(err)
				}
				from := &net.TCPAddr{IP: net.ParseIP(addr), Port: 1234}
				proxyproto.HeaderProxyFromAddrs(2, from, from).WriteTo(conn)
				k := greet(t, conn)
				k.do("EHLO mail.example.com", "250")
				k.do("MAIL FROM:<a@example.org>", "250")
				// The relay accepts mail for this domain; Postfix does not.
				k.do("RCPT TO:<b@example.com>", "454 4.7.1 <b@example.com>: Relay access denied")
				k.do("RCPT TO:<b@example.net>", "250")
				if reply := k.content(simple); !strings.HasPrefix(reply, "250 2.0.0 Ok: queued as ") {
					t.Errorf("reply = %q", reply)
				}
				peertest.WaitFor(t, "Postfix to hand on the mail of "+addr, func() bool {
					return lastAccepted(t, s, "(unknown ["+addr+"])") != ""
				})
				if want := "from mail.example.com (unknown [" + addr + "])"; pass == "xclient" && lastAccepted(t, s, want) == "" {
					t.Errorf("no trace field with %q in %q", want, s.got())
				}
			}
		})
	}
}
