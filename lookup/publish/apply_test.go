package publish

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// TestLife: a record is added, seen, gets another TTL and a second record, and is withdrawn, each
// step read back, validated.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	owner := mailOwner(1)
	before := w.one(t, owner)
	if before.Status != dnssec.Secure || before.Presence != dane.Absent || before.NegativeTTL != time.Minute || before.Serial != 7 || before.Expires.IsZero() {
		t.Errorf("before: %+v", before)
	}
	step := func(c Change, records []dane.Record, ttl time.Duration) {
		t.Helper()
		must(t, w.Apply(t.Context(), c))
		seen, err := w.ReadBack(t.Context(), c)
		must(t, err)
		if s := seen[0]; !equal(s.Records, records) || s.TTL != ttl || s.Status != dnssec.Secure || s.Zone != "example.org." {
			t.Errorf("after %+v: %+v", c, s)
		}
	}
	first := add(owner, record('a'))
	first.Expect = []dane.Record{}
	step(first, first.Add, time.Minute)
	longer := Change{Owner: owner, Type: dane.SMIMEA, TTL: time.Hour, Add: first.Add, Expect: first.Add}
	step(longer, first.Add, time.Hour)
	both := Change{Owner: owner, Type: dane.SMIMEA, TTL: time.Hour, Add: []dane.Record{record('b')}, Remove: []dane.Record{record('x')}, Expect: first.Add}
	step(both, []dane.Record{record('a'), record('b')}, time.Hour)
	step(remove(owner, record('a')), []dane.Record{record('b')}, time.Hour)
	step(remove(owner, record('b'), record('z')), nil, 0)
	step(remove(owner, record('b')), nil, 0) // idempotent
}

// TestTwoOperators: what somebody else changed meanwhile is never overwritten.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	owner := mailOwner(1)
	must(t, w.Apply(t.Context(), add(owner, record('x'))))
	for name, expect := range map[string][]dane.Record{"none": {}, "another": {record('y')}, "more": {record('x'), record('y')}} {
		mine := add(owner, record('m'))
		mine.Expect = expect
		r := wantCode(t, w.Apply(t.Context(), mine), Changed)
		if r.Name != owner {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if s := w.one(t, owner); !equal(s.Records, []dane.Record{record('x')}) {
		t.Errorf("there is %+v", s.Records)
	}
}

// TestAlias: a CNAME in the way is found, though servers say NOERROR; a DNAME above is another
// name's zone.
func TestAlias(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	owner := "alias._smimecert.example.org."
	r := wantCode(t, w.Apply(t.Context(), add(owner, record('a'))), Alias)
	if r.Name != owner || !slices.Contains([]string{"example.org."}, r.Zone) {
		t.Errorf("%+v", r)
	}
	_, err := w.ReadBack(t.Context(), add(owner, record('a')))
	wantCode(t, err, Alias)
	gone := remove(owner, record('a'))
	gone.Expect = gone.Remove
	wantCode(t, w.Apply(t.Context(), gone), Changed) // a CNAME is not in the way of that
	if s := w.one(t, owner); s.Alias != "elsewhere.example.net." {
		t.Errorf("%+v", s)
	}
}

// TestBatch: names that are refused for their own sake do not stop the others, and what is done is
// said exactly.
func TestBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	must(t, w.Apply(t.Context(), add(mailOwner(3), record('x'))))
	var list []Change
	for n := range 6 {
		c := add(mailOwner(n), record('a'))
		c.Expect = []dane.Record{}
		list = append(list, c)
	}
	list[5].Owner = "alias._smimecert.example.org."
	err := w.Apply(t.Context(), list...)
	p, ok := errors.AsType[*PartialError](err)
	if !ok || len(p.Done) != 4 || len(p.NotDone) != 2 || len(p.Unknown) != 0 || p.NotDone[0].Owner != list[3].Owner || p.NotDone[1].Owner != list[5].Owner {
		t.Fatalf("%+v, %v", p, err)
	}
	wantCode(t, err, Changed)
	_, err = w.ReadBack(t.Context(), p.Done...)
	must(t, err)
}

