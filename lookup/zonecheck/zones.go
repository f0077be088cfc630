package zonecheck

import (
	"context"
	"slices"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/internal/transport"
)

// place is a zone and the part of it that is checked.
type place struct {
	apex string
	base string // the names at and below it are checked
	// below are zones of their own that are checked by themselves.
	below []string
}

// contains reports whether a name is checked here.
func (p place) contains(name string) bool {
	return dns.IsSubDomain(p.base, name) && !slices.ContainsFunc(p.below, func(b string) bool { return dns.IsSubDomain(b, name) })
}

// identityLabels are the names below a domain that hold its identities (RFC 8162, Section 3; DANCE
// client authentication).
var identityLabels = []string{"_smimecert", "_device", "_user"}

// findZones returns the zone of the domain, then those of its identities where these are others.
func (c *check) findZones(ctx context.Context) []place {
	domain := c.report.Domain
	apex, ok := c.apexOf(ctx, domain)
	if !ok {
		return nil
	}
	first := place{apex: apex, base: domain}
	var rest []place
	for _, label := range identityLabels {
		base := label + "." + domain
		if _, err := dane.Domain(base); err != nil {
			continue
		}
		if own, err := c.soaOwner(ctx, base); err == nil && own == base {
			rest = append(rest, place{apex: own, base: base})
			first.below = append(first.below, base)
		}
	}
	return append([]place{first}, rest...)
}

// apexOf finds the zone of a name, or adds a finding why there is none.
func (c *check) apexOf(ctx context.Context, name string) (string, bool) {
	owner, err := c.soaOwner(ctx, name)
	switch {
	case err != nil:
		c.add(name, CodeUndecided, name, "the zone of %s could not be found: %v", show(name), err)
		return "", false
	case owner == "":
		c.add(name, CodeNoDomain, name, "there is no domain %s", show(name))
		return "", false
	}
	return owner, true
}

// soaOwner returns the zone that a name is in, "" when the name does not exist.
// RFC 2308, Section 2: the SOA in a negative answer is that of the zone.
func (c *check) soaOwner(ctx context.Context, name string) (string, error) {
	r, err := c.resolvers.Ask(ctx, transport.Question{Name: name, Type: dns.TypeSOA})
	if err != nil {
		return "", err
	}
	if r.Rcode == dns.RcodeNameError {
		return "", nil
	}
	for _, rr := range slices.Concat(r.Answer, r.Ns) {
		if owner := dns.CanonicalName(rr.Header().Name); rr.Header().Rrtype == dns.TypeSOA && dns.IsSubDomain(owner, name) {
			return owner, nil
		}
	}
	return "", noSOAError(dns.RcodeToString[r.Rcode])
}

// noSOAError is an answer without the SOA of a zone around the name, and its rcode.
type noSOAError string

func (e noSOAError) Error() string {
	return "the resolver answers " + string(e) + " without the SOA of a zone"
}
