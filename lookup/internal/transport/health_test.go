package transport

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"

	"github.com/miekg/dns"
)

// clock is set by tests.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// waitProbe waits for the end of a probe.
func waitProbe(t *testing.T, h *health) {
	t.Helper()
	peertest.WaitFor(t, "the end of a probe", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return !h.probing
	})
}

// TestSlowName keeps a resolver that answers for the root, whatever its slow names do.
func TestSlowName(t *testing.T) {
	t.Parallel()
	f := &fake{udp: func(in *dns.Msg) [][]byte {
		if in.Question[0].Name == "." {
			return goodUDP(in)
		}
		return nil
	}}
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Timeout: short})
	for range 3 {
		if _, err := exchange(t, c); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrDown) {
			t.Fatalf("Exchange() error = %v, want a timeout", err)
		}
		waitProbe(t, &(*c.servers.Load())[0].health)
	}
}

// TestDeadServer leaves a dead resolver alone for 5 s, doubling, and takes it up again when it
// answers.
func TestDeadServer(t *testing.T) {
	t.Parallel()
	var alive atomic.Bool
	f := &fake{udp: func(in *dns.Msg) [][]byte {
		if alive.Load() {
			return goodUDP(in)
		}
		return nil
	}}
	clock := newClock()
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Timeout: short, Now: clock.now})
	h := &(*c.servers.Load())[0].health
	for _, seconds := range []int{5, 10, 20} {
		pause := time.Duration(seconds) * time.Second
		if _, err := exchange(t, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Exchange() error = %v, want a timeout", err)
		}
		waitProbe(t, h)
		asked := f.asked.Load()
		clock.advance(pause - 1)
		if _, err := exchange(t, c); !errors.Is(err, ErrDown) || f.asked.Load() != asked {
			t.Fatalf("Exchange() error = %v, want ErrDown without a question", err)
		}
		clock.advance(1)
	}
	alive.Store(true)
	if _, err := exchange(t, c); err != nil {
		t.Fatal(err)
	}
	if h.failures != 0 {
		t.Errorf("%d failures are still counted", h.failures)
	}
}

// TestOnlyTCP finds out that UDP does not get through.
func TestOnlyTCP(t *testing.T) {
	t.Parallel()
	f := &fake{tcp: good}
	c := newTestClient(t, Options{Servers: []Server{f.start(t)}, Timeout: short})
	if _, err := exchange(t, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Exchange() error = %v, want a timeout", err)
	}
	waitProbe(t, &(*c.servers.Load())[0].health)
	if _, err := exchange(t, c); err != nil {
		t.Fatal(err)
	}
}

// TestRefusedConnection opens the breaker without a probe.
func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, Options{Servers: []Server{{Addr: nobody}}})
	if _, err := exchange(t, c); err == nil || errors.Is(err, ErrDown) {
		t.Fatalf("Exchange() error = %v, want connection refused", err)
	}
	if _, err := exchange(t, c); !errors.Is(err, ErrDown) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Exchange() error = %v, want ErrDown with its cause", err)
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	h := &(*newTestClient(t, Options{Servers: []Server{{Addr: nobody}}}).servers.Load())[0].health
	now := time.Unix(0, 0)
	for _, seconds := range []int{5, 10, 20, 40, 60, 60, 60, 60, 60} {
		want := time.Duration(seconds) * time.Second
		h.failed(now, nil)
		if got := h.until.Sub(now); got != want {
			t.Errorf("pause %s, want %s", got, want)
		}
		now = h.until
	}
}

// TestRefusedTCP: a name with a long answer does not stop a resolver whose TCP port is closed for
// the others.
func TestRefusedTCP(t *testing.T) {
	t.Parallel()
	f := &fake{udp: func(in *dns.Msg) [][]byte {
		return [][]byte{answer(in, func(m *dns.Msg) { m.Truncated = strings.EqualFold(in.Question[0].Name, "long.example.org.") })}
	}}
	c := newTestClient(t, Options{Servers: []Server{f.startUDP(t)}})
	for range 3 {
		_, err := c.exchange(t.Context(), "long.example.org.", false)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("Exchange() error = %v, want connection refused", err)
		}
		if _, err := exchange(t, c); err != nil {
			t.Fatalf("another name: %v", err)
		}
		waitProbe(t, &(*c.servers.Load())[0].health)
	}
}

// TestBadName: a name that cannot be asked for says nothing about the server.
func TestBadName(t *testing.T) {
	t.Parallel()
	f := &fake{udp: goodUDP, tcp: good}
	s := f.start(t)
	for _, server := range []Server{s, {Addr: s.Addr, TLS: true, Name: "resolver.example.org"}} {
		c := newTestClient(t, Options{Servers: []Server{server}})
		for _, name := range []string{"a..example.org.", strings.Repeat("a", 64) + ".example.org.", strings.Repeat("a.", 200) + "org."} {
			if _, err := c.exchange(t.Context(), name, false); !errors.Is(err, ErrQuestion) {
				t.Errorf("%s: error %v, want %v", name, err, ErrQuestion)
			}
		}
		if h := &(*c.servers.Load())[0].health; h.failures > 0 || h.probing {
			t.Errorf("%s: %d failures", server, h.failures)
		}
	}
}
