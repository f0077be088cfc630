package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// testKey is the key of tests.
func testKey() *Key { return &Key{Name: "upd.", Algorithm: "hmac-sha256", secret: secret} }

// world is a sandbox that takes updates, and a client of it.
type world struct {
	*Client
	sandbox *lookuptest.Server
	lookup  *lookup.Client
}

const zoneText = `$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 7 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
alias._smimecert CNAME elsewhere.example.net.
tree DNAME other.example.net.
*._device TLSA 3 1 1 00
deep.ent.host TXT "x"
sub NS ns.sub
ns.sub A 127.0.0.1
`

const subText = `$ORIGIN sub.example.org.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
`

func newWorld(t *testing.T, edit func(*lookuptest.Zone), opts func(*Options)) *world {
	t.Helper()
	zone := lookuptest.Zone{Text: zoneText}
	if edit != nil {
		edit(&zone)
	}
	zones := []lookuptest.Zone{zone, {Text: subText}, {Text: strings.ReplaceAll(subText, "sub.example.org", "example.net")}}
	k := testKey()
	s, err := lookuptest.New(zones, lookuptest.Options{UpdateKeys: []lookuptest.UpdateKey{{Name: k.Name, Algorithm: k.Algorithm + ".", Secret: k.secret}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err = s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	w := &world{sandbox: s, lookup: newLookup(t, s.Addr(), s.Anchor())}
	o := Options{Server: s.Addr(), Key: k, NameServers: []string{s.Addr()}, Lookup: w.lookup}
	if opts != nil {
		opts(&o)
	}
	if w.Client, err = New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

func newLookup(tb testing.TB, resolver, anchor string) *lookup.Client {
	tb.Helper()
	anchors, err := dnssec.ParseAnchors(anchor, "anchor")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lookup.New(lookup.Options{Resolvers: []string{resolver}, Anchors: anchors})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// record is a 3 1 1 record of one repeated octet.
func record(octet byte) dane.Record {
	return dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte(strings.Repeat(string(octet), 32))}
}

func add(owner string, records ...dane.Record) Change {
	return Change{Owner: owner, Type: dane.SMIMEA, TTL: time.Minute, Add: records}
}

func remove(owner string, records ...dane.Record) Change {
	return Change{Owner: owner, Type: dane.SMIMEA, Remove: records}
}

// mailOwner is the owner of some mail address.
func mailOwner(n int) string { return fmt.Sprintf("%056x._smimecert.example.org.", n) }

// wantCode wants a refusal with this code, a sentence on one line and advice.
func wantCode(t *testing.T, err error, code Code) *Refusal {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	if !ok || r.Code != code {
		t.Fatalf("got %v, want a refusal %q", err, code)
	}
	if strings.Contains(r.Error(), "\n") || r.Hint() == "" || strings.Contains(r.Error()+r.Hint(), secret) {
		t.Errorf("%q, hint %q", r.Error(), r.Hint())
	}
	t.Logf("%s: %v; hint: %s", r.Code, r, r.Hint())
	return r
}

// once has ReadBack read once, and not again after a pause.
func (w *world) once() *world {
	w.pause = func(context.Context, time.Duration) error { return context.DeadlineExceeded }
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// one reads a name from the one name server.
func (w *world) one(t *testing.T, owner string) Seen {
	t.Helper()
	seen, err := w.Read(t.Context(), owner, dane.SMIMEA)
	if err != nil || len(seen) != 1 || seen[0].Err != nil {
		t.Fatalf("%+v, %v", seen, err)
	}
	return seen[0]
}
