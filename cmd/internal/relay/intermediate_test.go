package relay

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// nth answers the n-th line that begins with prefix.
func nth(n int64, prefix, answer string) func(string) string {
	var count atomic.Int64
	return func(line string) string {
		if strings.HasPrefix(line, prefix) && count.Add(1) == n {
			return answer
		}
		return ""
	}
}

// TestIntermediateReply lets the next hop send 354 where only DATA may have it (RFC 5321, Section
// 4.3.2). Each reply after it may belong to the command before, so the connection ends with it: the
// client hears 451, and the next message goes over a new connection.
func TestIntermediateReply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		n      int64
		line   string
		rcpts  []string
		want   string // the reply that ends the message
		opened int
	}{
		{"greeting", 1, "greeting", []string{"b@a"}, "250", 2},
		{"EHLO", 1, "EHLO", []string{"b@a"}, "250", 2},
		{"MAIL", 1, "MAIL", []string{"b@a"}, "250", 2},
		{"RCPT", 1, "RCPT", []string{"b@a"}, "451 4.4.2", 2},
		{"second RCPT", 2, "RCPT", []string{"b@a", "c@a", "d@a"}, "451 4.4.2", 2},
		{"end", 1, ".", []string{"b@a"}, "451 4.4.2", 2},
		{"RSET between forms", 1, "RSET", []string{"opaque@a", "bcc@a"}, "451 4.4.2", 2},
		{"MAIL of another form", 2, "MAIL", []string{"opaque@a", "bcc@a"}, "451 4.4.2", 2},
		{"RCPT of another form", 3, "RCPT", []string{"opaque@a", "bcc@a"}, "451 4.4.2", 2},
		{"never", 0, "", []string{"opaque@a", "b@a"}, "250", 1},
	} {
		for _, words := range [][]string{nil, {"PIPELINING"}} {
			t.Run(strings.Join(append(words, tt.name), " "), func(t *testing.T) {
				t.Parallel()
				s := (&scriptedHop{words: words, answer: nth(tt.n, tt.line, "354 go")}).start(t)
				r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, Handler: formsHandler})
				if reply := sendTo(t, r.addr, tt.rcpts...); !strings.HasPrefix(reply, tt.want) {
					t.Errorf("reply = %q, want %s", reply, tt.want)
				}
				if reply := sendTo(t, r.addr, "e@a"); !strings.HasPrefix(reply, "250") {
					t.Errorf("reply to the next message = %q", reply)
				}
				got := s.got()
				if last := got[len(got)-1].rcpts; len(last) != 1 || last[0] != "RCPT TO:<e@a>" {
					t.Errorf("the next message went to %q", last)
				}
				if s.opened != tt.opened {
					t.Errorf("%d connections, want %d", s.opened, tt.opened)
				}
			})
		}
	}
}

// sendTo hands in one message for several recipients and returns the reply that ended it: the first
// that is not 2xx, or that to the content.
func sendTo(t *testing.T, addr string, rcpts ...string) string {
	t.Helper()
	k := dial(t, addr)
	k.do("EHLO c", "250")
	end := ""
	lines := []string{"MAIL FROM:<a@example.org>"}
	for _, rcpt := range rcpts {
		lines = append(lines, "RCPT TO:<"+rcpt+">")
	}
	for _, line := range append(lines, "DATA") {
		k.write(line + "\r\n")
		r := k.reply()
		if line == "DATA" && r[0] == '3' {
			k.write(simple + ".\r\n")
			r = k.reply()
		}
		if r[0] != '2' && end == "" || line == "DATA" && end == "" {
			end = r
		}
	}
	k.do("QUIT", "221")
	k.wantEOF()
	return end
}

// TestIntermediateReplyAtRest lets the next hop answer the RSET that ends a transaction by 354.
func TestIntermediateReplyAtRest(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{answer: nth(1, "RSET", "354 go")}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@a")
	k.do("RSET", "250")
	if reply := sendTo(t, r.addr, "e@a"); !strings.HasPrefix(reply, "250") || s.opened != 2 {
		t.Errorf("reply = %q over %d connections, want 250 over 2", reply, s.opened)
	}
}

