package provision

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/sender/identity/lifecycle"
)

// keysOf are the certificates of the keys by which mail to alice is opened, in their order; "raw"
// for a key without one.
func (w *world) keysOf() (serials []string) {
	w.t.Helper()
	keys, err := decryption.Load(identity.Loader{}, w.Dir, alice)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, k := range keys {
		if k.Private == nil {
			w.t.Fatalf("%s: no private key", k.File)
		}
		if k.Certificate == nil {
			serials = append(serials, "raw")
			continue
		}
		serials = append(serials, k.Certificate.SerialNumber.String())
	}
	return serials
}

// TestRolloverOfAKeyForEncryption: the record of the next key comes, that of the earlier one goes
// as soon as caches have the next one, and what was encrypted to either is opened at every moment.
func TestRolloverOfAKeyForEncryption(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"p256", "x25519"} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprint(algorithm, " alone ", alone), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, "")
				which, own := "", ""
				if !alone {
					w.add(identity.CreateOptions{})
					which, own = identity.EncryptFolder, ", 3 1 1"
				}
				first := w.add(identity.CreateOptions{Use: identity.UseEncrypt, Algorithm: algorithm})
				form := "3 0 0"
				if first.Certificate == nil {
					form, own = "3 1 0", ""
				}
				w.pass(w.run(alice, ToPublish(PublishOptions{})))
				before := w.keysOf()
				o := w.run(alice, ToRollOver(RolloverOptions{Which: which}))
				if got := w.shown(first); got != form+", "+form+own {
					t.Fatalf("shown: %s, %+v", got, o.Step)
				}
				if keys := w.keysOf(); len(keys) != 2 || keys[0] != before[0] {
					t.Errorf("keys: %v, before %v", keys, before)
				}
				w.pass(o)
				o = w.run(alice, Intent{}) // as the daemons do: it switches
				if got := w.shown(first); got != form+", "+form+own {
					t.Errorf("shown after the switch: %s", got)
				}
				second, err := identity.LoadEncryption(w.Dir, alice)
				if err != nil || second.KeyID() == first.KeyID() || second.Algorithm() != algorithm {
					t.Fatalf("%+v, %v", second, err)
				}
				if until := w.at.Add(time.Hour); o.Step.Do != lifecycle.Wait || o.Step.Until.After(until) {
					t.Fatalf("%+v", o.Step)
				}
				w.pass(o)
				o = w.run(alice, Intent{})
				if got := w.shown(first); got != form+own || len(o.Step.Troubles) != 0 || o.Keys.RollingOver() {
					t.Errorf("shown at the end: %s, %+v", got, o.Step)
				}
				if keys := w.keysOf(); len(keys) != 2 || keys[1] != before[0] {
					t.Errorf("keys: %v, before %v", keys, before)
				}
				w.want(w.run(alice, Intent{}), lifecycle.Active, lifecycle.Nothing)
			})
		}
	}
}

// TestRolloverOfAnMLDSAKey: both records stand in the DNS from before the switch until mail under
// way has arrived, in the form of the first.
func TestRolloverOfAnMLDSAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{})
	first := w.add(identity.CreateOptions{Algorithm: "ml-dsa-44"})
	w.pass(w.run(alice, ToPublish(PublishOptions{Form: &lifecycle.Form{Usage: 3, Selector: 1, Matching: 0}})))
	signs := func() string {
		t.Helper()
		loaded, err := identity.Load(w.Dir, alice)
		if err != nil || loaded.PostQuantum == nil || loaded.KeyID() != id.KeyID() {
			t.Fatalf("%+v, %v", loaded, err)
		}
		return loaded.PostQuantum.KeyID()
	}
	o := w.run(alice, ToRollOver(RolloverOptions{Which: identity.PostQuantumFolder}))
	if got := w.shown(id); got != "3 1 0, 3 1 0, 3 1 0" || signs() != first.KeyID() {
		t.Fatalf("shown: %s", got)
	}
	w.pass(o)
	o = w.run(alice, Intent{})
	if got := w.shown(id); got != "3 1 0, 3 1 0, 3 1 0" || signs() == first.KeyID() {
		t.Fatalf("after the switch: %s", got)
	}
	if o.Step.Do != lifecycle.Wait || o.Step.Until.Before(w.at.Add(6*24*time.Hour)) || o.Step.Folder != identity.PostQuantumFolder {
		t.Fatalf("%+v", o.Step)
	}
	w.pass(o)
	o = w.run(alice, Intent{})
	if got := w.shown(id); got != "3 1 0, 3 1 0" || o.Keys.RollingOver() || len(o.Step.Troubles) != 0 {
		t.Errorf("at the end: %s, %+v", got, o.Step)
	}
	old, err := os.ReadDir(filepath.Join(filepath.Dir(first.KeyFile), identity.OldFolder))
	if err != nil || len(old) != 1 || exists(filepath.Join(filepath.Dir(first.KeyFile), identity.OldFolder, old[0].Name(), identity.DecryptFile)) {
		t.Errorf("%v, %v", old, err)
	}
}

