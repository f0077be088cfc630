package lookup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// believe is mode ad-only: the resolver's word is the status. It proves nothing to others, so there
// is no chain.
func (c *Client) believe(ctx context.Context, k key) *dnssec.Answer {
	a := &dnssec.Answer{Name: k.name, Type: uint16(k.typ), EDE: -1}
	// RFC 6840, Section 5.7: AD in a question asks for AD in the reply. Without DO, because no
	// signature is used, and there is a resolver whose AD means nothing in replies to DO=1.
	m, err := c.transport.Ask(ctx, transport.Question{Name: k.name, Type: uint16(k.typ), Plain: true, CheckedFirst: true})
	switch {
	case errors.Is(err, transport.ErrQuestion):
		a.Code, a.Reason = dnssec.CodeMalformed, fmt.Sprintf("%q %s cannot be asked for", k.name, k.typ)
		return a
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
		a.Code, a.Reason = dnssec.CodeServfail, fmt.Sprintf("the resolver cannot resolve %s (SERVFAIL)", a.Name)
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		a.Code, a.Reason = dnssec.CodeRefused, fmt.Sprintf("the resolver answers %s", dns.RcodeToString[m.Rcode])
	case isStale(m.Msg):
		a.Code, a.Reason = dnssec.CodeStale, "the resolver served expired data; switch off serve-stale there"
	case m.CheckingDisabled:
		// RFC 4035, Section 3.2.2: with CD=1 a resolver gives data that does not validate.
		// There is data after SERVFAIL: the resolver had refused to believe it.
		a.Status, a.Code, a.Reason = dnssec.Bogus, chain.CodeBogus, "the resolver does not believe the answer; mode validate says why"
	// RFC 4035, Section 3.2.3.
	case m.AuthenticatedData:
		a.Status = dnssec.Secure
		c.readUnproven(a, m.Msg)
	default:
		a.Status, a.Code, a.Reason = dnssec.Insecure, chain.CodeNoAD, "the resolver does not call the answer authentic (no AD)"
		c.readUnproven(a, m.Msg)
	}
	return a
}

// isStale recognises answers after their TTL (RFC 8767, Section 6; RFC 8914, Sections 4.4 and
// 4.20).
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

// readUnproven reads the records asked for, at the end of aliases, and the TTL from a reply.
func (c *Client) readUnproven(a *dnssec.Answer, m *dns.Msg) {
	const maxAliases = 8
	end := a.Name
	for next := readOwner(a, m, end); next != ""; next = readOwner(a, m, end) {
		end = next
		switch err := c.mayFollow(next); {
		case err != nil:
			unusable(a, chain.CodeDenied, err.Error())
			return
		case len(a.Aliases) > maxAliases:
			unusable(a, dnssec.CodeAliasLoop, fmt.Sprintf("%s leads to more than %d aliases", a.Name, maxAliases))
			return
		}
	}
	a.Exists = len(a.Records) > 0
	a.TTL = unprovenTTL(m)
	if why := contradiction(a, m, end); a.Status == dnssec.Secure && why != "" {
		unusable(a, chain.CodeIncomplete, why)
	}
}

// contradiction is why a reply proves nothing whatever its AD bit is; "" when it has one meaning.
func contradiction(a *dnssec.Answer, m *dns.Msg, end string) string {
	switch {
	// RFC 6604, Section 3: the RCODE is about the end of the aliases.
	case a.Exists && m.Rcode == dns.RcodeNameError:
		return fmt.Sprintf("the reply says NXDOMAIN, and holds records of %s", end)
	case forks(m):
		return "the reply holds two CNAME records of one name (RFC 2181, Section 10.1)"
	case !a.Exists && !deniesEnd(m, end):
		return fmt.Sprintf("the reply holds neither the records of %s nor the SOA that would say that there are none", end)
	}
	return ""
}

// forks reports whether a name has two CNAME records with different targets, which RFC 2181,
// Section 10.1 forbids.
func forks(m *dns.Msg) bool {
	targets := map[string]string{}
	for _, rr := range m.Answer {
		alias, ok := rr.(*dns.CNAME)
		if !ok || alias.Hdr.Class != dns.ClassINET {
			continue
		}
		owner, target := dns.CanonicalName(alias.Hdr.Name), dns.CanonicalName(alias.Target)
		if known, ok := targets[owner]; ok && known != target {
			return true
		}
		targets[owner] = target
	}
	return false
}

func unusable(a *dnssec.Answer, code dnssec.Code, reason string) {
	a.Status, a.Code, a.Reason = dnssec.Indeterminate, code, reason
}

// deniesEnd reports whether a reply without the records asked for says that there are none at end:
// by a SOA of a zone around it (RFC 2308, Section 2), or by being empty, as forwarders answer that
// leave the SOA out. An alias whose end is missing, records of another name or type, a referral,
// and the SOA of another zone say nothing.
func deniesEnd(m *dns.Msg, end string) bool {
	empty := len(m.Answer) == 0
	for _, rr := range m.Ns {
		switch rr.Header().Rrtype {
		case dns.TypeSOA:
			// RFC 2308, Section 2.2: without a SOA it may be a referral.
			if dns.IsSubDomain(dns.CanonicalName(rr.Header().Name), end) {
				return true
			}
			empty = false
		case dns.TypeNSEC, dns.TypeNSEC3, dns.TypeRRSIG: // proofs that were not asked for
		default:
			empty = false
		}
	}
	return empty
}

// readOwner reads the records of one name; next is where its CNAME leads when it has none (RFC
// 1034, Section 3.6.2).
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
		// RFC 2181, Section 5.2: TTLs of a set that differ are an error; the shortest counts.
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
