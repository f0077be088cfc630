package check

import (
	"context"
	"strings"

	"dnseal/lookup"
	"dnseal/lookup/chain"
	"dnseal/lookup/dnssec"
)

// resolvers tries each resolver by itself: what is wrong with one is said once, not for each name
// looked up, and also where no name is.
func (k *checker) resolvers(ctx context.Context, client *lookup.Client) {
	if anchors := k.config.LookupOptions().Anchors; anchors != nil {
		for _, key := range anchors.Ignored() {
			k.note("trust anchor: %s, and does not count (RFC 5011)", key)
		}
	}
	at := k.config.At("dns.resolvers")
	for _, r := range client.Resolvers(ctx) {
		switch {
		case r.Fault == "" && k.config.DNS.Mode == lookup.ADOnly:
			k.ok("resolver %s is believed (mode ad-only), and refuses what is bogus", r.Resolver)
		case r.Fault == "":
			k.ok("resolver %s passes on what DNSSEC needs", r.Resolver)
		case r.Usable:
			k.note("%s", r.Fault)
		case r.Code == chain.CodeStrips:
			k.wrong(at, "%s", r.Fault)
		default:
			k.unsure(at, "%s", r.Fault)
		}
	}
}

// absence warns, once for each zone, where the absence of a record proves nothing: a key withdrawn
// there is never revoked (RFC 5155, Section 12.2). It asks for a name next to the record that is
// hardly there.
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
		k.note("zone %s is signed with opt-out (NSEC3): that a key was withdrawn from it is never proven, and mail signed with it stays neutral; sign it without opt-out", absent.Zone())
	}
}
