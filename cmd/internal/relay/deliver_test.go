package relay

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// formsHandler gives the recipients that begin with "opaque" and "bcc" forms of their own.
var formsHandler = handlerFunc(func(_ context.Context, _ *message.Message, env *message.Envelope) *message.Outcome {
	out := &message.Outcome{Action: message.Accept, Result: "signed", Edit: mark("main")}
	for _, form := range []string{"opaque", "bcc"} {
		var rcpt []string
		for _, r := range env.Rcpt {
			if strings.HasPrefix(r, form) {
				rcpt = append(rcpt, r)
			}
		}
		if len(rcpt) > 0 {
			out.Forms = append(out.Forms, message.Form{Rcpt: rcpt, Edit: mark(form)})
		}
	}
	return out
})

// formOf is the mark of the form that a next hop accepted.
func formOf(t *testing.T, m accepted) string {
	t.Helper()
	v, _, _ := strings.Cut(strings.TrimPrefix(m.data, "X-Form: "), "\r\n")
	return v
}

// TestForms checks that each form goes to its own recipients in a transaction of its own, and what
// the client hears when one of them fails. Forms go in the order opaque, bcc, main.
func TestForms(t *testing.T) {
	t.Parallel()
	all := []string{"clear@a", "opaque@a", "bcc@a", "opaque@b"}
	for _, tt := range []struct {
		name   string
		answer func(line string, message int) string // message counts the ends of content, from 1
		reply  string
		forms  []string // accepted
	}{
		{"all accepted", func(string, int) string { return "" }, "250 2.0.0 Ok: queued as Q1\n", []string{"opaque", "bcc", "main"}},
		{"first refused", atEnd(1, "550 5.6.0 no"), "550 5.6.0 no\n", nil},
		{"first deferred", atEnd(1, "452 4.3.1 full"), "452 4.3.1 full\n", nil},
		{"second refused", atEnd(2, "550 5.6.0 no"), "451 4.4.2 Accepted for some recipients only", []string{"opaque"}},
		{"second deferred", atEnd(2, "452 4.3.1 full"), "451 4.4.2 Accepted for some", []string{"opaque"}},
		{"second cut off", atEnd(2, "close"), "451 4.4.2", []string{"opaque"}},
		{"last 421", atEnd(3, "421 4.3.2 bye"), "451 4.4.2", []string{"opaque", "bcc"}},
	} {
		for _, words := range [][]string{nil, {"PIPELINING"}} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				// after a connection is lost its session may still be ending when the next one
				// begins
				var n atomic.Int64
				s := &scriptedHop{words: words, answer: func(line string) string {
					if line == "." {
						n.Add(1)
					}
					return tt.answer(line, int(n.Load()))
				}}
				s.start(t)
				r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, Handler: formsHandler})
				k := dial(t, r.addr)
				k.do("EHLO c", "250")
				k.envelope(all...)
				if reply := k.content(simple); !strings.HasPrefix(reply, tt.reply) {
					t.Errorf("reply = %q, want %q", reply, tt.reply)
				}
				checkForms(t, s.got(), tt.forms)
				k.do("RSET", "250")
				k.envelope("opaque@c")
			})
		}
	}
}

// atEnd answers the n-th end of content.
func atEnd(n int, answer string) func(string, int) string {
	return func(line string, message int) string {
		if line == "." && message == n {
			return answer
		}
		return ""
	}
}

// checkForms checks which forms were accepted, and that no other recipient got them.
func checkForms(t *testing.T, got []accepted, want []string) {
	t.Helper()
	var forms []string
	for _, m := range got {
		form := formOf(t, m)
		forms = append(forms, form)
		for _, rcpt := range m.rcpts {
			if own := strings.Contains(rcpt, "<"+form); own != (form != "main") {
				t.Errorf("%s got the form %s", rcpt, form)
			}
		}
	}
	if !slices.Equal(forms, want) {
		t.Errorf("forms accepted = %q, want %q", forms, want)
	}
}

// TestFormsRecipientGone checks a recipient that the next hop accepts at first and refuses when its
// form comes.
func TestFormsRecipientGone(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	s := &scriptedHop{answer: func(line string) string {
		if line == "RCPT TO:<bcc@a>" && count.Add(1) == 2 {
			return "550 5.1.1 gone"
		}
		return ""
	}}
	s.start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, Handler: formsHandler})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("opaque@a", "bcc@a")
	if reply := k.content(simple); !strings.HasPrefix(reply, "451 4.4.2 Accepted for some") {
		t.Errorf("reply = %q", reply)
	}
	checkForms(t, s.got(), []string{"opaque"})
	k.envelope("clear@a") // over the same connection
}

