package relay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Size of the test that nothing is lost.
const (
	lostMessages    = 2000
	lostConnections = 20
	lostKills       = 8 // of each program
)

// lostMessage is the n-th message, without its end. Every 20th is too large for memory.
func lostMessage(n int) string {
	size := 40
	if n%20 == 0 {
		size = 6000
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From: a@example.org\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n\r\n", n)
	for i := range size {
		fmt.Fprintf(&b, "message %d line %d %s\r\n", n, i, strings.Repeat(string(rune('a'+i%26)), 40))
	}
	return b.String()
}

// TestNothingIsLost drives messages over several connections while first the relay and then the
// next hop is killed at random instants and started again. Whatever got no 250 is handed in again.
// Each message that got 250 arrives whole; there are more copies only where an answer was cut off.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hop := startChild(t, "hop", childConfig{Dir: dir})
	relay := startChild(t, "relay", childConfig{NextHop: []string{hop.addr}})
	var next atomic.Int64
	finished := make(chan struct{}, lostMessages)
	var cut [lostMessages]atomic.Int64
	var wg sync.WaitGroup
	for range lostConnections {
		wg.Go(func() {
			s := &submitter{addr: relay.addr}
			defer s.close()
			for {
				n := int(next.Add(1)) - 1
				if n >= lostMessages {
					return
				}
				if !untilDone(t, s, n, &cut[n]) {
					return
				}
				finished <- struct{}{}
			}
		})
	}
	killer := make(chan struct{})
	go func() {
		defer close(killer)
		killAtRandom(t, []*child{relay, hop}, finished)
	}()
	wg.Wait()
	close(finished)
	<-killer
	checkArrived(t, dir, &cut)
	if relay.killed != lostKills || hop.killed != lostKills {
		t.Errorf("the relay was killed %d times, the next hop %d times, want %d each", relay.killed, hop.killed, lostKills)
	}
}

// untilDone hands in a message until it gets 250.
func untilDone(t *testing.T, s *submitter, n int, cut *atomic.Int64) bool {
	t.Helper()
	for range 100000 {
		got, reply := s.try(lostMessage(n))
		switch {
		case got == done:
			return true
		case got == cutOff:
			cut.Add(1)
		case reply[0] == '5':
			t.Errorf("message %d: reply = %q, want no permanent refusal", n, reply)
			return false
		}
	}
	t.Errorf("message %d never got 250", n)
	return false
}

// killAtRandom kills one program after the other, several times each, whenever some more messages
// are through.
func killAtRandom(t *testing.T, children []*child, finished <-chan struct{}) {
	t.Helper()
	through := int64(0)
	share := int64(lostMessages / (len(children)*lostKills + 1))
	for i := range int64(len(children) * lostKills) {
		c := children[int(i)/lostKills]
		at := i*share + 1 + rand.Int64N(share)
		for ; through < at; through++ {
			if _, ok := <-finished; !ok {
				return
			}
		}
		c.kill()
		if err := c.start(); err != nil {
			t.Errorf("start again: %v", err)
			return
		}
	}
}

// checkArrived compares what the next hop keeps with what was sent.
func checkArrived(t *testing.T, dir string, cut *[lostMessages]atomic.Int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "mail-*"))
	if err != nil {
		t.Fatal(err)
	}
	copies := map[int]int64{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, own, _ := strings.Cut(string(b), "From: ")
		var n int
		_, id, _ := strings.Cut(own, "Message-ID: ")
		fmt.Sscanf(id, "<%d@", &n)
		if "From: "+own != lostMessage(n) {
			t.Errorf("message %d arrived changed: %d bytes, want %d", n, len(own), len(lostMessage(n)))
		}
		copies[n]++
	}
	more := int64(0)
	for n := range lostMessages {
		if c := copies[n]; c == 0 || c > 1+cut[n].Load() {
			t.Errorf("message %d arrived %d times, with %d answers cut off", n, c, cut[n].Load())
		}
		more += copies[n] - 1
	}
	t.Logf("%d messages, %d duplicates", lostMessages, more)
}