// TestIntermediateReplyLMTP has a next hop that answers a recipient by 354 and counts it as
// accepted: at the end its first reply is for that one. The other recipient must not get it.
func TestIntermediateReplyLMTP(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"RCPT TO:<x@a>": "354 go", ". RCPT TO:<b@a>": "550 5.1.1 no"}
	s := (&scriptedHop{lmtp: true, answer: func(line string) string { return answers[line] }}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, LMTP: true})
	k := dial(t, r.addr)
	k.do("LHLO c", "250")
	k.do("MAIL FROM:<a@example.org>", "250")
	k.do("RCPT TO:<x@a>", "451 4.4.2")
	k.do("RCPT TO:<b@a>", "451 4.4.2")
	k.do("DATA", "503")
	k.do("RSET", "250")
	k.do("MAIL FROM:<a@example.org>", "250")
	k.do("RCPT TO:<b@a>", "250")
	k.do("DATA", "354")
	k.write(simple + ".\r\n")
	k.want("550 5.1.1 no\n")
	if got := s.got(); len(got) > 0 {
		t.Errorf("the next hop accepted %q", got)
	}
}

// TestLMTPReplyLost checks that the reply for one recipient is not given to another whose own never
// came.
func TestLMTPReplyLost(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"close", "354 go", "nonsense"} {
		answers := map[string]string{". RCPT TO:<b@a>": "550 5.1.1 no", ". RCPT TO:<c@a>": lost}
		s := (&scriptedHop{lmtp: true, answer: func(line string) string { return answers[line] }}).start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, LMTP: true})
		k := dial(t, r.addr)
		k.do("LHLO c", "250")
		k.envelope("b@a", "c@a", "d@a")
		k.do("DATA", "354")
		k.write(simple + ".\r\n")
		for _, want := range []string{"550 5.1.1 no\n", "451 4.4.2", "451 4.4.2"} {
			k.want(want)
		}
		k.envelope("e@a")
		if s.opened != 2 {
			t.Errorf("%s: %d connections, want 2", lost, s.opened)
		}
	}
}

// TestIntermediateReplyToSlowClient has the next hop answer by 354 when a transaction is checked,
// or opened again, after a client that needed minutes for its message.
func TestIntermediateReplyToSlowClient(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, line string
		n          int64
		want       string
		opened     int64
	}{
		{"NOOP", "NOOP", 1, "250", 2},
		{"RCPT opened again", "RCPT", 3, "451 4.4.2", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var opened atomic.Int64
			silent, wrong := nth(1, "NOOP", "close"), nth(tt.n, tt.line, "354 go")
			s := &scriptedHop{words: []string{"PIPELINING"}, answer: func(line string) string {
				if r := wrong(line); r != "" {
					return r
				}
				return silent(line)
			}}
			hop := func(c net.Conn) {
				opened.Add(1)
				s.session(c)
			}
			inBubbleTo(t, hop, Options{Limits: Limits{ReadTimeout: time.Hour}}, func(k *talk) {
				k.do("EHLO c", "250")
				k.envelope("b@example.net", "c@example.net")
				k.do("DATA", "354")
				time.Sleep(time.Minute)
				k.write(simple + ".\r\n")
				if reply := k.reply(); !strings.HasPrefix(reply, tt.want) {
					t.Errorf("reply = %q, want %s", reply, tt.want)
				}
				k.envelope("e@example.net")
				if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
					t.Errorf("reply to the next message = %q", reply)
				}
			})
			if opened.Load() != tt.opened {
				t.Errorf("%d connections, want %d", opened.Load(), tt.opened)
			}
		})
	}
}

// TestReplyTooMany has a next hop that sends one more reply than it was given commands.
func TestReplyTooMany(t *testing.T) {
	t.Parallel()
	for _, line := range []string{".", "RSET"} {
		s := (&scriptedHop{answer: nth(1, line, "250 2.0.0 ok\r\n250 2.0.0 ok")}).start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		if line == "." {
			k.content(simple)
		} else {
			k.do("RSET", "250")
		}
		k.envelope("e@example.net")
		if s.opened != 2 {
			t.Errorf("%s: %d connections, want 2", line, s.opened)
		}
	}
}
