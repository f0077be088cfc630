package check

import (
	"bufio"
	"encoding/base64"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"dnseal/cmd/internal/cli"
)

// loginHop answers as a next hop that relays for whoever logs in as box7 with the password sesame.
func loginHop(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { defer c.Close(); answerLogin(c) })
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return l.Addr().String()
}

func answerLogin(c net.Conn) {
	right := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00box7\x00sesame"))
	say := func(s string) { _, _ = c.Write([]byte(s + "\r\n")) }
	say("220 hop.example ESMTP")
	known := false
	for in := bufio.NewScanner(c); in.Scan(); {
		switch line := in.Text(); {
		case strings.HasPrefix(line, "EHLO "):
			say("250-hop.example\r\n250 AUTH PLAIN")
		case line == right:
			known = true
			say("235 2.7.0 Welcome")
		case strings.HasPrefix(line, "AUTH "):
			say("535 5.7.8 Not known here")
		case strings.HasPrefix(line, "RCPT ") && !known:
			say("554 5.7.1 Relay access denied")
		default:
			say("250 2.0.0 Ok")
		}
	}
}

// TestCheckHopLogin: check logs in, says when that is refused, and takes a next hop that relays for
// its users for no open relay. It says what becomes of the classes that cannot be quarantined.
func TestCheckHopLogin(t *testing.T) {
	t.Parallel()
	addr := loginHop(t)
	const relay = `
[on]
bogus = "quarantine"
bad-signature = "quarantine"

[[relay]]
role = "inbound"
listen = "unix:DIR/relay"
recipients = ["example.org"]
quarantine-as = "reject"
`
	const login = "next-hop-user = \"box7\"\nnext-hop-password-file = \"DIR/password\"\n"
	for _, tt := range []struct {
		name, login, password string
		status                cli.Exit
		want                  string
	}{
		{"logs in", login, "sesame", 0, "lets us in as box7; it accepts mail for other domains (250 2.0.0 Ok) from whoever is logged in, as we are"},
		{"refused", login, "sesam", 1, "answers AUTH PLAIN as box7 with 535 5.7.8 Not known here; are next-hop-user and next-hop-password-file what it knows?"},
		{"no login", "", "", 0, "it refuses mail of unknown clients for other domains: 554"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			must(t, os.WriteFile(w.Path("password"), []byte(tt.password+"\n"), 0o600))
			w.Config(relay + "next-hop = [\"" + addr + "\"]\n" + tt.login)
			out, status := w.checked(t)
			if status != tt.status || !strings.Contains(out, tt.want) || strings.Contains(out, "open relay") {
				t.Errorf("status %d, want %d with %q:\n%s", status, tt.status, tt.want, out)
			}
			if want := "in place of quarantine, reject: bad-signature, bogus\n"; !strings.Contains(out, want) {
				t.Errorf("no %q:\n%s", want, out)
			}
			if tt.password != "" && strings.Contains(out, tt.password) {
				t.Errorf("the password is in it:\n%s", out)
			}
		})
	}
}
