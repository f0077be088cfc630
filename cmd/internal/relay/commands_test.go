package relay

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/sasl"
)

// words are the keywords of an EHLO reply.
func words(reply string) []string {
	var out []string
	for _, l := range strings.Split(strings.TrimSuffix(reply, "\n"), "\n")[1:] {
		out = append(out, l[4:])
	}
	return out
}

// TestKeywords checks that what we do ourselves is always offered, and what needs the next hop only
// when it offers it.
func TestKeywords(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	always := []string{"PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"}
	for _, tt := range []struct {
		name      string
		hop       []string
		hopTLS    bool
		clientTLS bool
		want      []string
	}{
		{"bare next hop", nil, false, false, []string{"STARTTLS"}},
		{"rich next hop", []string{"SMTPUTF8", "DSN", "REQUIRETLS", "XCLIENT NAME", "SIZE 10"}, false, false, []string{"STARTTLS", "SMTPUTF8", "DSN"}},
		{"REQUIRETLS needs TLS on both sides", []string{"REQUIRETLS"}, true, true, []string{"REQUIRETLS"}},
		{"no TLS to the client", []string{"REQUIRETLS"}, true, false, []string{"STARTTLS"}},
		{"no TLS to the next hop", []string{"REQUIRETLS"}, false, true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scriptedHop{words: tt.hop}
			opts := Options{Trusted: loopback, TLS: ca.server(t, "relay.example.org")}
			if tt.hopTLS {
				s.words = append(s.words, "STARTTLS")
				s.tls = ca.server(t, "localhost")
				opts.Hop = nexthop.Options{Policy: nexthop.TLSVerify, TLS: &tls.Config{RootCAs: ca.pool()}}
			}
			s.start(t)
			_, port, _ := net.SplitHostPort(s.address())
			opts.NextHop = []string{"localhost:" + port}
			r := startRelay(t, opts)
			k := dial(t, r.addr)
			reply := k.do("EHLO c", "250")
			if tt.clientTLS {
				reply = startTLS(k, ca.client("relay.example.org"))
			}
			got, want := words(reply), append(slices.Clone(always), tt.want...)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("EHLO = %q, want %q", got, want)
			}
		})
	}
}

// TestCommands is one dialogue after another: ">" lines are sent, others are how the replies begin.
func TestCommands(t *testing.T) {
	t.Parallel()
	for name, dialogue := range map[string][]string{
		"order": {
			">MAIL FROM:<a@example.org>", "503", ">RCPT TO:<b@example.net>", "503", ">DATA", "503", ">BDAT 2", ">xx503",
		},
		"nested MAIL": {">EHLO c", "250", ">MAIL FROM:<a@example.org>", "250", ">MAIL FROM:<b@example.org>", "503"},
		"no recipients": {
			">EHLO c", "250", ">MAIL FROM:<a@example.org>", "250", ">DATA", "554 5.5.1", ">BDAT 2", ">xx503", ">RCPT TO:<>", "501", ">RCPT TO:<b@example.net>", "250", ">DATA now", "501", ">DATA", "354",
		},
		"EHLO forgets": {">EHLO c", "250", ">MAIL FROM:<a@example.org>", "250", ">EHLO d", "250", ">MAIL FROM:<a@example.org>", "250"},
		"words": {
			">ehlo c", "250", ">Mail From:<a@example.org>", "250", ">rcpt to:<b@example.net>", "250", ">rset", "250", ">noop x", "250", ">vrfy a", "252", ">help", "500", ">EXPN a", "500", ">", "500", ">quit", "221",
		},
		"space after the colon": {">EHLO c", "250", ">MAIL FROM: <a@example.org>", "250"},
		"space at the end":      {">EHLO c ", "250", ">MAIL FROM:<a@example.org>  ", "250", ">RCPT TO:<b@example.net> ", "250", ">DATA  ", "354"},
		"our name":              {">EHLO c", "250-relay.example.org\n", ">HELO c", "250 relay.example.org\n"},
		"null sender":           {">EHLO c", "250", ">MAIL FROM:<>", "250"},
		"postmaster":            {">EHLO c", "250", ">MAIL FROM:<a@example.org>", "250", ">RCPT TO:<Postmaster>", "250"},
		"paths": {
			">EHLO c", "250", ">MAIL FROM:a@example.org", "501", ">MAIL FROM:<a@example.org", "501", ">MAIL FROM:<a>", "501", ">MAIL FROM:<a b@example.org>", "501",
			`>MAIL FROM:<"a>b"@example.org>`, "250", ">RSET", "250", ">MAIL FROM:<@x.org,@y.org:a@example.org>", "250", ">RSET", "250",
			">MAIL FROM:<a@example.org>X", "501", ">MAIL FROM:<a@[192.0.2.1]>", "250", ">RCPT TO:<b@ex\x01ample.net>", "501", ">RCPT TO:<" + strings.Repeat("x", 400) + "@example.net>", "501",
		},
		"parameters": {
			">EHLO c", "250", ">MAIL FROM:<a@example.org> SIZE=x", "501", ">MAIL FROM:<a@example.org> SIZE=+1", "501", ">MAIL FROM:<a@example.org> SIZE=99999999999", "552", ">MAIL FROM:<a@example.org> BODY=BINARYMIME", "555",
			">MAIL FROM:<a@example.org> SMTPUTF8", "555", ">MAIL FROM:<a@example.org> RET=HDRS", "555", ">MAIL FROM:<a@example.org> REQUIRETLS", "555", ">MAIL FROM:<a@example.org> X=Y", "555",
			">MAIL FROM:<ä@example.org>", "550 5.6.7", ">MAIL FROM:<a@example.org> AUTH=<> SIZE=100 BODY=7BIT", "250", ">RCPT TO:<b@example.net> NOTIFY=NEVER", "555", ">RCPT TO:<ü@example.net>", "553",
		},
		"HELO":             {">HELO", "501", ">HELO c", "250", ">MAIL FROM:<a@example.org> SIZE=1", "555", ">MAIL FROM:<a@example.org>", "250"},
		"LHLO is for LMTP": {">LHLO c", "500"},
		"no TLS, no AUTH":  {">EHLO c", "250", ">STARTTLS", "500", ">AUTH PLAIN", "500"},
		"too many errors":  append(slices.Repeat([]string{">X", "500"}, 19), ">X", "421"),
		"BDAT": {
			">EHLO c", "250", ">MAIL FROM:<a@example.org>", "250", ">RCPT TO:<b@example.net>", "250", ">BDAT 6", ">From: 250 2.0.0 6 octets", ">DATA", "503", ">RCPT TO:<c@example.net>", "503", ">BDAT x", "501",
		},
		"BDAT with a sign": {">EHLO c", "250", ">MAIL FROM:<a@example.org>", "250", ">RCPT TO:<b@example.net>", "250", ">BDAT +6 LAST", "501"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := (&scriptedHop{}).start(t) // go-smtp knows no <postmaster>
			r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
			k := dial(t, r.addr)
			chunk := 0
			for _, l := range dialogue {
				switch {
				case chunk > 0:
					k.write(l[1 : 1+chunk])
					k.want(l[1+chunk:])
					chunk = 0
				case l[:1] == ">":
					k.write(l[1:] + "\r\n")
					chunk, _ = map[string]int{">BDAT 2": 2, ">BDAT 6": 6}[l]
				default:
					k.want(l)
				}
			}
		})
	}
}