// TestLMTPToLMTP checks one reply for each recipient, in order, over several forms.
func TestLMTPToLMTP(t *testing.T) {
	t.Parallel()
	s := &scriptedHop{lmtp: true, words: []string{"PIPELINING"}, answer: func(line string) string {
		switch line {
		case ". RCPT TO:<no@a>":
			return "552 5.2.2 full"
		case ". RCPT TO:<opaque-later@a>":
			return "451 4.2.0 later"
		}
		return ""
	}}
	s.start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, LMTP: true, Handler: formsHandler})
	k := dial(t, r.addr)
	k.do("EHLO c", "500")
	k.do("HELO c", "500")
	k.do("LHLO c", "250")
	k.envelope("yes@a", "opaque-later@a", "no@a", "opaque@a")
	k.do("DATA", "354")
	k.write(simple + ".\r\n")
	for _, want := range []string{"250 2.0.0 saved", "451 4.2.0 later\n", "552 5.2.2 full\n", "250 2.0.0 saved"} {
		k.want(want)
	}
	if n := len(s.got()); n != 2 {
		t.Errorf("%d accepted, want 2", n)
	}
	k.do("NOOP", "250")
}

// TestLMTPToSMTP checks that one reply of the next hop goes to each recipient.
func TestLMTPToSMTP(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, LMTP: true})
	k := dial(t, r.addr)
	k.do("LHLO c", "250")
	k.envelope("a@a", "b@a")
	k.do("DATA", "354")
	k.write(simple + ".\r\n")
	k.want("250 2.0.0 Ok: queued as Q1\n")
	k.want("250 2.0.0 Ok: queued as Q1\n")
	k.do("NOOP", "250")
}

// TestSMTPToLMTP checks that one answer is made of those of several recipients so that none is
// lost.
func TestSMTPToLMTP(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ first, second, want string }{
		{"250 2.0.0 a", "250 2.0.0 b", "250 2.0.0 "},
		{"250 2.0.0 a", "552 5.2.2 full", "451 4.4.2 "},
		{"250 2.0.0 a", "452 4.2.2 full", "451 4.4.2 "},
		{"250 2.0.0 a", "close", "451 4.4.2 "},
		{"550 5.1.1 no", "452 4.2.2 full", "452 4.2.2 full\n"},
		{"550 5.1.1 no", "552 5.2.2 full", "550 5.1.1 no\n"},
		{"close", "", "451 4.4.2 "},
		{"nonsense", "", "451 4.4.2 "},
	} {
		t.Run(tt.first+" "+tt.second, func(t *testing.T) {
			t.Parallel()
			s := &scriptedHop{lmtp: true, answer: func(line string) string {
				return map[string]string{". RCPT TO:<a@a>": tt.first, ". RCPT TO:<b@a>": tt.second}[line]
			}}
			s.start(t)
			r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
			k := dial(t, r.addr)
			k.do("EHLO c", "250")
			k.envelope("a@a", "b@a")
			if reply := k.content(simple); !strings.HasPrefix(reply, tt.want) {
				t.Errorf("reply = %q, want %q", reply, tt.want)
			}
		})
	}
}

// TestComplete checks the fields that a submission is given (RFC 6409, Section 8) and that passing
// mail is left alone.
func TestComplete(t *testing.T) {
	t.Parallel()
	const bare = "From: a@example.org\r\n\r\nx\r\n"
	s := startSink(t)
	adds := handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		return &message.Outcome{Action: message.Accept, Edit: &message.Edit{Changes: []message.Change{{Op: message.Append, Name: "date", Value: " by the handler"}}}}
	})
	for _, tt := range []struct {
		opts       Options
		date, id   int
		ownMessage string
	}{
		{Options{Trusted: loopback}, 1, 1, bare},
		{Options{Trusted: loopback, Handler: adds}, 1, 1, bare},
		{Options{Trusted: loopback}, 1, 1, simple},
		{Options{Inbound: true, Recipients: []string{"example.net"}}, 0, 0, bare},
	} {
		tt.opts.NextHop = []string{s.address()}
		r := startRelay(t, tt.opts)
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		if reply := k.content(tt.ownMessage); !strings.HasPrefix(reply, "250") {
			t.Fatalf("reply = %q", reply)
		}
		got := s.got()
		data := strings.ToLower(got[len(got)-1].data)
		if d, id := strings.Count(data, "\r\ndate: "), strings.Count(data, "\r\nmessage-id: <"); d != tt.date || id != tt.id {
			t.Errorf("%+v: %d Date and %d Message-ID in %q, want %d and %d", tt.opts.Inbound, d, id, data, tt.date, tt.id)
		}
	}
}

