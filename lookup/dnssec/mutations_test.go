package dnssec_test

import (
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// mutation makes a zone wrong, or only odd, in one of the ways attackers and accidents do.
type mutation struct {
	name  string
	apply func(m *mutator, rrs []dns.RR) []dns.RR
}

// mutator has a zone's records and its key.
type mutator struct {
	*forger
	r    *rand.Rand
	zone string
}

func mutations() []mutation {
	return []mutation{
		{"none", func(_ *mutator, rrs []dns.RR) []dns.RR { return rrs }},
		{"flip", (*mutator).flip},
		{"flip-signature", (*mutator).flipSignature},
		{"remove", (*mutator).remove},
		{"remove-signature", func(m *mutator, rrs []dns.RR) []dns.RR { return m.removeOf(rrs, dns.TypeRRSIG) }},
		{"remove-denial", func(m *mutator, rrs []dns.RR) []dns.RR { return m.removeOf(rrs, dns.TypeNSEC, dns.TypeNSEC3) }},
		{"replay-wildcard", (*mutator).replayWildcard},
		{"swap-denial", func(m *mutator, rrs []dns.RR) []dns.RR { return m.swapDenial(rrs, false) }},
		{"swap-signed-denial", func(m *mutator, rrs []dns.RR) []dns.RR { return m.swapDenial(rrs, true) }},
		{"expired", func(m *mutator, rrs []dns.RR) []dns.RR { return m.resign(rrs, -20, -10) }},
		{"future", func(m *mutator, rrs []dns.RR) []dns.RR { return m.resign(rrs, 10, 20) }},
		{"tag-collision", (*mutator).collide},
		{"tag-collision-forged", (*mutator).collideForged},
		{"wrong-ds", (*mutator).wrongDS},
		{"wrong-signer", (*mutator).wrongSigner},
		{"strip", (*mutator).strip},
		{"add", (*mutator).add},
	}
}

// pick returns the index of a random record that fits, -1 when none does.
func (m *mutator) pick(rrs []dns.RR, fits func(dns.RR) bool) int {
	for _, i := range m.r.Perm(len(rrs)) {
		if fits(rrs[i]) {
			return i
		}
	}
	return -1
}

// vital reports records without which a name server does not load a zone.
func (m *mutator) vital(rr dns.RR) bool {
	switch rr.Header().Rrtype {
	case dns.TypeSOA, dns.TypeNSEC3PARAM:
		return true
	case dns.TypeNS, dns.TypeA:
		return rr.Header().Name == m.zone || rr.Header().Name == "ns."+m.zone
	}
	return false
}

// flip changes one bit of the data of a record.
func (m *mutator) flip(rrs []dns.RR) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool {
		switch rr.Header().Rrtype {
		case dns.TypeA, dns.TypeTXT, dns.TypeSMIMEA, dns.TypeTLSA, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeDNSKEY, dns.TypeDS:
			return !m.vital(rr)
		}
		return false
	})
	wire := make([]byte, 4096)
	n, err := dns.PackRR(rrs[i], wire, 0, nil, false)
	if err != nil {
		return rrs
	}
	wire[n-1] ^= 1 << m.r.IntN(8)
	changed, _, err := dns.UnpackRR(wire[:n], 0)
	if err != nil {
		return rrs
	}
	out := slices.Clone(rrs)
	out[i] = changed
	return out
}

// flipSignature changes one bit in the middle of a signature.
func (m *mutator) flipSignature(rrs []dns.RR) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
	sig := *rrs[i].(*dns.RRSIG)
	raw, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		return rrs
	}
	raw[len(raw)/2] ^= 1 << m.r.IntN(8)
	sig.Signature = base64.StdEncoding.EncodeToString(raw)
	out := slices.Clone(rrs)
	out[i] = &sig
	return out
}

func (m *mutator) remove(rrs []dns.RR) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return !m.vital(rr) })
	return slices.Delete(slices.Clone(rrs), i, i+1)
}

func (m *mutator) removeOf(rrs []dns.RR, types ...uint16) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return slices.Contains(types, rr.Header().Rrtype) })
	return slices.Delete(slices.Clone(rrs), i, i+1)
}

