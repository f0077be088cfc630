//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	gomilter "github.com/d--j/go-milter"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/smime/message"
)

const simple = "From: alice@example.org\r\nSubject: one\r\n\r\nHello.\r\n"

// TestRebuild sends messages and wants the handler to see them byte by byte.
func TestRebuild(t *testing.T) {
	t.Parallel()
	var got record[string]
	srv := serve(t, Options{Handler: always(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
		got.add(everything(t, m))
		return &message.Outcome{Action: message.Accept}
	})})
	for name, raw := range map[string]string{
		"simple":        simple,
		"no body":       "Subject: x\r\n\r\n",
		"no field":      "\r\nbody\r\n",
		"no line end":   "Subject: x\r\n\r\nbody",
		"folded":        "Subject: a\r\n  b\r\n\tc\r\n \r\n d\r\nTo: x@example.net\r\n\r\nx",
		"no space":      "Subject:a\r\nTo:\t b\r\nX:\r\nY:  two\r\n\r\nx",
		"obsolete":      "Subject : a\r\n\r\nx",
		"8-bit":         "Subject: \xe4\r\n\r\n\x00\xff\r\n\n\r.\r\n",
		"trailing":      "Subject: a  \t\r\n\r\n \t \r\n\r\n\r\n",
		"large":         "Subject: a\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 40000),
		"one frame":     "Subject: a\r\n\r\n" + strings.Repeat("x", bodyChunk),
		"a frame + one": "Subject: a\r\n\r\n" + strings.Repeat("x", bodyChunk+1),
	} {
		for _, chunk := range []int{0, 1000} {
			m := srv.connect(t)
			if _, a := m.send(mail{from: "a@example.org", raw: raw, chunk: chunk}); a.Type != gomilter.ActionAccept {
				t.Errorf("%s: %v", name, a)
			}
			if got.last() != raw {
				t.Errorf("%s: the handler saw %.200q, want %.200q", name, got.last(), raw)
			}
		}
	}
}

// TestRebuildWithoutLeadingSpace has an MTA that eats the space after the colon.
func TestRebuildWithoutLeadingSpace(t *testing.T) {
	t.Parallel()
	var got record[string]
	srv := serve(t, Options{Handler: always(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
		got.add(everything(t, m))
		return &message.Outcome{Action: message.Accept}
	})})
	m := srv.connect(t, gomilter.WithoutProtocol(gomilter.OptHeaderLeadingSpace))
	raw := "Subject:  two spaces\r\nX:  \r\n\ty\r\n\r\nx\r\n"
	m.send(mail{raw: raw})
	if got.last() != raw {
		t.Errorf("the handler saw %q, want %q", got.last(), raw)
	}
}

// TestEnvelope wants everything the MTA knows.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	var got record[*message.Envelope]
	srv := serve(t, Options{Handler: always(func(_ context.Context, _ *message.Message, env *message.Envelope) *message.Outcome {
		got.add(env)
		return &message.Outcome{Action: message.Accept}
	})})
	m := srv.connect(t)
	m.macros.Set(gomilter.MacroQueueId, "4F00")
	m.macros.Set(gomilter.MacroAuthAuthen, "alice")
	m.send(mail{from: "a@example.org", rcpt: []string{"b@example.net", "c@example.net"}, args: "SIZE=7 smtputf8", raw: simple})
	want := &message.Envelope{
		MailFrom: "a@example.org", Rcpt: []string{"b@example.net", "c@example.net"},
		Submitter: message.Submitter{User: "alice", Addr: addr("192.0.2.7")},
		Hello:     "client.example", OneForm: true, QueueID: "4F00", UTF8: true,
	}
	ignore := cmpopts.IgnoreFields(message.Envelope{}, "Received")
	if diff := cmp.Diff(want, got.last(), ignore, cmp.Comparer(sameAddr)); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
	if got.last().Received.IsZero() {
		t.Error("no time of receipt")
	}

	// The next message of the connection is somebody else's: no login, no recipients are left over.
	m.macros = gomilter.NewMacroBag()
	if err := m.s.Reset(m.macros); err != nil {
		t.Fatal(err)
	}
	m.hello(gomilter.FamilyUnix, "/x")
	m.send(mail{from: "", rcpt: []string{"d@example.net"}, raw: simple})
	want = &message.Envelope{Rcpt: []string{"d@example.net"}, Hello: "client.example", OneForm: true}
	if diff := cmp.Diff(want, got.last(), ignore, cmp.Comparer(sameAddr)); diff != "" {
		t.Errorf("second envelope (-want +got):\n%s", diff)
	}
}

