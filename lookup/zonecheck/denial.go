package zonecheck

import (
	"bytes"
	"context"
	"encoding/base32"
	"fmt"
	"math/big"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// denials asks every name server for a name that is not there, and looks at the proof.
func (z *zone) denials(ctx context.Context) {
	name := randomLabel() + "." + z.base
	if m, err := z.ask(ctx, name, dns.TypeTLSA); err == nil {
		z.form(m, name)
	}
	proven := 0
	for _, s := range z.good() {
		if z.deniedBy(ctx, s, name) {
			proven++
		}
	}
	if proven > 0 && proven == len(z.good()) {
		z.add(CodeDenial, z.apex, "absence is proven by %s; caches keep that for %s", plural(proven, "name server"), span(seconds(z.negative)))
	}
	if ttl := seconds(z.negative); ttl > z.opts.Revocation {
		z.add(CodeNegativeTTL, z.apex, "absence lives %s in caches", span(ttl))
	}
}

// deniedBy validates the absence of a name at one server.
func (z *zone) deniedBy(ctx context.Context, s *server, name string) bool {
	v, _ := z.validator(s)
	a := v.Resolve(ctx, name, dns.TypeTLSA)
	z.denied = append(z.denied, a)
	switch {
	case a.Status == dnssec.Secure:
		return true
	case a.Code == dnssec.CodeOptOut, a.Code == dnssec.CodeIterations: // form says it
	case a.Status == dnssec.Bogus && a.Code != dnssec.CodeExpired && a.Code != dnssec.CodeNotYetValid:
		z.add(CodeDenialBogus, s.String(), "%s does not prove that a name is absent: %s", s, a.Reason)
	default:
		z.failure(name, a)
	}
	return false
}

// form finds out how the zone denies names.
func (z *zone) form(m *dns.Msg, name string) {
	for _, rr := range m.Ns {
		switch rr := rr.(type) {
		case *dns.NSEC:
			z.narrow = z.narrow || minimal(rr, name)
		case *dns.NSEC3:
			z.parameters(rr)
			return
		}
	}
}

// minimal reports whether an NSEC record was made for this question: it is at the name itself
// (RFC 9824, Section 3), or what it covers ends right after it (RFC 4470, Section 3). No zone has a
// name next to a random one.
func minimal(rr *dns.NSEC, name string) bool {
	owner, next := dns.CanonicalName(rr.Hdr.Name), dns.CanonicalName(rr.NextDomain)
	if owner == name {
		return true
	}
	first, rest, _ := strings.Cut(name, ".")
	after := first + "0." + rest
	return order(owner, name) < 0 && order(name, next) < 0 && order(next, after) <= 0
}

// order compares names canonically; what is no name is equal to all.
func order(a, b string) int {
	n, err := dnssec.CompareNames(a, b)
	if err != nil {
		return 0
	}
	return n
}

// parameters looks at one NSEC3 record of the zone (RFC 5155, Section 3; RFC 9276).
func (z *zone) parameters(rr *dns.NSEC3) {
	z.narrow = narrowHash(rr)
	if rr.Iterations > 0 {
		z.add(CodeIterations, z.apex, "NSEC3 of %s uses %d iterations", show(z.apex), rr.Iterations)
	}
	if rr.SaltLength > 0 {
		z.add(CodeSalt, z.apex, "NSEC3 of %s uses the salt %s", show(z.apex), rr.Salt)
	}
	// RFC 5155, Section 3.1.2.1.
	if rr.Flags&1 != 0 {
		z.add(CodeOptOut, z.apex, "NSEC3 of %s has the opt-out flag", show(z.apex))
	}
	if !z.narrow {
		z.add(CodeHashes, z.apex, "NSEC3: the hashes of all names of %s can be collected; %s", show(z.apex), count(rr))
	}
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// width is the part of all hashes that an NSEC3 record spans, of 2 to the power of 160.
func width(rr *dns.NSEC3) *big.Int {
	label, _, _ := strings.Cut(rr.Hdr.Name, ".")
	owner, err := base32Hex.DecodeString(strings.ToUpper(label))
	next, errNext := base32Hex.DecodeString(strings.ToUpper(rr.NextDomain))
	all := new(big.Int).Lsh(big.NewInt(1), 160)
	if err != nil || errNext != nil || len(owner) != 20 || len(next) != 20 || bytes.Equal(owner, next) {
		return all
	}
	d := new(big.Int).Sub(new(big.Int).SetBytes(next), new(big.Int).SetBytes(owner))
	return d.Mod(d, all)
}

// narrowHash reports whether an NSEC3 record covers one hash alone, or hardly more (RFC 7129,
// Appendix B). No chain of hashes is so dense.
func narrowHash(rr *dns.NSEC3) bool { return width(rr).BitLen() < 100 }

// count estimates the number of names from the span of one record.
func count(rr *dns.NSEC3) string {
	n := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(1), 160), width(rr))
	if n.Cmp(big.NewInt(2)) < 0 {
		return "they are few"
	}
	return fmt.Sprintf("by one span there are some %d", n)
}