// TestTraceField checks that the trace field names the recipient only where there is no other, who
// could see it there (RFC 5321, Section 7.6).
func TestTraceField(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	for _, rcpts := range [][]string{{"b@example.net"}, {"b@example.net", "hidden@example.net"}} {
		k.envelope(rcpts...)
		k.content(simple)
		got := r.hop.got()
		trace, _, _ := strings.Cut(got[len(got)-1].data, "\r\nFrom:")
		if alone := len(rcpts) == 1; strings.Contains(trace, "for <b@example.net>;") != alone || strings.Contains(trace, "for <") != alone {
			t.Errorf("%q: trace field = %q", rcpts, trace)
		}
	}
}

func TestLoop(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	for n, want := range map[int]string{99: "250", 100: "554 5.4.6"} {
		k.envelope("b@example.net")
		if reply := k.content(strings.Repeat("Received: by x; now\r\n", n) + simple); !strings.HasPrefix(reply, want) {
			t.Errorf("reply to %d trace fields = %q, want %s", n, reply, want)
		}
	}
}

// TestHandleTimeout checks that the end of a handler's time ends a signing, and that nothing of the
// message goes on.
func TestHandleTimeout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	signer, err := childSigner(childConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[time.Duration]string{time.Nanosecond: "451 4.7.1", 0: "250"} {
		r := startRelay(t, Options{Trusted: loopback, Handler: signer, Limits: Limits{HandleTimeout: limit}})
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		if reply := k.content(strings.Replace(simple, "a@", "alice@", 1)); !strings.HasPrefix(reply, want) {
			t.Errorf("limit %s: reply = %q, want %s", limit, reply, want)
		}
		if got := r.hop.got(); (len(got) > 0) != (want == "250") {
			t.Errorf("limit %s: the next hop got %d messages", limit, len(got))
		}
	}
}

// Test8BitHop checks that 8-bit content does not go to a next hop that does not accept it (RFC
// 6152, Section 3).
func Test8BitHop(t *testing.T) {
	t.Parallel()
	eight := strings.Replace(simple, "Hello", "Grüße", 1)
	for _, tt := range []struct {
		words   []string
		message string
		handler message.Handler
		convert func(context.Context, *message.Message) (*message.Edit, error)
		want    string
	}{
		{nil, eight, nil, nil, "554 5.6.3"},
		{[]string{"8BITMIME"}, eight, nil, nil, "250"},
		{nil, simple, nil, nil, "250"},
		{nil, eight, sevenBit, nil, "250"},
		{nil, eight, nil, smime.SevenBit, "250"},
		{nil, "Subject: Gr\u00fc\u00dfe\r\n" + eight, nil, smime.SevenBit, "554 5.6.3"},
		{nil, eight, nil, func(context.Context, *message.Message) (*message.Edit, error) { return nil, ErrEightBit }, "554 5.6.3"},
		{nil, eight, nil, func(context.Context, *message.Message) (*message.Edit, error) { return nil, os.ErrClosed }, "451"},
	} {
		s := (&scriptedHop{words: tt.words}).start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, Handler: tt.handler, SevenBit: tt.convert})
		k := dial(t, r.addr)
		if words := k.do("EHLO c", "250"); !strings.Contains(words, "-8BITMIME\n") {
			t.Errorf("EHLO = %q, want 8BITMIME always", words)
		}
		k.do("MAIL FROM:<a@example.org> BODY=8BITMIME", "250")
		k.do("RCPT TO:<b@example.net>", "250")
		if reply := k.content(tt.message); !strings.HasPrefix(reply, tt.want) {
			t.Errorf("%v: reply = %q, want %s", tt.words, reply, tt.want)
		}
		if tt.convert != nil && tt.want == "250" && !strings.Contains(s.got()[0].data, "\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ0K\r\n") {
			t.Errorf("the next hop got %q", s.got()[0].data)
		}
		k.do("MAIL FROM:<a@example.org>", "250")
		if mail := s.commands("MAIL")[0]; strings.Contains(mail, "BODY=8BITMIME") != (tt.words != nil) {
			t.Errorf("the next hop saw %q", mail)
		}
	}
}