// TestLoginIsLogged wants the log to say who logged in, and how.
func TestLoginIsLogged(t *testing.T) {
	t.Parallel()
	var log record[string]
	srv := serve(t, Options{
		Handler: always(accepting),
		Logger:  slog.New(slog.NewTextHandler(writer(func(p []byte) { log.add(string(p)) }), nil)),
	})
	m := srv.connect(t)
	m.macros.Set(gomilter.MacroAuthAuthen, "alice")
	m.macros.Set(gomilter.MacroAuthType, "PLAIN")
	m.send(mail{raw: simple})
	peertest.WaitFor(t, "the line", func() bool { return strings.Contains(log.last(), "user=alice auth=PLAIN") })
}

// TestLoginEnds wants a login of one message not to speak for the next.
func TestLoginEnds(t *testing.T) {
	t.Parallel()
	var users record[string]
	srv := serve(t, Options{Handler: always(func(_ context.Context, _ *message.Message, env *message.Envelope) *message.Outcome {
		users.add(env.Submitter.User)
		return &message.Outcome{Action: message.Accept}
	})})
	c := srv.dial(t)
	negotiateV6(t, c)
	var in []byte
	for _, user := range []string{"alice", ""} {
		if user != "" {
			in = append(in, frame('D', "M{auth_authen}\x00"+user+"\x00")...)
		}
		in = append(in, frame('M', "<a@example.org>\x00")...)
		in = append(in, frame('R', "<b@example.net>\x00")...)
		in = append(in, frame('L', "Subject\x00 x\x00")...)
		in = append(in, frame('E', "")...)
	}
	if _, err := c.Write(in); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := readFrame(t, c); got[0] != 'a' {
			t.Fatalf("answer %q", got)
		}
	}
	if want := []string{"alice", ""}; !slices.Equal(users.seen(), want) {
		t.Errorf("users %q, want %q", users.seen(), want)
	}
}

// TestDaemons wants the client's address to count only where submissions come in.
func TestDaemons(t *testing.T) {
	t.Parallel()
	var got record[message.Submitter]
	srv := serve(t, Options{
		Daemons: []string{"submission", "smtps"},
		Handler: always(func(_ context.Context, _ *message.Message, env *message.Envelope) *message.Outcome {
			got.add(env.Submitter)
			return &message.Outcome{Action: message.Accept}
		}),
	})
	for daemon, want := range map[string]message.Submitter{
		"submission": {User: "alice", Addr: addr("192.0.2.7")},
		"smtpd":      {User: "alice"},
		"":           {User: "alice"},
	} {
		c := srv.dial(t)
		negotiateV6(t, c)
		if _, err := c.Write(slices.Concat(
			frame('D', "C{client_addr}\x00192.0.2.7\x00{daemon_name}\x00"+daemon+"\x00"), frame('C', "x\x004\x00\x19192.0.2.7\x00"),
			frame('D', "M{auth_authen}\x00alice\x00"), frame('M', "<>\x00"), frame('R', "<x>\x00"), frame('E', ""),
		)); err != nil {
			t.Fatal(err)
		}
		if a := readFrame(t, c); a[0] != 'a' {
			t.Errorf("%q: answer %q", daemon, a)
		}
		if got.last() != want {
			t.Errorf("%q: submitter %v, want %v", daemon, got.last(), want)
		}
	}
}

