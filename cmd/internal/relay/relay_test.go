package relay

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"dnseal/smime/message"
)

func TestPassesOn(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO client.example.org", "250")
	k.envelope("b@example.net")
	reply := k.content(simple)
	if want := "250 2.0.0 Ok: queued as Q1\n"; reply != want {
		t.Errorf("reply = %q, want %q", reply, want)
	}
	got := r.hop.got()
	if len(got) != 1 {
		t.Fatalf("the next hop accepted %d messages, want 1", len(got))
	}
	if got[0].mail != "MAIL FROM:<a@example.org>" || len(got[0].rcpts) != 1 || got[0].rcpts[0] != "RCPT TO:<b@example.net>" {
		t.Errorf("envelope = %q %q", got[0].mail, got[0].rcpts)
	}
	trace, rest, ok := strings.Cut(got[0].data, "From: ")
	if "From: "+rest != simple || !ok {
		t.Errorf("message = %q, want %q after the trace field", got[0].data, simple)
	}
	for _, want := range []string{"Received: from client.example.org ([127.0.0.1])", "by relay.example.org with ESMTP id ", "for <b@example.net>; "} {
		if !strings.Contains(trace, want) {
			t.Errorf("trace field %q lacks %q", trace, want)
		}
	}
	k.do("QUIT", "221")
	k.wantEOF()
}

func TestHandler(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		out      *message.Outcome
		reply    string
		accepted bool
	}{
		{"accept with edit", &message.Outcome{Action: message.Accept, Edit: mark("x")}, "250 2.0.0 Ok", true},
		{"reject", &message.Outcome{Action: message.Reject, Reply: message.Reply{Code: 550, Enhanced: "5.7.1", Text: "No"}}, "550 5.7.1 No\n", false},
		{"reject without words", &message.Outcome{Action: message.Reject}, "550 5.7.1 Refused by policy\n", false},
		{"reject with a code of another class", &message.Outcome{Action: message.Reject, Reply: message.Reply{Code: 250, Text: "Ok"}}, "550 5.7.1 Refused by policy\n", false},
		{"defer", &message.Outcome{Action: message.Defer}, "451 4.7.1 ", false},
		{"quarantine", &message.Outcome{Action: message.Quarantine}, "451 4.7.1 ", false},
		{"zero", &message.Outcome{}, "451 4.7.1 ", false},
		{"nil", nil, "451 4.7.1 ", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome { return tt.out })
			r := startRelay(t, Options{Trusted: loopback, Handler: h})
			k := dial(t, r.addr)
			k.do("EHLO c", "250")
			k.envelope("b@example.net")
			if reply := k.content(simple); !strings.HasPrefix(reply, tt.reply) {
				t.Errorf("reply = %q, want %q", reply, tt.reply)
			}
			got := r.hop.got()
			if (len(got) == 1) != tt.accepted {
				t.Fatalf("the next hop accepted %d messages", len(got))
			}
			if tt.accepted && !strings.HasPrefix(got[0].data, "X-Form: x\r\nReceived: ") {
				t.Errorf("message = %q, want the edit on top", got[0].data)
			}
			// The connection to the next hop can be used for the next message.
			k.do("MAIL FROM:<c@example.org>", "250")
		})
	}
}

func TestHandlerPanic(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome { panic("no") })
	r := startRelay(t, Options{Trusted: loopback, Handler: h})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	if reply := k.content(simple); !strings.HasPrefix(reply, "451") {
		t.Errorf("reply = %q, want 451", reply)
	}
	if n := len(r.hop.got()); n != 0 {
		t.Errorf("the next hop accepted %d messages", n)
	}
}