// sevenBit replaces the body, as a signer does that converts.
var sevenBit = handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	body := message.NewSpool(0)
	body.WriteString("Gr=C3=BC=C3=9Fe\r\n")
	return &message.Outcome{Action: message.Accept, Edit: &message.Edit{Body: body}}
})

// TestLMTPFormsOneGone: of two recipients of one form, which needs a transaction of its own, the
// next hop refuses one now. An LMTP client hears of that one alone.
func TestLMTPFormsOneGone(t *testing.T) {
	t.Parallel()
	for refusal, want := range map[string]string{"550 5.1.1 gone": "550 5.1.1 gone\n", "452 4.2.2 full": "452 4.2.2 full\n", "421 4.3.2 bye": "451 4.4.2"} {
		s := (&scriptedHop{answer: goneLater("RCPT TO:<bcc-no@a>", refusal)}).start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, LMTP: true, Handler: formsHandler})
		k := dial(t, r.addr)
		k.do("LHLO c", "250")
		k.envelope("opaque@a", "bcc-no@a", "bcc@a", "clear@a")
		k.do("DATA", "354")
		k.write(simple + ".\r\n")
		k.want("250 2.0.0 Ok")
		k.want(want)
		if strings.HasPrefix(refusal, "421") {
			k.want("451 4.4.2")
			k.want("451 4.4.2")
			checkForms(t, s.got(), []string{"opaque"})
			continue
		}
		k.want("250 2.0.0 Ok")
		k.want("250 2.0.0 Ok")
		checkForms(t, s.got(), []string{"opaque", "bcc", "main"})
		if bcc := s.got()[1].rcpts; !slices.Equal(bcc, []string{"RCPT TO:<bcc@a>"}) {
			t.Errorf("%s: the form went to %q", refusal, bcc)
		}
		k.do("NOOP", "250")
	}
}

// goneLater refuses a command but for the first time.
func goneLater(command, refusal string) func(string) string {
	var count atomic.Int64
	return func(line string) string {
		if line == command && count.Add(1) > 1 {
			return refusal
		}
		return ""
	}
}

// TestPostfixLMTPOneGone: Postfix, which hands its mail to us by LMTP, returns it for the one
// recipient who is refused after the content, and to nobody else twice.
func TestPostfixLMTPOneGone(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{answer: goneLater("RCPT TO:<bcc-no@example.net>", "550 5.1.1 gone for ever")}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, LMTP: true, Handler: formsHandler})
	addr := peertest.Postfix(t, peertest.ShortDir(t), r.addr, "default_transport = lmtp", "relay_transport = lmtp")
	k := dial(t, addr)
	k.do("EHLO c", "250")
	k.envelope("opaque@example.net", "bcc-no@example.net", "bcc@example.net", "clear@example.net")
	if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
		t.Fatal(reply)
	}
	peertest.WaitFor(t, "the bounce", func() bool { return len(s.got()) == 4 })
	var bounced string
	rcpts := map[string]int{}
	for _, m := range s.got() {
		if strings.HasPrefix(m.mail, "MAIL FROM:<>") {
			bounced = m.data
		}
		for _, rcpt := range m.rcpts {
			rcpts[rcpt]++
		}
	}
	want := map[string]int{"RCPT TO:<opaque@example.net>": 1, "RCPT TO:<bcc@example.net>": 1, "RCPT TO:<clear@example.net>": 1, "RCPT TO:<a@example.org>": 1}
	if !maps.Equal(rcpts, want) {
		t.Errorf("recipients %v, want %v", rcpts, want)
	}
	if n := strings.Count(bounced, "Final-Recipient:"); n != 1 || !strings.Contains(bounced, "Final-Recipient: rfc822; bcc-no@example.net") || !strings.Contains(bounced, "gone for ever") {
		t.Errorf("the bounce is about %d recipients:\n%s", n, bounced)
	}
}
