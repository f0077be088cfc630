//go:build unix

package live

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// TestSlowLoad: while an identity takes long to load again, as with a key on a token that does not
// answer, Get returns the one that there is, and Fresh waits for one attempt, however many wait.
func TestSlowLoad(t *testing.T) {
	t.Parallel()
	dir, s, first := world(t)
	path := filepath.Join(dir, name, "key.pem")
	// Opening it lasts until it is opened for writing.
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pipe, path); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	e, begin := s.entries[name], time.Now()
	fresh := func() {
		if id, err := e.fresh(begin); err != nil || id != first {
			t.Errorf("Fresh: %v %v", id, err)
		}
	}
	group.Go(fresh)
	for e.mu.TryLock() { // until it loads
		e.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	for range 20 {
		group.Go(fresh)
	}
	got := make(chan *identity.Identity, 2)
	go func() {
		for range cap(got) {
			e.looked.Store(-int64(interval))
			id, _ := s.Get(name)
			got <- id
		}
	}()
	for range cap(got) {
		select {
		case id := <-got:
			if id != first {
				t.Errorf("Get: %v", id)
			}
		case <-time.After(time.Minute):
			t.Error("Get waits for another call")
		}
	}
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("Fresh tries to load again what has just failed")
	}
}
