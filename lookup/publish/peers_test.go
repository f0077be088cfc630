//go:build unix

package publish_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
)

// primary is one real name server with a resolver in front.
type primary struct {
	*authority.Server
	lookup *lookup.Client
}

// primaryRecords are what its zone has from the start.
const primaryRecords = `alias._device CNAME elsewhere
slow._device 300 TLSA 3 1 1 ` + someDigest + `
same._device 300 TLSA 3 1 1 ` + someDigest + "\n"

const someDigest = "abababababababababababababababababababababababababababababababab"

func startPrimary(tb testing.TB, kind authority.Kind, opts authority.Options) *primary {
	tb.Helper()
	opts.Records = primaryRecords
	s := authority.Start(tb, kind, string(kind)+".lab", opts)
	return &primary{s, lookupAt(tb, s)}
}

// lookupAt looks up through a resolver in front of a server.
func lookupAt(tb testing.TB, s *authority.Server) *lookup.Client {
	tb.Helper()
	o := lookup.Options{Resolvers: []string{authority.Resolver(tb, s)}}
	if s.Anchor != "" {
		anchors, err := dnssec.ParseAnchors(s.Anchor, "anchor")
		if err != nil {
			tb.Fatal(err)
		}
		o.Anchors = anchors
	}
	c, err := lookup.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// client publishes at the primary as its administrator would, but for what edit changes.
func (p *primary) client(tb testing.TB, key authority.Key, edit func(*publish.Options)) *publish.Client {
	tb.Helper()
	k, err := publish.ParseKey(key.String(), "key")
	if err != nil {
		tb.Fatal(err)
	}
	o := publish.Options{Server: p.Addr, Zone: p.Zone, Key: k, NameServers: []string{p.Addr}, Lookup: p.lookup, Timeout: 5 * time.Second}
	if edit != nil {
		edit(&o)
	}
	c, err := publish.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// digest is a record that differs for each i.
func digest(i int) dane.Record {
	sum := sha256.Sum256(fmt.Append(nil, i))
	return dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: sum[:]}
}

// patience is for reading back.
const patience = 5 * time.Second

// add is the publication of one record.
func add(owner string, r ...dane.Record) publish.Change {
	return publish.Change{Owner: owner, Type: dane.TLSA, TTL: time.Second, Add: r}
}

// situation is something in the way of a change.
type situation struct {
	name string
	try  func(t *testing.T, p *primary) error
	// want by kind; "" is the one of all others. An empty code is success.
	want map[authority.Kind]publish.Code
	// words are parts of what the person sees, in all kinds.
	words []string
}

// publishWith applies a change and reads it back.
func (p *primary) publishWith(t *testing.T, c *publish.Client, changes ...publish.Change) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Apply(ctx, changes...); err != nil {
		return err
	}
	if !p.signed() {
		return nil
	}
	_, err := c.ReadBack(ctx, changes...)
	return err
}

func (p *primary) signed() bool { return p.Anchor != "" }

