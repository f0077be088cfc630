package zonecheck

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// leaf is the records of one identity, as a verifier gets them.
type leaf struct {
	Name
	answer  *dnssec.Answer
	records []dane.Record
	ttl     uint32
	size    int // octets of the answer
}

// maxRead is how many identities that were listed are read.
const maxRead = 200

// read reads the records of identities: those that were named, those at the usual places, and of
// those that were listed an even choice.
func (z *zone) read(ctx context.Context) {
	names := z.wanted()
	listed := z.identityNames()
	for _, n := range sample(listed, maxRead) {
		if !slices.ContainsFunc(names, func(o Name) bool { return o.Owner == n.Owner && o.Type == n.Type }) {
			names = append(names, n)
		}
	}
	if len(listed) > maxRead {
		z.add(CodeSampled, z.apex, "of %d identities %d were read", len(listed), maxRead)
	}
	v, e := z.validator(nil)
	for _, n := range names {
		if !z.pace(ctx) {
			break
		}
		z.opts.Progress(1)
		z.leaf(ctx, &v, e, n)
	}
	// One of them is the name of a CA for all users, which few domains have.
	if len(z.leaves) == 0 && len(names) <= 1 {
		z.add(CodeNothingToCheck, z.apex, "no identity record of %s is known", show(z.base))
	}
}

// wanted are the names in question whether or not the zone can be listed.
func (z *zone) wanted() (out []Name) {
	for _, id := range z.opts.Identities {
		out = append(out, id.Name)
	}
	out = append(out, z.opts.Names...)
	if user, err := dane.UserName(z.report.Domain); err == nil {
		out = append(out, Name{Name: show(user), Owner: user, Type: dane.TLSA})
	}
	return slices.DeleteFunc(out, func(n Name) bool { return !z.contains(n.Owner) })
}

// identityNames are those that were listed.
func (z *zone) identityNames() (out []Name) {
	for _, w := range z.names {
		if k := kindOfName(w); k == noIdentity {
			continue
		}
		for _, t := range []dane.Type{dane.SMIMEA, dane.TLSA} {
			if w.has(uint16(t)) {
				out = append(out, Name{Name: show(w.name), Owner: w.name, Type: t})
			}
		}
	}
	return out
}

// sample chooses n of a list, evenly.
func sample[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	out := make([]T, 0, n)
	for i := range n {
		out = append(out, list[i*len(list)/n])
	}
	return out
}

// leaf reads the records of one name. What is not there is a matter of compare.
func (z *zone) leaf(ctx context.Context, v *dnssec.Validator, e *exchanger, n Name) {
	a := v.Resolve(ctx, n.Owner, uint16(n.Type))
	l := &leaf{Name: n, answer: a, size: e.size(n.Owner, uint16(n.Type))}
	switch {
	case a.Status == dnssec.Bogus, a.Status == dnssec.Indeterminate:
		if cut := z.referral(ctx, n); cut != "" {
			z.once(CodeDelegated, cut, "%s is a zone of its own, which was not checked; %s is in it", show(cut), n.Name)
			return
		}
		z.failure(n.Owner, a)
		return
	case !a.Exists:
		z.denied = append(z.denied, a)
		return
	}
	for _, rr := range a.Records {
		l.ttl = rr.Header().Ttl
		if r, ok := recordOf(rr); ok {
			l.records = append(l.records, r)
		}
	}
	z.leaves = append(z.leaves, l)
}

// referral returns the zone below this one that a name is in, "" when it is in none (RFC 1034,
// Section 4.3.2).
func (z *zone) referral(ctx context.Context, n Name) string {
	m, err := z.ask(ctx, n.Owner, uint16(n.Type))
	if err != nil || m.Authoritative || len(m.Answer) > 0 {
		return ""
	}
	for _, rr := range m.Ns {
		owner := dns.CanonicalName(rr.Header().Name)
		if rr.Header().Rrtype == dns.TypeNS && owner != z.apex && dns.IsSubDomain(z.apex, owner) && dns.IsSubDomain(owner, n.Owner) {
			return owner
		}
	}
	return ""
}

// recordOf reads the data of a TLSA or SMIMEA record (RFC 6698, Section 2.1; RFC 8162, Section 2).
func recordOf(rr dns.RR) (dane.Record, bool) {
	var r dane.Record
	var text string
	switch rr := rr.(type) {
	case *dns.TLSA:
		r, text = dane.Record{Usage: rr.Usage, Selector: rr.Selector, MatchingType: rr.MatchingType}, rr.Certificate
	case *dns.SMIMEA:
		r, text = dane.Record{Usage: rr.Usage, Selector: rr.Selector, MatchingType: rr.MatchingType}, rr.Certificate
	default:
		return r, false
	}
	var err error
	r.Data, err = hex.DecodeString(text)
	return r, err == nil
}
