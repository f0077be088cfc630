package dnssec

import (
	"strings"

	"github.com/miekg/dns"
)

// maxPrefetch is how many ancestors are asked for ahead, so that a long name costs no more than a
// usual one.
const maxPrefetch = 5

// prefetch asks DS and DNSKEY of all ancestors of n at the same time, and the question itself if
// that is still to be asked. Labels that begin with an underscore are hardly ever zones, so they
// and what is below them are left out.
func (l *lookup) prefetch(n name, leaf bool) {
	top, ok := l.anchors.closest(n)
	if !ok {
		return
	}
	base, proven := l.deepestZone(n, top)
	if proven {
		top = base.z.name
	}
	zones := ancestors(n, top)
	if proven && (base.status == Insecure || len(zones) == 0) {
		return
	}
	if leaf {
		l.start(n, l.qtype)
	}
	if !proven {
		l.start(top, dns.TypeDNSKEY)
	}
	for _, z := range zones {
		l.start(z, dns.TypeDS)
		l.start(z, dns.TypeDNSKEY)
	}
}

// ancestors returns the names between n and top that may well be zones, from the top.
func ancestors(n, top name) []name {
	var out []name
	for depth := top.labels() + 1; depth < n.labels() && len(out) < maxPrefetch; depth++ {
		z := n.ancestor(depth)
		if strings.HasPrefix(z.label(0), "_") {
			break
		}
		out = append(out, z)
	}
	return out
}

// deepestZone returns the deepest zone from n up to top that needs no question.
func (l *lookup) deepestZone(n, top name) (zoneResult, bool) {
	for ; n.within(top); n = n.parent() {
		if f, ok := l.zones[n]; ok && f.z != nil && f.z.name == n {
			return f, true
		}
		if z := l.cached(n); z != nil {
			return zoneResult{z, z.verdict}, true
		}
		if n == root {
			break
		}
	}
	return zoneResult{}, false
}
