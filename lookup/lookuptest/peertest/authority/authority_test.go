//go:build unix

package authority

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest/peertest"
)

// variants are the primaries in all settings.
func variants() map[string]func(testing.TB, Options) *Server {
	of := func(kind Kind, zone string, edit func(*Options)) func(testing.TB, Options) *Server {
		return func(tb testing.TB, o Options) *Server {
			tb.Helper()
			edit(&o)
			return Start(tb, kind, zone, o)
		}
	}
	nsec, nsec3, narrow := func(*Options) {}, func(o *Options) { o.Denial = NSEC3 }, func(o *Options) { o.Denial = Narrow }
	return map[string]func(testing.TB, Options) *Server{
		"bind":            of(BIND, "bind.lab", nsec),
		"bind-inline":     of(BIND, "inline.lab", func(o *Options) { o.Inline = true }),
		"bind-nsec3":      of(BIND, "bind3.lab", nsec3),
		"knot":            of(Knot, "knot.lab", nsec),
		"knot-nsec3":      of(Knot, "knot3.lab", nsec3),
		"powerdns":        of(PowerDNS, "powerdns.lab", nsec),
		"powerdns-nsec3":  of(PowerDNS, "powerdns3.lab", nsec3),
		"powerdns-narrow": of(PowerDNS, "narrow.lab", narrow),
		"sandbox":         of(Sandbox, "sandbox.lab", nsec),
		"yadifa":          of(YADIFA, "yadifa.lab", nsec),
	}
}

// update sends one RFC 2136 message and returns the RCODE.
func (s *Server) update(t *testing.T, key Key, edit func(*dns.Msg)) int {
	t.Helper()
	m := new(dns.Msg)
	m.SetUpdate(s.Zone)
	edit(m)
	c := dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	key.sign(m, &c)
	in, _, err := c.ExchangeContext(t.Context(), m, s.Addr)
	if err != nil && in == nil {
		t.Fatal(err)
	}
	return in.Rcode
}

func record(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// TestPrimaries adds and removes a record at each primary and asks for it through unbound, which
// validates what is there and that it is gone.
func TestPrimaries(t *testing.T) {
	t.Parallel()
	for name, start := range variants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Records: "star._device TLSA 3 1 1 00\n"})
			resolver := Resolver(t, s)
			owner := "sensor._device." + s.Zone
			rr := record(t, owner+" 1 IN TLSA 3 1 1 "+strings.Repeat("ab", 32))
			before := s.Serial()
			if got := s.update(t, s.Key, func(m *dns.Msg) { m.Insert([]dns.RR{rr}) }); got != dns.RcodeSuccess {
				t.Fatalf("the update was answered with %s", dns.RcodeToString[got])
			}
			through(t, resolver, owner, dns.RcodeSuccess, s.signed())
			if after := s.Serial(); after != before+1 {
				t.Errorf("the serial went from %d to %d", before, after)
			}
			if got := s.update(t, s.Key, func(m *dns.Msg) { m.Remove([]dns.RR{rr}) }); got != dns.RcodeSuccess {
				t.Fatalf("the deletion was answered with %s", dns.RcodeToString[got])
			}
			through(t, resolver, owner, dns.RcodeNameError, s.signed())
			if s.Kill(); s.Kind == Sandbox {
				return
			}
			s.Restart(t)
			through(t, resolver, "star._device."+s.Zone, dns.RcodeSuccess, s.signed())
		})
	}
}

// TestLimited: a key for one name changes that name only.
func TestLimited(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{BIND, Knot, PowerDNS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := Start(t, kind, string(kind)+".lab", Options{Limit: true})
			for owner, want := range map[string]bool{s.LimitedName(): true, "other._device." + s.Zone: false} {
				rr := record(t, owner+" 1 IN TLSA 3 1 1 00")
				got := s.update(t, s.Limited, func(m *dns.Msg) { m.Insert([]dns.RR{rr}) })
				if (got == dns.RcodeSuccess) != (want || kind == PowerDNS) || (answers(s, owner) == dns.RcodeSuccess) != want {
					t.Errorf("%s: %s", owner, dns.RcodeToString[got])
				}
			}
		})
	}
}

// TestSecondaries: what the primary takes is soon at its secondaries, and gone there again.
func TestSecondaries(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{BIND, Knot, PowerDNS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := Start(t, kind, string(kind)+".lab", Options{Secondaries: []Kind{NSD, BIND}})
			seconds := []*Server{s.Secondary(t, NSD), s.Secondary(t, BIND)}
			owner := "sensor._device." + s.Zone
			rr := record(t, owner+" 1 IN TLSA 3 1 1 00")
			s.update(t, s.Key, func(m *dns.Msg) { m.Insert([]dns.RR{rr}) })
			for _, second := range seconds {
				peertest.WaitFor(t, "the record at "+string(second.Kind), func() bool { return answers(second, owner) == dns.RcodeSuccess })
			}
			s.update(t, s.Key, func(m *dns.Msg) { m.Remove([]dns.RR{rr}) })
			for _, second := range seconds {
				peertest.WaitFor(t, "no record at "+string(second.Kind), func() bool { return answers(second, owner) == dns.RcodeNameError })
			}
		})
	}
}

func answers(s *Server, owner string) int {
	in := s.Ask(owner, dns.TypeTLSA)
	if in == nil || in.Rcode == dns.RcodeSuccess && len(in.Answer) == 0 {
		return dns.RcodeServerFailure
	}
	return in.Rcode
}

// through waits until the resolver answers so, with AD where the zone is signed.
func through(t *testing.T, resolver, owner string, rcode int, ad bool) {
	t.Helper()
	peertest.WaitFor(t, owner+": "+dns.RcodeToString[rcode], func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		m := new(dns.Msg)
		m.SetQuestion(owner, dns.TypeTLSA)
		m.SetEdns0(1232, true)
		in, err := dns.ExchangeContext(ctx, m, resolver)
		if err != nil {
			return false
		}
		if in.Rcode == rcode && in.AuthenticatedData != ad {
			t.Fatalf("%s: AD = %t", owner, in.AuthenticatedData)
		}
		return in.Rcode == rcode
	})
}