// TestWildcard: records that a wildcard makes are not there, and do not count as published.
func TestWildcard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	owner := "s1._device.example.org."
	seen, err := w.Read(t.Context(), owner, dane.TLSA)
	if err != nil || !seen[0].Wildcard || seen[0].Presence != dane.Present || seen[0].Status != dnssec.Secure {
		t.Fatalf("%+v, %v", seen, err)
	}
	zero := dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte{0}}
	c := Change{Owner: owner, Type: dane.TLSA, TTL: time.Minute, Add: []dane.Record{zero}, Expect: []dane.Record{}}
	if seen[0].shows(&c) {
		t.Error("the wildcard's record counts as the name's")
	}
	wrong := c
	wrong.Expect = []dane.Record{zero}
	if r := wantCode(t, w.Apply(t.Context(), wrong), Changed); !strings.Contains(r.Text, "there is no record") {
		t.Error(r.Text)
	}
	must(t, w.Apply(t.Context(), c))
	seen, err = w.ReadBack(t.Context(), c)
	if err != nil || seen[0].Wildcard {
		t.Errorf("%+v, %v", seen, err)
	}
}

// TestBigBatches: 1,200 records go in messages of at most 500 and 64 kB, and are all read back.
func TestBigBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	var list []Change
	for n := range 1200 {
		list = append(list, add(mailOwner(n), record('a')))
	}
	plan, err := w.plan(t.Context(), list)
	must(t, err)
	for _, b := range plan {
		m := message(b.zone.name, b.changes)
		wire, _, signErr := testKey().sign(m, time.Now())
		if signErr != nil || len(wire) > 65535 || len(m.Ns) > maxRecords {
			t.Errorf("%d octets, %d records, %v", len(wire), len(m.Ns), signErr)
		}
	}
	must(t, w.Apply(t.Context(), list...))
	seen, err := w.ReadBack(t.Context(), list...)
	if err != nil || len(seen) != len(list) {
		t.Fatalf("%d seen, %v", len(seen), err)
	}
	for i, s := range seen {
		if s.Owner != list[i].Owner {
			t.Fatalf("%d is %s", i, s.Owner)
		}
	}
}

// TestTooLong: one name whose changes are too long for a message; nothing is sent.
func TestTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	c := add(mailOwner(1))
	for n := range 40 {
		c.Add = append(c.Add, dane.Record{Usage: 3, Data: append(make([]byte, 2000), byte(n))})
	}
	wantCode(t, w.Apply(t.Context(), c), TooLong)
}

// TestBadChanges: changes that nobody can mean are errors before anything is asked.
func TestBadChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	for name, list := range map[string][]Change{
		"no name":       {add("a..b", record('a'))},
		"the root":      {add(".", record('a'))},
		"type":          {{Owner: "a.example.org", Type: 1, Add: []dane.Record{record('a')}}},
		"twice":         {add("a.example.org", record('a')), add("A.example.org.", record('b'))},
		"negative TTL":  {{Owner: "a.example.org", Type: dane.TLSA, TTL: -time.Second, Add: []dane.Record{record('a')}}},
		"half a second": {{Owner: "a.example.org", Type: dane.TLSA, TTL: time.Second / 2, Add: []dane.Record{record('a')}}},
		"too long TTL":  {{Owner: "a.example.org", Type: dane.TLSA, TTL: 1 << 31 * time.Second, Add: []dane.Record{record('a')}}},
		"long record":   {add("a.example.org", dane.Record{Data: make([]byte, 65535)})},
	} {
		if err := w.Apply(t.Context(), list...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestStates: a zone without signatures, with wrong ones, with opt-out: never success.
func TestStates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit           func(*lookuptest.Zone)
		added, removed Code
	}{
		"unsigned":    {func(z *lookuptest.Zone) { z.Unsigned = true }, NotSigned, NotSigned},
		"no DS fits":  {func(z *lookuptest.Zone) { z.Break = lookuptest.WrongDS }, Bogus, Bogus},
		"expired":     {func(z *lookuptest.Zone) { z.Break = lookuptest.Expired }, Bogus, Bogus},
		"opt-out":     {func(z *lookuptest.Zone) { z.NSEC3, z.OptOut = true, true }, "", OptOut},
		"NSEC3":       {func(z *lookuptest.Zone) { z.NSEC3 = true }, "", ""},
		"no denial":   {func(z *lookuptest.Zone) { z.Break = lookuptest.MissingDenial }, "", Bogus},
		"unreachable": {func(z *lookuptest.Zone) { z.Break = lookuptest.Unreachable }, Behind, Behind},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.edit, func(o *Options) { o.Zone = "example.org" })
			owner := mailOwner(1)
			for _, step := range []struct {
				c    Change
				want Code
			}{{add(owner, record('a')), tt.added}, {remove(owner, record('a')), tt.removed}} {
				must(t, w.Apply(t.Context(), step.c))
				if step.want == "" {
					_, err := w.ReadBack(t.Context(), step.c)
					must(t, err)
					continue
				}
				_, err := w.once().ReadBack(t.Context(), step.c)
				wantCode(t, err, step.want)
			}
		})
	}
}
