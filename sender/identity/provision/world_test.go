package provision

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// world is a signed zone that takes updates, a directory of identities, and a clock.
type world struct {
	*Runner
	t      *testing.T
	server *lookuptest.Server
	at     time.Time
	events []string
}

const zone = "$ORIGIN example.org.\n@ 300 SOA ns hostmaster 7 7200 3600 1209600 60\n@ 300 NS ns\nns 300 A 127.0.0.1\n"

func newWorld(t *testing.T, records string) *world {
	t.Helper()
	key, err := publish.NewKey("upd")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, at: time.Now()}
	w.server, err = lookuptest.New([]lookuptest.Zone{{Text: zone + records}}, lookuptest.Options{
		UpdateKeys: []lookuptest.UpdateKey{{Name: key.Name, Algorithm: key.Algorithm, Secret: key.Secret()}},
	})
	if err == nil {
		err = w.server.Start("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.server.Close() })
	anchors, err := dnssec.ParseAnchors(w.server.Anchor(), "anchor")
	if err != nil {
		t.Fatal(err)
	}
	client, err := lookup.New(lookup.Options{Resolvers: []string{w.server.Addr()}, Anchors: anchors})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	p, err := publish.New(publish.Options{Server: w.server.Addr(), Key: key, NameServers: []string{w.server.Addr()}, Lookup: client})
	if err != nil {
		t.Fatal(err)
	}
	w.Runner = &Runner{Dir: t.TempDir(), Publisher: p, Now: func() time.Time { return w.at }, Done: func(name string, s lifecycle.Step) {
		w.events = append(w.events, fmt.Sprint(name, " ", s.Do))
	}}
	return w
}

func (w *world) create(name string) *identity.Identity {
	w.t.Helper()
	id, err := identity.Create(w.Dir, name, identity.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// run runs an intent for one name.
func (w *world) run(name string, intent Intent) *Outcome {
	w.t.Helper()
	w.Intent, w.begun = intent, nil
	o := w.Run(context.Background(), []string{name})[0]
	if o.Err != nil {
		w.t.Fatal(o.Err, identity.Hint(o.Err))
	}
	return o
}

func (w *world) want(o *Outcome, c lifecycle.Condition, do lifecycle.Action) {
	w.t.Helper()
	if o.Step.Condition != c || o.Step.Do != do {
		w.t.Fatalf("%s, %s (%s) %v; want %s, %s", o.Step.Condition, o.Step.Do, o.Step.Why, o.Step.Troubles, c, do)
	}
}

// pass lets time pass until the outcome says.
func (w *world) pass(o *Outcome) { w.at = o.Step.Until }