// TestHandsOnParameters checks that what needs the next hop goes there as it came.
func TestHandsOnParameters(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{words: []string{"SMTPUTF8", "DSN", "8BITMIME"}}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<jörg@example.org> SMTPUTF8 RET=HDRS ENVID=QQ+3D1 BODY=8BITMIME SIZE=12", "250")
	k.do("RCPT TO:<ü@example.net> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;x", "250")
	if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
		t.Fatalf("reply = %q", reply)
	}
	got := s.got()[0]
	if want := "MAIL FROM:<jörg@example.org> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+3D1"; got.mail != want {
		t.Errorf("MAIL = %q, want %q", got.mail, want)
	}
	if want := "RCPT TO:<ü@example.net> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;x"; got.rcpts[0] != want {
		t.Errorf("RCPT = %q, want %q", got.rcpts[0], want)
	}
	if !strings.Contains(got.data, "with UTF8SMTP id") {
		t.Errorf("trace field = %q", got.data)
	}
}

// TestNeedsHop checks a message that needs an extension which only the second next hop has.
func TestNeedsHop(t *testing.T) {
	t.Parallel()
	rich := (&scriptedHop{words: []string{"DSN"}}).start(t)
	poor := startSink(t)
	r := startRelay(t, Options{NextHop: []string{rich.address(), poor.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	if reply := k.do("EHLO c", "250"); !strings.Contains(reply, "DSN") {
		t.Fatalf("EHLO = %q", reply)
	}
	rich.stop()
	k.do("MAIL FROM:<a@example.org> RET=FULL", "451")
	k.do("MAIL FROM:<a@example.org>", "250")
}

// TestRequireTLS checks that a message with REQUIRETLS does not go to another next hop that offers
// the word but no TLS (RFC 8689, Section 4.2.1).
func TestRequireTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", ca.server(t, "localhost"))
	if err != nil {
		t.Fatal(err)
	}
	secure := &scriptedHop{words: []string{"REQUIRETLS"}}
	secure.serve(t, l)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	bare := (&scriptedHop{words: []string{"REQUIRETLS"}}).start(t)
	r := startRelay(t, Options{
		NextHop: []string{"tls:localhost:" + port, bare.address()}, Trusted: loopback, TLS: ca.server(t, "relay.example.org"),
		Hop: nexthop.Options{TLS: &tls.Config{RootCAs: ca.pool()}},
	})
	k := dial(t, r.addr)
	if reply := startTLS(k, ca.client("relay.example.org")); !strings.Contains(reply, "REQUIRETLS") {
		t.Fatalf("EHLO = %q", reply)
	}
	k.do("MAIL FROM:<a@example.org> REQUIRETLS", "250")
	// The word is in the reply to EHLO, and in no other.
	k.do("RSET", "250 ")
	if got := secure.commands("MAIL"); len(got) != 1 || got[0] != "MAIL FROM:<a@example.org> REQUIRETLS" {
		t.Errorf("the next hop saw %q", got)
	}
	secure.stop()
	k.do("MAIL FROM:<a@example.org> REQUIRETLS", "451")
	if got := bare.commands("MAIL"); len(got) != 0 {
		t.Errorf("the next hop without TLS saw %q", got)
	}
	k.do("MAIL FROM:<a@example.org>", "250")
}

// TestInboundIsNoOpenRelay checks that strangers can reach only the domains listed.
func TestInboundIsNoOpenRelay(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{}).start(t) // go-smtp knows no <postmaster>
	if _, err := New(Options{Inbound: true, NextHop: []string{s.address()}}); err == nil {
		t.Error("New accepts an inbound relay without recipients")
	}
	r := startRelay(t, Options{Inbound: true, Recipients: []string{"Example.net", "*.example.org", "bücher.example"}, NextHop: []string{s.address()}})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<a@example.com>", "250")
	for rcpt, want := range map[string]string{
		"a@example.net": "250", "a@EXAMPLE.NET": "250", "a@example.net.": "250", "a@x.example.org": "250", "a@y.x.example.org": "250", "a@xn--bcher-kva.example": "250", "postmaster": "250",
		"a@example.org": "550 5.7.1", "a@notexample.net": "550", "a@example.net.evil.test": "550", "a@[127.0.0.1]": "550", `"a@example.net"@evil.test`: "550",
		"@example.net:a@evil.test": "550", "a%evil.test@example.net": "550 5.7.1", "evil.test!a@example.net": "550", `"a@evil.test"@example.net`: "550", `"a\@evil.test"@example.net`: "550",
	} {
		k.do("RCPT TO:<"+rcpt+">", want)
	}
}

func TestSubmissionNeedsLogin(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := (&scriptedHop{}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, TLS: ca.server(t, "relay.example.org")})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<a@example.org>", "530 5.7.0 Must issue a STARTTLS command first")
	startTLS(k, ca.client("relay.example.org"))
	k.do("MAIL FROM:<a@example.org>", "530 5.7.0 Authentication required")
	if n := len(s.commands("MAIL")); n != 0 {
		t.Errorf("the next hop saw %d MAIL", n)
	}
}