// replayWildcard puts the wildcard's records at names that exist and at one that does not.
func (m *mutator) replayWildcard(rrs []dns.RR) []dns.RR {
	out := slices.Clone(rrs)
	for _, rr := range rrs {
		parent, ok := strings.CutPrefix(rr.Header().Name, "*.")
		if !ok || rr.Header().Rrtype == dns.TypeNSEC {
			continue
		}
		for _, label := range []string{"named.", "x."} {
			t := rr.Header().Rrtype
			if sig, ok := rr.(*dns.RRSIG); ok {
				if sig.TypeCovered == dns.TypeNSEC {
					continue
				}
				t = sig.TypeCovered
			}
			// Out with what was there, unless this replay put it there.
			out = slices.DeleteFunc(out, func(old dns.RR) bool { return slices.Contains(rrs, old) && isOf(old, label+parent, t) })
			out = append(out, renamed([]dns.RR{rr}, label+parent)...)
		}
	}
	return out
}

// swapDenial gives two NSEC or NSEC3 each other's data; they are signed anew or not.
func (m *mutator) swapDenial(rrs []dns.RR, signed bool) []dns.RR {
	denies := func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeNSEC || rr.Header().Rrtype == dns.TypeNSEC3
	}
	i := m.pick(rrs, denies)
	j := m.pick(rrs, func(rr dns.RR) bool { return denies(rr) && rr != rrs[i] })
	if j < 0 {
		return rrs
	}
	a, b := dns.Copy(rrs[i]), dns.Copy(rrs[j])
	a.Header().Name, b.Header().Name = b.Header().Name, a.Header().Name
	out := slices.Clone(rrs)
	out[i], out[j] = b, a
	if signed {
		out = put(out, []dns.RR{a}, m.sign(m.zone, []dns.RR{a}))
		out = put(out, []dns.RR{b}, m.sign(m.zone, []dns.RR{b}))
	}
	return out
}

// resign signs one random set for other days.
func (m *mutator) resign(rrs []dns.RR, from, to int) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
	set := setOf(rrs, rrs[i].Header().Name, rrs[i].(*dns.RRSIG).TypeCovered)
	return put(rrs, set, m.sign(m.zone, set, func(s *dns.RRSIG) {
		s.Inception, s.Expiration = uint32(m.now.AddDate(0, 0, from).Unix()), uint32(m.now.AddDate(0, 0, to).Unix())
	}))
}

// collide adds a key with the tag of the other and signs the keys; nothing is wrong with that.
func (m *mutator) collide(rrs []dns.RR) []dns.RR {
	set := append(setOf(rrs, m.zone, dns.TypeDNSKEY), m.collision(m.zone).record)
	return put(rrs, set, m.sign(m.zone, set))
}

// collideForged signs one set with a key that only has the right tag.
func (m *mutator) collideForged(rrs []dns.RR) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
	set := setOf(rrs, rrs[i].Header().Name, rrs[i].(*dns.RRSIG).TypeCovered)
	return put(rrs, set, m.signBy(m.collision(m.zone), set))
}

// wrongDS publishes a digest that fits no key.
func (m *mutator) wrongDS(rrs []dns.RR) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeDS })
	if i < 0 {
		return rrs
	}
	ds := *rrs[i].(*dns.DS)
	ds.Digest = strings.Repeat("5a", len(ds.Digest)/2)
	set := []dns.RR{&ds}
	return put(rrs, set, m.sign(m.zone, set))
}

// wrongSigner has another zone sign one set.
func (m *mutator) wrongSigner(rrs []dns.RR) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
	set := setOf(rrs, rrs[i].Header().Name, rrs[i].(*dns.RRSIG).TypeCovered)
	return put(rrs, set, m.sign("lab.", set))
}

// strip drops all signatures.
func (m *mutator) strip(rrs []dns.RR) []dns.RR {
	return slices.DeleteFunc(slices.Clone(rrs), func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
}

// add adds a record to a set without signing it.
func (m *mutator) add(rrs []dns.RR) []dns.RR {
	i := m.pick(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeA && !m.vital(rr) })
	more := dns.Copy(rrs[i]).(*dns.A)
	more.A = []byte{192, 0, 2, 66}
	return append(slices.Clone(rrs), more)
}

// now is rounded, so that signatures made for one moment are.
func roundedNow() time.Time { return time.Now().Truncate(time.Second) }
