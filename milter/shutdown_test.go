//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// TestShutdown finishes the message under way, closes idle connections and takes no new ones.
func TestShutdown(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	srv := serve(t, Options{Handler: always(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		close(entered)
		<-release
		return &message.Outcome{Action: message.Accept}
	})})
	idle := srv.dial(t)
	negotiateV6(t, idle)
	busy := srv.connect(t)
	answer := make(chan *gomilter.Action, 1)
	go func() { _, a := busy.send(mail{raw: simple}); answer <- a }()
	<-entered
	down := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	go func() { down <- srv.Shutdown(ctx) }()
	if rest, err := io.ReadAll(idle); len(rest) > 0 || err != nil {
		t.Errorf("the idle connection got %q, %v", rest, err)
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown() = %v while a message is under way", err)
	default:
	}
	close(release)
	if a := <-answer; a.Type != gomilter.ActionAccept {
		t.Errorf("the message under way got %v", a)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown() = %v", err)
	}
	if _, err := gomilter.NewClient("unix", srv.path).Session(nil); err == nil {
		t.Error("a new connection was taken")
	}
}

// TestCutOff ends what does not end by itself: the MTA loses its connection, the handler its
// context.
func TestCutOff(t *testing.T) {
	t.Parallel()
	entered, left := make(chan struct{}), make(chan struct{})
	srv := serve(t, Options{Handler: always(func(ctx context.Context, _ *message.Message, _ *message.Envelope) *message.Outcome {
		defer close(left)
		close(entered)
		<-ctx.Done()
		return &message.Outcome{Action: message.Accept}
	})})
	c := srv.dial(t)
	negotiateV6(t, c)
	if _, err := c.Write(append(frame('M', "<>\x00"), frame('E', "")...)); err != nil {
		t.Fatal(err)
	}
	// Half a message without an end keeps its connection busy too.
	half := srv.dial(t)
	if _, err := half.Write(append(optneg(2, 0, 0), frame('M', "<>\x00")...)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []byte{'O', 'c'} {
		if got := readFrame(t, half); got[0] != want {
			t.Fatalf("answer %q, want %q", got, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	select {
	case <-entered:
		cancel()
	case <-time.After(hang):
		t.Fatal("the handler was not asked")
	}
	if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown() = %v", err)
	}
	select {
	case <-left:
	default:
		t.Error("the handler still runs")
	}
}

// TestTimeout ends a handler's context.
func TestTimeout(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Timeout: time.Millisecond, Handler: always(func(ctx context.Context, _ *message.Message, _ *message.Envelope) *message.Outcome {
		<-ctx.Done()
		return &message.Outcome{Action: message.Defer, Result: "temperror"}
	})})
	if _, a := srv.connect(t).send(mail{raw: simple}); a.SMTPCode != 451 {
		t.Errorf("answer %v", a)
	}
}

// TestProgress wants reports while the handler works, and only from version 6 on.
func TestProgress(t *testing.T) {
	t.Parallel()
	for _, version := range []uint32{4, 6} {
		release := make(chan struct{})
		srv := serve(t, Options{Progress: time.Millisecond, Handler: always(func(ctx context.Context, _ *message.Message, _ *message.Envelope) *message.Outcome {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return &message.Outcome{Action: message.Accept}
		})})
		c := srv.dial(t)
		if _, err := c.Write(optneg(version, 0x1ff, 0x1fffff)); err != nil {
			t.Fatal(err)
		}
		readFrame(t, c)
		if _, err := c.Write(append(frame('M', "<>\x00"), frame('E', "")...)); err != nil {
			t.Fatal(err)
		}
		if version >= 6 {
			for range 3 {
				if got := string(readFrame(t, c)); got != "p" {
					t.Fatalf("answer %q, want progress", got)
				}
			}
		}
		close(release)
		got := string(readFrame(t, c))
		for version >= 6 && got == "p" {
			got = string(readFrame(t, c))
		}
		if got != "a" {
			t.Errorf("version %d: answer %q, want accept", version, got)
		}
	}
}

// TestGone ends the work for an MTA that has hung up.
func TestGone(t *testing.T) {
	t.Parallel()
	entered, left := make(chan struct{}), make(chan error, 1)
	srv := serve(t, Options{Progress: time.Millisecond, Handler: always(func(ctx context.Context, _ *message.Message, _ *message.Envelope) *message.Outcome {
		close(entered)
		<-ctx.Done()
		left <- context.Cause(ctx)
		return nil
	})})
	c := srv.dial(t)
	negotiateV6(t, c)
	if _, err := c.Write(append(frame('M', "<>\x00"), frame('E', "")...)); err != nil {
		t.Fatal(err)
	}
	<-entered
	_ = c.Close()
	select {
	case <-left:
	case <-time.After(hang):
		t.Error("the handler works on")
	}
}

// TestSessions lets more MTAs wait than are served at a time.
func TestSessions(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{MaxSessions: 1, Handler: always(accepting)})
	first := srv.connect(t)
	waiting := srv.dial(t) // stands in the listen queue
	if _, err := waiting.Write(optneg(6, 0x1ff, 0x1fffff)); err != nil {
		t.Fatal(err)
	}
	if _, a := first.send(mail{raw: simple}); a.Type != gomilter.ActionAccept {
		t.Errorf("answer %v", a)
	}
	if err := first.s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readFrame(t, waiting); got[0] != 'O' {
		t.Errorf("answer %q", got)
	}
}

// TestIdle closes a connection that says nothing, before and after its first frame.
func TestIdle(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Idle: time.Millisecond, Handler: always(accepting)})
	c := srv.dial(t)
	negotiateV6(t, c)
	if rest, err := io.ReadAll(c); len(rest) > 0 || timeout(err) {
		t.Errorf("got %q, %v", rest, err)
	}
}

// TestOrderHint says once that a DKIM signer stands in front.
func TestOrderHint(t *testing.T) {
	t.Parallel()
	var log record[string]
	body := []byte("new\r\n")
	srv := serve(t, Options{
		Logger: slog.New(slog.NewTextHandler(writer(func(p []byte) { log.add(string(p)) }), nil)),
		Handler: always(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
			if m.First("Subject") == "left alone" {
				return &message.Outcome{Action: message.Accept}
			}
			return &message.Outcome{Action: message.Accept, Edit: &message.Edit{Body: spool(t, body)}}
		}),
	})
	m := srv.connect(t)
	hints := func() int { return strings.Count(strings.Join(log.seen(), ""), "came with a DKIM-Signature") }
	for _, step := range []struct {
		raw  string
		want int
	}{
		{simple, 0},
		{"DKIM-Signature: v=1\r\nSubject: left alone\r\n\r\nx", 0},
		{"DKIM-Signature: v=1\r\n" + simple, 1},
		{"DKIM-Signature: v=1\r\n" + simple, 1},
	} {
		m.send(mail{raw: step.raw})
		if got := hints(); got != step.want {
			t.Errorf("after %.40q: %d hints, want %d", step.raw, got, step.want)
		}
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
