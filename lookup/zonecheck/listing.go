package zonecheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// list walks the zone where that is possible, and says what a stranger learns.
func (z *zone) list(ctx context.Context) {
	if z.hasCode(CodeHashes) {
		return
	}
	limit := z.opts.Walk
	if z.narrow || limit < 0 {
		limit = 1 // to see whether the first record leads somewhere
	}
	names, end, why := z.walk(ctx, limit)
	if z.narrow || end == walkMinimal || end == walkNone && z.narrow {
		z.narrow = true
		z.add(CodeHidden, z.apex, "no: the denials of %s are made for each question, and name no other name", show(z.apex))
		return
	}
	z.names = slices.DeleteFunc(names, func(w walked) bool { return !z.contains(w.name) })
	z.complete = end == walkComplete
	switch end {
	case walkNone:
		return
	case walkBroken:
		z.add(CodeWalkBroken, z.apex, "the list of %s breaks off: %s", show(z.apex), why)
	case walkLimit:
		z.add(CodeWalkIncomplete, z.apex, "the list of %s was read up to %s, and goes on", show(z.apex), plural(len(names), "name"))
	case walkComplete, walkMinimal:
	}
	z.listed()
	z.delegations()
}

// listed says what was listed, with examples.
func (z *zone) listed() {
	var smimea, devices, others []string
	for _, w := range z.names {
		switch kindOfName(w) {
		case mailName:
			smimea = append(smimea, w.name)
		case deviceName:
			devices = append(devices, w.name)
		case tlsaName:
			others = append(others, w.name)
		case noIdentity:
		}
	}
	identities := slices.Concat(devices, smimea, others)
	what := fmt.Sprintf("yes: NSEC lists %s of %s", plural(len(z.names), "name"), show(z.base))
	if len(identities) == 0 {
		what += ", none of an identity"
	} else {
		what += fmt.Sprintf(", %d of identities (SMIMEA: %d, devices: %d, other TLSA: %d), such as %s",
			len(identities), len(smimea), len(devices), len(others), examples(smimea, devices, others))
	}
	f := z.add(CodeWalked, z.apex, "%s", what)
	f.Names = slices.Clone(identities[:min(len(identities), maxNames)])
}

// examples are the first names of each list.
func examples(lists ...[]string) string {
	var out []string
	for _, list := range lists {
		for _, name := range list[:min(len(list), 2)] {
			out = append(out, show(name))
		}
	}
	return strings.Join(out, ", ")
}

// delegations names the zones below that are not checked.
func (z *zone) delegations() {
	var cuts []string
	for _, w := range z.names {
		if w.has(dns.TypeNS) && !w.has(dns.TypeSOA) {
			cuts = append(cuts, w.name)
		}
	}
	z.addNames(CodeDelegated, cuts, "%s below %s not checked: %s", plural(len(cuts), "zone"), show(z.base), examples(cuts))
}

// nameKind is what a listed name is.
type nameKind uint8

const (
	noIdentity nameKind = iota
	mailName            // RFC 8162
	deviceName
	tlsaName // service or host
)

// kindOfName tells identities from other names. TLSA records of servers (RFC 6698, Section 3) are
// none.
func kindOfName(w walked) nameKind {
	switch {
	case w.has(uint16(dane.SMIMEA)):
		return mailName
	case !w.has(uint16(dane.TLSA)) || isPort(w.name):
		return noIdentity
	case strings.Contains(w.name, "._device."):
		return deviceName
	}
	return tlsaName
}

// isPort reports a name such as _25._tcp.mx.example.net.
func isPort(name string) bool {
	labels := dns.SplitDomainName(name)
	return len(labels) > 1 && slices.Contains([]string{"_tcp", "_udp", "_sctp"}, labels[1])
}
