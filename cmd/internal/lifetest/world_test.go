//go:build unix

package lifetest

import (
	"flag"
	"os"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
	"dnseal/sender/identity/provision"
)

// TestMain lets the tests wait at the same time: they wait for TTLs more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "16")
	os.Exit(m.Run())
}

// ttl is that of all records, in seconds.
const ttl = 1

// world is a zone at a primary, a directory of identities with their publisher, and somebody
// elsewhere.
type world struct {
	*provision.Runner
	*mailer
	primary *authority.Server
}

// newWorld has a name server of a kind, with secondaries.
func newWorld(t *testing.T, kind authority.Kind, secondaries ...authority.Kind) (*world, []*authority.Server) {
	t.Helper()
	s := authority.Start(t, kind, string(kind)+".lab", authority.Options{TTL: ttl, Secondaries: secondaries})
	nameServers := []string{s.Addr}
	var others []*authority.Server
	for _, second := range secondaries {
		others = append(others, s.Secondary(t, second))
		nameServers = append(nameServers, others[len(others)-1].Addr)
	}
	resolver := authority.Resolver(t, s)
	anchors, err := dnssec.ParseAnchors(s.Anchor, "anchor")
	must(t, err)
	client, err := lookup.New(lookup.Options{Resolvers: []string{resolver}, Anchors: anchors, Timeout: time.Minute})
	must(t, err)
	t.Cleanup(func() { client.Close() })
	key, err := publish.ParseKey(s.Key.String(), "key")
	must(t, err)
	p, err := publish.New(publish.Options{Server: s.Addr, Zone: s.Zone, Key: key, NameServers: nameServers, Lookup: client})
	must(t, err)
	dir := t.TempDir()
	return &world{&provision.Runner{Dir: dir, Publisher: p}, newMailer(t, dir, client), s}, others
}

// go runs an intent to its end: until nothing has to be waited for.
func (w *world) carry(t *testing.T, intent provision.Intent, names ...string) []*provision.Outcome {
	t.Helper()
	runner := &provision.Runner{Dir: w.Dir, Publisher: w.Publisher, Intent: intent}
	out := runner.Wait(t.Context(), names, nil)
	for _, o := range out {
		if o.Err != nil {
			t.Fatalf("%s: %v", o.Name, o.Err)
		}
		if len(o.Step.Troubles) > 0 {
			t.Errorf("%s: %v", o.Name, o.Step.Troubles)
		}
	}
	return out
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
