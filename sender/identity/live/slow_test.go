package live

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// TestSlowLoad: while an identity takes long to load again, as with a key on a token that does not
// answer, Get returns the one that there is, and Fresh waits for one attempt, however many wait.
func TestSlowLoad(t *testing.T) {
	t.Parallel()
	dir, s, first := world(t)
	// Other files than those that were loaded.
	if err := os.Rename(filepath.Join(dir, name, "key.pem"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	e, begin := s.entries[name], time.Now()
	loads, answer := make(chan struct{}, 30), make(chan struct{})
	e.load = func(string, string) (*identity.Identity, error) {
		loads <- struct{}{}
		<-answer
		return nil, errors.New("the token does not answer")
	}
	var group sync.WaitGroup
	fresh := func() {
		if id, err := e.fresh(begin); err != nil || id != first {
			t.Errorf("Fresh: %v %v", id, err)
		}
	}
	group.Go(fresh)
	<-loads
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
	close(answer)
	group.Wait()
	if len(loads) > 0 {
		t.Errorf("Fresh tries to load again what has just failed, %d times", len(loads))
	}
}