// TestOutcomes turns each action into what the MTA is told.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 600)
	for name, test := range map[string]struct {
		outcome *message.Outcome
		want    string
		acts    int
	}{
		"nil":                {nil, `RejectWithCode 451 "451 4.7.1 Service unavailable - try again later"`, 0},
		"zero":               {&message.Outcome{}, `RejectWithCode 451 "451 4.7.1 Service unavailable - try again later"`, 0},
		"accept":             {&message.Outcome{Action: message.Accept}, "Accept", 0},
		"reject":             {&message.Outcome{Action: message.Reject}, `RejectWithCode 550 "550 5.7.1 Message refused"`, 0},
		"reject with reply":  {&message.Outcome{Action: message.Reject, Reply: message.Reply{Code: 552, Enhanced: "5.3.4", Text: "100% too\nbig"}}, `RejectWithCode 552 "552 5.3.4 100%% too big"`, 0},
		"reject with 4xx":    {&message.Outcome{Action: message.Reject, Reply: message.Reply{Code: 451, Text: "x"}}, `RejectWithCode 550 "550 5.7.1 Message refused"`, 0},
		"defer with 5xx":     {&message.Outcome{Action: message.Defer, Reply: message.Reply{Code: 550, Text: "x"}}, `RejectWithCode 451 "451 4.7.1 Service unavailable - try again later"`, 0},
		"wrong class":        {&message.Outcome{Action: message.Defer, Reply: message.Reply{Code: 452, Enhanced: "5.1.1", Text: "later"}}, `RejectWithCode 452 "452 4.7.1 later"`, 0},
		"long":               {&message.Outcome{Action: message.Reject, Reply: message.Reply{Code: 550, Enhanced: "5.7.1", Text: long}}, `RejectWithCode 550 "550 5.7.1 ` + long[:message.MaxReplyText] + `"`, 0},
		"quarantine":         {&message.Outcome{Action: message.Quarantine, Result: "fail"}, "Accept", 1},
		"unknown action":     {&message.Outcome{Action: 99}, `RejectWithCode 451 "451 4.7.1 Service unavailable - try again later"`, 0},
		"forms":              {&message.Outcome{Action: message.Accept, Forms: []message.Form{{Rcpt: []string{"x"}}}}, `RejectWithCode 451 "451 4.7.1 Service unavailable - try again later"`, 0},
		"edit that is none":  {&message.Outcome{Action: message.Accept, Edit: &message.Edit{Changes: []message.Change{{Op: message.Insert, Name: "X", Value: " a\r\nBcc: x"}}}}, `RejectWithCode 451 "451 4.7.1 Service unavailable - try again later"`, 0},
		"flood of changes":   {&message.Outcome{Action: message.Accept, Edit: removals(maxChanges + 1)}, `RejectWithCode 554 "554 5.6.0 Message malformed"`, 0},
		"many changes":       {&message.Outcome{Action: message.Accept, Edit: removals(maxChanges)}, "Accept", maxChanges},
		"edit of a rejected": {&message.Outcome{Action: message.Reject, Edit: &message.Edit{Changes: []message.Change{{Op: message.Insert, Name: "X", Value: " a"}}}}, `RejectWithCode 550 "550 5.7.1 Message refused"`, 0},
	} {
		srv := serve(t, Options{Handler: always(func(context.Context, *message.Message, *message.Envelope) *message.Outcome { return test.outcome })})
		acts, a := srv.connect(t).send(mail{raw: simple})
		if got := a.String(); got != test.want || len(acts) != test.acts {
			t.Errorf("%s: %s with %v, want %s with %d actions", name, got, acts, test.want, test.acts)
		}
	}
}

// removals removes the first n fields called X.
func removals(n int) *message.Edit {
	e := &message.Edit{}
	for i := range n {
		e.Changes = append(e.Changes, message.Change{Op: message.Delete, Name: "X", Index: i + 1})
	}
	return e
}

