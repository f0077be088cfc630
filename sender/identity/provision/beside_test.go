package provision

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

const alice = "alice@example.org"

func (w *world) add(opts identity.CreateOptions) *identity.Identity {
	w.t.Helper()
	id, err := identity.Create(w.Dir, alice, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// shown are the forms of the records that the server shows, sorted.
func (w *world) shown(id *identity.Identity) string {
	w.t.Helper()
	owner, typ, err := id.OwnerName()
	if err != nil {
		w.t.Fatal(err)
	}
	servers, err := w.Publisher.Read(context.Background(), owner, typ)
	if err != nil {
		w.t.Fatal(err)
	}
	var forms []string
	for _, r := range servers[0].Records {
		forms = append(forms, fmt.Sprint(r.Usage, r.Selector, r.MatchingType))
	}
	slices.Sort(forms)
	return strings.Join(forms, ", ")
}

// TestPublishAllKeysOfAName: also one that comes later, and revoking withdraws them all.
func TestPublishAllKeysOfAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{})
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	o := w.run(alice, ToPublish(PublishOptions{}))
	if got := w.shown(id); got != "3 0 0, 3 1 1" {
		t.Errorf("shown: %s", got)
	}
	if len(o.Step.Troubles) != 0 {
		t.Errorf("troubles: %v", o.Step.Troubles)
	}
	pq := w.add(identity.CreateOptions{Algorithm: "ml-dsa-44"})
	o = w.run(alice, Intent{}) // what carries on publishes it
	if got := w.shown(id); got != "3 0 0, 3 1 1, 3 1 1" || len(o.Step.Troubles) != 0 {
		t.Errorf("shown: %s, troubles: %v", got, o.Step.Troubles)
	}
	w.pass(o)
	w.want(w.run(alice, Intent{}), lifecycle.Active, lifecycle.Nothing)

	o = w.run(alice, ToRevoke(pq.KeyID(), w.at))
	if got := w.shown(id); got != "3 0 0, 3 1 1" || len(o.Step.Troubles) != 0 {
		t.Errorf("without the ML-DSA key: %s, troubles: %v", got, o.Step.Troubles)
	}
	if loaded, err := identity.Load(w.Dir, alice); err != nil || loaded.PostQuantum != nil {
		t.Errorf("loaded %+v, %v", loaded, err)
	}
	w.run(alice, ToRevoke("", w.at))
	if got := w.shown(id); got != "" {
		t.Errorf("revoked, and shown: %s", got)
	}
	w.run(alice, ToPublish(PublishOptions{}))
	if got := w.shown(id); got != "3 0 0, 3 1 1, 3 1 1" {
		t.Errorf("published again: %s", got)
	}
}

// TestRecordOfAnotherKeyThatVanished is told, and not published again before somebody wants that.
func TestRecordOfAnotherKeyThatVanished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{})
	other := w.add(identity.CreateOptions{Use: identity.UseEncrypt, Algorithm: "x25519"})
	o := w.run(alice, ToPublish(PublishOptions{}))
	r, err := other.Record(other.RecordForm())
	if err != nil {
		t.Fatal(err)
	}
	change := (&work{Outcome: o, owner: ownerOf(t, id), typ: dane.SMIMEA}).change()
	change.Add, change.Remove, change.Expect = nil, []dane.Record{r}, nil
	if err = w.Publisher.Apply(context.Background(), change); err != nil {
		t.Fatal(err)
	}
	o = w.run(alice, Intent{})
	if got := w.shown(id); got != "3 1 1" || len(o.Step.Troubles) != 1 || o.Step.Troubles[0].Code != lifecycle.CodeVanished {
		t.Errorf("shown: %s, troubles: %v", got, o.Step.Troubles)
	}
	w.run(alice, ToPublish(PublishOptions{}))
	if got := w.shown(id); got != "3 0 0, 3 1 1" {
		t.Errorf("shown: %s", got)
	}
}

func ownerOf(t *testing.T, id *identity.Identity) string {
	t.Helper()
	owner, _, err := id.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	return owner
}

// TestNameWithAKeyForEncryptionAlone is published, replaced by hand, and gets a key that signs.
func TestNameWithAKeyForEncryptionAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{Use: identity.UseEncrypt, Algorithm: "ml-kem-768"})
	o := w.run(alice, ToPublish(PublishOptions{}))
	if got := w.shown(id); got != "3 1 0" || len(o.Step.Troubles) != 0 {
		t.Errorf("shown: %s, troubles: %v", got, o.Step.Troubles)
	}
	old := filepath.Join(filepath.Dir(id.KeyFile), identity.OldFolder, "1")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(id.KeyFile, filepath.Join(old, "key.pem")); err != nil {
		t.Fatal(err)
	}
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	w.add(identity.CreateOptions{})
	o = w.run(alice, ToPublish(PublishOptions{}))
	if got := w.shown(id); got != "3 0 0, 3 1 0, 3 1 1" || len(o.Step.Troubles) != 0 {
		t.Errorf("shown: %s, troubles: %v", got, o.Step.Troubles)
	}
	w.run(alice, ToRevoke(id.KeyID(), w.at))
	if got := w.shown(id); got != "3 0 0, 3 1 1" {
		t.Errorf("without the earlier one: %s", got)
	}
}

// TestRolloverOfAKeyForBothUses makes another one for both, published as the one before.
func TestRolloverOfAKeyForBothUses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{Use: identity.UseBoth})
	w.run(alice, ToPublish(PublishOptions{}))
	if got := w.shown(id); got != "3 0 0" {
		t.Errorf("shown: %s", got)
	}
	o := w.run(alice, ToRollOver(RolloverOptions{}))
	if got := w.shown(id); got != "3 0 0, 3 0 0" {
		t.Errorf("shown: %s", got)
	}
	if o.Keys.Next == nil || o.Keys.Next.Use() != identity.UseBoth {
		t.Errorf("next: %+v", o.Keys.Next)
	}
}

// TestPublishWholeKeys: the ML-DSA key beside one that is published whole is published so too.
func TestPublishWholeKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.add(identity.CreateOptions{})
	w.add(identity.CreateOptions{Algorithm: "ml-dsa-44"})
	w.add(identity.CreateOptions{Use: identity.UseEncrypt})
	w.run(alice, ToPublish(PublishOptions{Form: &lifecycle.Form{Usage: 3, Selector: 1, Matching: 0}}))
	if got := w.shown(id); got != "3 0 0, 3 1 0, 3 1 0" {
		t.Errorf("shown: %s", got)
	}
}
