//go:build unix

package lifetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/receiver"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// TestLife takes an identity from its key to its revocation at each name server, the real ones with
// NSD as a secondary: new, published, signing, rolled over while mail is on its way, revoked.
func TestLife(t *testing.T) {
	t.Parallel()
	for _, kind := range authority.Signing() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var secondaries []authority.Kind
			if kind != authority.Sandbox {
				secondaries = append(secondaries, authority.NSD)
			}
			w, others := newWorld(t, kind, secondaries...)
			name := "alice@" + strings.TrimSuffix(w.primary.Zone, ".")
			first, err := identity.Create(w.Dir, name, identity.CreateOptions{})
			must(t, err)
			w.notYet(t, name)
			w.carry(t, provision.ToPublish(provision.PublishOptions{TTL: ttl * time.Second}), name)
			w.passes(t, name)

			mail := w.stream(t, name, 200*time.Millisecond)
			second := w.rollOver(t, name)
			if second.KeyID() == first.KeyID() {
				t.Error("the key is the same")
			}
			mail.end(t, 10)
			w.revoke(t, second, others)
		})
	}
}

// notYet: what is signed before the record is published fails, and caches know that there is none.
func (w *world) notYet(t *testing.T, name string) {
	t.Helper()
	signed, err := w.sign(t.Context(), name)
	must(t, err)
	if verdict, why := w.verify(t.Context(), signed); verdict != receiver.Fail {
		t.Errorf("not published: %s %s", verdict, why)
	}
}

func (w *world) passes(t *testing.T, name string) {
	t.Helper()
	signed, err := w.sign(t.Context(), name)
	must(t, err)
	if verdict, why := w.verify(t.Context(), signed); verdict != receiver.Pass {
		t.Errorf("%s %s", verdict, why)
	}
}

// rollOver replaces the key; the old record goes when what is under way has arrived.
func (w *world) rollOver(t *testing.T, name string) *identity.Identity {
	t.Helper()
	stays := oldFor
	out := w.carry(t, provision.ToRollOver(provision.RolloverOptions{Retention: lifecycle.Withdraw, OldFor: &stays}), name)
	for _, server := range out[0].Seen {
		if len(server.Records) != 1 {
			t.Errorf("%s has %d records after the rollover", server.Name, len(server.Records))
		}
	}
	id, err := identity.Load(w.Dir, name)
	must(t, err)
	return id
}

// revoke: what was signed before fails within the TTL, nothing can be signed any more, and the name
// is gone at every name server.
func (w *world) revoke(t *testing.T, id *identity.Identity, others []*authority.Server) {
	t.Helper()
	name := id.Name
	owner, _, err := id.OwnerName()
	must(t, err)
	signed, err := w.sign(t.Context(), name)
	must(t, err)
	if verdict, why := w.verify(t.Context(), signed); verdict != receiver.Pass {
		t.Errorf("before the revocation: %s %s", verdict, why)
	}
	runner := &provision.Runner{Dir: w.Dir, Publisher: w.Publisher, Intent: provision.ToRevoke("", time.Now())}
	if o := runner.Run(t.Context(), []string{name})[0]; o.Err != nil || o.Step.Condition != lifecycle.Revoking {
		t.Fatalf("%s %s, %v", o.Step.Condition, o.Step.Why, o.Err)
	}
	gone := time.Now()
	peertest.WaitFor(t, "the end of the revoked key", func() bool {
		asked := time.Now()
		verdict, why := w.verify(t.Context(), signed)
		// Caches count whole seconds.
		if late := asked.Sub(gone); verdict == receiver.Pass && late > (ttl+1)*time.Second {
			t.Fatalf("a revoked key is accepted after %s, the TTL is %d s", late, ttl)
		}
		if verdict == receiver.Fail && !strings.HasPrefix(why, string(receiver.CodeRevoked)) {
			t.Fatalf("%s", why)
		}
		return verdict == receiver.Fail
	})
	if _, err := w.sign(context.Background(), name); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("signing with a revoked key: %v", err)
	}
	w.carry(t, provision.Intent{}, name)
	for _, server := range append(others, w.primary) {
		if in := server.Ask(owner, dns.TypeSMIMEA); in == nil || in.Rcode != dns.RcodeNameError {
			t.Errorf("%s still has the name: %v", server.Kind, in)
		}
	}
}