// TestPanic wants a handler that panics to cost one message, not the process or the connection.
func TestPanic(t *testing.T) {
	t.Parallel()
	var seen record[Decision]
	srv := serve(t, Options{
		OnDecision: func(o Decision) { seen.add(o) },
		Handler: always(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
			if m.First("Subject") == "panic" {
				panic("as asked")
			}
			return &message.Outcome{Action: message.Accept, Result: "seen"}
		}),
	})
	m := srv.connect(t)
	for _, subject := range []string{"fine", "panic", "fine"} {
		_, a := m.send(mail{raw: "Subject: " + subject + "\r\n\r\nx\r\n"})
		want := gomilter.ActionAccept
		if subject == "panic" {
			want = gomilter.ActionRejectWithCode
		}
		if a.Type != want {
			t.Errorf("%s: %v", subject, a)
		}
	}
	var results []string
	for _, o := range seen.seen() {
		results = append(results, o.Action.String()+" "+o.Result)
	}
	if want := []string{"accept seen", "defer internal-error", "accept seen"}; !slices.Equal(results, want) {
		t.Errorf("observed %q, want %q", results, want)
	}
}

// TestAbort ends a transaction in each stage; the next message is whole.
func TestAbort(t *testing.T) {
	t.Parallel()
	var got record[string]
	srv := serve(t, Options{Handler: always(func(_ context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
		got.add(fmt.Sprint(env.MailFrom, env.Rcpt, everything(t, m)))
		return &message.Outcome{Action: message.Accept}
	})})
	stages := []func(m *mta){
		func(*mta) {},
		func(m *mta) { must(m, "Mail")(m.s.Mail("other@example.org", "")) },
		func(m *mta) { must(m, "Rcpt")(m.s.Rcpt("other@example.net", "")) },
		func(m *mta) { must(m, "Data")(m.s.DataStart()) },
		func(m *mta) { must(m, "Header")(m.s.HeaderField("Other", " field", nil)) },
		func(m *mta) { must(m, "HeaderEnd")(m.s.HeaderEnd()) },
		func(m *mta) { must(m, "BodyChunk")(m.s.BodyChunk([]byte("other body"))) },
	}
	m := srv.connect(t)
	for n := range stages {
		for _, stage := range stages[:n+1] {
			stage(m)
		}
		if err := m.s.Abort(nil); err != nil {
			t.Fatal(err)
		}
		m.send(mail{from: "a@example.org", raw: simple})
		if want := "a@example.org[rcpt@example.net]" + simple; len(got.seen()) != n+1 || got.last() != want {
			t.Errorf("after an abort in stage %d the handler saw %q, want %q", n, got.last(), want)
		}
	}
}

// TestUnfit sends what no handler can be given.
func TestUnfit(t *testing.T) {
	t.Parallel()
	never := handle(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
		t.Errorf("the handler saw %q", everything(t, m))
		return nil
	})
	opts := Options{MaxBytes: 1000, MaxHeaderBytes: 500, Handler: always(never)}
	plain := serve(t, opts)
	type told struct {
		why  error
		head string
	}
	var got record[told]
	opts.Handler = withUnfit(never, func(m *message.Message, err error, env *message.Envelope) *message.Outcome {
		head := ""
		if m != nil {
			head = everything(t, m)
		}
		got.add(told{err, head})
		return &message.Outcome{Action: message.Accept, Result: env.MailFrom}
	})
	asked := serve(t, opts)
	for name, test := range map[string]struct {
		raw, reply, head string
		why              error
	}{
		"body":   {"Subject: x\r\n\r\n" + strings.Repeat("x", 2000), "552 5.3.4 Message too big", "Subject: x\r\n\r\n", message.ErrTooBig},
		"header": {"Subject: x\r\nY: " + strings.Repeat("x", 600) + "\r\n\r\nx", "552 5.3.4 Message too big", "", message.ErrTooBig},
		"field":  {"Subject: x\r\n\x01: y\r\n\r\nx", `554 5.6.0 Message header is malformed: octet 0x01 in the line "\x01"`, "", message.ErrMalformed},
	} {
		for _, chunk := range []int{0, 100} {
			if _, a := plain.connect(t).send(mail{raw: test.raw, chunk: chunk}); a.SMTPReply != test.reply {
				t.Errorf("%s: answer %q, want %q", name, a.SMTPReply, test.reply)
			}
			if _, a := asked.connect(t).send(mail{raw: test.raw, chunk: chunk}); a.Type != gomilter.ActionAccept {
				t.Errorf("%s: answer %v, want accept", name, a)
			}
			if g := got.last(); !errors.Is(g.why, test.why) || g.head != test.head {
				t.Errorf("%s: Unfit was told %v, %q, want %v, %q", name, g.why, g.head, test.why, test.head)
			}
		}
	}
}

