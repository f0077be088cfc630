package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Places by the default limits.
const (
	perLane   = 128
	perDomain = 8
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

// arrivals is a gate and those who came to it.
type arrivals struct {
	*gate
	t    *testing.T
	told atomic.Int32 // lookups told to give up
}

// come has a lookup enter; the ticket is nil when it was turned away within a moment of the test's
// own time (synctest).
func (a *arrivals) come(signer string, known bool) *ticket {
	a.t.Helper()
	return a.comeWithin(time.Millisecond, signer, known)
}

func (a *arrivals) comeWithin(limit time.Duration, signer string, known bool) *ticket {
	a.t.Helper()
	ticket := newTicket(signer, known, func(error) { a.told.Add(1) })
	ctx, cancel := context.WithTimeout(a.t.Context(), limit)
	defer cancel()
	err := a.enter(ctx, ticket)
	var busy busyError
	switch {
	case err == nil:
		return ticket
	case !errors.As(err, &busy):
		a.t.Errorf("enter() = %v, want busy", err)
	}
	return nil
}

// comeAll has n lookups enter, all of which must get in.
func (a *arrivals) comeAll(n int, known bool, signer func(i int) string) (in []*ticket) {
	a.t.Helper()
	for i := range n {
		// Also in real time, on a machine with much to do: the limit is only a guard against
		// hanging.
		ticket := a.comeWithin(time.Minute, signer(i), known)
		if ticket == nil {
			a.t.Fatalf("lookup %d of %d, in %s, does not get in", i, n, signer(i))
		}
		in = append(in, ticket)
	}
	return in
}

// checkEmpty leaves with all and looks whether anything is still counted.
func (a *arrivals) checkEmpty(in []*ticket) {
	a.t.Helper()
	for _, ticket := range in {
		a.leave(ticket)
	}
	if len(a.signers)+len(a.parents) != 0 {
		a.t.Errorf("the empty gate counts %d signers, %d parents", len(a.signers), len(a.parents))
	}
	for _, l := range []*lane{a.known, a.unknown} {
		if len(l.running)+len(l.waiting)+l.leaving != 0 {
			a.t.Errorf("the empty lane counts %+v", l)
		}
	}
}

func eachOther(i int) string { return fmt.Sprintf("d%d.example", i) }
func oneDomain(int) string   { return "one.example" }
func below(i int) string     { return fmt.Sprintf("s%d.one.example", i) }

// TestCaps holds the gate to each of its numbers.
func TestCaps(t *testing.T) {
	t.Parallel()
	type arrival struct {
		signer string
		known  bool
	}
	for _, tt := range []struct {
		name   string
		n      int
		known  bool
		signer func(int) string
		shut   *arrival // who does not get in then
		open   arrival  // and who does
	}{
		{"one signer", perDomain, true, oneDomain, &arrival{"one.example", true}, arrival{"two.example", true}},
		{"unknown signers below one domain", perDomain, false, below, &arrival{"new.one.example", false}, arrival{"new.one.example", true}},
		{"known signers below one domain do not count", perDomain, true, below, nil, arrival{"new.one.example", false}},
		{"unknown signers", perLane, false, eachOther, &arrival{"new.example", false}, arrival{"new.example", true}},
		{"known signers", perLane, true, eachOther, &arrival{"new.example", true}, arrival{"new.example", false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &arrivals{gate: newGate(Limits{}.withDefaults()), t: t}
				in := a.comeAll(tt.n, tt.known, tt.signer)
				if tt.shut != nil && a.come(tt.shut.signer, tt.shut.known) != nil {
					t.Errorf("%+v gets in", tt.shut)
				}
				if last := a.come(tt.open.signer, tt.open.known); last != nil {
					in = append(in, last)
				} else {
					t.Errorf("%+v does not get in", tt.open)
				}
				a.checkEmpty(in)
				if a.told.Load() != 0 {
					t.Errorf("%d lookups were told to give up before their time", a.told.Load())
				}
			})
		})
	}
}

// TestPatience tells the oldest lookups to leave when others wait, after their time and no more
// than are needed.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &arrivals{gate: newGate(Limits{}.withDefaults()), t: t}
		in := a.comeAll(perLane, false, eachOther)
		time.Sleep(10 * patience)
		if a.told.Load() != 0 {
			t.Fatal("lookups are told to leave although nobody waits")
		}
		entered := make(chan *ticket, 3)
		for i := range 3 {
			go func() {
				ticket := newTicket(fmt.Sprintf("new%d.example", i), false, func(error) { a.told.Add(1) })
				if a.enter(t.Context(), ticket) == nil {
					entered <- ticket
				}
			}()
		}
		synctest.Wait()
		if got := a.told.Load(); got != 3 || !in[0].told || !in[2].told || in[3].told {
			t.Errorf("%d lookups are told to leave, want the 3 oldest", got)
		}
		for range 3 {
			a.leave(in[0])
			in = append(in[1:], <-entered)
		}
		// The newcomers have their time too.
		for _, ticket := range in[:perLane-3] {
			a.leave(ticket)
		}
		a.checkEmpty(in[perLane-3:])
	})
}

