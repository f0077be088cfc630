package staple_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/lookup/lookuptest"
)

// TestAge: it is that of the oldest signature over what was asked for; those over keys do not count.
func TestAge(t *testing.T) {
	t.Parallel()
	// An RRSIG holds the last 32 bits of a time: also after 2106.
	for _, now := range []time.Time{time.Unix(1_800_000_000, 0), time.Unix(1<<32+100, 0)} {
		set := func(typ uint16, ages ...time.Duration) dnssec.RRset {
			s := dnssec.RRset{Type: typ}
			for _, age := range ages {
				s.Signatures = append(s.Signatures, &dns.RRSIG{Inception: uint32(now.Add(-age).Unix())})
			}
			return s
		}
		for name, c := range map[string]struct {
			sets []dnssec.RRset
			want time.Duration
		}{
			"one":                 {[]dnssec.RRset{set(dns.TypeTLSA, time.Hour)}, time.Hour},
			"the first is old":    {[]dnssec.RRset{set(dns.TypeTLSA, 3*time.Hour, time.Hour, 2*time.Hour)}, 3 * time.Hour},
			"the last is old":     {[]dnssec.RRset{set(dns.TypeTLSA, time.Hour, 3*time.Hour)}, 3 * time.Hour},
			"of several sets":     {[]dnssec.RRset{set(dns.TypeTLSA, time.Hour), set(dns.TypeTLSA, 4*time.Hour), set(dns.TypeTLSA, time.Hour)}, 4 * time.Hour},
			"keys do not count":   {[]dnssec.RRset{set(dns.TypeTLSA, time.Hour), set(dns.TypeDNSKEY, 9*time.Hour), set(dns.TypeDS, 8*time.Hour)}, time.Hour},
			"of another type":     {[]dnssec.RRset{set(dns.TypeTLSA, time.Hour), set(uint16(dane.SMIMEA), 9*time.Hour)}, time.Hour},
			"made a moment ahead": {[]dnssec.RRset{set(dns.TypeTLSA, -time.Minute)}, 0},
		} {
			r := chain.New("example.lab.", dane.TLSA, &dnssec.Answer{RRsets: c.sets})
			r.At = now
			if got := staple.Age(r); got != c.want {
				t.Errorf("%s at %s: %s, want %s", name, now, got, c.want)
			}
		}
	}
}

// record is a record of n octets in wire form at a name.
func record(tb testing.TB, name string, n int) []byte {
	tb.Helper()
	rr := &dns.TLSA{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTLSA, Class: dns.ClassINET}, Usage: 3}
	wire := make([]byte, dns.MaxMsgSize)
	head, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		tb.Fatal(err)
	}
	rr.Certificate = strings.Repeat("00", n-head)
	if _, err = dns.PackRR(rr, wire, 0, nil, false); err != nil {
		tb.Fatal(err)
	}
	return wire[:n]
}

// TestLimits of a staple that is read.
func TestLimits(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	der := l.staple(t, sensor)
	of := func(n int) []byte {
		return asn1Staple(t, func(s *stapleASN1) {
			s.Chains = nil
			for i := range n {
				name := fmt.Sprintf("n%d.example.lab.", i)
				s.Chains = append(s.Chains, chainASN1{name, 52, record(t, name, 100)})
			}
		}, der)
	}
	sized := func(n int) []byte {
		return asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Chain = record(t, s.Chains[0].Name, n) }, der)
	}
	rest := len(sized(60_000)) - 60_000
	for name, c := range map[string]struct {
		der  []byte
		want string
	}{
		"four chains":     {of(4), ""},
		"five":            {of(5), "more than 4 chains"},
		"many":            {of(100), "more than 4 chains"},
		"of MaxSize":      {sized(staple.MaxSize - rest), ""},
		"one octet more":  {sized(staple.MaxSize - rest + 1), "more than 61440 octets"},
		"a name too long": {asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Name = strings.Repeat("a.", 513) }, der), "no owner name"},
	} {
		if _, err := staple.Read(c.der); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %d octets: %v", name, len(c.der), err)
		}
	}
}

// TestMakeLimits: a staple that nobody would read is not made.
func TestMakeLimits(t *testing.T) {
	t.Parallel()
	var large strings.Builder
	for i := range 10 {
		fmt.Fprintf(&large, "large%%d._device TLSA 3 1 0 %02x%s\n", i, strings.Repeat("00", 1600))
	}
	l := newLab(t, func(z *lookuptest.Zone) {
		for i := range 4 {
			z.Text += strings.ReplaceAll(large.String(), "%d", fmt.Sprint(i))
		}
	})
	var results []*chain.Result
	for i := range 4 {
		results = append(results, l.client.Lookup(t.Context(), fmt.Sprintf("large%d._device.example.lab.", i), dane.TLSA))
	}
	if der, err := staple.Make(l.client, time.Now(), results[:3]...); err != nil || len(der) > staple.MaxSize {
		t.Errorf("%d octets, %v", len(der), err)
	}
	if der, err := staple.Make(l.client, time.Now(), results...); err == nil || !strings.Contains(err.Error(), "more than 61440 octets") {
		t.Errorf("%d octets, %v", len(der), err)
	}
	var small []*chain.Result
	for _, name := range []string{sensor, none, "away._device.example.lab", "x.wild._device.example.lab", "ns.example.lab"} {
		small = append(small, l.client.Lookup(t.Context(), name, dane.TLSA))
	}
	for n, want := range map[int]bool{4: true, 5: false} {
		if _, err := staple.Make(l.client, time.Now(), small[:n]...); (err == nil) != want {
			t.Errorf("%d chains: %v", n, err)
		}
	}
	if _, err := staple.Make(l.client, time.Now(), small[0], small[0]); err == nil {
		t.Error("the same chain twice, which no receiver reads")
	}
}
