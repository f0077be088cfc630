package zonecheck

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// chainOf is what parent and zone say about its keys.
type chainOf struct {
	parent *dnssec.Answer
	ds     []*dns.DS
	keys   []*dns.DNSKEY
}

const (
	maxDS   = 16
	maxKeys = 32
)

// delegation checks the way from the parent to the keys of the zone.
func (z *zone) delegation(ctx context.Context) {
	link, ok := z.link(ctx)
	if ok && !z.anchored() {
		z.checkDS(link)
	}
	if ok {
		z.checkKeys(link.keys)
	}
	v, _ := z.validator(nil)
	z.checkStatus(v.Resolve(ctx, z.apex, dns.TypeSOA))
}

// anchored reports whether the zone has a trust anchor of its own.
func (z *zone) anchored() bool {
	anchors := z.opts.Anchors
	return anchors != nil && slices.Contains(anchors.Zones(), z.apex)
}

// link asks for DNSKEY, and for DS unless the zone has a trust anchor of its own.
func (z *zone) link(ctx context.Context) (out chainOf, ok bool) {
	m, err := z.ask(ctx, z.apex, dns.TypeDNSKEY)
	if err != nil {
		z.add(CodeUndecided, z.apex, "the keys of %s could not be asked for: %v", show(z.apex), err)
		return out, false
	}
	for _, rr := range m.Answer {
		if key, ok := rr.(*dns.DNSKEY); ok && len(out.keys) < maxKeys {
			out.keys = append(out.keys, key)
		}
	}
	return out, z.anchored() || z.askDS(ctx, &out)
}

// askDS asks for the DS set. Of one that does not validate it is still said what it holds.
func (z *zone) askDS(ctx context.Context, out *chainOf) bool {
	out.parent = z.recursive().Resolve(ctx, z.apex, dns.TypeDS)
	r, err := z.resolvers.Ask(ctx, transport.Question{Name: z.apex, Type: dns.TypeDS})
	if err != nil {
		z.add(CodeUndecided, z.apex, "the DS of %s could not be asked for: %v", show(z.apex), err)
		return false
	}
	for _, rr := range r.Answer {
		if ds, ok := rr.(*dns.DS); ok && len(out.ds) < maxDS {
			out.ds = append(out.ds, ds)
		}
	}
	return true
}

// checkDS compares the DS set with the keys (RFC 4035, Section 5.2).
func (z *zone) checkDS(link chainOf) {
	if len(link.ds) > 0 {
		z.checkDigests(link)
		if ttl := seconds(link.ds[0].Hdr.Ttl); ttl > z.opts.Revocation {
			z.add(CodeDSTTL, z.apex, "the DS of %s lives %s in caches", show(z.apex), span(ttl))
		}
		return
	}
	switch {
	case len(link.keys) == 0:
		z.add(CodeUnsigned, z.apex, "%s is not signed: it has no DNSKEY, and its parent no DS for it", show(z.apex))
	case link.parent.Status == dnssec.Insecure && link.parent.Code != dnssec.CodeOptOut:
		z.add(CodeParentInsecure, z.apex, "the zone above %s is not secure: %s", show(z.apex), link.parent.Reason)
	case link.parent.Status == dnssec.Secure || link.parent.Status == dnssec.Insecure:
		f := z.add(CodeNoDS, z.apex, "%s is signed, but its parent has no DS for it", show(z.apex))
		if ds := bestDS(link.keys); ds != nil {
			f.Advice += " It is: " + strings.ReplaceAll(ds.String(), "\t", " ")
		}
	}
}

// bestDS is the DS with SHA-256 that the parent should have.
func bestDS(keys []*dns.DNSKEY) *dns.DS {
	for _, flags := range []uint16{dns.ZONE | dns.SEP, dns.ZONE} {
		for _, k := range keys {
			if k.Flags == flags {
				return k.ToDS(dns.SHA256)
			}
		}
	}
	return nil
}

// checkDigests finds DS records that fit no key, and those of SHA-1.
func (z *zone) checkDigests(link chainOf) {
	var stale, sha1, better []string
	fits := 0
	for _, ds := range link.ds {
		text := fmt.Sprintf("%d %d %d", ds.KeyTag, ds.Algorithm, ds.DigestType)
		if !fitsKey(ds, link.keys) {
			stale = append(stale, text)
			continue
		}
		fits++
		if ds.DigestType == dns.SHA1 {
			sha1 = append(sha1, text)
		} else {
			better = append(better, text)
		}
	}
	switch {
	case fits == 0:
		z.add(CodeDSMismatch, z.apex, "no DS of %s fits one of its keys (DS: %s; keys: %s)", show(z.apex), strings.Join(stale, ", "), tags(link.keys))
		return
	case len(stale) > 0:
		z.add(CodeDSStale, z.apex, "a DS of %s fits none of its keys: %s", show(z.apex), strings.Join(stale, ", "))
	}
	switch {
	case len(sha1) > 0 && len(better) == 0:
		z.add(CodeDSSHA1, z.apex, "the DS of %s is a SHA-1 digest only: %s", show(z.apex), strings.Join(sha1, ", "))
	case len(sha1) > 0:
		z.add(CodeDSSHA1Also, z.apex, "a DS of %s is a SHA-1 digest: %s", show(z.apex), strings.Join(sha1, ", "))
	}
}

