package provision

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
)

// lagging reads what was there before, a number of times, and counts the changes.
type lagging struct {
	Publisher
	before  []publish.Seen
	left    atomic.Int64
	applied atomic.Int64
}

func (l *lagging) Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error) {
	if l.left.Add(-1) >= 0 && t == l.before[0].Type {
		return l.before, nil
	}
	return l.Publisher.Read(ctx, owner, t)
}

func (l *lagging) Apply(ctx context.Context, changes ...publish.Change) error {
	l.applied.Add(1)
	return l.Publisher.Apply(ctx, changes...)
}

// TestLaggingSecondary: a name server that is read from and is behind. When it follows soon, all is
// well; when it does not, it is said what differs from what, after a few tries with pauses.
func TestLaggingSecondary(t *testing.T) {
	t.Parallel()
	for reads, wrong := range map[int64]bool{2: false, 1000: true} {
		w := newWorld(t, "")
		const name = "alice@example.org"
		owner, typ, err := w.create(name).OwnerName()
		if err != nil {
			t.Fatal(err)
		}
		old, err := w.Publisher.Read(t.Context(), owner, typ)
		if err != nil {
			t.Fatal(err)
		}
		w.run(name, ToPublish(PublishOptions{}))
		l := &lagging{Publisher: w.Publisher, before: old}
		l.left.Store(reads)
		w.Publisher = l
		w.Intent, w.begun = ToPublish(PublishOptions{}), nil
		o := w.Run(t.Context(), []string{name})[0]
		if !wrong {
			if o.Err != nil || l.applied.Load() == 0 {
				t.Errorf("%d times, %v", l.applied.Load(), o.Err)
			}
			continue
		}
		wantContest(t, o.Err, l, owner, w.server.Addr())
	}
}

func wantContest(t *testing.T, err error, l *lagging, owner, server string) {
	t.Helper()
	t.Logf("%v; hint: %s", err, identity.Hint(err))
	r, ok := errors.AsType[*publish.Refusal](err)
	if !ok || r.Code != publish.Changed || l.applied.Load() != contestTries {
		t.Fatalf("%d times, %v", l.applied.Load(), err)
	}
	for _, part := range []string{owner, "at " + server, "tried 5 times", "read from " + server} {
		if !strings.Contains(r.Text, part) {
			t.Errorf("%q is not in %q", part, r.Text)
		}
	}
	if hint := identity.Hint(err); !strings.Contains(hint, "--name-server") || strings.Contains(r.Text+hint, "\n") {
		t.Error(hint)
	}
}

// TestLaggingForCA is TestLaggingSecondary for the record of a CA.
func TestLaggingForCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	authority, err := ca.New(w.Dir, "example.org", ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	old, err := w.Publisher.Read(t.Context(), "_user.example.org.", dane.TLSA)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authority{CA: authority, Place: identity.AtUser, Publisher: w.Publisher}
	if _, err = a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := &lagging{Publisher: w.Publisher, before: old}
	l.left.Store(1000)
	again := &Authority{CA: authority, Place: identity.AtUser, Publisher: l, Beside: true}
	o, err := again.Run(t.Context())
	wantContest(t, err, l, "_user.example.org.", w.server.Addr())
	if len(o.Did) > 0 {
		t.Errorf("it says that it did %v", o.Did)
	}
}

// ending ends the context of a run when its change is accepted.
type ending struct {
	Publisher
	end context.CancelFunc
}

func (e *ending) Apply(ctx context.Context, changes ...publish.Change) error {
	defer e.end()
	return e.Publisher.Apply(ctx, changes...)
}

// TestEndedAfterApply: who goes away while the name servers are read hears that the change is made.
func TestEndedAfterApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.create("alice@example.org")
	ctx, cancel := context.WithCancel(t.Context())
	w.Publisher = &ending{w.Publisher, cancel}
	w.Intent = ToPublish(PublishOptions{})
	o := w.Run(ctx, []string{"alice@example.org"})[0]
	if !errors.Is(o.Err, context.Canceled) || !strings.Contains(o.Err.Error(), "accepted the change of") {
		t.Error(o.Err)
	}
}
