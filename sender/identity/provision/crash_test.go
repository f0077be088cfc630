package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// TestSwitchInterrupted: at each point where a process can be killed the identity loads, and the
// next run finishes what was begun.
func TestSwitchInterrupted(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	for _, raw := range []bool{false, true} {
		for point := range 4 {
			t.Run(fmt.Sprint("raw ", raw, " point ", point), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				first, err := identity.Create(dir, name, identity.CreateOptions{})
				if err != nil {
					t.Fatal(err)
				}
				f, err := Lock(dir, name)
				if err != nil {
					t.Fatal(err)
				}
				if err = f.MakeNext(NextOptions{}); err != nil {
					t.Fatal(err)
				}
				if raw { // the next key is one without certificate
					if err = os.Remove(f.path("next", certFile)); err != nil {
						t.Fatal(err)
					}
				}
				next, err := f.load(f.path("next"))
				if err != nil {
					t.Fatal(err)
				}
				interrupt(t, f, point, raw)
				f.Close()

				id, err := identity.Load(dir, name)
				if err != nil || point == 0 && id.KeyID() != first.KeyID() || point > 0 && id.KeyID() != next.KeyID() {
					t.Fatalf("after the kill: %v", err)
				}
				if f, err = Lock(dir, name); err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if point == 0 {
					if err = f.Switch(time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				k, err := f.Keys()
				if err != nil || k.Next != nil || k.Active.GenerationID() != next.GenerationID() || len(k.Old) != 1 || k.Old[0].GenerationID() != first.GenerationID() {
					t.Fatalf("after the next run: %v %+v", err, k)
				}
				if exists(f.path("next")) {
					t.Error("next is still there")
				}
			})
		}
	}
}

// interrupt makes the first steps of a switch.
func interrupt(t *testing.T, f *Folder, point int, raw bool) {
	t.Helper()
	steps := []func() error{
		func() error { return f.archive(time.Now()) },
		func() error { return os.Rename(f.path("next", keyFile), f.path(keyFile)) },
		func() error {
			if raw {
				return remove(f.path(certFile))
			}
			return os.Rename(f.path("next", certFile), f.path(certFile))
		},
		func() error { return os.Remove(f.path("next")) },
	}
	for _, step := range steps[:point+1] {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.create("alice@example.org")
	f, err := Lock(w.Dir, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	o := w.Run(context.Background(), []string{"alice@example.org"})[0]
	if !errors.Is(o.Err, identity.ErrBusy) || identity.Hint(o.Err) == "" {
		t.Fatal(o.Err)
	}
	f.Close()
	if o := w.Run(context.Background(), []string{"alice@example.org"})[0]; o.Err != nil {
		t.Fatal(o.Err)
	}
}

// TestStateLost: without state.json, or with half of one, a rollover goes on.
func TestStateLost(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	w := newWorld(t, "")
	id := w.create(name)
	w.pass(w.run(name, ToPublish(PublishOptions{})))
	zero := time.Duration(0)
	roll := ToRollOver(RolloverOptions{Retention: lifecycle.Withdraw, OldFor: &zero})
	w.run(name, roll)
	state := filepath.Join(filepath.Dir(id.KeyFile), stateFile)
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	o := w.run(name, Intent{})
	w.want(o, lifecycle.NextPublished, lifecycle.Wait)
	w.pass(o)
	o = w.run(name, Intent{})
	if o.Keys.Active.KeyID() == id.KeyID() {
		t.Fatal("not switched")
	}
	if len(o.Step.Troubles) != 1 || o.Step.Troubles[0].Code != lifecycle.CodeUndecided {
		t.Fatalf("nobody has said what becomes of the old record: %v", o.Step.Troubles)
	}
	if err := os.WriteFile(state, []byte(`{"version":1,"tt`), 0o600); err != nil {
		t.Fatal(err)
	}
	o = w.run(name, roll)
	if !strings.Contains(o.Note, "counts as lost") {
		t.Error(o.Note)
	}
	for range 3 {
		if o.Step.Do == lifecycle.Wait {
			w.pass(o)
		}
		o = w.run(name, ToRollOver(RolloverOptions{Continue: true}))
	}
	w.want(o, lifecycle.Active, lifecycle.Nothing)
	if len(o.Seen[0].Records) != 1 {
		t.Errorf("%d records", len(o.Seen[0].Records))
	}
}

func TestVanishedAndForeign(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	w := newWorld(t, "")
	w.create(name)
	o := w.run(name, ToPublish(PublishOptions{}))
	w.pass(o)
	owner, typ, _ := o.Owner()
	r, _ := o.Wanted()
	if err := w.Publisher.Apply(t.Context(), publish.Change{Owner: owner, Type: typ, Remove: o.Seen[0].Records}); err != nil {
		t.Fatal(err)
	}
	o = w.run(name, Intent{})
	if o.Step.Condition != lifecycle.Missing || !strings.Contains(fmt.Sprint(o.Step.Troubles), "record-vanished") {
		t.Fatalf("%s %v", o.Step.Condition, o.Step.Troubles)
	}
	foreign := r
	foreign.Data = make([]byte, 32)
	if err := w.Publisher.Apply(t.Context(), publish.Change{Owner: owner, Type: typ, Add: append(o.Seen[0].Records, foreign), TTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
	o = w.run(name, ToPublish(PublishOptions{}))
	if !strings.Contains(fmt.Sprint(o.Step.Troubles), "foreign-record") || len(o.Did) > 0 {
		t.Fatalf("%v %v", o.Did, o.Step.Troubles)
	}
	o = w.run(name, ToPublish(PublishOptions{Beside: true}))
	if len(o.Seen[0].Records) != 2 {
		t.Fatalf("%d records", len(o.Seen[0].Records))
	}
	o = w.run(name, ToRevoke("", w.at))
	if records := o.Seen[0].Records; len(records) != 1 || !lifecycle.Same(records[0], foreign) {
		t.Fatalf("the foreign record was touched: %v", records)
	}
}

// TestMany takes as many identities as need several messages through a rollover.
func TestMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	var names []string
	for i := range batch + 3 {
		names = append(names, fmt.Sprintf("d%d._device.example.org", i))
		w.create(names[i])
	}
	every := func(intent Intent, condition lifecycle.Condition) (first *Outcome) {
		w.Intent, w.begun = intent, nil
		for _, o := range w.Run(t.Context(), names) {
			if o.Err != nil || o.Step.Condition != condition {
				t.Fatalf("%s: %v %s", o.Name, o.Err, o.Step.Condition)
			}
			if first == nil || o.Step.Until.After(first.Step.Until) {
				first = o
			}
		}
		return first
	}
	w.pass(every(ToPublish(PublishOptions{}), lifecycle.Published))
	zero := time.Duration(0)
	roll := ToRollOver(RolloverOptions{Retention: lifecycle.Withdraw, OldFor: &zero})
	w.pass(every(roll, lifecycle.NextPublished))
	w.pass(every(ToRollOver(RolloverOptions{Continue: true}), lifecycle.Switched))
	every(ToRollOver(RolloverOptions{Continue: true}), lifecycle.Active)
}

// TestCannotWrite: what cannot be written is said, and nothing else is done. Root can write
// everywhere: folders are where the files would be.
func TestCannotWrite(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"lock", ".new-file-" + stateFile + "/full"} {
		w := newWorld(t, "")
		id := w.create("alice@example.org")
		block(t, id, file)
		w.Intent = ToPublish(PublishOptions{})
		if o := w.Run(t.Context(), []string{id.Name})[0]; o.Err == nil || len(o.Did) > 0 {
			t.Errorf("%s: %v, did %v", file, o.Err, o.Did)
		}
	}
	if os.Geteuid() == 0 {
		return
	}
	w := newWorld(t, "")
	id := w.create("alice@example.org")
	folder := filepath.Dir(id.KeyFile)
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(folder, 0o700)
	if o := w.Run(t.Context(), []string{id.Name})[0]; identity.Hint(o.Err) == "" {
		t.Fatal(o.Err)
	}
}

// block makes folders in the folder of an identity; the returned function removes them.
func block(t *testing.T, id *identity.Identity, paths ...string) (free func()) {
	t.Helper()
	var made []string
	for _, path := range paths {
		made = append(made, filepath.Join(filepath.Dir(id.KeyFile), path))
		if err := os.MkdirAll(made[len(made)-1], 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, path := range made {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// meeting is a publisher that calls a function while it is asked, once.
type meeting struct {
	Publisher
	meet  func()
	reads int
}

func (m *meeting) Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error) {
	seen, err := m.Publisher.Read(ctx, owner, t)
	m.reads++
	if meet := m.meet; meet != nil {
		m.meet = nil
		meet()
	}
	return seen, err
}

// TestNotLockedWhileAsking: while a run that only carries on asks the name servers, the folder can
// be changed, and what was changed counts.
func TestNotLockedWhileAsking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.create("alice@example.org")
	w.pass(w.run(id.Name, ToPublish(PublishOptions{})))
	m := &meeting{Publisher: w.Publisher}
	w.Publisher = m
	if o := w.run(id.Name, Intent{}); m.reads != 1 || len(o.Did) > 0 || o.Step.Condition != lifecycle.Active {
		t.Fatalf("%d reads, did %v, %s", m.reads, o.Did, o.Step.Condition)
	}
	m.meet = func() {
		f, err := Lock(w.Dir, id.Name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err = f.Revoke(w.at, id.KeyID()); err != nil {
			t.Fatal(err)
		}
	}
	m.reads = 0
	if o := w.run(id.Name, Intent{}); m.reads < 2 || o.Step.Condition != lifecycle.Revoking || o.Published(id) {
		t.Errorf("%d reads, %s", m.reads, o.Step.Condition)
	}
	// A command keeps others out from its first step on.
	m.meet = func() {
		if _, err := Lock(w.Dir, id.Name); !errors.Is(err, identity.ErrBusy) {
			t.Errorf("while a command asks: %v", err)
		}
	}
	w.run(id.Name, ToPublish(PublishOptions{}))
}