func situations() []situation {
	with := func(edit func(*publish.Options)) func(t *testing.T, p *primary) error {
		return func(t *testing.T, p *primary) error {
			t.Helper()
			return p.publishWith(t, p.client(t, p.Key, edit), add("never._device."+p.Zone, digest(1)))
		}
	}
	withKey := func(edit func(*authority.Key)) func(t *testing.T, p *primary) error {
		return func(t *testing.T, p *primary) error {
			t.Helper()
			key := p.Key
			edit(&key)
			return p.publishWith(t, p.client(t, key, nil), add("never._device."+p.Zone, digest(1)))
		}
	}
	return []situation{
		{name: "nothing in the way", try: func(t *testing.T, p *primary) error {
			t.Helper()
			return p.publishWith(t, p.client(t, p.Key, nil), add("sensor._device."+p.Zone, digest(1)))
		}},
		{name: "alias", try: func(t *testing.T, p *primary) error {
			t.Helper()
			return p.publishWith(t, p.client(t, p.Key, nil), add("alias._device."+p.Zone, digest(1)))
		}, want: map[authority.Kind]publish.Code{"": publish.Alias}, words: []string{"CNAME"}},
		{name: "second record, other TTL", try: func(t *testing.T, p *primary) error {
			t.Helper()
			return p.publishTTL(t, "slow", digest(1), false)
		}},
		{name: "same record, other TTL", try: func(t *testing.T, p *primary) error {
			t.Helper()
			return p.publishTTL(t, "same", dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte(strings.Repeat("\xab", 32))}, true)
		}},
		{name: "101 records", try: func(t *testing.T, p *primary) error {
			t.Helper()
			var all []dane.Record
			for i := range 101 {
				all = append(all, digest(i))
			}
			return p.client(t, p.Key, nil).Apply(t.Context(), add("full._device."+p.Zone, all...))
		}, want: map[authority.Kind]publish.Code{authority.BIND: publish.Full}},
		{
			name: "other secret", try: withKey(func(k *authority.Key) { k.Secret = authority.NewKey("other").Secret }),
			want: map[authority.Kind]publish.Code{"": publish.BadSignature, authority.PowerDNS: publish.RefusedUnsigned},
		},
		{
			name: "unknown key", try: withKey(func(k *authority.Key) { k.Name = "unknown" }),
			want: map[authority.Kind]publish.Code{"": publish.BadKey, authority.PowerDNS: publish.RefusedUnsigned}, words: []string{"unknown"},
		},
		{
			name: "other algorithm", try: withKey(func(k *authority.Key) { k.Algorithm = "hmac-sha512" }),
			want: map[authority.Kind]publish.Code{"": publish.BadKey, authority.PowerDNS: publish.RefusedUnsigned}, words: []string{"hmac-sha512"},
		},
		{
			name: "clock 400 s behind", try: with(func(o *publish.Options) { o.Now = func() time.Time { return time.Now().Add(-400 * time.Second) } }),
			want: map[authority.Kind]publish.Code{"": publish.BadTime, authority.PowerDNS: publish.RefusedUnsigned}, words: []string{"clock"},
		},
		{
			name: "clock 400 s ahead", try: with(func(o *publish.Options) { o.Now = func() time.Time { return time.Now().Add(400 * time.Second) } }),
			want: map[authority.Kind]publish.Code{"": publish.BadTime, authority.PowerDNS: publish.RefusedUnsigned}, words: []string{"clock"},
		},
		{
			name: "no key", try: with(func(o *publish.Options) { o.Key = nil }),
			want: map[authority.Kind]publish.Code{"": publish.Policy}, words: []string{"--tsig-key"},
		},
		{
			name: "other zone", try: func(t *testing.T, p *primary) error {
				t.Helper()
				c := p.client(t, p.Key, func(o *publish.Options) { o.Zone = "elsewhere.lab" })
				return c.Apply(t.Context(), add("sensor._device.elsewhere.lab.", digest(1)))
			},
			want: map[authority.Kind]publish.Code{"": publish.NotHere, authority.YADIFA: publish.OutsideZone},
		},
		{
			name: "part of the zone as zone", try: func(t *testing.T, p *primary) error {
				t.Helper()
				c := p.client(t, p.Key, func(o *publish.Options) { o.Zone = "_device." + p.Zone })
				return c.Apply(t.Context(), add("sensor._device."+p.Zone, digest(1)))
			},
			want:  map[authority.Kind]publish.Code{"": publish.NotHere, authority.YADIFA: publish.OutsideZone},
			words: []string{"_device.", "--zone"},
		},
		{name: "name outside the zone", try: func(t *testing.T, p *primary) error {
			t.Helper()
			return p.client(t, p.Key, nil).Apply(t.Context(), add("sensor._device.elsewhere.lab.", digest(1)))
		}, want: map[authority.Kind]publish.Code{"": publish.OutsideZone}, words: []string{"elsewhere.lab"}},
		{name: "other records than expected", try: func(t *testing.T, p *primary) error {
			t.Helper()
			c := add("slow._device."+p.Zone, digest(3))
			c.Expect = []dane.Record{digest(7)}
			return p.client(t, p.Key, nil).Apply(t.Context(), c)
		}, want: map[authority.Kind]publish.Code{"": publish.Changed}},
		{name: "records where none was expected", try: func(t *testing.T, p *primary) error {
			t.Helper()
			c := add("slow._device."+p.Zone, digest(3))
			c.Expect = []dane.Record{}
			return p.client(t, p.Key, nil).Apply(t.Context(), c)
		}, want: map[authority.Kind]publish.Code{"": publish.Changed}},
		{name: "nothing where one was expected", try: func(t *testing.T, p *primary) error {
			t.Helper()
			c := add("nothing._device."+p.Zone, digest(3))
			c.Expect = []dane.Record{digest(7)}
			return p.client(t, p.Key, nil).Apply(t.Context(), c)
		}, want: map[authority.Kind]publish.Code{"": publish.Changed}},
	}
}

