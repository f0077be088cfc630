package lookuptest

import (
	"slices"

	"github.com/miekg/dns"
)

// change applies the update section (RFC 2136, Section 3.4) to records and returns the new ones,
// with the next serial. Nothing is applied unless all of it is well-formed.
func (z *zone) change(records []record, section []dns.RR) (after []record, changed bool, code int) {
	for _, rr := range section {
		if code := z.checkChange(rr); code != dns.RcodeSuccess {
			return nil, false, code
		}
	}
	after = slices.Clone(records)
	for _, rr := range section {
		before := after
		switch h := rr.Header(); h.Class {
		case dns.ClassINET:
			value, err := normalise(rr)
			if err != nil {
				return nil, false, dns.RcodeFormatError
			}
			after = addRecord(after, value)
		case dns.ClassANY:
			after = slices.DeleteFunc(slices.Clone(after), func(r record) bool { return z.removes(h, r.rr) })
		default:
			named := dns.Copy(rr)
			named.Header().Class = dns.ClassINET
			if value, err := normalise(named); err == nil {
				after = slices.DeleteFunc(slices.Clone(after), func(r record) bool { return z.removes(h, r.rr) && recordKey(r.rr) == recordKey(value) })
			}
		}
		changed = changed || !slices.Equal(before, after)
	}
	if changed {
		after = z.nextSerial(after)
	}
	return after, changed, dns.RcodeSuccess
}

// checkChange is the prescan (RFC 2136, Section 3.4.1).
func (z *zone) checkChange(rr dns.RR) int {
	h := rr.Header()
	meta := isMeta(h.Rrtype)
	switch {
	case !dns.IsSubDomain(z.name, dns.CanonicalName(h.Name)):
		return dns.RcodeNotZone
	case slices.Contains(ownTypes, h.Rrtype), h.Rrtype == dns.TypeSOA:
		return dns.RcodeRefused // the server makes these
	case h.Class == dns.ClassINET && (meta || h.Rrtype == dns.TypeANY),
		h.Class == dns.ClassANY && (h.Ttl != 0 || h.Rdlength != 0 || meta),
		h.Class == dns.ClassNONE && (h.Ttl != 0 || meta || h.Rrtype == dns.TypeANY),
		h.Class != dns.ClassINET && h.Class != dns.ClassANY && h.Class != dns.ClassNONE:
		return dns.RcodeFormatError
	}
	return dns.RcodeSuccess
}

// addRecord adds a record (RFC 2136, Section 3.4.2.2). Where it would stand next to a CNAME nothing
// is done, as the RFC has it. The whole set gets its TTL (RFC 2181, Section 5.2).
func addRecord(records []record, rr dns.RR) []record {
	h := rr.Header()
	alias := h.Rrtype == dns.TypeCNAME
	for _, r := range records {
		o := r.rr.Header()
		if o.Name == h.Name && ((o.Rrtype == dns.TypeCNAME) != alias || o.Ttl == h.Ttl && recordKey(r.rr) == recordKey(rr)) {
			return records
		}
	}
	var out []record
	for _, r := range records {
		if o := r.rr.Header(); o.Name == h.Name && o.Rrtype == h.Rrtype {
			if alias || recordKey(r.rr) == recordKey(rr) {
				continue
			}
			r.rr = dns.Copy(r.rr)
			r.rr.Header().Ttl = h.Ttl
		}
		out = append(out, r)
	}
	return append(out, record{rr: rr})
}

// removes reports whether a deletion names the record (RFC 2136, Section 3.4.2.3). SOA and NS of
// the apex stay.
func (z *zone) removes(h *dns.RR_Header, rr dns.RR) bool {
	o := rr.Header()
	if o.Name != dns.CanonicalName(h.Name) || h.Rrtype != dns.TypeANY && h.Rrtype != o.Rrtype {
		return false
	}
	return o.Name != z.name || o.Rrtype != dns.TypeSOA && o.Rrtype != dns.TypeNS
}

// nextSerial puts the SOA with the next serial number among the records (RFC 2136, Section 3.6).
func (z *zone) nextSerial(records []record) []record {
	soa := dns.Copy(z.soa).(*dns.SOA)
	soa.Serial++
	out := slices.DeleteFunc(slices.Clone(records), func(r record) bool { return r.rr.Header().Rrtype == dns.TypeSOA })
	return append(out, record{rr: soa})
}
