package dnssec_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// zoneMap is a ZoneCache without bounds.
type zoneMap struct {
	mu    sync.Mutex
	zones map[string]*dnssec.Zone
	puts  int
}

func (m *zoneMap) Get(zone string) (*dnssec.Zone, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	z, ok := m.zones[zone]
	return z, ok
}

func (m *zoneMap) Put(zone string, z *dnssec.Zone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.zones == nil {
		m.zones = map[string]*dnssec.Zone{}
	}
	m.zones[zone] = z
	m.puts++
}

// TestEvidence judges the evidence of every state again, of a cold lookup and of one through a warm
// cache.
func TestEvidence(t *testing.T) {
	t.Parallel()
	zones, cases := everyState()
	v := newValidator(t, newServer(t, zones, lookuptest.Options{}))
	v.Keys, v.Signatures = new(zoneMap), new(signatureMap)
	for range 2 {
		for _, tt := range cases {
			now := time.Now()
			a := v.Resolve(t.Context(), tt.name, tt.qtype)
			if a.Status == dnssec.Indeterminate {
				continue
			}
			again := v.Verify(a.Evidence(), now)
			if again.Status != a.Status || again.Code != a.Code || again.Exists != a.Exists || len(again.Records) != len(a.Records) {
				t.Errorf("Verify(%s, %s) = %v %q (%s) exists=%v, want %v %q (%s) exists=%v",
					tt.name, dns.Type(tt.qtype), again.Status, again.Code, again.Reason, again.Exists, a.Status, a.Code, a.Reason, a.Exists)
			}
			late := v.Verify(a.Evidence(), now.AddDate(1, 0, 0))
			if late.Status == dnssec.Secure || late.Status == dnssec.Insecure {
				t.Errorf("Verify(%s, %s) a year later = %v", tt.name, dns.Type(tt.qtype), late.Status)
			}
			if a.Status == dnssec.Secure && (now.Before(a.Inception) || now.After(a.Expiration)) {
				t.Errorf("%s %s: proof holds from %v to %v", tt.name, dns.Type(tt.qtype), a.Inception, a.Expiration)
			}
		}
	}
}

// TestEvidenceOrder: leaf first, then DNSKEY and DS up to the root (RFC 9102, Section 3).
func TestEvidenceOrder(t *testing.T) {
	t.Parallel()
	zones, _ := everyState()
	v := newValidator(t, newServer(t, zones, lookuptest.Options{}))
	a := v.Resolve(t.Context(), "hash._smimecert.nsec.lab", dns.TypeSMIMEA)
	var got []string
	for _, s := range a.RRsets {
		h := s.Records[0].Header()
		got = append(got, h.Name+" "+dns.Type(h.Rrtype).String())
	}
	want := []string{
		"hash._smimecert.nsec.lab. SMIMEA", "nsec.lab. DNSKEY", "nsec.lab. DS", "lab. DNSKEY", "lab. DS", ". DNSKEY",
	}
	if !slices.Equal(got, want) {
		t.Errorf("RRsets = %q, want %q", got, want)
	}
}

// TestEvidenceWithout: evidence with any one RRset missing is not secure.
func TestEvidenceWithout(t *testing.T) {
	t.Parallel()
	zones, cases := everyState()
	v := newValidator(t, newServer(t, zones, lookuptest.Options{}))
	v.Signatures = new(signatureMap)
	for _, tt := range cases {
		a := v.Resolve(t.Context(), tt.name, tt.qtype)
		if a.Status != dnssec.Secure {
			continue
		}
		for i, s := range a.RRsets {
			if s.Records[0].Header().Rrtype == dns.TypeSOA && tt.qtype != dns.TypeSOA {
				continue // it only bounds the life of a negative answer
			}
			e := a.Evidence()
			e.RRsets = slices.Delete(slices.Clone(e.RRsets), i, i+1)
			if again := v.Verify(e, time.Now()); again.Status == dnssec.Secure {
				t.Errorf("%s %s without %v is still secure", tt.name, dns.Type(tt.qtype), s.Records[0])
			}
		}
	}
}
