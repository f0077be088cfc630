//go:build unix

package publish_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
)

// TestLongTTL publishes TTLs of two days and of 2^31-1 s. BIND bounds them to the one day of its
// dnssec-policy, says NOERROR, and that is told in one line; the others have no bound.
func TestLongTTL(t *testing.T) {
	t.Parallel()
	for _, kind := range authority.Signing() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t, kind, authority.Options{})
			c := p.client(t, p.Key, nil)
			for i, ttl := range []time.Duration{48 * time.Hour, math.MaxInt32 * time.Second} {
				change := add(fmt.Sprintf("t%d._device.%s", i, p.Zone), digest(1))
				change.TTL = ttl
				if err := p.publishWith(t, c, change); err != nil {
					t.Fatal(err)
				}
				seen, err := c.Read(t.Context(), change.Owner, dane.TLSA)
				if err != nil || len(seen) != 1 {
					t.Fatal(seen, err)
				}
				notes, want := publish.Notes(seen, change), ttl
				if kind == authority.BIND {
					want = 24 * time.Hour
				}
				t.Log(notes)
				if seen[0].TTL != want || (len(notes) == 1) != (want != ttl) {
					t.Errorf("%s: %s, notes %q", ttl, seen[0].TTL, notes)
				}
				if len(notes) > 0 && (!strings.Contains(notes[0], "is 86400 s on") || !strings.Contains(notes[0], "max-zone-ttl") || strings.Contains(notes[0], "\n")) {
					t.Error(notes[0])
				}
			}
		})
	}
}

// TestTooLongTTL: what others published with a TTL of 2^31 s and more (RFC 2181, Section 8) counts
// as 0, and our record beside it gives all of them a right one. Our own changes never have such a
// TTL.
func TestTooLongTTL(t *testing.T) {
	t.Parallel()
	for _, kind := range authority.Signing() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t, kind, authority.Options{})
			c := p.client(t, p.Key, nil)
			for i, ttl := range []uint32{1 << 31, math.MaxUint32} {
				owner := fmt.Sprintf("r%d._device.%s", i, p.Zone)
				p.raw(t, owner, ttl)
				theirs := dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: slices.Repeat([]byte{0xab}, 32)}
				if _, err := c.ReadBack(t.Context(), add(owner, theirs)); err != nil {
					t.Fatal(err)
				}
				seen, err := c.Read(t.Context(), owner, dane.TLSA)
				want := time.Duration(0)
				if kind == authority.BIND {
					want = 24 * time.Hour
				}
				if err != nil || len(seen) != 1 || seen[0].TTL != want {
					t.Errorf("%d: %+v, %v", ttl, seen, err)
				}
				change := add(owner, theirs, digest(1))
				change.TTL, change.Expect = time.Minute, []dane.Record{theirs}
				if err = p.publishWith(t, c, change); err != nil {
					t.Fatal(err)
				}
				if seen, err = c.Read(t.Context(), owner, dane.TLSA); err != nil || seen[0].TTL != time.Minute {
					t.Errorf("%d: %+v, %v", ttl, seen, err)
				}
			}
		})
	}
}

// raw has the server publish a record with any TTL, as another program would.
func (p *primary) raw(t *testing.T, owner string, ttl uint32) {
	t.Helper()
	rr, err := dns.NewRR(owner + " 60 IN TLSA 3 1 1 " + someDigest)
	if err != nil {
		t.Fatal(err)
	}
	rr.Header().Ttl = ttl
	m := new(dns.Msg).SetUpdate(p.Zone)
	m.Ns = []dns.RR{rr}
	name := dns.Fqdn(p.Key.Name)
	m.SetTsig(name, dns.HmacSHA256, 300, time.Now().Unix())
	c := dns.Client{Net: "tcp", Timeout: 5 * time.Second, TsigSecret: map[string]string{name: p.Key.Secret}}
	if out, _, err := c.Exchange(m, p.Addr); err != nil || out.Rcode != dns.RcodeSuccess {
		t.Fatal(out, err)
	}
}
