package publish

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// Script is the text for nsupdate (BIND) or knsupdate (Knot) that does the same as Apply: server,
// zone, prerequisites, updates, and one "send" a message. It holds no key: give that with -k. It
// asks for the zone and the primary, and changes nothing.
func (c *Client) Script(ctx context.Context, changes ...Change) (string, error) {
	list, err := c.plan(ctx, changes)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, b := range list {
		b.script(&out)
	}
	return out.String(), nil
}

func (b batch) script(out *strings.Builder) {
	host, port, _ := net.SplitHostPort(b.addrs[0])
	fmt.Fprintf(out, "server %s %s\nzone %s\n", host, port, b.zone.name)
	m := message(b.zone.name, b.changes)
	for _, rr := range m.Answer {
		if rr.Header().Class == dns.ClassNONE {
			fmt.Fprintf(out, "prereq nxrrset %s %s\n", rr.Header().Name, dns.TypeToString[rr.Header().Rrtype])
			continue
		}
		fmt.Fprintf(out, "prereq yxrrset %s %s %s\n", rr.Header().Name, dns.TypeToString[rr.Header().Rrtype], data(rr))
	}
	for _, rr := range m.Ns {
		h := rr.Header()
		if h.Class == dns.ClassNONE {
			fmt.Fprintf(out, "update delete %s %s %s\n", h.Name, dns.TypeToString[h.Rrtype], data(rr))
			continue
		}
		fmt.Fprintf(out, "update add %s %d %s %s\n", h.Name, h.Ttl, dns.TypeToString[h.Rrtype], data(rr))
	}
	out.WriteString("send\n")
}

// data is the data of a record as text.
func data(rr dns.RR) string {
	return strings.TrimSpace(strings.TrimPrefix(rr.String(), rr.Header().String()))
}
