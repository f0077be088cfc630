package admit

import (
	"context"
	"errors"
	"fmt"
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
		signer := SignerDomain(tt.name)
		if parent := registrable(signer); signer != tt.signer || parent != tt.parent {
			t.Errorf("SignerDomain(%s) = %q in %q, want %q in %q", tt.name, signer, parent, tt.signer, tt.parent)
		}
	}
}

// arrivals is a limiter and the lookups that came to it.
type arrivals struct {
	*Limiter
	t *testing.T
}

// ticket is a lookup that was admitted.
type ticket struct {
	signer  string
	running context.Context
	leave   func()
}

func (tk *ticket) evicted() bool { return errors.Is(context.Cause(tk.running), ErrEvicted) }

func newArrivals(t *testing.T) *arrivals {
	t.Helper()
	l, err := NewLimiter(2*perLane, perDomain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return &arrivals{l, t}
}

// admit has a lookup enter.
func (a *arrivals) admit(ctx context.Context, signer string, known bool) (*ticket, error) {
	running, leave, err := a.enter(ctx, signer, known)
	if err != nil {
		return nil, err
	}
	return &ticket{signer, running, leave}, nil
}

// evictions counts the lookups that hold a slot and were evicted.
func (a *arrivals) evictions() int {
	n := 0
	for _, l := range []*pool{a.known, a.unknown} {
		l.mu.Lock()
		n += l.evicted
		l.mu.Unlock()
	}
	return n
}

// come has a lookup enter; the ticket is nil when it was turned away within a moment of the test's
// own time (synctest).
func (a *arrivals) come(signer string, known bool) *ticket {
	a.t.Helper()
	return a.comeWithin(time.Millisecond, signer, known)
}

func (a *arrivals) comeWithin(limit time.Duration, signer string, known bool) *ticket {
	a.t.Helper()
	ctx, cancel := context.WithCancel(a.t.Context())
	a.t.Cleanup(cancel)
	defer time.AfterFunc(limit, cancel).Stop()
	in, err := a.admit(ctx, signer, known)
	var busy BusyError
	if err != nil && !errors.As(err, &busy) {
		a.t.Errorf("enter() = %v, want busy", err)
	}
	return in
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
		ticket.leave()
	}
	if len(a.signers)+len(a.parents) != 0 {
		a.t.Errorf("the empty limiter counts %d signers, %d parents", len(a.signers), len(a.parents))
	}
	for _, l := range []*pool{a.known, a.unknown} {
		if len(l.running)+len(l.waiting)+l.evicted != 0 {
			a.t.Errorf("the empty pool counts %+v", l)
		}
	}
}

func eachOther(i int) string { return fmt.Sprintf("d%d.example", i) }
func oneDomain(int) string   { return "one.example" }
func below(i int) string     { return fmt.Sprintf("s%d.one.example", i) }

// TestCaps holds the limiter to each of its numbers.
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
				a := newArrivals(t)
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
				if a.evictions() != 0 {
					t.Errorf("%d lookups were told to give up before their time", a.evictions())
				}
			})
		})
	}
}

// TestNote: a signer domain is known from an answer to the next failure.
func TestNote(t *testing.T) {
	t.Parallel()
	a := newArrivals(t)
	for _, answered := range []bool{false, true, false} {
		a.Note("one.example", answered)
		_, leave, err := a.Enter(t.Context(), "one.example")
		if err != nil {
			t.Fatal(err)
		}
		if known := len(a.known.running) == 1; known != answered {
			t.Errorf("known %t after answered %t", known, answered)
		}
		leave()
	}
}

