package relay

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/pires/go-proxyproto"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup/lookuptest/peertest"
)

// passwordSession is one of a next hop by go-smtp that takes mail only from one user.
type passwordSession struct {
	*sinkSession
	known bool
}

func (*passwordSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *passwordSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "box7" || password != "sesame" {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *passwordSession) Mail(from string, o *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	return s.sinkSession.Mail(from, o)
}

// startPasswordSink returns its address by the name in its certificate, and its mailbox.
func startPasswordSink(t *testing.T, conf *tls.Config) (string, *inbox) {
	t.Helper()
	l := listen(t)
	box := &inbox{listener: l}
	keep := func(m accepted) error { box.add(m); return nil }
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &passwordSession{sinkSession: &sinkSession{keep: keep}}, nil
	}))
	srv.TLSConfig = conf
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); l.Close(); <-done })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port, box
}

// TestHopLogin logs in at a go-smtp over TLS. What is refused there is 451 here, with an error in
// the log, and no reply or line of the log has the password.
func TestHopLogin(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	addr, box := startPasswordSink(t, ca.server(t, "localhost"))
	for name, tt := range map[string]struct {
		user, password, reply, log string
	}{
		"right":   {"box7", "sesame", "250", ""},
		"wrong":   {"box7", "sesame?", "451 4.4.1", "level=ERROR msg=\"relay: next hop\""},
		"another": {"box8", "sesame", "451 4.4.1", "answers AUTH PLAIN as box8 with 535"},
	} {
		hop := nexthop.Options{Policy: nexthop.TLSVerify, TLS: &tls.Config{RootCAs: ca.pool()}, User: tt.user, Password: nexthop.Secret(tt.password)}
		r := startRelay(t, Options{NextHop: []string{addr}, Trusted: loopback, Hop: hop})
		for range 2 { // the second time over the connection that is there
			if reply := send(t, r.addr); !strings.HasPrefix(reply, tt.reply) {
				t.Errorf("%s: reply = %q, want %s", name, reply, tt.reply)
			}
		}
		log := r.log.String()
		if !strings.Contains(log, tt.log) || strings.Contains(log, "sesame") || strings.Contains(log, base64.StdEncoding.EncodeToString([]byte("\x00box7\x00sesame"))[:12]) {
			t.Errorf("%s: log %s", name, log)
		}
	}
	if n := len(box.got()); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

// TestHopLoginDialogue: which mechanism is taken, what goes over the wire, and what a next hop can
// answer.
func TestHopLoginDialogue(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	plain := "AUTH PLAIN " + b64("\x00box7\x00sesame")
	for name, tt := range map[string]struct {
		words  string
		answer map[string]string
		want   []string // lines of the login
		reply  string
		log    string
	}{
		"plain first":     {"AUTH LOGIN PLAIN", map[string]string{plain: "235 2.7.0 ok"}, []string{plain}, "250", ""},
		"lower case":      {"auth plain", map[string]string{plain: "235 2.7.0 ok"}, []string{plain}, "250", ""},
		"login":           {"AUTH LOGIN CRAM-MD5", map[string]string{"AUTH LOGIN": "334 VXNlcm5hbWU6", b64("box7"): "334 UGFzc3dvcmQ6", b64("sesame"): "235 2.7.0 ok"}, []string{"AUTH LOGIN", b64("box7"), b64("sesame")}, "250", ""},
		"refused at user": {"AUTH LOGIN", map[string]string{"AUTH LOGIN": "334 VXNlcm5hbWU6", b64("box7"): "535 5.7.8 no"}, []string{"AUTH LOGIN", b64("box7")}, "451 4.4.1", "level=ERROR"},
		"for a moment":    {"AUTH PLAIN", map[string]string{plain: "454 4.7.0 later"}, []string{plain}, "451 4.4.1", "level=WARN"},
		"asks for more":   {"AUTH PLAIN", map[string]string{plain: "334 more"}, []string{plain}, "451 4.4.1", "asks for more at AUTH PLAIN as box7"},
		"hangs up":        {"AUTH PLAIN", map[string]string{plain: "close"}, []string{plain}, "451 4.4.1", "level=WARN"},
		"another only":    {"AUTH CRAM-MD5", nil, nil, "451 4.4.1", "offers neither AUTH PLAIN nor LOGIN"},
		"none":            {"X", nil, nil, "451 4.4.1", "offers neither AUTH PLAIN nor LOGIN"},
		"wants more":      {"AUTH PLAIN", map[string]string{plain: "235 2.7.0 ok", "MAIL FROM:<a@example.org>": "530 5.7.0 STARTTLS first"}, []string{plain}, "451 4.4.1", "answers MAIL with 530 5.7.0 STARTTLS first"},
	} {
		s := (&scriptedHop{words: []string{tt.words}, answer: func(line string) string { return tt.answer[line] }}).start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, Hop: nexthop.Options{User: "box7", Password: "sesame"}})
		if reply := send(t, r.addr); !strings.HasPrefix(reply, tt.reply) {
			t.Errorf("%s: reply = %q, want %s", name, reply, tt.reply)
		}
		var got []string
		for _, line := range s.commands("") {
			if verb, _, _ := strings.Cut(line, " "); verb == "AUTH" || strings.HasPrefix(line, b64("box7")[:4]) || strings.HasPrefix(line, b64("sesame")[:4]) {
				got = append(got, line)
			}
		}
		// EHLO asks what the next hop offers, and MAIL asks it again where that failed.
		if fmt.Sprint(got[:min(len(got), len(tt.want))]) != fmt.Sprint(tt.want) {
			t.Errorf("%s: the next hop got %q, want %q", name, got, tt.want)
		}
		if log := r.log.String(); !strings.Contains(log, tt.log) || strings.Contains(log, "sesame") || strings.Contains(log, b64("sesame")) || strings.Contains(log, plain) {
			t.Errorf("%s: log %s", name, log)
		}
	}
}

