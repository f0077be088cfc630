package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// prime proves the keys of a zone with a trust anchor.
// RFC 4035, Section 5: the starting point of authentication.
func (l *lookup) prime(n name, a *anchor) (*Zone, verdict) {
	z, ds := l.newZone(n, nil, secure), l.usableDS(a.ds)
	keys := slices.DeleteFunc(slices.Clone(a.keys), func(k *dns.DNSKEY) bool {
		_, ok := l.v.algorithm(k.Algorithm)
		return !ok
	})
	if len(ds)+len(keys) == 0 {
		z.proof.expires = l.now.Add(maxInsecureAnchor)
		return l.setVerdict(z, insecure(int(dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm), CodeUnsupported,
			"all trust anchors of %s name algorithms or digests that are not supported here", n))
	}
	return l.validateKeys(z, ds, keys)
}

// maxInsecureAnchor is how long it is remembered that a trust anchor cannot be used.
const maxInsecureAnchor = time.Hour

// delegation proves the keys of a child by its DS set (RFC 4035, Section 5.2).
func (l *lookup) delegation(parent *Zone, child name, s *rrset, passed *proof) (*Zone, verdict) {
	by, v := l.verify(s, parent)
	if v.status == Secure && expanded(s, by) {
		v = bogus(dns.ExtendedErrorCodeDNSBogus, CodeNoWildcard, "the DS of %s comes from a wildcard", child)
	}
	if v.status == Secure && len(s.rrs) > l.spent.limits.DS {
		v = overBudget("ds", l.spent.limits.DS)
	}
	if v.status != Secure {
		return l.broken(parent, child, v)
	}
	z := l.newZone(child, parent, secure)
	for _, rr := range s.rrs {
		if ds, ok := rr.(*dns.DS); ok {
			z.Link.DS = append(z.Link.DS, ds)
		}
	}
	trust := l.usableDS(z.Link.DS)
	z.proof.add(l, s, by)
	if passed != nil {
		z.proof.join(passed)
	}
	// RFC 4035, Section 5.2: a zone without a supported DS is insecure.
	if len(trust) == 0 {
		v := insecure(int(l.unsupportedCode(z.Link.DS)), CodeUnsupported, "all DS records of %s name algorithms or digests that are not supported here", child)
		return l.setVerdict(z, v)
	}
	return l.validateKeys(z, trust, nil)
}

// setVerdict gives a zone its final verdict.
func (l *lookup) setVerdict(z *Zone, v verdict) (*Zone, verdict) {
	z.Status, z.verdict = v.status, v
	z.Link.Status, z.Link.Reason = v.status, v.reason
	z.Expires = z.proof.expires
	return z, v
}

// usableDS drops DS records with an algorithm or digest that is not supported, and those with SHA-1
// if there is a better one.
// RFC 4035, Section 5.2; RFC 6840, Section 5.2; RFC 4509, Section 3.
func (l *lookup) usableDS(all []*dns.DS) []*dns.DS {
	var out []*dns.DS
	better := false
	for _, ds := range all {
		_, algorithm := l.v.algorithm(ds.Algorithm)
		_, digest := l.v.digest(ds.DigestType)
		if algorithm && digest {
			out = append(out, ds)
			better = better || ds.DigestType != dns.SHA1
		}
	}
	if better {
		out = slices.DeleteFunc(out, func(ds *dns.DS) bool { return ds.DigestType == dns.SHA1 })
	}
	return out
}

func (l *lookup) unsupportedCode(all []*dns.DS) uint16 {
	for _, ds := range all {
		if _, ok := l.v.algorithm(ds.Algorithm); ok {
			return dns.ExtendedErrorCodeUnsupportedDSDigestType
		}
	}
	return dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm
}

// validateKeys fetches the keys of z and holds them to what is trusted: DS records or whole keys.
func (l *lookup) validateKeys(z *Zone, ds []*dns.DS, trusted []*dns.DNSKEY) (*Zone, verdict) {
	r := l.ask(z.name, dns.TypeDNSKEY)
	if r.failed {
		return l.setVerdict(z, r.failure)
	}
	s := r.rrset(z.name, dns.TypeDNSKEY, true)
	if s == nil {
		z.proof.addAll(r)
		return l.setVerdict(z, bogus(dns.ExtendedErrorCodeDNSKEYMissing, CodeNoKey, "%s should be signed, but has no DNSKEY", z.Name))
	}
	if len(s.rrs) > l.spent.limits.Keys {
		return l.setVerdict(z, overBudget("keys", l.spent.limits.Keys))
	}
	l.readKeys(z, s)
	matched, v := l.matchKeys(z, ds, trusted)
	by := (*dns.RRSIG)(nil)
	// RFC 4035, Section 5.2: a key that the DS names signs the DNSKEY set.
	if v.status == Secure {
		by, v = l.verifyWithKeys(s, z.name, matched)
	}
	if v.status == Secure && expanded(s, by) {
		v = bogus(dns.ExtendedErrorCodeDNSBogus, CodeLabels, "the DNSKEY records of %s come from a wildcard", z.Name)
	}
	for _, k := range z.keys {
		z.Link.Keys = append(z.Link.Keys, k.display(slices.Contains(matched, k)))
	}
	z.Link.Signature, z.Link.Warning = by, l.keysWithoutAnchor(z, matched)
	z.proof.addFirst(l, s, by)
	return l.setVerdict(z, v)
}

// readKeys parses the DNSKEY set.
func (l *lookup) readKeys(z *Zone, s *rrset) {
	for _, rr := range s.rrs {
		if key, ok := rr.(*dns.DNSKEY); ok {
			z.keys = append(z.keys, l.v.parseKey(key, &l.spent.limits))
			z.Keys = append(z.Keys, key)
		}
	}
}

// keysWithoutAnchor warns when the zone of an anchor publishes a key-signing key without an anchor:
// a roll-over has begun (RFC 5011, Section 2.2).
func (l *lookup) keysWithoutAnchor(z *Zone, matched []*zoneKey) string {
	if z.parent != nil {
		return ""
	}
	var tags []string
	for _, k := range z.keys {
		if _, ok := k.mayUse(); ok && k.record.Flags&dns.SEP != 0 && !slices.Contains(matched, k) {
			tags = append(tags, fmt.Sprint(k.tag))
		}
	}
	if len(tags) == 0 {
		return ""
	}
	return fmt.Sprintf("%s publishes a key-signing key that no trust anchor knows (%s); update the trust anchors before the old key is withdrawn", z.Name, strings.Join(tags, ", "))
}
