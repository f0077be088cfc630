package relay

import (
	"crypto/tls"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup"
	"dnseal/lookup/dane"
)

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestLogin is a camera that knows AUTH LOGIN alone, over the same users file as PLAIN.
func TestLogin(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := submission(t, ca, sasl.Options{Users: users(t, map[string]string{"camera": "säsam"}), MaxFailures: 100})
	conf := ca.client("relay.example.org")
	conf.MaxVersion = tls.VersionTLS12 // which is all that it speaks
	login := func(dialogue ...string) {
		t.Helper()
		k := dial(t, r.addr)
		defer k.conn.Close()
		startTLS(k, conf)
		for i := 0; i < len(dialogue); i += 2 {
			k.do(dialogue[i], dialogue[i+1])
		}
	}
	const name, password = "334 VXNlcm5hbWU6\n", "334 UGFzc3dvcmQ6\n"
	login("AUTH LOGIN", name, encode("camera"), password, encode("säsam"), "235", "AUTH LOGIN", "503")
	login("auth login "+encode("camera"), password, encode("säsam"), "235")
	login("AUTH LOGIN "+encode("camera"), password, encode("wrong"), "535 5.7.8 Authentication failed\n", "AUTH LOGIN", name, encode("camera"), password, encode("säsam"), "235")
	login("AUTH LOGIN", name, encode("nobody"), password, encode("säsam"), "535 5.7.8 Authentication failed\n")
	login("AUTH LOGIN", name, "!", "501", "AUTH LOGIN =", "501", "AUTH LOGIN", name, "*", "501", "AUTH LOGIN", name, encode("camera"), password, "*", "501")
	login("AUTH LOGIN", name, encode("camera"), password, "", "501", "AUTH LOGIN", name, encode("camera\xff"), "501", "AUTH LOGIN "+encode(strings.Repeat("x", 1025)), "501")
	login("AUTH PLAIN", "334 \n", strings.TrimPrefix(plain("camera", "säsam"), "AUTH PLAIN "), "235")
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("AUTH LOGIN", "530")
}

// TestExternalTLS12 lets a device in that has no TLS 1.3, where the listener says so, and never
// without the key of its certificate.
func TestExternalTLS12(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	const device = "s5._device.example.net"
	cert := ca.issue(t, device)
	r := submission(t, ca, sasl.Options{
		Clients: []string{device}, TLS12: true, Lookup: &resolver{table: map[string]lookup.Result{device + ".": present(record(dane.DANEEE, cert.Leaf))}},
	})
	conf := ca.client("relay.example.org", cert)
	conf.MaxVersion = tls.VersionTLS12
	k := dial(t, r.addr)
	if words := startTLS(k, conf); !strings.Contains(words, "AUTH EXTERNAL\n") {
		t.Errorf("EHLO = %q, want AUTH EXTERNAL", words)
	}
	k.do(external(device), "235")
	thief := tls.Certificate{Certificate: cert.Certificate, PrivateKey: ca.issue(t, device).PrivateKey}
	conf = ca.client("relay.example.org", thief)
	conf.MaxVersion = tls.VersionTLS12
	k = dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("STARTTLS", "220")
	if err := tls.Client(k.conn, conf).Handshake(); err == nil {
		t.Error("a certificate without its key is accepted")
	}
	if log := r.log.String(); strings.Contains(log, "reason=tls-version") {
		t.Errorf("log:\n%s", log)
	}
}

var elsewhere = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}

