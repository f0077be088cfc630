package check

import (
	"context"
	"strings"

	"dnseal/lookup"
	"dnseal/lookup/chain"
	"dnseal/lookup/dnssec"
)

// resolvers tests each resolver by itself (RFC 4035, Section 3.2.1: the DO bit). A fault is
// reported once, not for each name looked up, and also when no name is looked up.
func (k *checker) resolvers(ctx context.Context, client *lookup.Client) {
	if anchors := k.config.LookupOptions().Anchors; anchors != nil {
		for _, key := range anchors.Ignored() {
			k.note("trust anchor: %s, and does not count (RFC 5011)", key)
		}
	}
	at := k.config.At("dns.resolvers")
	for _, r := range client.Resolvers(ctx) {
		switch {
		case r.Fault == "" && k.config.DNS.Mode == string(lookup.ADOnly):
			k.ok("resolver %s is trusted (mode ad-only), and refuses bogus data", r.Resolver)
		case r.Fault == "":
			k.ok("resolver %s returns the records of DNSSEC", r.Resolver)
		case r.Usable:
			k.note("%s", r.Fault)
		case r.Code == chain.CodeStrips:
			k.wrong(at, "%s", r.Fault)
		default:
			k.unsure(at, "%s", r.Fault)
		}
	}
}

// absence warns, once for each zone, when the absence of a record proves nothing: a key withdrawn
// there is never revoked (RFC 5155, Section 12.2). It looks up a name next to the record that is
// unlikely to exist.
func (k *checker) absence(ctx context.Context, res *lookup.Result) {
	_, rest, _ := strings.Cut(res.Name, ".")
	if k.absences == nil {
		k.absences = map[string]bool{}
	}
	if k.absences[rest] {
		return
	}
	k.absences[rest] = true
	absent := k.dns.Lookup(ctx, "dnseal-check-absent."+rest, res.Type)
	if absent.Status == dnssec.Insecure && absent.Code == dnssec.CodeOptOut {
		k.note("zone %s is signed with opt-out (NSEC3): the DNS cannot prove that a key was withdrawn from it, and mail signed with that key stays neutral; sign it without opt-out", absent.Zone())
	}
}
