//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/smime/message"
)

// postfix is a Postfix of its own: folder, queue and port.
type postfix struct {
	dir, addr string
}

// postfixServices are the lines of master.cf beside smtpd.
const postfixServices = `
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n -   1 tlsmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n -   0 flush
proxymap  unix  - - n -   - proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
`

// startPostfix runs a Postfix that hands everything on to next, with milters in their order.
func startPostfix(tb testing.TB, next string, milters []string, settings ...string) *postfix {
	tb.Helper()
	program := peertest.Program(tb, "postfix")
	peertest.NeedRoot(tb, "only root can start Postfix")
	p := &postfix{dir: shortDir(tb), addr: peertest.FreeAddr(tb)}
	host, port, _ := net.SplitHostPort(next)
	for _, d := range []string{"etc", "spool", "data", "log"} {
		if err := os.MkdirAll(filepath.Join(p.dir, d), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.CommandContext(tb.Context(), "chown", "postfix", p.dir+"/data").CombinedOutput(); err != nil {
		tb.Fatalf("chown: %v %s", err, out)
	}
	main := fmt.Sprintf(`compatibility_level = 3.6
maillog_file = %[1]s/log/mail.log
maillog_file_prefixes = %[1]s
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = hop.example
mydestination =
local_transport = error:no local delivery
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtpd_recipient_restrictions = permit_mynetworks, reject
relayhost = [%[2]s]:%[3]s
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
message_size_limit = 60000000
smtpd_milters = %[4]s
milter_protocol = 6
milter_default_action = tempfail
%[5]s
`, p.dir, host, port, strings.Join(milters, ", "), strings.Join(settings, "\n"))
	peertest.WriteFile(tb, p.dir+"/etc/main.cf", main)
	peertest.WriteFile(tb, p.dir+"/etc/master.cf", p.addr+" inet n - n - - smtpd"+postfixServices)
	if out, err := p.control(program, "start").CombinedOutput(); err != nil {
		tb.Fatalf("postfix start: %v\n%s%s", err, out, p.log())
	}
	tb.Cleanup(func() {
		if out, err := p.control(program, "stop").CombinedOutput(); err != nil {
			tb.Errorf("postfix stop: %v\n%s", err, out)
		}
		if tb.Failed() {
			tb.Logf("log of Postfix:\n%s", p.log())
		}
	})
	peertest.WaitFor(tb, "Postfix to listen", func() bool {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return p
}

// control makes a postfix command. It outlives the test's context: Postfix must be stopped after
// it.
func (p *postfix) control(program, verb string) *exec.Cmd {
	return exec.CommandContext(context.Background(), program, "-c", p.dir+"/etc", verb)
}

// log returns the end of the log.
func (p *postfix) log() string {
	b, _ := os.ReadFile(p.dir + "/log/mail.log")
	return string(b[max(0, len(b)-6000):])
}

// TestPostfix shows what Postfix answers to each outcome, and what it delivers, byte by byte.
func TestPostfix(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(byOrder)})
	openToAll(t, srv.path)
	out := newSink(t, "8BITMIME", "PIPELINING")
	p := startPostfix(t, out.addr, []string{"unix:" + srv.path})
	head := "From: alice@example.org\r\nTo: bob@example.net\r\nMessage-ID: <1@example.org>\r\nDate: Wed, 25 Nov 2026 00:00:00 +0000\r\n"
	for _, test := range []struct{ subject, reply, want string }{
		{"accept me", "250 2.0.0 Ok", head + "Subject: accept me\r\nX-Long: a\r\n\tb\r\n  c\r\n\r\nbody\r\n.dot\r\n"},
		{"change me", "250 2.0.0 Ok", "X-Seen: yes\r\n it was\r\n" + head + "Subject: change me\r\nX-Long: a\r\n\tb\r\n  c\r\n\r\nBODY\r\n.DOT\r\n"},
		{"delete me", "250 2.0.0 Ok", head + "X-Long: a\r\n\tb\r\n  c\r\n\r\nbody\r\n.dot\r\n"},
		{"reject me", "550 5.7.1 Message refused", ""},
		{"defer me", "451 4.7.1 Service unavailable - try again later", ""},
	} {
		raw := head + "Subject: " + test.subject + "\r\nX-Long: a\r\n\tb\r\n  c\r\n\r\nbody\r\n.dot\r\n"
		reply, err := submit(p.addr, "alice@example.org", []string{"bob@example.net"}, raw)
		if err != nil || !strings.HasPrefix(reply, test.reply) {
			t.Errorf("%s: Postfix answers %q, %v, want %q", test.subject, reply, err, test.reply)
			continue
		}
		if test.want == "" {
			continue
		}
		if got := withoutReceived(out.next(t).raw); got != test.want {
			t.Errorf("%s: delivered\n%q\nwant\n%q", test.subject, got, test.want)
		}
	}
	reply, err := submit(p.addr, "alice@example.org", []string{"bob@example.net"}, head+"Subject: quarantine me\r\n\r\nx\r\n")
	if err != nil || !strings.HasPrefix(reply, "250 ") {
		t.Errorf("quarantine: Postfix answers %q, %v", reply, err)
	}
	peertest.WaitFor(t, "the message in the hold queue", func() bool {
		held, _ := filepath.Glob(p.dir + "/spool/hold/*")
		return len(held) == 1
	})
}

// TestPostfixWaits has Postfix wait for a slow handler beyond its own limit, which each report of
// progress puts off. The limit is long enough for a busy machine to report in time.
func TestPostfixWaits(t *testing.T) {
	t.Parallel()
	slow := handle(func(ctx context.Context, _ *message.Message, _ *message.Envelope) *message.Outcome {
		select {
		case <-time.After(8 * time.Second):
			return &message.Outcome{Action: message.Accept}
		case <-ctx.Done():
			return nil
		}
	})
	for _, test := range []struct {
		pause time.Duration
		reply string
	}{{100 * time.Millisecond, "250 "}, {time.Hour, "451 "}} {
		t.Run(test.pause.String(), func(t *testing.T) {
			t.Parallel()
			srv := serve(t, Options{Handler: always(slow), Progress: test.pause})
			openToAll(t, srv.path)
			out := newSink(t)
			p := startPostfix(t, out.addr, []string{"unix:" + srv.path}, "milter_content_timeout = 5s")
			if reply, err := submit(p.addr, author, []string{recipient}, simple); err != nil || !strings.HasPrefix(reply, test.reply) {
				t.Errorf("Postfix answers %q, %v, want %q", reply, err, test.reply)
			}
		})
	}
}

// openToAll lets the users of the peers connect.
func openToAll(tb testing.TB, path string) {
	tb.Helper()
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := os.Chmod(p, 0o777); err != nil {
			tb.Fatal(err)
		}
	}
}

// withoutReceived removes what hops add on top.
func withoutReceived(raw string) string {
	var b strings.Builder
	skip := false
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if line[0] != ' ' && line[0] != '\t' {
			skip = strings.HasPrefix(line, "Received:")
		}
		if !skip {
			b.WriteString(line + "\r\n")
		}
	}
	return b.String() + "\r\n" + body
}
