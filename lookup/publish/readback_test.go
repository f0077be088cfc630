package publish

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// TestMissing: what name servers show is success only where every one of them shows it, secure; of
// several reasons the weightier one is said, whatever their order.
func TestMissing(t *testing.T) {
	t.Parallel()
	c := add(mailOwner(1), record('a'))
	withdrawn := remove(mailOwner(1), record('a'))
	right := Seen{Server: "right", Serial: 8, Status: dnssec.Secure, Presence: dane.Present, Records: c.Add}
	with := func(edit func(*Seen)) Seen {
		s := right
		s.Server = "other"
		edit(&s)
		return s
	}
	gone := Seen{Server: "gone", Serial: 8, Status: dnssec.Secure, Presence: dane.Absent}
	bogus := with(func(s *Seen) { s.Status, s.Code = dnssec.Bogus, dnssec.CodeExpired })
	insecure := with(func(s *Seen) { s.Status = dnssec.Insecure })
	alias := with(func(s *Seen) { s.Alias = "elsewhere.example.net." })
	for name, tt := range map[string]struct {
		c    Change
		seen []Seen
		want Code
	}{
		"all":              {c, []Seen{right, right}, ""},
		"bogus":            {c, []Seen{right, bogus}, Bogus},
		"insecure":         {c, []Seen{right, insecure}, NotSigned},
		"indeterminate":    {c, []Seen{with(func(s *Seen) { s.Status = dnssec.Indeterminate })}, NotSigned},
		"alias":            {c, []Seen{right, alias}, Alias},
		"unreadable":       {c, []Seen{right, with(func(s *Seen) { s.Err = errors.New("no answer") })}, Behind},
		"unknown":          {c, []Seen{with(func(s *Seen) { s.Presence = dane.Unknown })}, NotDone},
		"wildcard":         {c, []Seen{with(func(s *Seen) { s.Wildcard = true })}, NotDone},
		"other records":    {c, []Seen{with(func(s *Seen) { s.Records = []dane.Record{record('b')} })}, NotDone},
		"lags":             {c, []Seen{right, with(func(s *Seen) { s.Serial, s.Records = 7, nil })}, Behind},
		"same serial":      {c, []Seen{right, with(func(s *Seen) { s.Records = nil })}, NotDone},
		"withdrawn":        {withdrawn, []Seen{gone}, ""},
		"still there":      {withdrawn, []Seen{right}, NotDone},
		"opt-out":          {withdrawn, []Seen{gone, {Status: dnssec.Insecure, Code: dnssec.CodeOptOut, Presence: dane.Absent}}, OptOut},
		"bogus, insecure":  {c, []Seen{insecure, bogus}, Bogus},
		"bogus, alias":     {c, []Seen{bogus, alias}, Alias},
		"two kinds, first": {c, []Seen{bogus, with(func(s *Seen) { s.Err = errors.New("no answer") })}, Bogus},
	} {
		for range 2 {
			r := missing(zone{name: "example.org."}, tt.seen, &tt.c)
			if (r == nil) != (tt.want == "") || r != nil && r.Code != tt.want {
				t.Errorf("%s: %+v, want %q", name, r, tt.want)
			}
			if name != "two kinds, first" {
				slices.Reverse(tt.seen)
			}
		}
	}
	if alias.shows(&c) {
		t.Error("the records at the end of an alias count as those of the name")
	}
}

// TestOriginalTTL: a cache that counts down does not shorten for how long others keep the records.
func TestOriginalTTL(t *testing.T) {
	t.Parallel()
	rr := &dns.SMIMEA{Hdr: dns.RR_Header{Name: mailOwner(1), Rrtype: dns.TypeSMIMEA, Ttl: 5}}
	for orig, want := range map[uint32]time.Duration{300: 5 * time.Minute, 1 << 31: 0} {
		s := Seen{Type: dane.SMIMEA}
		s.signatures(dnssec.RRset{Records: []dns.RR{rr}, Signatures: []*dns.RRSIG{{Hdr: rr.Hdr, OrigTtl: orig, Labels: 4}}})
		if s.TTL != want {
			t.Errorf("%d: %s", orig, s.TTL)
		}
	}
}

// TestLook: one look says what is there and what is not, without waiting; who waits is told for
// what.
func TestLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	there, missing := add(mailOwner(1), record('a')), add(mailOwner(2), record('a'))
	must(t, w.Apply(t.Context(), there))
	seen, err := w.Look(t.Context(), missing, there)
	if err != nil || len(seen) != 2 || seen[0].Owner != missing.Owner || seen[0].Shows(missing) || !seen[1].Shows(there) || seen[1].Shows(remove(there.Owner, record('a'))) {
		t.Errorf("%+v, %v", seen, err)
	}
	_, err = w.Look(t.Context(), add("a.elsewhere.test.", record('a')))
	wantCode(t, err, NoZone)
	told := 0
	_, err = w.once().Await(t.Context(), func(r *Refusal) {
		wantCode(t, r, NotDone)
		told++
	}, there, missing)
	if wantCode(t, err, NotDone); told != 1 {
		t.Errorf("told %d times", told)
	}
}