// fitsKey compares a DS with the keys. A digest that the library does not compute fits by tag and
// algorithm.
func fitsKey(ds *dns.DS, keys []*dns.DNSKEY) bool {
	return slices.ContainsFunc(keys, func(k *dns.DNSKEY) bool {
		if k.Algorithm != ds.Algorithm || k.KeyTag() != ds.KeyTag {
			return false
		}
		own := k.ToDS(ds.DigestType)
		return own == nil || strings.EqualFold(own.Digest, ds.Digest)
	})
}

func tags(keys []*dns.DNSKEY) string {
	var out []string
	for _, k := range keys {
		out = append(out, fmt.Sprintf("%d %d", k.KeyTag(), k.Algorithm))
	}
	return strings.Join(out, ", ")
}

// supported are the algorithms that every verifier has (RFC 8624, Section 3.1, as RFC 9905 changes
// it).
var supported = []uint8{dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519}

// checkKeys looks at the algorithms of the zone, and at the lives of its keys.
func (z *zone) checkKeys(keys []*dns.DNSKEY) {
	var algorithms []uint8
	for _, k := range keys {
		// RFC 5011, Section 2.1; RFC 4034, Section 2.1.1.
		if k.Flags&dns.REVOKE == 0 && k.Flags&dns.ZONE != 0 && !slices.Contains(algorithms, k.Algorithm) {
			algorithms = append(algorithms, k.Algorithm)
		}
	}
	slices.Sort(algorithms)
	sha1 := func(a uint8) bool { return a == dns.RSASHA1 || a == dns.RSASHA1NSEC3SHA1 }
	good := slices.ContainsFunc(algorithms, func(a uint8) bool { return slices.Contains(supported, a) })
	switch {
	case len(algorithms) == 0 || good:
	case slices.ContainsFunc(algorithms, sha1):
		z.add(CodeSHA1, z.apex, "%s is signed with %s", show(z.apex), algorithmNames(algorithms))
	default:
		z.add(CodeUnsupported, z.apex, "%s is signed with %s only", show(z.apex), algorithmNames(algorithms))
	}
	if len(algorithms) > 1 {
		z.add(CodeMixed, z.apex, "%s has keys of %s", show(z.apex), algorithmNames(algorithms))
	}
	for _, k := range keys {
		if bits := rsaBits(k); good && bits > 0 && bits < 2048 {
			z.add(CodeWeakKey, z.apex, "key %d of %s is RSA of %d bits", k.KeyTag(), show(z.apex), bits)
		}
	}
	if len(keys) > 0 {
		if ttl := seconds(keys[0].Hdr.Ttl); ttl > z.opts.Revocation {
			z.add(CodeDNSKEYTTL, z.apex, "the keys of %s live %s in caches", show(z.apex), span(ttl))
		}
	}
}

func algorithmNames(algorithms []uint8) string {
	var out []string
	for _, a := range algorithms {
		name, ok := dns.AlgorithmToString[a]
		if !ok {
			name = "algorithm"
		}
		out = append(out, fmt.Sprintf("%s (%d)", name, a))
	}
	return strings.Join(out, ", ")
}

// rsaBits is the length of the modulus of an RSA key (RFC 3110, Section 2), 0 for other keys.
func rsaBits(k *dns.DNSKEY) int {
	switch k.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
	default:
		return 0
	}
	raw, err := base64.StdEncoding.DecodeString(k.PublicKey)
	if err != nil || len(raw) < 3 {
		return 0
	}
	skip := 1 + int(raw[0])
	if raw[0] == 0 {
		skip = 3 + int(raw[1])<<8 + int(raw[2])
	}
	return max(0, len(raw)-skip) * 8
}

// checkStatus says what a verifier makes of the zone.
func (z *zone) checkStatus(a *dnssec.Answer) {
	switch {
	case a.Status == dnssec.Secure:
		z.add(CodeSecure, z.apex, "%s is secure: signed, and delegated from the trust anchor down", show(z.apex))
		return
	case a.Status == dnssec.Indeterminate:
		z.failure(z.apex, a)
	case z.has(groupChain, Wrong): // said already
	case a.Status == dnssec.Insecure && z.parentOf(a):
		z.add(CodeParentInsecure, z.apex, "the zone above %s is not secure: %s", show(z.apex), a.Reason)
	case a.Status == dnssec.Insecure:
		z.add(CodeInsecure, z.apex, "%s counts as unsigned: %s", show(z.apex), a.Reason)
	default:
		z.failure(z.apex, a)
	}
	z.unsigned = a.Status != dnssec.Bogus
}

// parentOf reports whether an insecure answer is so because of a zone above.
func (z *zone) parentOf(a *dnssec.Answer) bool {
	return len(a.Links) > 0 && a.Links[len(a.Links)-1].Zone != z.apex
}
