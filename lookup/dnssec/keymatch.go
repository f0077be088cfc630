package dnssec

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// keyMatches collects the keys of a zone that DS records or anchors name.
type keyMatches struct {
	usable  []*zoneKey
	weak    int     // of a size that is not allowed
	failure verdict // why another cannot be used
}

func (m *keyMatches) add(k *zoneKey) {
	switch v, ok := k.mayUse(); {
	case !ok:
		m.failure = v
	case k.tooWeak:
		m.weak++
	case k.key != nil && !slices.Contains(m.usable, k):
		m.usable = append(m.usable, k)
	}
}

// matchKeys returns the keys that the DS records or anchors name and that can be used. The verdict
// is insecure when each one names a key of a size that is not allowed.
func (l *lookup) matchKeys(z *Zone, ds []*dns.DS, trusted []*dns.DNSKEY) ([]*zoneKey, verdict) {
	var m keyMatches
	for _, want := range ds {
		k, v := l.keyOf(z, want)
		if v.final() {
			return nil, v
		}
		if k != nil {
			m.add(k)
		}
	}
	for _, want := range trusted {
		if i := slices.IndexFunc(z.keys, func(k *zoneKey) bool { return sameKey(k.record, want) }); i >= 0 {
			m.add(z.keys[i])
		}
	}
	switch {
	// RFC 4035, Section 5.2: one DS that matches is enough (RFC 6840, Section 5.11).
	case len(m.usable) > 0:
		return m.usable, secure
	case m.weak > 0 && m.weak == len(ds)+len(trusted):
		return nil, insecure(int(dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm), CodeUnusableKeys,
			"the keys of %s have a size that is not allowed (RSA: %d to %d bits)", z.Name, l.spent.limits.RSAMin, l.spent.limits.RSAMax)
	case m.failure.code != "":
		return nil, m.failure
	}
	if z.parent == nil {
		return nil, bogus(dns.ExtendedErrorCodeDNSKEYMissing, CodeNoKey, "no key of %s fits a trust anchor", z.Name)
	}
	return nil, bogus(dns.ExtendedErrorCodeDNSKEYMissing, CodeNoKey, "no key of %s fits its DS record; parent and zone disagree after a key change", z.Name)
}

// keyOf returns the key that a DS names, nil when there is none; the verdict is not secure when the
// budget is spent.
func (l *lookup) keyOf(z *Zone, want *dns.DS) (*zoneKey, verdict) {
	for _, k := range z.keys {
		// RFC 4035, Section 5.2: tag and algorithm first, then the digest.
		if k.tag != want.KeyTag || k.record.Algorithm != want.Algorithm {
			continue
		}
		if v, ok := spend(&l.spent.digests, l.spent.limits.Digests, "ds-digests"); !ok {
			return nil, v
		}
		if l.v.matchesDS(k, z.name, want) {
			return k, secure
		}
	}
	return nil, secure
}

// sameKey ignores flags: a key that was revoked is still that key (RFC 5011, Section 2.1).
func sameKey(a, b *dns.DNSKEY) bool {
	return a.Algorithm == b.Algorithm && strings.ReplaceAll(a.PublicKey, " ", "") == strings.ReplaceAll(b.PublicKey, " ", "")
}
