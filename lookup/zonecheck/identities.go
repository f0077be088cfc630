package zonecheck

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// compare compares the identities that are held here with what is published, and what is published
// with them.
func (z *zone) compare(ctx context.Context) {
	published := 0
	for _, id := range z.opts.Identities {
		if z.contains(id.Owner) && z.compareOne(ctx, id) {
			published++
		}
	}
	if published > 0 {
		z.add(CodePublished, z.apex, "%s with a record that matches its key", plural(published, "identity"))
	}
	for _, n := range z.opts.Names {
		if z.absent(n) {
			z.add(CodeNotPublished, n.Owner, "%s has no %s record", n.Name, n.Type)
		}
	}
	z.foreign()
}

// compareOne reports whether the record of an identity matches its key.
func (z *zone) compareOne(ctx context.Context, id Identity) bool {
	l := z.leafOf(id.Owner, id.Type)
	switch {
	case l == nil && !z.absent(id.Name):
		return false // what is not known was said
	case l == nil:
		z.add(CodeNotPublished, id.Owner, "%s has no %s record", id.Name.Name, id.Type)
		return false
	}
	options := id.Match
	options.At = z.opts.Now()
	results, matched, _ := dane.Match(ctx, l.records, options)
	if !matched {
		z.add(CodeOtherKey, id.Owner, "no record of %s matches its key: %s", id.Name.Name, dane.Reasons(results))
	}
	return matched
}

// leafOf returns what was read of a name, nil when there is nothing.
func (z *zone) leafOf(owner string, t dane.Type) *leaf {
	i := slices.IndexFunc(z.leaves, func(l *leaf) bool { return l.Owner == owner && l.Type == t })
	if i < 0 {
		return nil
	}
	return z.leaves[i]
}

// absent reports whether a name was asked for and answered not to be there.
func (z *zone) absent(n Name) bool {
	return slices.ContainsFunc(z.denied, func(a *dnssec.Answer) bool {
		return a.Name == n.Owner && a.Type == uint16(n.Type) && !a.Exists && (a.Status == dnssec.Secure || a.Status == dnssec.Insecure)
	})
}

// foreign finds listed identities that are not held here.
func (z *zone) foreign() {
	if len(z.opts.Identities) == 0 {
		return
	}
	var names []string
	for _, n := range z.identityNames() {
		known := slices.ContainsFunc(z.opts.Identities, func(id Identity) bool { return id.Owner == n.Owner }) ||
			slices.ContainsFunc(z.opts.Names, func(o Name) bool { return o.Owner == n.Owner })
		if !known && !strings.HasPrefix(n.Owner, "_user.") && !strings.HasPrefix(n.Owner, "*.") {
			names = append(names, n.Owner)
		}
	}
	z.addNames(CodeForeign, names, "%s with records of no identity here: %s", plural(len(names), "name"), few(shown(names)))
}

// elsewhere names the identities in question that are not of this domain.
func (c *check) elsewhere() {
	var names []string
	for _, id := range c.opts.Identities {
		if !dns.IsSubDomain(c.report.Domain, id.Owner) {
			names = append(names, id.Name.Name)
		}
	}
	for _, n := range c.opts.Names {
		if !dns.IsSubDomain(c.report.Domain, n.Owner) {
			names = append(names, n.Name)
		}
	}
	if len(names) > 0 && len(c.report.Zones) > 0 {
		f := c.add(c.report.Zones[0], CodeElsewhere, c.report.Domain, "%s not below %s: %s", plural(len(names), "identity"), show(c.report.Domain), few(names))
		f.Names = names[:min(len(names), maxNames)]
	}
}