// TestRolloverOfAllKeysAtOnce: the three of a name go their ways beside each other, whichever order
// they begin in, and the state of none is lost.
func TestRolloverOfAllKeysAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{})
	w.add(identity.CreateOptions{Use: identity.UseEncrypt, Algorithm: "ml-kem-768"})
	w.add(identity.CreateOptions{Algorithm: "ml-dsa-44"})
	w.pass(w.run(alice, ToPublish(PublishOptions{})))
	var o *Outcome
	for _, which := range []string{"encrypt", "sign", "pq"} {
		o = w.run(alice, ToRollOver(RolloverOptions{Which: which}))
	}
	if got := w.shown(id); got != "3 0 0, 3 0 0, 3 1 1, 3 1 1, 3 1 1, 3 1 1" {
		t.Fatalf("shown: %s", got)
	}
	for range 12 {
		if o.Step.Do != lifecycle.Wait {
			break
		}
		w.pass(o)
		o = w.run(alice, Intent{})
		if len(o.Step.Troubles) > 0 {
			t.Fatalf("%v", o.Step.Troubles)
		}
	}
	if got := w.shown(id); got != "3 0 0, 3 1 1, 3 1 1" || o.Step.Do != lifecycle.Nothing || o.Keys.RollingOver() {
		t.Errorf("shown: %s, %+v", got, o.Step)
	}
	if len(w.keysOf()) != 2 {
		t.Errorf("keys: %v", w.keysOf())
	}
	if settled := o.Keys.Old; len(settled) != 1 || !settled[0].Settled || exists(filepath.Join(settled[0].folder, identity.DecryptFile)) {
		t.Errorf("%+v", settled)
	}
}

// TestRolloverOfAKeyThatIsNotThere is refused in one line, and so is an algorithm that is none.
func TestRolloverOfAKeyThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.add(identity.CreateOptions{})
	for _, tt := range []struct{ which, algorithm, want, hint string }{
		{"pq", "", "has no ML-DSA key beside", "--algorithm ml-dsa-65"},
		{"encrypt", "", "has no key for encryption alone", "--use encrypt"},
		{"x", "", `"x" is no key`, "sign, pq, encrypt"},
	} {
		w.wantRefused(RolloverOptions{Which: tt.which}, tt.want, tt.hint)
	}
	w.add(identity.CreateOptions{Algorithm: "ml-dsa-44"})
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	of := func(which, algorithm string) RolloverOptions {
		opts := RolloverOptions{Which: which}
		opts.Algorithm = algorithm
		return opts
	}
	w.wantRefused(of("pq", "p256"), "is one of ML-DSA", "ml-dsa-44")
	w.wantRefused(of("encrypt", "ed25519"), "are not for the use encrypt", "x25519")
	for _, folder := range []string{"next", "pq/next", "encrypt/next"} {
		if exists(filepath.Join(w.Dir, alice, folder)) {
			t.Errorf("%s was made", folder)
		}
	}
}

func (w *world) wantRefused(opts RolloverOptions, want, hint string) {
	w.t.Helper()
	w.Intent, w.begun = ToRollOver(opts), nil
	o := w.Run(context.Background(), []string{alice})[0]
	if o.Err == nil || !strings.Contains(o.Err.Error(), want) || !strings.Contains(identity.Hint(o.Err), hint) {
		w.t.Errorf("%+v: %v (%s)", opts.Which, o.Err, identity.Hint(o.Err))
	}
}

// TestRolloverBeforeThePublication waits for that, and says so: the record of a key beside the one
// that signs would hide that of a CA.
func TestRolloverBeforeThePublication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{})
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	o := w.run(alice, ToRollOver(RolloverOptions{Which: "encrypt"}))
	if got := w.shown(id); got != "" || len(o.Step.Troubles) != 1 || o.Step.Do != lifecycle.Nothing {
		t.Fatalf("shown: %s, %+v", got, o.Step)
	}
	w.run(alice, ToPublish(PublishOptions{}))
	if got := w.shown(id); got != "3 0 0, 3 0 0, 3 1 1" {
		t.Errorf("shown: %s", got)
	}
}