// TestPatienceIsWaitedFor comes back when the next one had its time: first in the younger half,
// then in the older.
func TestPatienceIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &arrivals{gate: newGate(Limits{}.withDefaults()), t: t}
		start := time.Now()
		in := a.comeAll(perLane, false, eachOther)
		entered := make(chan *ticket, perLane)
		for i := range perLane {
			go func() {
				ticket := newTicket(fmt.Sprintf("new%d.example", i), false, func(error) {})
				if a.enter(t.Context(), ticket) == nil {
					entered <- ticket
				}
			}()
		}
		for _, want := range []struct {
			after time.Duration
			told  int32
		}{{haste - 1, 0}, {haste, perLane / 2}, {patience - 1, perLane / 2}, {patience, perLane}} {
			time.Sleep(want.after - time.Since(start))
			synctest.Wait()
			if got := a.told.Load(); got != want.told {
				t.Errorf("after %s %d lookups are told to leave, want %d", want.after, got, want.told)
			}
		}
		for i := range perLane {
			a.leave(in[i])
			in[i] = <-entered
		}
		a.checkEmpty(in)
	})
}

// TestLastComesFirst lets the newest in, so that a line of slow ones delays nobody.
func TestLastComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &arrivals{gate: newGate(Limits{}.withDefaults()), t: t}
		in := a.comeAll(perLane, false, eachOther)
		entered := make(chan *ticket, maxWaiting+10)
		turnedAway := make(chan string, maxWaiting+10)
		for i := range maxWaiting + 3 {
			go func() {
				ticket := newTicket(fmt.Sprintf("new%d.example", i), false, func(error) {})
				if a.enter(t.Context(), ticket) == nil {
					entered <- ticket
				} else {
					turnedAway <- ticket.signer
				}
			}()
			synctest.Wait()
		}
		for i := range 3 {
			if got, want := <-turnedAway, fmt.Sprintf("new%d.example", i); got != want {
				t.Errorf("%s is turned away, want %s", got, want)
			}
		}
		for i := range maxWaiting {
			a.leave(in[0])
			got := <-entered
			if want := fmt.Sprintf("new%d.example", maxWaiting+2-i); got.signer != want {
				t.Fatalf("%s enters, want %s", got.signer, want)
			}
			in = append(in[1:], got)
		}
		a.checkEmpty(in)
	})
}

// TestDomainQueue turns away who would be one too many in a domain.
func TestDomainQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &arrivals{gate: newGate(Limits{}.withDefaults()), t: t}
		in := a.comeAll(perDomain, false, oneDomain)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan error, maxUnknown)
		for range maxUnknown - perDomain {
			go func() { done <- a.enter(ctx, newTicket("one.example", false, func(error) {})) }()
		}
		synctest.Wait()
		if err := a.enter(ctx, newTicket("one.example", false, func(error) {})); err == nil || ctx.Err() != nil {
			t.Errorf("enter() = %v, want busy at once", err)
		}
		for range maxUnknown - perDomain {
			if err := <-done; err == nil {
				t.Error("enter() succeeds without a place")
			}
		}
		a.checkEmpty(in)
	})
}

// TestGateProperty counts right whatever comes and goes.
func TestGateProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		g := newGate(Limits{}.withDefaults())
		var in []*ticket
		for range rapid.IntRange(0, 300).Draw(rt, "steps") {
			if len(in) > 0 && rapid.Bool().Draw(rt, "leave") {
				i := rapid.IntRange(0, len(in)-1).Draw(rt, "who")
				g.leave(in[i])
				in = append(in[:i], in[i+1:]...)
				continue
			}
			signer := fmt.Sprintf("s%d.d%d.example", rapid.IntRange(0, 2).Draw(rt, "sub"), rapid.IntRange(0, 40).Draw(rt, "domain"))
			ticket := newTicket(signer, rapid.Bool().Draw(rt, "known"), func(error) {})
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Microsecond)
			if g.enter(ctx, ticket) == nil {
				in = append(in, ticket)
			}
			cancel()
			if n := len(g.known.running) + len(g.unknown.running); n != len(in) || len(g.unknown.running) > perLane {
				rt.Fatalf("%d running, want %d", n, len(in))
			}
		}
		(&arrivals{gate: g, t: t}).checkEmpty(in)
	})
}
