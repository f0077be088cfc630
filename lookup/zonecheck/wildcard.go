package zonecheck

import (
	"context"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// wildcards asks for the wildcards that identities can have, and how the server expands them.
func (z *zone) wildcards(ctx context.Context) {
	v, _ := z.validator(nil)
	for _, n := range []Name{
		{Owner: "*._smimecert." + z.report.Domain, Type: dane.SMIMEA},
		{Owner: "*._device." + z.report.Domain, Type: dane.TLSA},
	} {
		if !z.contains(n.Owner) {
			continue
		}
		a := v.Resolve(ctx, n.Owner, uint16(n.Type))
		if a.Exists && (a.Status == dnssec.Secure || a.Status == dnssec.Insecure) {
			z.wildcard(ctx, n, a)
		}
	}
}

// wildcard is about one wildcard that is there.
func (z *zone) wildcard(ctx context.Context, n Name, a *dnssec.Answer) {
	whose := "a CA (usage 2), so a certificate for the name is still needed"
	for _, rr := range a.Records {
		if r, ok := recordOf(rr); ok && r.Usage != dane.DANETA && r.Usage != dane.PKIXTA {
			whose = "one key or certificate, which so stands for every name"
		}
	}
	z.add(CodeWildcard, n.Owner, "the wildcard %s publishes %s", show(n.Owner), whose)
	name := randomLabel() + n.Owner[len("*"):]
	v, _ := z.validator(nil)
	switch a = v.Resolve(ctx, name, uint16(n.Type)); {
	case a.Status == dnssec.Bogus, a.Status == dnssec.Indeterminate:
		z.failure(name, a)
	case a.Exists && asIfReal(a, name):
		z.add(CodeWildcardLabels, n.Owner, "%s is signed for each name as if it were there", show(n.Owner))
	}
}

// asIfReal reports whether the signature over the records of a name counts all its labels (RFC
// 4034, Section 3.1.3).
func asIfReal(a *dnssec.Answer, name string) bool {
	for _, set := range a.RRsets {
		for _, sig := range set.Signatures {
			if dns.CanonicalName(sig.Hdr.Name) == name && sig.TypeCovered == a.Type {
				return int(sig.Labels) == dns.CountLabel(name)
			}
		}
	}
	return false
}