// TestOldestLeave ends the oldest lookups when others wait, after their time and no more
// than are needed.
func TestOldestLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newArrivals(t)
		in := a.comeAll(perLane, false, eachOther)
		time.Sleep(10 * MinTime)
		if a.evictions() != 0 {
			t.Fatal("lookups are told to leave although nobody waits")
		}
		entered := make(chan *ticket, 3)
		for i := range 3 {
			go func() {
				ticket, err := a.admit(t.Context(), fmt.Sprintf("new%d.example", i), false)
				if err == nil {
					entered <- ticket
				}
			}()
		}
		synctest.Wait()
		if got := a.evictions(); got != 3 || !in[0].evicted() || !in[2].evicted() || in[3].evicted() {
			t.Errorf("%d lookups are told to leave, want the 3 oldest", got)
		}
		for range 3 {
			in[0].leave()
			in = append(in[1:], <-entered)
		}
		// The newcomers have their time too.
		for _, ticket := range in[:perLane-3] {
			ticket.leave()
		}
		a.checkEmpty(in[perLane-3:])
	})
}

// TestNextToLeave looks again when the next one had its time: first in the younger half,
// then in the older.
func TestNextToLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newArrivals(t)
		start := time.Now()
		in := a.comeAll(perLane, false, eachOther)
		entered := make(chan *ticket, perLane)
		for i := range perLane {
			go func() {
				ticket, err := a.admit(t.Context(), fmt.Sprintf("new%d.example", i), false)
				if err == nil {
					entered <- ticket
				}
			}()
		}
		for _, want := range []struct {
			after time.Duration
			told  int
		}{{minTimeYoung - 1, 0}, {minTimeYoung, perLane / 2}, {MinTime - 1, perLane / 2}, {MinTime, perLane}} {
			time.Sleep(want.after - time.Since(start))
			synctest.Wait()
			if got := a.evictions(); got != want.told {
				t.Errorf("after %s %d lookups are told to leave, want %d", want.after, got, want.told)
			}
		}
		for i := range perLane {
			in[i].leave()
			in[i] = <-entered
		}
		a.checkEmpty(in)
	})
}

// TestLastComesFirst lets the newest in, so that a line of slow ones delays nobody.
func TestLastComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newArrivals(t)
		in := a.comeAll(perLane, false, eachOther)
		entered := make(chan *ticket, maxWaiting+10)
		turnedAway := make(chan string, maxWaiting+10)
		for i := range maxWaiting + 3 {
			go func() {
				ticket, err := a.admit(t.Context(), fmt.Sprintf("new%d.example", i), false)
				if err == nil {
					entered <- ticket
				} else {
					turnedAway <- fmt.Sprintf("new%d.example", i)
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
			in[0].leave()
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
		a := newArrivals(t)
		in := a.comeAll(perDomain, false, oneDomain)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan error, maxUnknown)
		for range maxUnknown - perDomain {
			go func() {
				_, err := a.admit(ctx, "one.example", false)
				done <- err
			}()
		}
		synctest.Wait()
		if _, err := a.admit(ctx, "one.example", false); err == nil || ctx.Err() != nil {
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

// TestLimiterProperty: the counts are right, whatever comes and goes.
func TestLimiterProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		a := newArrivals(t)
		var in []*ticket
		for range rapid.IntRange(0, 300).Draw(rt, "steps") {
			if len(in) > 0 && rapid.Bool().Draw(rt, "leave") {
				i := rapid.IntRange(0, len(in)-1).Draw(rt, "who")
				in[i].leave()
				in = append(in[:i], in[i+1:]...)
				continue
			}
			signer := fmt.Sprintf("s%d.d%d.example", rapid.IntRange(0, 2).Draw(rt, "sub"), rapid.IntRange(0, 40).Draw(rt, "domain"))
			known := rapid.Bool().Draw(rt, "known")
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Microsecond)
			if ticket, err := a.admit(ctx, signer, known); err == nil {
				in = append(in, ticket)
			}
			cancel()
			if n := len(a.known.running) + len(a.unknown.running); n != len(in) || len(a.unknown.running) > perLane {
				rt.Fatalf("%d running, want %d", n, len(in))
			}
		}
		a.checkEmpty(in)
	})
}