// TestEachRecipientsAnswer checks that RCPT replies are the next hop's own, pipelined or not.
func TestEachRecipientsAnswer(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{nil, {"PIPELINING"}} {
		s := &scriptedHop{words: words, answer: func(line string) string {
			switch {
			case strings.Contains(line, "<no@"):
				return "550 5.1.1 unknown user"
			case strings.Contains(line, "<later@"):
				return "450-4.2.0 greylisted\r\n450 4.2.0 for a minute"
			case strings.Contains(line, "<old@"):
				return "551 no enhanced code"
			}
			return ""
		}}
		s.start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.write("MAIL FROM:<a@example.org>\r\nRCPT TO:<yes@example.net>\r\nRCPT TO:<no@example.net>\r\nRCPT TO:<bad\r\nRCPT TO:<later@example.net>\r\nRCPT TO:<old@example.net>\r\nRCPT TO:<two@example.net>\r\nDATA\r\n")
		k.want("250")
		k.want("250")
		k.want("550 5.1.1 unknown user\n")
		k.want("501 5.5.4")
		k.want("450-4.2.0 greylisted\n450 4.2.0 for a minute\n")
		k.want("551 5.0.0 no enhanced code\n")
		k.want("250")
		k.want("354")
		k.write(simple + ".\r\n")
		k.want("250")
		got := s.got()
		if len(got) != 1 || len(got[0].rcpts) != 2 {
			t.Errorf("%v: the next hop accepted %q, want one message for two", words, got)
		}
	}
}

// TestRefusedMessageLeavesNothingOpen checks that a connection to the next hop can be used for
// another message after each way that a transaction can end.
func TestRefusedMessageLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	s := &scriptedHop{words: []string{"PIPELINING"}, answer: func(line string) string {
		switch line {
		case "RCPT TO:<no@example.net>":
			return "550 5.1.1 no"
		case "DATA":
			return "452 4.3.1 full"
		}
		return ""
	}}
	s.start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	// No recipient accepted, and the client gives up.
	k.do("MAIL FROM:<a@example.org>", "250")
	k.do("RCPT TO:<no@example.net>", "550")
	k.do("DATA", "554")
	k.do("RSET", "250")
	// DATA refused.
	k.envelope("b@example.net")
	if reply := k.content(simple); reply != "452 4.3.1 full\n" {
		t.Errorf("reply = %q", reply)
	}
	// The client leaves in the middle.
	k.envelope("b@example.net")
	k.conn.Close()
	k = dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	if n := len(s.commands("RSET")); n < 2 {
		t.Errorf("the next hop saw %d RSET, want one for each", n)
	}
}

// TestHolds wants a message to end with the handler of its MAIL command, and that to be released
// after each message.
func TestHolds(t *testing.T) {
	t.Parallel()
	h := &holder{}
	r := startRelay(t, Options{Trusted: loopback, Handler: h})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	h.number.Add(1)
	if got := k.content("Subject: x\r\n\r\n"); !strings.HasPrefix(got, "550 5.7.1 handler 0") {
		t.Errorf("answer %q, want that of handler 0", got)
	}
	k.envelope("b@example.net")
	if got := k.content("Subject: x\r\n\r\n"); !strings.HasPrefix(got, "550 5.7.1 handler 1") {
		t.Errorf("answer %q, want that of handler 1", got)
	}
	k.envelope("b@example.net")
	k.do("RSET", "250")
	k.envelope("b@example.net")
	k.do("QUIT", "221")
	k.wantEOF()
	r.stop()
	if held, released := h.held.Load(), h.released.Load(); held != 4 || released != 4 {
		t.Errorf("held %d times, released %d times", held, released)
	}
}

// holder gives every message a handler that answers with the number of that time.
type holder struct {
	message.Handler
	number, held, released atomic.Int32
}

func (h *holder) Hold() (message.Handler, func()) {
	h.held.Add(1)
	reply := message.Reply{Code: 550, Enhanced: "5.7.1", Text: fmt.Sprintf("handler %d", h.number.Load())}
	return handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		return &message.Outcome{Action: message.Reject, Reply: reply}
	}), func() { h.released.Add(1) }
}
