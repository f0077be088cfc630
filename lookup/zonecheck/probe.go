package zonecheck

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/internal/transport"
)

// probeServers asks each name server for the SOA record, by UDP and by TCP.
func (z *zone) probeServers(ctx context.Context) {
	for _, s := range z.servers {
		z.probe(ctx, s)
	}
	z.serials(ctx)
	if !z.has(groupServers, Wrong) && !z.hasCode(CodeNoIPv6) {
		z.add(CodeServers, z.apex, "%s: UDP and TCP work, serial %d everywhere", plural(len(z.servers), "address"), z.servers[0].serial)
	}
}

func (z *zone) soa(ctx context.Context, s *server, tcp bool) (*dns.Msg, error) {
	return z.client.AskOne(ctx, s.index, transport.Question{Name: z.apex, Type: dns.TypeSOA, Authoritative: true, TCP: tcp})
}

// probe asks one server.
func (z *zone) probe(ctx context.Context, s *server) {
	m, errUDP := z.soa(ctx, s, false)
	overTCP, errTCP := z.soa(ctx, s, true)
	switch {
	case errUDP == nil && errTCP == nil:
	case errUDP != nil && errTCP != nil:
		z.silent(ctx, s, errUDP)
		return
	case errors.Is(errUDP, transport.ErrNoEDNS):
		z.add(CodeNoEDNS, s.String(), "%s does not speak EDNS by UDP", s)
		m, s.tcp = overTCP, true
	case errUDP != nil:
		z.add(CodeNoUDP, s.String(), "%s answers by TCP, but not by UDP: %v", s, errUDP)
		m, s.tcp = overTCP, true
	default:
		z.add(CodeNoTCP, s.String(), "%s answers by UDP, but not by TCP: %v", s, errTCP)
	}
	z.answered(s, m)
}

// silent is about a server without any answer.
func (z *zone) silent(ctx context.Context, s *server, err error) {
	switch {
	case ctx.Err() != nil:
		z.add(CodeUndecided, s.String(), "%s was not asked: there was no time left", s)
	case errors.Is(err, transport.ErrNoEDNS):
		z.add(CodeNoEDNS, s.String(), "%s does not speak EDNS", s)
	case noRoute(s.addr, err):
		z.add(CodeNoIPv6, s.String(), "%s could not be asked: %v", s, err)
	default:
		z.add(CodeUnreachable, s.String(), "%s does not answer: %v", s, err)
	}
}

// noRoute reports whether this machine cannot reach an IPv6 address, whoever has it.
func noRoute(addr string, err error) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return false
	}
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// answered looks at the answer about the SOA.
func (z *zone) answered(s *server, m *dns.Msg) {
	soa := soaOf(m, z.apex)
	opt := m.IsEdns0()
	switch {
	case m.Rcode != dns.RcodeSuccess:
		z.add(CodeLame, s.String(), "%s answers %s for %s", s, rcode(m.Rcode), show(z.apex))
	case soa == nil:
		z.add(CodeLame, s.String(), "%s has no SOA record of %s", s, show(z.apex))
	case !m.Authoritative:
		z.add(CodeNotAuthoritative, s.String(), "%s answers for %s without authority", s, show(z.apex))
	case opt == nil || !opt.Do():
		z.add(CodeNoDNSSEC, s.String(), "%s does not repeat the DO bit (RFC 3225), so it knows no DNSSEC", s)
		s.good, s.serial = true, soa.Serial
	default:
		s.good, s.serial = true, soa.Serial
		z.negative = min(soa.Hdr.Ttl, soa.Minttl)
	}
}

func soaOf(m *dns.Msg, apex string) *dns.SOA {
	for _, rr := range m.Answer {
		if soa, ok := rr.(*dns.SOA); ok && dns.CanonicalName(soa.Hdr.Name) == apex {
			return soa
		}
	}
	return nil
}

func rcode(n int) string {
	if s, ok := dns.RcodeToString[n]; ok {
		return s
	}
	return "an unknown error"
}

// serials finds servers with an older version of the zone. They are asked again after a while: a
// change may be on its way.
func (z *zone) serials(ctx context.Context) {
	newest := z.newest()
	if newest == nil || len(z.older(newest)) == 0 {
		return
	}
	timer := time.NewTimer(recheckAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	for _, s := range z.older(newest) {
		if m, err := z.soa(ctx, s, s.tcp); err == nil {
			if soa := soaOf(m, z.apex); soa != nil {
				s.serial = soa.Serial
			}
		}
	}
	for _, s := range z.older(newest) {
		z.add(CodeBehind, s.String(), "%s has serial %d, %s has %d", s, s.serial, newest, newest.serial)
	}
}

// newest is the server with the highest serial.
func (z *zone) newest() (newest *server) {
	for _, s := range z.good() {
		if newest == nil || before(newest.serial, s.serial) {
			newest = s
		}
	}
	return newest
}

func (z *zone) older(than *server) (out []*server) {
	for _, s := range z.good() {
		if before(s.serial, than.serial) {
			out = append(out, s)
		}
	}
	return out
}

// before orders serials (RFC 1982, Section 3.2).
func before(a, b uint32) bool { return int32(a-b) < 0 }
