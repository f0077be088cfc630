package live

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
)

const name = "alice@example.org"

// world is a directory with one identity.
func world(tb testing.TB) (string, *Set, *identity.Identity) {
	tb.Helper()
	dir := tb.TempDir()
	if _, err := identity.Create(dir, name, identity.CreateOptions{}); err != nil {
		tb.Fatal(err)
	}
	var s Set
	id, err := s.Load(dir, name)
	if err != nil {
		tb.Fatal(err)
	}
	return dir, &s, id
}

func locked(tb testing.TB, dir string) *provision.Folder {
	tb.Helper()
	f, err := provision.Lock(dir, name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.Close)
	return f
}

func TestNoticesSwitchAndRevocation(t *testing.T) {
	t.Parallel()
	dir, s, first := world(t)
	if id, err := s.Fresh(name); err != nil || id != first {
		t.Fatalf("nothing changed: %v %v", id, err)
	}
	f := locked(t, dir)
	if err := errors.Join(f.MakeNext(provision.NextOptions{}), f.Switch(time.Now())); err != nil {
		t.Fatal(err)
	}
	second, err := s.Fresh(name)
	if err != nil || second.KeyID() == first.KeyID() {
		t.Fatalf("the switch is not noticed: %v", err)
	}
	if err := f.Revoke(time.Now(), second.KeyID()); err != nil {
		t.Fatal(err)
	}
	if id, err := s.Fresh(name); id != nil || !errors.Is(err, identity.ErrRevoked) {
		t.Fatalf("the revocation is not noticed: %v %v", id, err)
	}
	var again Set
	if _, err := again.Load(dir, name); !errors.Is(err, identity.ErrRevoked) {
		t.Fatal(err)
	}
	if err := f.Restore(second.KeyID()); err != nil {
		t.Fatal(err)
	}
	for _, set := range []*Set{s, &again} {
		if id, err := set.Fresh(name); err != nil || id.KeyID() != second.KeyID() {
			t.Fatalf("it does not sign again: %v", err)
		}
	}
}

func TestGetNoticesInTime(t *testing.T) {
	t.Parallel()
	dir, s, first := world(t)
	f := locked(t, dir)
	if _, err := s.Get(name); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.MakeNext(provision.NextOptions{}), f.Switch(time.Now())); err != nil {
		t.Fatal(err)
	}
	// until interval is over
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		id, err := s.Get(name)
		if err != nil || time.Now().After(end) {
			t.Fatal("not noticed", err)
		}
		if id.KeyID() != first.KeyID() {
			return
		}
	}
}

func TestBrokenFolderKeepsTheKey(t *testing.T) {
	t.Parallel()
	dir, s, first := world(t)
	path := filepath.Join(dir, name, "key.pem")
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := s.Fresh(name); err != nil || id != first {
		t.Fatalf("%v %v", id, err)
	}
	if _, err := s.Get("bob@example.org"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := new(Set).Fresh(name); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// TestReadersDuringSwitches: whoever loads while keys are switched gets a key with its certificate.
func TestReadersDuringSwitches(t *testing.T) {
	t.Parallel()
	dir, s, _ := world(t)
	f := locked(t, dir)
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := identity.Load(dir, name); err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Fresh(name); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 30 {
		if err := errors.Join(f.MakeNext(provision.NextOptions{}), f.Switch(time.Now())); err != nil {
			t.Error(err)
		}
	}
	close(done)
	group.Wait()
}

func BenchmarkGet(b *testing.B) {
	_, s, _ := world(b)
	for b.Loop() {
		if _, err := s.Get(name); err != nil {
			b.Fatal(err)
		}
	}
}
