package lookup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// believe is mode ad-only: the resolver's word is the status. It proves nothing to others, so there is no chain.
func (c *Client) believe(ctx context.Context, k key) *dnssec.Answer {
	a := &dnssec.Answer{Name: k.name, Type: uint16(k.typ), EDE: -1}
	m, err := c.transport.Exchange(ctx, k.name, uint16(k.typ), false)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		a.Code, a.Reason = dnssec.CodeTimeout, fmt.Sprintf("no reply to %s %s in time", k.name, k.typ)
		return a
	case err != nil:
		a.Code, a.Reason = dnssec.CodeUnreachable, err.Error()
		return a
	}
	a.Rcode = m.Rcode
	switch {
	case m.Rcode == dns.RcodeServerFailure:
		c.tellBogus(ctx, a)
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		a.Code, a.Reason = dnssec.CodeRefused, fmt.Sprintf("the resolver answers %s", dns.RcodeToString[m.Rcode])
	case isStale(m):
		a.Code, a.Reason = dnssec.CodeStale, "the resolver served expired data; switch off serve-stale there"
	case m.AuthenticatedData:
		a.Status = dnssec.Secure
		readUnproven(a, m)
	default:
		a.Status, a.Code, a.Reason = dnssec.Insecure, dnssec.CodeUnsigned, "the resolver does not call the answer authentic (no AD)"
		readUnproven(a, m)
	}
	return a
}

// CodeBogus is the code of mode ad-only for what the resolver finds bogus; the other modes say what is wrong.
const CodeBogus = "bogus"

// tellBogus asks once more with CD=1 after SERVFAIL: when there is data, the resolver had refused to believe it.
func (c *Client) tellBogus(ctx context.Context, a *dnssec.Answer) {
	m, err := c.transport.Exchange(ctx, a.Name, a.Type, true)
	if err == nil && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
		a.Status, a.Code, a.Reason = dnssec.Bogus, CodeBogus, "the resolver does not believe the answer; mode validate says why"
		return
	}
	a.Code, a.Reason = dnssec.CodeServfail, fmt.Sprintf("the resolver cannot resolve %s (SERVFAIL)", a.Name)
}

// isStale recognises answers after their TTL (RFC 8767, Section 6; RFC 8914, Sections 4.4 and 4.20).
func isStale(m *dns.Msg) bool {
	opt := m.IsEdns0()
	if opt == nil {
		return false
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok && (e.InfoCode == dns.ExtendedErrorCodeStaleAnswer || e.InfoCode == dns.ExtendedErrorCodeStaleNXDOMAINAnswer) {
			return true
		}
	}
	return false
}

// readUnproven takes the records asked for, at the end of aliases, and the TTL from a reply.
func readUnproven(a *dnssec.Answer, m *dns.Msg) {
	const maxAliases = 8
	for owner := a.Name; owner != ""; {
		if len(a.Aliases) > maxAliases {
			a.Status, a.Code, a.Reason = dnssec.Indeterminate, dnssec.CodeAliasLoop, fmt.Sprintf("%s leads to more than %d aliases", a.Name, maxAliases)
			return
		}
		owner = readOwner(a, m, owner)
	}
	a.Exists = len(a.Records) > 0
	a.TTL = unprovenTTL(m)
}

// readOwner takes the records of one name; next is where it leads when it has none.
func readOwner(a *dnssec.Answer, m *dns.Msg, owner string) (next string) {
	for _, rr := range m.Answer {
		if dns.CanonicalName(rr.Header().Name) != owner || rr.Header().Class != dns.ClassINET {
			continue
		}
		if alias, ok := rr.(*dns.CNAME); ok {
			next = dns.CanonicalName(alias.Target)
		} else if rr.Header().Rrtype == a.Type {
			a.Records = append(a.Records, rr)
		}
	}
	if len(a.Records) > 0 || next == "" {
		return ""
	}
	a.Aliases = append(a.Aliases, next)
	return next
}

// unprovenTTL is the shortest TTL of the answer; without one that of the SOA (RFC 2308, Section 5).
func unprovenTTL(m *dns.Msg) time.Duration {
	ttl := uint32(math.MaxInt32) // RFC 2181, Section 8
	for _, rr := range m.Answer {
		ttl = min(ttl, rr.Header().Ttl)
	}
	if len(m.Answer) > 0 {
		return time.Duration(ttl) * time.Second
	}
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return time.Duration(min(ttl, soa.Hdr.Ttl, soa.Minttl)) * time.Second
		}
	}
	return 0
}
