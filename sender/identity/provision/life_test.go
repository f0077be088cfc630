package provision

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// TestLife takes one identity from its key to its revocation.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	const name = "alice@example.org"
	first := w.create(name)
	o := w.run(name, Intent{})
	w.want(o, lifecycle.New, lifecycle.Nothing)

	o = w.run(name, ToPublish(PublishOptions{}))
	w.want(o, lifecycle.Published, lifecycle.Wait)
	if wait := o.Step.Until.Sub(w.at); wait < time.Minute || wait > 2*time.Minute {
		t.Errorf("waits %s for a negative TTL of 60 s", wait)
	}
	w.pass(o)
	w.want(w.run(name, ToPublish(PublishOptions{})), lifecycle.Active, lifecycle.Nothing)
	w.events = nil
	w.want(w.run(name, ToPublish(PublishOptions{})), lifecycle.Active, lifecycle.Nothing)
	if len(w.events) > 0 {
		t.Errorf("a second run does %s", w.events)
	}

	zero := time.Duration(0)
	roll := ToRollOver(RolloverOptions{Retention: lifecycle.Withdraw, OldFor: &zero})
	o = w.run(name, roll)
	w.want(o, lifecycle.NextPublished, lifecycle.Wait)
	if wait := o.Step.Until.Sub(w.at); wait < 300*time.Second || wait > 400*time.Second {
		t.Errorf("waits %s for a TTL of 300 s", wait)
	}
	if id, err := identity.Load(w.Dir, name); err != nil || id.KeyID() != first.KeyID() {
		t.Fatal("another key signs already", err)
	}
	w.pass(o)
	o = w.run(name, roll)
	w.want(o, lifecycle.Switched, lifecycle.Wait)
	second, err := identity.Load(w.Dir, name)
	if err != nil || second.KeyID() == first.KeyID() {
		t.Fatal("the next key does not sign", err)
	}
	w.pass(o)
	w.want(w.run(name, roll), lifecycle.Active, lifecycle.Nothing)
	if text := strings.Join(w.events, "; "); !strings.HasSuffix(text, "publish; alice@example.org switch; alice@example.org withdraw; alice@example.org settle") {
		t.Error(text)
	}
	old, err := filepath.Glob(filepath.Join(filepath.Dir(second.KeyFile), "old", "*", "key.pem"))
	if len(old) != 1 {
		t.Fatalf("old keys %q, %v", old, err)
	}
	if text, _ := os.ReadFile(old[0]); err != nil || !strings.Contains(string(text), "PUBLIC KEY") {
		t.Errorf("the old key: %v %s", err, text)
	}

	o = w.run(name, ToRevoke("", w.at))
	w.want(o, lifecycle.Revoking, lifecycle.Wait)
	if _, err := identity.Load(w.Dir, name); !errors.Is(err, identity.ErrRevoked) || identity.Hint(err) == "" {
		t.Errorf("a revoked key loads: %v", err)
	}
	w.pass(o)
	w.want(w.run(name, Intent{}), lifecycle.Revoked, lifecycle.Nothing)
	w.want(w.run(name, ToPublish(PublishOptions{})), lifecycle.Published, lifecycle.Wait)
	if id, err := identity.Load(w.Dir, name); err != nil || id.KeyID() != second.KeyID() {
		t.Errorf("published anew: %v", err)
	}
}
