package dnssec_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// zoneOfStars makes up a zone full of asterisks.
func zoneOfStars(r *rand.Rand, name string) lookuptest.Zone {
	text := fmt.Sprintf("$ORIGIN %s\n$TTL 300\n@ SOA ns h 1 7200 3600 1209600 300\n@ NS ns\n", name)
	for i := range 3 + r.IntN(8) {
		text += fmt.Sprintf("%s TLSA 3 1 1 %02x\n", starredName(r, name), i)
	}
	return lookuptest.Zone{Text: text, NSEC3: r.IntN(4) == 0}
}

// withProofs answers one question with an empty reply, either rcode, and any proofs of the zone.
type withProofs struct {
	*lookuptest.Server
	r      *rand.Rand
	name   string
	proofs [][]dns.RR
}

func (w *withProofs) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	m, err := w.Server.Exchange(ctx, name, qtype, cd)
	if err != nil || name != w.name || qtype != dns.TypeTLSA {
		return m, err
	}
	m.Answer, m.Ns, m.Rcode = nil, nil, []int{dns.RcodeSuccess, dns.RcodeNameError}[w.r.IntN(2)]
	all := w.r.IntN(3) == 0
	for _, p := range w.proofs {
		if all || w.r.IntN(3) == 0 {
			m.Ns = append(m.Ns, p...)
		}
	}
	return m, nil
}

// proofsOf are the NSEC and NSEC3 records of a zone, each with its signature.
func proofsOf(t *testing.T, s *lookuptest.Server, zone string) (out [][]dns.RR) {
	t.Helper()
	rrs, err := s.Records(zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range rrs {
		typ := rr.Header().Rrtype
		if typ != dns.TypeNSEC && typ != dns.TypeNSEC3 {
			continue
		}
		i := slices.IndexFunc(rrs, func(sig dns.RR) bool {
			s, ok := sig.(*dns.RRSIG)
			return ok && s.TypeCovered == typ && s.Hdr.Name == rr.Header().Name
		})
		out = append(out, []dns.RR{rr, rrs[i]})
	}
	return out
}

// TestStarredProofs: no choice of a zone's own proofs, all of them together included, denies a
// record that is there, at its name or by a wildcard.
func TestStarredProofs(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4592, 2))
	for i := range 12 {
		zone := fmt.Sprintf("z%d.lab.", i)
		spec := zoneOfStars(r, zone)
		s := newServer(t, []lookuptest.Zone{spec}, lookuptest.Options{})
		honest, proofs := newValidator(t, s), proofsOf(t, s, zone)
		for range 15 {
			name := starredName(r, zone)
			want := honest.Resolve(t.Context(), name, dns.TypeTLSA)
			if want.Status != dnssec.Secure {
				t.Errorf("%s: %v %q (%s)\n%s", name, want.Status, want.Code, want.Reason, spec.Text)
			}
			for range 6 {
				lied := *honest
				lied.Exchanger = &withProofs{s, r, name, proofs}
				if got := lied.Resolve(t.Context(), name, dns.TypeTLSA); want.Exists && got.Status != dnssec.Bogus && got.Status != dnssec.Indeterminate {
					t.Errorf("%s is there, and denied: %v\n%s", name, got.Status, spec.Text)
				}
			}
		}
	}
}