// TestHopLoginInClear: without TLS no password goes to another machine, unless that is asked for.
func TestHopLoginInClear(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{words: []string{"AUTH PLAIN"}, answer: at("AUTH PLAIN AGJveDcAc2VzYW1l", "235 2.7.0 ok")}).start(t)
	for _, clear := range []bool{false, true} {
		hop := nexthop.Options{Policy: nexthop.TLSNone, User: "box7", Password: "sesame", ClearLogin: clear, Dial: (&net.Dialer{}).DialContext}
		// A name of this machine that is not known to be of it.
		_, port, _ := net.SplitHostPort(s.address())
		r := startRelay(t, Options{NextHop: []string{"0.0.0.0:" + port}, Trusted: loopback, Hop: hop})
		reply := send(t, r.addr)
		if sent := len(s.commands("AUTH")) > 0; sent != clear || strings.HasPrefix(reply, "250") != clear {
			t.Errorf("clear %v: %q, %q", clear, reply, s.commands("AUTH"))
		}
	}
}

// TestHopLoginPostfix logs in at a Postfix that asks Dovecot, also where it is told another client
// by XCLIENT after each message, which makes it forget the login.
func TestHopLoginPostfix(t *testing.T) {
	t.Parallel()
	socket := startDovecot(t) + "/run/auth-relay"
	sink := startSink(t)
	addr := peertest.Postfix(t, peertest.ShortDir(t), sink.address(), "smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot", "smtpd_sasl_path = "+socket,
		"smtpd_recipient_restrictions = permit_sasl_authenticated, reject", "smtpd_relay_restrictions = permit_sasl_authenticated, reject", "smtpd_authorized_xclient_hosts = 127.0.0.0/8")
	sent := 0
	for _, pass := range []string{"", "xclient"} {
		for _, password := range []nexthop.Secret{"wrong", "secret"} {
			r := startRelay(t, Options{
				NextHop: []string{addr}, Inbound: true, Recipients: []string{"example.net"}, Proxies: loopback,
				Hop: nexthop.Options{Pass: pass, User: "relay@example.org", Password: password},
			})
			for i := range 3 {
				conn, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Fatal(err)
				}
				from := &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(i+1)), Port: 1234}
				proxyproto.HeaderProxyFromAddrs(2, from, from).WriteTo(conn)
				k := greet(t, conn)
				k.do("EHLO client.example", "250")
				if password == "wrong" {
					k.do("MAIL FROM:<a@example.org>", "451 4.4.1")
					continue
				}
				k.envelope("b@example.net")
				if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
					t.Errorf("%q: %q", pass, reply)
				}
				sent++
			}
			if log := r.log.String(); strings.Contains(log, "level=ERROR") != (password == "wrong") {
				t.Errorf("%s", log)
			}
		}
	}
	peertest.WaitFor(t, "the messages", func() bool { return len(sink.got()) == sent })
}
