package dnssec_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// starredName makes a name of few labels, asterisks among them, so that empty non-terminals and
// wildcards meet.
func starredName(r *rand.Rand, zone string) string {
	labels := make([]string, 1+r.IntN(4))
	for i := range labels {
		labels[i] = []string{"*", "*", "a", "b", "c", "_tcp", "*a"}[r.IntN(7)]
	}
	return strings.Join(labels, ".") + "." + zone
}

// model is what RFC 1034, Section 4.3.3 and RFC 4592 make of the names of a zone: whether the type
// is at the name.
type model map[string]bool

func (m model) has(name, zone string) bool {
	for n := name; ; {
		if m.exists(n) {
			if n != name {
				n = "*." + n
			}
			return m[n]
		}
		if n == zone {
			return false
		}
		i, _ := dns.NextLabel(n, 0)
		n = n[i:]
	}
}

// exists is true for names with data and above those.
func (m model) exists(name string) bool {
	for n := range m {
		if dns.IsSubDomain(name, n) {
			return true
		}
	}
	return false
}

// TestWildcardsProperty asks about names in zones full of asterisks, by NSEC, NSEC3 and compact
// denial: what is secure agrees with a model of RFC 4592, and all is secure. The honest answer
// about any other name in place of it is never secure with other data, and never insecure.
func TestWildcardsProperty(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4592, 0))
	var zones []lookuptest.Zone
	var models []model
	for i := range 60 {
		zone := fmt.Sprintf("z%d.org.", i)
		m, text := model{zone: false}, strings.Builder{}
		fmt.Fprintf(&text, "%s 300 SOA ns.z.org. h.z.org. 1 7200 3600 1209600 300\n%[1]s 300 NS ns.z.org.\n", zone)
		for range 1 + r.IntN(6) {
			if name := starredName(r, zone); !m[name] {
				m[name] = true
				fmt.Fprintf(&text, "%s 300 A 192.0.2.1\n", name)
			}
		}
		models = append(models, m)
		zones = append(zones, lookuptest.Zone{Text: text.String(), NSEC3: i%3 == 1, Narrow: i%6 == 5})
	}
	f := &forger{tb: t, s: newServer(t, zones, lookuptest.Options{Now: vectorNow}), now: vectorTime}
	v := f.validator()
	v.Keys, v.Signatures = new(zoneMap), new(signatureMap)
	absent := 0
	for i, m := range models {
		zone := fmt.Sprintf("z%d.org.", i)
		names := []string{"*." + zone, "_tcp.*." + zone}
		for range 20 {
			names = append(names, starredName(r, zone))
		}
		var honest []*dns.Msg
		for _, name := range names {
			honest = append(honest, f.ask(name, dns.TypeA))
		}
		for _, name := range names {
			f.change = nil
			a := v.Resolve(t.Context(), name, dns.TypeA)
			if want := m.has(name, zone); a.Status != dnssec.Secure || a.Exists != want {
				t.Errorf("%s of %v: %v %q, exists %v, want %v (%s)", name, m, a.Status, a.Code, a.Exists, want, a.Reason)
			}
			if !a.Exists {
				absent++
			}
			for j, other := range honest {
				f.change = answering(name, dns.TypeA, func(_ *forger, out *dns.Msg) { out.Rcode, out.Answer, out.Ns = other.Rcode, other.Answer, other.Ns })
				b := v.Resolve(t.Context(), name, dns.TypeA)
				if b.Status == dnssec.Insecure || b.Status == dnssec.Secure && said(b) != said(a) {
					t.Errorf("%s of %v by the answer about %s: %v, exists %v, not %v", name, m, names[j], b.Status, b.Exists, a.Exists)
				}
			}
		}
	}
	if absent < 300 {
		t.Errorf("%d absent names: not the mixture it must be", absent)
	}
}
