//go:build unix

package lifetest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

var (
	pace    = flag.Duration("pace", 40*time.Millisecond, "time between two messages of a sender in TestRolloverUnderLoad")
	howMany = flag.Int("identities", 20, "identities that TestRolloverUnderLoad rolls over")
	whose   = flag.String("server", "", "name server of TestRolloverUnderLoad: bind, knot, powerdns or sandbox; empty: knot")
)

// TestRolloverUnderLoad rolls many identities over at once while mail of all of them is signed and
// verified: one message an identity at least, and none fails.
func TestRolloverUnderLoad(t *testing.T) {
	t.Parallel()
	kind := authority.Kind(*whose)
	if kind == "" {
		kind = authority.Knot
	}
	w, _ := newWorld(t, kind)
	var names []string
	for i := range *howMany {
		names = append(names, fmt.Sprintf("user%d@%s", i, strings.TrimSuffix(w.primary.Zone, ".")))
		_, err := identity.Create(w.Dir, names[i], identity.CreateOptions{})
		must(t, err)
	}
	begin := time.Now()
	w.carry(t, provision.ToPublish(provision.PublishOptions{TTL: ttl * time.Second}), names...)
	t.Logf("%d identities published in %s", len(names), time.Since(begin).Round(time.Millisecond))
	before := keyIDs(t, w.Dir, names)

	load := w.load(names)
	begin = time.Now()
	stays := oldFor
	w.carry(t, provision.ToRollOver(provision.RolloverOptions{Retention: lifecycle.Withdraw, OldFor: &stays}), names...)
	took := time.Since(begin)
	load.end(t, len(names))
	t.Logf("%d identities rolled over in %s, %d verdicts meanwhile", len(names), took.Round(time.Millisecond), load.passed)
	for name, id := range keyIDs(t, w.Dir, names) {
		if before[name] == id {
			t.Errorf("%s has the same key", name)
		}
	}
}

func keyIDs(t *testing.T, dir string, names []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range names {
		id, err := identity.Load(dir, name)
		must(t, err)
		out[name] = id.KeyID()
	}
	return out
}

// load is mail of many identities by turns, from two senders.
func (m *mailer) load(names []string) *stream {
	s := &stream{mailer: m, slots: make(chan struct{}, 1000)}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	order := rand.Perm(len(names))
	var mu sync.Mutex
	next := 0
	for range 2 {
		s.done.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				name := names[order[next%len(order)]]
				next++
				mu.Unlock()
				s.one(name)
				select {
				case <-ctx.Done():
				case <-time.After(*pace):
				}
			}
		})
	}
	return s
}
