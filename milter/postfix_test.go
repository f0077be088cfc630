//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"os"
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

// startPostfix runs a Postfix that hands everything on to next, with milters in their order.
func startPostfix(tb testing.TB, next string, milters []string, settings ...string) *postfix {
	tb.Helper()
	p := &postfix{dir: peertest.ShortDir(tb)}
	settings = append(settings, "myhostname = hop.example", "smtpd_milters = "+strings.Join(milters, ", "), "milter_protocol = 6", "milter_default_action = tempfail")
	p.addr = peertest.Postfix(tb, p.dir, next, settings...)
	return p
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
