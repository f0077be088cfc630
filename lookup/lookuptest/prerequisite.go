package lookuptest

import (
	"maps"

	"github.com/miekg/dns"
)

// checkPrerequisites returns NOERROR when all hold (RFC 2136, Section 3.2).
func (z *zone) checkPrerequisites(section []dns.RR) int {
	// RFC 2136, Section 3.2.3: sets that must exist with these values and no others.
	type set struct {
		name string
		t    uint16
	}
	wanted := map[set]map[string]bool{}
	for _, rr := range section {
		h := rr.Header()
		name := dns.CanonicalName(h.Name)
		if !dns.IsSubDomain(z.name, name) {
			return dns.RcodeNotZone
		}
		if h.Class != dns.ClassINET {
			if code := z.checkExistence(name, h); code != dns.RcodeSuccess {
				return code
			}
			continue
		}
		value, err := normalise(rr)
		if err != nil || h.Ttl != 0 {
			return dns.RcodeFormatError
		}
		id := set{name, h.Rrtype}
		if wanted[id] == nil {
			wanted[id] = map[string]bool{}
		}
		wanted[id][recordKey(value)] = true
	}
	for id, values := range wanted {
		if !maps.Equal(values, z.values(id.name, id.t)) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

// checkExistence checks a prerequisite without values (RFC 2136, Section 2.4): class ANY for what
// must be there, NONE for what must not.
func (z *zone) checkExistence(name string, h *dns.RR_Header) int {
	if h.Ttl != 0 || h.Rdlength != 0 {
		return dns.RcodeFormatError
	}
	n := z.nodes[name]
	inUse := n != nil && len(n.sets) > 0
	exists := inUse && n.sets[h.Rrtype] != nil
	switch {
	case h.Class == dns.ClassANY && h.Rrtype == dns.TypeANY:
		return unless(inUse, dns.RcodeNameError)
	case h.Class == dns.ClassANY:
		return unless(exists, dns.RcodeNXRrset)
	case h.Class == dns.ClassNONE && h.Rrtype == dns.TypeANY:
		return unless(!inUse, dns.RcodeYXDomain)
	case h.Class == dns.ClassNONE:
		return unless(!exists, dns.RcodeYXRrset)
	}
	return dns.RcodeFormatError
}

func unless(ok bool, code int) int {
	if ok {
		return dns.RcodeSuccess
	}
	return code
}

// values are the records of a set, without their TTL.
func (z *zone) values(name string, t uint16) map[string]bool {
	out := map[string]bool{}
	if n := z.nodes[name]; n != nil {
		for _, rr := range n.sets[t] {
			out[recordKey(rr)] = true
		}
	}
	return out
}