// TestRevokeDuringTheRolloverOfAnotherKey: all records go, also that of the next key, and mail
// encrypted to either key is opened.
func TestRevokeDuringTheRolloverOfAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{})
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	w.run(alice, ToPublish(PublishOptions{}))
	o := w.run(alice, ToRollOver(RolloverOptions{Which: "encrypt"}))
	next := o.Keys.Beside[0].Next
	w.run(alice, ToRevoke(next.KeyID(), w.at))
	if got := w.shown(id); got != "3 0 0, 3 1 1" {
		t.Errorf("without the next one: %s", got)
	}
	if len(w.keysOf()) != 2 || exists(filepath.Join(w.Dir, alice, "encrypt", "next")) {
		t.Errorf("keys: %v", w.keysOf())
	}
	w.run(alice, ToRollOver(RolloverOptions{Which: "encrypt"}))
	w.run(alice, ToRevoke("", w.at))
	if got := w.shown(id); got != "" || len(w.keysOf()) != 3 {
		t.Errorf("revoked: %s, keys %v", got, w.keysOf())
	}
}

// TestFolderRemovedDuringItsRollover: who removes the folder of a key by hand is told of its
// records, and all else goes on.
func TestFolderRemovedDuringItsRollover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.add(identity.CreateOptions{})
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	w.run(alice, ToPublish(PublishOptions{}))
	o := w.run(alice, ToRollOver(RolloverOptions{Which: "encrypt"}))
	if err := os.RemoveAll(filepath.Join(w.Dir, alice, "encrypt")); err != nil {
		t.Fatal(err)
	}
	w.pass(o)
	o = w.run(alice, Intent{})
	foreign := func(t lifecycle.Trouble) bool { return t.Code == lifecycle.CodeForeign }
	if !slices.ContainsFunc(o.Step.Troubles, foreign) || o.Keys.RollingOver() || o.Step.Condition != lifecycle.Active {
		t.Errorf("%+v", o.Step)
	}
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	w.run(alice, ToRollOver(RolloverOptions{Which: "encrypt"}))
}

// TestSwitchOfOtherKeysInterrupted: at each point where a process can be killed the identity loads
// with a key in every place, no key for decryption is lost, and the next run finishes it.
func TestSwitchOfOtherKeysInterrupted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ part, algorithm string }{{"encrypt", "p256"}, {"encrypt", "x25519"}, {"encrypt", "ml-kem-768"}, {"pq", "ml-dsa-44"}} {
		for _, signs := range []bool{true, false} { // without one the keys that cannot sign are raw
			for point := range 4 {
				t.Run(fmt.Sprint(tt.part, " ", tt.algorithm, " ", signs, " ", point), func(t *testing.T) {
					t.Parallel()
					w := &world{t: t, Runner: &Runner{Dir: t.TempDir()}}
					opts := identity.CreateOptions{Algorithm: tt.algorithm}
					if tt.part == "encrypt" {
						opts.Use = identity.UseEncrypt
					}
					if signs || tt.part == "pq" {
						w.add(identity.CreateOptions{})
					}
					w.interrupted(tt.part, w.add(opts), point)
				})
			}
		}
	}
}

func (w *world) interrupted(part string, first *identity.Identity, point int) {
	t := w.t
	f, err := Lock(w.Dir, alice)
	if err != nil {
		t.Fatal(err)
	}
	in := f.in(part)
	if err = in.MakeNext(NextOptions{}); err != nil {
		t.Fatal(err)
	}
	next, err := f.load(in.path("next"))
	if err != nil || next.Algorithm() != first.Algorithm() || (next.Certificate == nil) != (first.Certificate == nil) {
		t.Fatalf("%+v, %v", next, err)
	}
	interrupt(t, in, point, next.Certificate == nil)
	f.Close()
	w.bothDecrypt(part)
	if part == "pq" {
		if id, loadErr := identity.Load(w.Dir, alice); loadErr != nil || id.PostQuantum == nil {
			t.Fatalf("after the kill: %v", loadErr)
		}
	}
	if f, err = Lock(w.Dir, alice); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if in = f.in(part); point == 0 {
		if err = in.Switch(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	g, err := in.generations()
	if err != nil || g.Next != nil || g.Active.GenerationID() != next.GenerationID() || len(g.Old) != 1 || g.Old[0].GenerationID() != first.GenerationID() {
		t.Fatalf("after the next run: %v %+v", err, g)
	}
	w.bothDecrypt(part)
	if err = f.Settle(first.GenerationID()); err != nil {
		t.Fatal(err)
	}
	w.bothDecrypt(part)
}

// bothDecrypt reports where a key for decryption is lost.
func (w *world) bothDecrypt(part string) {
	w.t.Helper()
	if part != "encrypt" {
		return
	}
	if keys := w.keysOf(); len(keys) != 2 {
		w.t.Errorf("keys: %v", keys)
	}
}