// publishTTL publishes with a TTL of one minute, and fails unless all records have it then.
func (p *primary) publishTTL(t *testing.T, label string, r dane.Record, there bool) error {
	t.Helper()
	c := p.client(t, p.Key, nil)
	change := add(label+"._device."+p.Zone, r)
	change.TTL = time.Minute
	if there {
		change.Expect = change.Add
	}
	if err := p.publishWith(t, c, change); err != nil || !p.signed() {
		return err
	}
	seen, err := c.Read(t.Context(), change.Owner, dane.TLSA)
	if err != nil || len(seen) != 1 || seen[0].TTL != time.Minute {
		t.Errorf("%s: %+v, %v: not one minute", change.Owner, seen, err)
	}
	return nil
}

// TestRefusals provokes every refusal of the name servers, and what they silently leave undone. It
// must be told for what it is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, kind := range append(authority.Signing(), authority.YADIFA) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t, kind, authority.Options{})
			for _, s := range situations() {
				t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) { s.check(t, p, s.try(t, p)) })
			}
		})
	}
}

// check holds the error against what it should be.
func (s *situation) check(t *testing.T, p *primary, err error) {
	t.Helper()
	want, ok := s.want[p.Kind]
	if !ok {
		want = s.want[""]
	}
	t.Logf("%v | %s", err, hint(err))
	if want == "" {
		if err != nil {
			t.Errorf("error: %v", err)
		}
		return
	}
	var r *publish.Refusal
	if !errors.As(err, &r) || r.Code != want {
		t.Errorf("error = %v (%q), want code %q", err, code(err), want)
		return
	}
	for _, word := range s.words {
		if !strings.Contains(err.Error()+hint(err), word) {
			t.Errorf("%q, hint %q: says nothing of %q", err, hint(err), word)
		}
	}
	if strings.ContainsRune(err.Error(), '\n') || hint(err) == "" {
		t.Errorf("%q is not one line with a hint (%q)", err, hint(err))
	}
	if strings.Contains(err.Error()+hint(err), p.Key.Secret) {
		t.Error("it tells the secret")
	}
}

func code(err error) publish.Code {
	if r, ok := errors.AsType[*publish.Refusal](err); ok {
		return r.Code
	}
	return ""
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// TestKeyForOneName: a key that may change only one name is refused at another. Knot says BADKEY
// then, as of a key that it does not know; PowerDNS says NOERROR where a policy script does not
// permit it.
func TestKeyForOneName(t *testing.T) {
	t.Parallel()
	want := map[authority.Kind]publish.Code{authority.BIND: publish.Policy, authority.Knot: publish.Policy, authority.PowerDNS: publish.NotDone}
	for kind, code := range want {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t, kind, authority.Options{Limit: true})
			c := p.client(t, p.Limited, nil)
			if err := p.publishWith(t, c, add(p.LimitedName(), digest(1))); err != nil {
				t.Errorf("at its own name: %v", err)
			}
			s := situation{want: map[authority.Kind]publish.Code{"": code}, words: []string{"sensor._device", "PowerDNS"}}
			if kind == authority.Knot {
				s.words[1] = "Knot"
			}
			s.check(t, p, p.publishWith(t, c, add("sensor._device."+p.Zone, digest(1))))
		})
	}
}

// TestSecondaryAsked: an update that a secondary gets.
func TestSecondaryAsked(t *testing.T) {
	t.Parallel()
	p := startPrimary(t, authority.Knot, authority.Options{Secondaries: []authority.Kind{authority.NSD, authority.BIND}})
	for kind, want := range map[authority.Kind]publish.Code{authority.NSD: publish.Secondary, authority.BIND: publish.Secondary} {
		second := p.Secondary(t, kind)
		c := p.client(t, p.Key, func(o *publish.Options) { o.Server = second.Addr })
		s := situation{want: map[authority.Kind]publish.Code{"": want}, words: []string{"secondary", "ns.knot.lab", "--server"}}
		s.check(t, p, c.Apply(t.Context(), add("sensor._device."+p.Zone, digest(1))))
	}
}
