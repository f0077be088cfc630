package lookup

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestSignerDomain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, signer, parent string }{
		{"0123._smimecert.example.org.", "example.org", "example.org"},
		{"0123._smimecert.mail.example.co.uk.", "mail.example.co.uk", "example.co.uk"},
		{"_user.example.org.", "example.org", "example.org"},
		{"sensor7._device.site.example.net.", "site.example.net", "example.net"},
		{"_smtp-client.relay1.example.net.", "relay1.example.net", "example.net"},
		{"_25._tcp.mx.example.net.", "mx.example.net", "example.net"},
		{"device73.example.net.", "example.net", "example.net"},
		{"example.net.", "example.net", "example.net"},
		{"net.", "net", "net"},
		{".", "", ""},
		{"co.uk.", "co.uk", "co.uk"},
		{"a.somebody.github.io.", "somebody.github.io", "somebody.github.io"},
	} {
		signer := signerDomain(tt.name)
		if parent := registrable(signer); signer != tt.signer || parent != tt.parent {
			t.Errorf("signerDomain(%s) = %q in %q, want %q in %q", tt.name, signer, parent, tt.signer, tt.parent)
		}
	}
}

// enterAll lets n lookups in, of signers made by domain.
func enterAll(t *testing.T, g *gate, n int, known bool, domain func(i int) string) []*ticket {
	t.Helper()
	var in []*ticket
	for i := range n {
		ticket := newTicket(domain(i), known)
		if err := g.enter(t.Context(), ticket); err != nil {
			t.Fatalf("lookup %d: %v", i, err)
		}
		in = append(in, ticket)
	}
	return in
}

// shut reports whether a lookup has to wait.
func shut(g *gate, signer string, known bool) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ticket := newTicket(signer, known)
	g.mu.Lock()
	fits := g.fits(ticket)
	g.mu.Unlock()
	if fits {
		return false
	}
	var busy busyError
	return errors.As(g.enter(ctx, ticket), &busy)
}

func each(i int) string { return fmt.Sprintf("d%d.example", i) }

// TestCaps holds the gate to each of its numbers.
func TestCaps(t *testing.T) {
	t.Parallel()
	one := func(int) string { return "one.example" }
	sub := func(i int) string { return fmt.Sprintf("s%d.one.example", i) }
	for _, tt := range []struct {
		name   string
		n      int
		known  bool
		domain func(int) string
		other  string // signer whose next lookup has to wait
		otherK bool
		free   string // and one whose does not
		freeK  bool
	}{
		{"one signer", maxPerDomain, true, one, "one.example", true, "two.example", false},
		{"unknown signers below one domain", maxPerDomain, false, sub, "new.one.example", false, "two.example", false},
		{"known signers below one domain do not count", maxPerDomain, true, sub, "s1.one.example", false, "new.one.example", true},
		{"unknown signers", maxUnknown, false, each, "new.example", false, "new.example", true},
		{"all", maxRunning, true, each, "new.example", true, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			in := enterAll(t, g, tt.n, tt.known, tt.domain)
			if tt.name != "known signers below one domain do not count" && !shut(g, tt.other, tt.otherK) {
				t.Errorf("one more lookup of %s gets in", tt.other)
			}
			if tt.free != "" && shut(g, tt.free, tt.freeK) {
				t.Errorf("%s has to wait", tt.free)
			}
			for _, ticket := range in {
				g.leave(ticket)
			}
			checkEmpty(t, g)
		})
	}
}

func checkEmpty(t interface {
	Helper()
	Errorf(format string, args ...any)
}, g *gate,
) {
	t.Helper()
	if g.running+g.unknown+g.lingering+len(g.signers)+len(g.parents)+len(g.waiting)+len(g.queued) != 0 {
		t.Errorf("the empty gate still counts %+v", g)
	}
}

// TestLingering gives up on what takes long when too many do, known or not.
func TestLingering(t *testing.T) {
	t.Parallel()
	g := newGate()
	in := enterAll(t, g, maxLingering+1, true, each)
	for i, ticket := range in {
		if got := g.linger(ticket); got != (i < maxLingering) {
			t.Fatalf("linger(%d) = %t", i, got)
		}
	}
	g.leave(in[0])
	if !g.linger(in[maxLingering]) {
		t.Error("no place although one has left")
	}
	if !g.linger(in[0]) || g.lingering != maxLingering {
		t.Error("who has left is counted")
	}
	for _, ticket := range in[1:] {
		g.leave(ticket)
	}
	checkEmpty(t, g)
}

// TestLine lets waiting lookups in as places become free, each in its turn, past those whose domain is full.
func TestLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		running := enterAll(t, g, maxPerDomain, true, func(int) string { return "slow.example" })
		entered := make(chan string, 10)
		wait := func(signer, name string) {
			go func() {
				if err := g.enter(t.Context(), newTicket(signer, true)); err == nil {
					entered <- name
				}
			}()
			synctest.Wait()
		}
		wait("slow.example", "first")
		wait("slow.example", "second")
		wait("fast.example", "fast")
		if got := <-entered; got != "fast" {
			t.Errorf("%s entered, want fast", got)
		}
		for _, want := range []string{"first", "second"} {
			g.leave(running[0])
			running = running[1:]
			if got := <-entered; got != want {
				t.Errorf("%s entered, want %s", got, want)
			}
		}
	})
}

// TestLineLimits turns away who would wait in too long a line, and who gives up waiting leaves it.
func TestLineLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		running := enterAll(t, g, maxPerDomain, true, func(int) string { return "slow.example" })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		failed := make(chan error, maxQueued)
		for range maxQueued {
			go func() { failed <- g.enter(ctx, newTicket("slow.example", true)) }()
		}
		synctest.Wait()
		var busy busyError
		if err := g.enter(ctx, newTicket("slow.example", true)); !errors.As(err, &busy) {
			t.Errorf("enter() = %v, want busy", err)
		}
		for range maxQueued {
			if err := <-failed; !errors.As(err, &busy) {
				t.Errorf("enter() = %v, want busy", err)
			}
		}
		for _, ticket := range running {
			g.leave(ticket)
		}
		checkEmpty(t, g)
	})
}

// TestGateProperty counts right whatever comes and goes.
func TestGateProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := newGate()
		var in []*ticket
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			if len(in) > 0 && rapid.Bool().Draw(t, "leave") {
				i := rapid.IntRange(0, len(in)-1).Draw(t, "who")
				g.leave(in[i])
				in = append(in[:i], in[i+1:]...)
				continue
			}
			ticket := newTicket(fmt.Sprintf("s%d.d%d.example", rapid.IntRange(0, 2).Draw(t, "sub"), rapid.IntRange(0, 2).Draw(t, "domain")), rapid.Bool().Draw(t, "known"))
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if g.enter(ctx, ticket) == nil {
				in = append(in, ticket)
				if rapid.Bool().Draw(t, "linger") {
					g.linger(ticket)
				}
			}
			if g.running != len(in) {
				t.Fatalf("%d running, want %d", g.running, len(in))
			}
			for signer, n := range g.signers {
				if n > maxPerDomain {
					t.Fatalf("%d of %s", n, signer)
				}
			}
		}
		for _, ticket := range in {
			g.leave(ticket)
		}
		checkEmpty(t, g)
	})
}