// TestNotInTransaction checks that neither TLS nor a login begins in the middle of a mail (RFC
// 3207, 4; RFC 4954, 4).
func TestNotInTransaction(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := startRelay(t, Options{
		Trusted: loopback, TLS: ca.server(t, "relay.example.org"),
		Auth: sasl.Options{Users: users(t, map[string]string{"alice": "secret"})},
	})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	k.do("STARTTLS", "503")
	k.do("RSET", "250")
	startTLS(k, ca.client("relay.example.org"))
	k.envelope("b@example.net")
	k.do(plain("alice", "secret"), "503")
	k.do("RSET", "250")
	k.do(plain("alice", "secret"), "235")
}

// TestSTARTTLSForgets checks RFC 3207, Section 4.2 and the injection of Section 6.
func TestSTARTTLSForgets(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	r := startRelay(t, Options{Trusted: loopback, TLS: ca.server(t, "relay.example.org")})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("STARTTLS x", "501")
	k.do("STARTTLS", "220")
	k.secure(ca.client("relay.example.org"))
	k.do("MAIL FROM:<a@example.org>", "503")
	k.do("STARTTLS", "503")
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	k.content(simple)
	if got := r.hop.got(); !strings.Contains(got[0].data, "with ESMTPS id") || !strings.Contains(got[0].data, "(TLS 1.3 ") {
		t.Errorf("trace field = %q", got[0].data)
	}
	k = dial(t, r.addr)
	k.write("EHLO c\r\nSTARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")
	k.want("250")
	k.want("554")
	k.wantEOF()
}

func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	if _, err := New(Options{Implicit: true, NextHop: []string{"unix:none"}}); err == nil {
		t.Error("New accepts implicit TLS without a certificate")
	}
	r := startRelay(t, Options{Trusted: loopback, TLS: ca.server(t, "relay.example.org"), Implicit: true})
	conn, err := tls.Dial("tcp", r.addr, ca.client("relay.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	k := greet(t, conn)
	if reply := k.do("EHLO c", "250"); strings.Contains(reply, "STARTTLS") {
		t.Errorf("EHLO = %q", reply)
	}
	k.do("STARTTLS", "500")
	k.envelope("b@example.net")
	if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply = %q", reply)
	}
}