// TestFullDisk wants a message that cannot be kept to be deferred, or what Unfit says, told the
// reason and the header.
func TestFullDisk(t *testing.T) {
	never := handle(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		t.Error("the handler was asked")
		return nil
	})
	opts := Options{Handler: always(never)}
	plain := serve(t, opts)
	var why record[error]
	var head record[string]
	opts.Handler = withUnfit(never, func(m *message.Message, err error, _ *message.Envelope) *message.Outcome {
		why.add(err)
		head.add(everything(t, m))
		return &message.Outcome{Action: message.Reject, Result: "internal-error"}
	})
	asked := serve(t, opts)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
	raw := "Subject: x\r\n\r\n" + strings.Repeat("large\r\n", 50_000)
	if _, a := plain.connect(t).send(mail{raw: raw}); a.SMTPCode != 451 {
		t.Errorf("answer %v, want 451", a)
	}
	if _, a := asked.connect(t).send(mail{raw: raw}); a.SMTPCode != 550 && a.Type != gomilter.ActionReject {
		t.Errorf("answer %v, want 550", a)
	}
	if err := why.last(); err == nil || errors.Is(err, message.ErrTooBig) || errors.Is(err, message.ErrMalformed) || head.last() != "Subject: x\r\n\r\n" {
		t.Errorf("Unfit was told %v, %q", err, head.last())
	}
}

// TestNextHandler swaps the handler between two messages of a connection.
func TestNextHandler(t *testing.T) {
	t.Parallel()
	var current atomic.Pointer[message.Handler]
	change := func(word string) {
		var h message.Handler = handle(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
			return &message.Outcome{Action: message.Accept, Result: word}
		})
		current.Store(&h)
	}
	change("old")
	var seen record[string]
	srv := serve(t, Options{OnDecision: func(o Decision) { seen.add(o.Result) }, Handler: newest{&current}})
	m := srv.connect(t)
	m.send(mail{raw: simple})
	change("new")
	m.send(mail{raw: simple})
	if want := []string{"old", "new"}; !slices.Equal(seen.seen(), want) {
		t.Errorf("results %q, want %q", seen.seen(), want)
	}
}

// TestHolds wants a message to end with the handler of its MAIL command, and that to be released
// after each message.
func TestHolds(t *testing.T) {
	t.Parallel()
	h := &holder{}
	srv := serve(t, Options{Handler: h})
	m := srv.connect(t)
	body := m.begin(mail{raw: simple})
	// The MTA waits for no reply before the body, so that the server may lag.
	peertest.WaitFor(t, "the MAIL command", func() bool { return h.held.Load() == 1 })
	h.number.Add(1)
	_, a, err := m.s.BodyReadFrom(strings.NewReader(body))
	if err != nil || a.SMTPReply != "550 5.7.1 handler 0" {
		t.Errorf("answer %v, %v, want that of handler 0", a, err)
	}
	if _, a := m.send(mail{raw: simple}); a.SMTPReply != "550 5.7.1 handler 1" {
		t.Errorf("answer %v, want that of handler 1", a)
	}
	m.begin(mail{raw: simple})
	if err := m.s.Abort(nil); err != nil {
		t.Fatal(err)
	}
	m.send(mail{raw: simple})
	peertest.WaitFor(t, "all handlers to be released", func() bool { return h.held.Load() == 4 && h.released.Load() == 4 })
}

// holder gives every message a handler that answers with the number of that time.
type holder struct {
	message.Handler
	number, held, released atomic.Int32
}

func (h *holder) Hold() (message.Handler, func()) {
	h.held.Add(1)
	reply := message.Reply{Code: 550, Enhanced: "5.7.1", Text: fmt.Sprintf("handler %d", h.number.Load())}
	return handle(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		return &message.Outcome{Action: message.Reject, Reply: reply}
	}), func() { h.released.Add(1) }
}
