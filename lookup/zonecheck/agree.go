package zonecheck

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// compared is how many identities are asked for at every name server.
const compared = 5

// agree compares the answers of name servers that have the same version of the zone.
func (z *zone) agree(ctx context.Context) {
	newest := z.newest()
	if newest == nil || len(z.good()) < 2 {
		return
	}
	z.sameAt(ctx, newest, z.apex, dns.TypeDNSKEY)
	for _, l := range sample(z.leaves, compared) {
		z.sameAt(ctx, newest, l.Owner, uint16(l.Type))
	}
}

// sameAt compares one set of records.
func (z *zone) sameAt(ctx context.Context, newest *server, name string, qtype uint16) {
	want, ok := z.set(ctx, newest, name, qtype)
	if !ok {
		return
	}
	for _, s := range z.good() {
		if s == newest || s.serial != newest.serial {
			continue
		}
		if got, ok := z.set(ctx, s, name, qtype); ok && got != want {
			z.add(CodeDiffers, s.String(), "%s and %s have the same serial, but different %s records of %s", s, newest, dns.Type(qtype), show(name))
		}
	}
}

// set is the records of a name at one server as text, the same for the same records.
func (z *zone) set(ctx context.Context, s *server, name string, qtype uint16) (string, bool) {
	m, err := z.askAt(ctx, s, name, qtype)
	if err != nil {
		return "", false
	}
	var out []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == qtype {
			out = append(out, strings.ToLower(rr.String()))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n"), true
}
