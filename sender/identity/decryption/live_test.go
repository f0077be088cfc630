package decryption

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"dnseal/sender/identity"
	"dnseal/smime/cms/enveloped"
)

// all are the keys as they are known.
func (l *Live) all() (keys []enveloped.Key) {
	return append(l.Keys(alice), l.Keys("bob@example.org")...)
}

// fresh are the keys as the folders are now.
func (l *Live) fresh() []enveloped.Key {
	l.pause.Store(0)
	return l.all()
}

// TestLive: keys are noticed that were made after Open, and those that are gone.
func TestLive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := Open(dir)
	if err != nil || len(l.all()) > 0 {
		t.Fatal(l.all(), err)
	}
	if !l.Empty() {
		t.Error("there is a key")
	}
	create(t, dir, alice, both, identity.CreateOptions{})
	if keys := l.all(); len(keys) > 0 {
		t.Errorf("%d keys before the time is over", len(keys))
	}
	first := l.fresh()
	if len(first) != 1 {
		t.Fatalf("%d keys", len(first))
	}
	if again := l.fresh(); again[0].Private != first[0].Private {
		t.Error("what is the same was loaded again")
	}
	if l.Empty() || !l.Has(alice) || l.Has("bob@example.org") || len(l.Keys("bob@example.org")) > 0 {
		t.Error("whose keys these are")
	}
	folder, whole := filepath.Join(dir, alice), map[string]string{"key.pem": "key.pem", "cert.pem": "cert.pem"}
	next := t.TempDir()
	create(t, next, alice, both, identity.CreateOptions{})
	move(t, filepath.Join(next, alice), filepath.Join(folder, "next"), whole)
	if keys := l.fresh(); len(keys) != 2 || keys[0].Private != first[0].Private && keys[1].Private == first[0].Private {
		t.Errorf("%d keys with the next one", len(keys))
	}
	// The switch of a rollover.
	move(t, folder, filepath.Join(folder, "old", "1"), map[string]string{"key.pem": identity.DecryptFile, "cert.pem": "cert.pem"})
	move(t, filepath.Join(folder, "next"), folder, whole)
	if keys := l.fresh(); len(keys) != 2 {
		t.Errorf("%d keys after the switch", len(keys))
	}
	if err := os.RemoveAll(filepath.Join(folder, "old")); err != nil {
		t.Fatal(err)
	}
	if keys := l.fresh(); len(keys) != 1 {
		t.Errorf("%d keys without the old one", len(keys))
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if keys := l.fresh(); len(keys) != 0 {
		t.Errorf("%d keys without any identity", len(keys))
	}
}

// TestLiveKeepsKeys: what cannot be read takes no key away that was there.
func TestLiveKeepsKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, dir, alice, both, identity.CreateOptions{})
	create(t, dir, "bob@example.org", both, identity.CreateOptions{})
	l, err := Open(dir)
	if err != nil || len(l.all()) != 2 {
		t.Fatal(l.all(), err)
	}
	file := filepath.Join(dir, alice, "key.pem")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"half", string(whole)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if keys := l.fresh(); len(keys) != 2 {
			t.Errorf("%d keys", len(keys))
		}
	}
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir + "-away")
	if keys := l.fresh(); len(keys) != 2 {
		t.Errorf("%d keys", len(keys))
	}
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestLiveConcurrent is for the race detector.
func TestLiveConcurrent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, dir, alice, both, identity.CreateOptions{})
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				if len(l.fresh()) < 1 {
					t.Error("no key")
				}
			}
		})
	}
	create(t, dir, "bob@example.org", both, identity.CreateOptions{})
	group.Wait()
	if len(l.fresh()) != 2 {
		t.Error(len(l.fresh()))
	}
}
