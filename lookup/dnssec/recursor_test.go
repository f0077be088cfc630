package dnssec_test

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// recursor answers as a recursive resolver would that knows all messages of a scenario. It
// validates nothing.
type recursor struct {
	*scenario
	step  int
	trace func(format string, args ...any)
}

// Exchange implements dnssec.Exchanger. The message makes the trip over the wire.
func (r *recursor) Exchange(_ context.Context, name string, qtype uint16, _ bool) (*dns.Msg, error) {
	m := r.resolve(dns.CanonicalName(name), qtype)
	m.Question = []dns.Question{{Name: name, Qtype: qtype, Qclass: dns.ClassINET}}
	if r.trace != nil {
		r.trace("? %s %s\n%v", name, dns.Type(qtype), m)
	}
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	in := new(dns.Msg)
	return in, in.Unpack(wire)
}

// resolve follows aliases over the entries, and keeps the proofs of each link: an alias made from a
// wildcard needs its own.
func (r *recursor) resolve(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.Response = true
	for range 12 {
		e := r.find(name, qtype)
		if e == nil {
			e = r.cached(name, qtype)
		}
		if e == nil {
			if len(m.Answer) == 0 {
				m.Rcode = dns.RcodeServerFailure
			}
			return m
		}
		m.Rcode, m.Extra = e.rcode, e.extra
		m.Answer = append(m.Answer, e.answer...)
		m.Ns = append(denials(m.Ns), e.ns...)
		next := target(e.answer, name, qtype)
		if next == "" || next == name || hasSOA(e.ns) || e.rcode == dns.RcodeNameError && len(denials(e.ns)) > 0 {
			return m
		}
		name = next
	}
	return m
}

// denials returns the NSEC and NSEC3 records with their signatures.
func denials(rrs []dns.RR) []dns.RR {
	return slices.DeleteFunc(slices.Clone(rrs), func(rr dns.RR) bool {
		t := rr.Header().Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			t = sig.TypeCovered
		}
		return t != dns.TypeNSEC && t != dns.TypeNSEC3
	})
}

// target returns where the aliases of an answer lead, empty when the records asked for are in it.
func target(answer []dns.RR, name string, qtype uint16) string {
	start := name
	for range 12 {
		next := ""
		for _, rr := range answer {
			owner := dns.CanonicalName(rr.Header().Name)
			switch rr := rr.(type) {
			case *dns.CNAME:
				if owner == name && qtype != dns.TypeCNAME {
					next = dns.CanonicalName(rr.Target)
				}
			case *dns.DNAME:
				if next == "" && owner != name && dns.IsSubDomain(owner, name) {
					// RFC 6672, Section 2.2; the target may be the root.
					next = dns.CanonicalName(strings.TrimSuffix(name, owner) + strings.TrimPrefix(rr.Target, "."))
				}
			}
			if owner == name && rr.Header().Rrtype == qtype {
				return ""
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if name == start {
		return ""
	}
	return name
}

// find returns the entry that answers best: one for this very question before one for all names
// below.
func (r *recursor) find(name string, qtype uint16) *rplEntry {
	var exact, wide *rplEntry
	for _, e := range r.entries {
		if r.step < e.from || r.step > e.to || e.referral() {
			continue
		}
		same := dns.CanonicalName(e.name) == name
		switch {
		case same && e.qtype == qtype && !e.match["subdomain"]:
			if exact == nil {
				exact = e
			}
		case len(e.match) == 0:
			// Whatever is asked next; a resolver knows what that is.
		case e.match["subdomain"] && !dns.IsSubDomain(dns.CanonicalName(e.name), name),
			e.match["qname"] && !same, e.match["qtype"] && e.qtype != qtype, e.match["question"] && (!same || e.qtype != qtype):
		case qtype == dns.TypeDS:
			// Such an entry speaks for the child's side.
		case wide == nil:
			wide = e
		}
	}
	if exact != nil {
		return exact
	}
	if qtype == dns.TypeDS {
		return r.referralDS(name)
	}
	return wide
}

// cached returns what a resolver would have kept: the last entry for the question before this step;
// else, for a DS or with aggressive-nsec, all denials that were sent so far (RFC 8198). The rcode
// is not signed: what they prove counts.
func (r *recursor) cached(name string, qtype uint16) *rplEntry {
	past := *r
	for past.step--; past.step > 0; past.step-- {
		if e := past.find(name, qtype); e != nil {
			return e
		}
	}
	all := &rplEntry{rcode: dns.RcodeNameError}
	for _, e := range r.entries {
		if e.from <= r.step && (r.aggressive && hasSOA(e.ns) || qtype == dns.TypeDS) {
			all.ns = append(all.ns, denials(e.ns)...)
		}
	}
	if len(all.ns) == 0 {
		return nil
	}
	return all
}

// referral reports a message that only says whom else to ask.
func (e *rplEntry) referral() bool {
	if len(e.answer) > 0 || e.rcode != dns.RcodeSuccess || hasSOA(e.ns) {
		return false
	}
	for _, rr := range e.ns {
		if rr.Header().Rrtype == dns.TypeNS {
			return true
		}
	}
	return false
}

func hasSOA(rrs []dns.RR) bool {
	for _, rr := range rrs {
		if rr.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}

// referralDS makes the answer to a DS question from a referral: the DS set or the proof that there
// is none.
func (r *recursor) referralDS(name string) *rplEntry {
	for _, e := range r.entries {
		if r.step < e.from || r.step > e.to || !e.referral() {
			continue
		}
		out := &rplEntry{}
		mine := false
		for _, rr := range e.ns {
			owner := dns.CanonicalName(rr.Header().Name)
			covered := rr.Header().Rrtype
			if sig, ok := rr.(*dns.RRSIG); ok {
				covered = sig.TypeCovered
			}
			switch covered {
			case dns.TypeNS:
				mine = mine || owner == name
			case dns.TypeDS:
				if owner == name {
					out.answer = append(out.answer, rr)
				}
			default:
				out.ns = append(out.ns, rr)
			}
		}
		if mine && len(out.answer)+len(out.ns) > 0 {
			return out
		}
	}
	return nil
}
