package dnssec

import (
	"strings"

	"github.com/miekg/dns"
)

// maxPrefetch is how many ancestors are asked for ahead, so that a long name costs no more than a usual one.
const maxPrefetch = 5

// prefetch asks DS and DNSKEY of all ancestors of n at the same time, and the question itself if that is still to be
// asked. Labels that begin with an underscore are hardly ever zones. Below a zone of two labels or more whose keys are
// known nothing is asked ahead: it most likely holds the name itself.
func (l *lookup) prefetch(n name, leaf bool) {
	top, ok := l.anchors.closest(n)
	if !ok {
		return
	}
	base, known := l.lowest(n, top)
	if known && (base.status == Insecure || base.z.name.labels() >= 2) {
		return
	}
	if leaf {
		l.start(n, l.qtype)
	}
	if known {
		top = base.z.name
	} else {
		l.start(top, dns.TypeDNSKEY)
	}
	for depth := top.labels() + 1; depth < n.labels() && depth <= top.labels()+maxPrefetch; depth++ {
		z := n.ancestor(depth)
		if strings.HasPrefix(z.label(0), "_") {
			return
		}
		l.start(z, dns.TypeDS)
		l.start(z, dns.TypeDNSKEY)
	}
}

// lowest returns the deepest zone from n up to top that is known already.
func (l *lookup) lowest(n, top name) (found, bool) {
	for ; n.within(top); n = n.parent() {
		if f, ok := l.zones[n]; ok && f.z != nil && f.z.name == n {
			return f, true
		}
		if z := l.cached(n); z != nil {
			return found{z, z.verdict}, true
		}
		if n == root {
			break
		}
	}
	return found{}, false
}
