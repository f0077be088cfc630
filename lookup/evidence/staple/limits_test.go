package staple_test

import (
	"bytes"
	"context"
	"encoding/asn1"
	"fmt"
	"slices"
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

// TestAge: that of the oldest signature over what was asked for; those over keys do not count.
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

// TestDefaultMaxAge: who gives none has 14 days.
func TestDefaultMaxAge(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	der := l.staple(t, sensor)
	// They were signed an hour ago, for 14 days from now on.
	for after, want := range map[time.Duration]dnssec.Code{
		staple.DefaultMaxAge - 2*time.Hour: "", staple.DefaultMaxAge - 30*time.Minute: staple.CodeTooOld,
	} {
		if r := l.read(der, sensor, after, 0); r.Code != want || (want == "") != (r.Status == dnssec.Secure) {
			t.Errorf("after %s: %s, %q", after, r.Status, r.Code)
		}
	}
}

// TestUndecided: where time or work is over, that is what is said, and nothing of the staple.
func TestUndecided(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	read := staple.NewResolver([][]byte{l.staple(t, sensor)}, nil, staple.Options{Validator: l.validator})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{sensor, none} {
		if r := read.Lookup(ended, name, dane.TLSA); r.Status != dnssec.Indeterminate || r.Code != dnssec.CodeTimeout {
			t.Errorf("%s when it was too late: %s, %q (%s)", name, r.Status, r.Code, r.Reason)
		}
	}
	little := dnssec.WithBudget(t.Context(), dnssec.NewBudget(dnssec.Limits{Labels: 1}))
	if r := read.Lookup(little, sensor, dane.TLSA); r.Status != dnssec.Indeterminate || r.Code != "budget:labels" {
		t.Errorf("with too little work: %s, %q (%s)", r.Status, r.Code, r.Reason)
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
		"an empty label":  {asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Name = "a..example.lab." }, der), "no owner name"},
		"two types of a name": {asn1Staple(t, func(s *stapleASN1) {
			s.Chains = append(s.Chains, chainASN1{s.Chains[0].Name, 53, s.Chains[0].Chain})
		}, der), ""},
		"more after the chains": {more(t, der, true), "no DNSSECStaple"},
		"more after a chain":    {more(t, der, false), "no DNSSECStaple"},
	} {
		if _, err := staple.Read(c.der); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %d octets: %v", name, len(c.der), err)
		}
	}
}

// more has an element more: after the chains, or after the parts of the first.
func more(tb testing.TB, der []byte, outside bool) []byte {
	tb.Helper()
	var s stapleASN1
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		tb.Fatal(err)
	}
	type longer struct {
		Name  string `asn1:"ia5"`
		Type  int
		Chain []byte
		More  int
	}
	out, err := asn1.Marshal(struct {
		Version int
		Chains  []chainASN1
		More    int
	}{1, s.Chains, 1})
	if c := s.Chains[0]; !outside {
		out, err = asn1.Marshal(struct {
			Version int
			Chains  []longer
		}{1, []longer{{c.Name, c.Type, c.Chain, 1}}})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// TestOneForm: what no signature covers of a staple cannot be changed either: the case of names,
// and sets that the chain does not need.
func TestOneForm(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, name := range secureNames() {
		der := l.staple(t, name)
		changed := 0
		for _, label := range []string{"example", "lab", "other", "sensor", "_device", "nsec3"} {
			text := append([]byte{byte(len(label))}, label...)
			for at := 0; ; at++ {
				next := bytes.Index(der[at:], text)
				if next < 0 {
					break
				}
				at += next
				copied := bytes.Clone(der)
				copied[at+2] ^= 0x20
				changed++
				if r := l.read(copied, name, 0, 0); r.Status == dnssec.Secure {
					t.Errorf("%s: secure with a letter of %s in the other case", name, label)
				}
			}
		}
		if changed < 4 {
			t.Errorf("%s: %d names changed", name, changed)
		}
	}
	longer := asn1Staple(t, func(s *stapleASN1) {
		s.Chains[0].Chain = append(s.Chains[0].Chain, record(t, "other.example.lab.", 100)...)
	}, l.staple(t, sensor))
	if r := l.read(longer, sensor, 0, 0); r.Code != staple.CodeInvalid {
		t.Errorf("with a set more: %s, %q (%s)", r.Status, r.Code, r.Reason)
	}
}

// TestMakeResult: a result that says something else than its chain is not stapled, and one that is
// stays as it was: others share it.
func TestMakeResult(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	r := l.client.Lookup(t.Context(), sensor, dane.TLSA)
	for _, set := range r.Answer.RRsets {
		set.Records[0].Header().Ttl = 7
	}
	if _, err := staple.Make(l.client, time.Now(), r); err != nil {
		t.Fatal(err)
	}
	for _, set := range r.Answer.RRsets {
		if ttl := set.Records[0].Header().Ttl; ttl != 7 {
			t.Errorf("%s: TTL %d now", set.Name, ttl)
		}
	}
	other := *r
	other.Records = slices.Clone(r.Records)
	other.Records[0].Data = []byte("another key")
	if _, err := staple.Make(l.client, time.Now(), &other); err == nil {
		t.Error("stapled a result with another record")
	}
	insecure := l.client.Lookup(t.Context(), "sensor._device.plain.lab", dane.TLSA)
	if _, err := staple.Make(l.client, time.Now(), insecure); err == nil || !strings.Contains(err.Error(), "were not validated here: insecure") {
		t.Errorf("insecure: %v", err)
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