// TestUnbracketedAddresses takes an address without brackets from a trusted client of a listener
// that says so, and from no other.
func TestUnbracketedAddresses(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, UnbracketedAddresses: true})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM: raid@example.org SIZE=100", "250")
	k.do("RCPT TO:ops@example.net", "250")
	k.do("RCPT TO: <b@example.net>", "250")
	if got := k.content(simple); !strings.HasPrefix(got, "250") {
		t.Fatalf("reply = %q", got)
	}
	if m := r.hop.got()[0]; m.mail != "MAIL FROM:<raid@example.org>" || strings.Join(m.rcpts, " ") != "RCPT TO:<ops@example.net> RCPT TO:<b@example.net>" {
		t.Errorf("next hop gets %q, %q", m.mail, m.rcpts)
	}
	for _, arg := range []string{"", " ", "a@b>", "a@b <c@d>", "<a@b", `"a b"@c`, `"a"@c`, "a b@c", "@x:a@b", "a", "a@b\t", "a@b,c@d", "a@b\x00", "a@b SIZE=", ">", "a@<b>"} {
		k.do("MAIL FROM:"+arg, "5")
	}
	for name, opts := range map[string]Options{
		"not said": {Trusted: loopback}, "inbound": {Inbound: true, Recipients: []string{"example.org"}, UnbracketedAddresses: true},
	} {
		k := dial(t, startRelay(t, opts).addr)
		k.do("EHLO c", "250")
		k.write("MAIL FROM:a@example.org\r\n")
		if got := k.reply(); !strings.HasPrefix(got, "501") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestNormalizeNewlines takes the mail of a device that ends lines by LF, and sends CRLF on; a
// login alone gives no right to that.
func TestNormalizeNewlines(t *testing.T) {
	t.Parallel()
	const bare = "From: a@example.org\nTo: b@example.net\nSubject: t\nDate: Tue, 24 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.org>\n\n.\n..\n.x\n.\r\nHello\n"
	r := startRelay(t, Options{Trusted: loopback, NormalizeNewlines: true})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	if got := k.content(bare + "\r\n"); !strings.HasPrefix(got, "250") {
		t.Fatalf("reply = %q", got)
	}
	want := strings.Replace(simple, "Hello\r\n", ".\r\n.\r\nx\r\n.\r\nHello\r\n\r\n", 1)
	if got := r.hop.got()[0].data; !strings.HasSuffix(got, want) || strings.Count(got, "\n") != strings.Count(got, "\r\n") {
		t.Errorf("next hop gets %q, want %q", got, want)
	}
	k.envelope("b@example.net")
	if got := k.content("Subject: t\r\n\r\na\rb\n\r\n"); !strings.HasPrefix(got, "550 5.6.0") {
		t.Errorf("bare CR: %q", got)
	}
	k.envelope("b@example.net")
	k.do("BDAT 6 LAST\r\na: b\n\n", "550 5.6.0")
	ca := newAuthority(t)
	r = startRelay(t, Options{
		Trusted: elsewhere, NormalizeNewlines: true, UnbracketedAddresses: true, TLS: ca.server(t, "relay.example.org"), Auth: sasl.Options{Users: users(t, map[string]string{"alice": "p"})},
	})
	k = dial(t, r.addr)
	startTLS(k, ca.client("relay.example.org"))
	k.do(plain("alice", "p"), "235")
	k.do("MAIL FROM:a@example.org", "501")
	k.envelope("b@example.net")
	if got := k.content(bare + "\r\n"); !strings.HasPrefix(got, "550 5.6.0") {
		t.Errorf("not trusted: %q", got)
	}
}

// TestTLSAtOnce names the cause in the log, once for many.
func TestTLSAtOnce(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := startRelay(t, Options{TLS: ca.server(t, "relay.example.org"), Trusted: loopback})
	for range 3 {
		k := dial(t, r.addr)
		if err := tls.Client(k.conn, ca.client("relay.example.org")).Handshake(); err == nil {
			t.Fatal("a handshake in clear")
		}
		k.conn.Close()
	}
	if log := r.log.String(); strings.Count(log, "reason=tls-hello") != 1 || !strings.Contains(log, `tls = \"implicit\"`) && !strings.Contains(log, "implicit") {
		t.Errorf("log:\n%s", log)
	}
}
