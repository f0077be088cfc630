//go:build unix

package authority

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func now() time.Time { return time.Now() }

// ready waits until the server answers for its zone, with signatures and proofs of absence where it
// signs, and reads the zone's key. It is false when the program ended.
func (s *Server) ready(tb testing.TB) bool {
	tb.Helper()
	patience := 3 * time.Minute
	if s.opts.Big {
		patience = 20 * time.Minute
	}
	for end := time.Now().Add(patience); ; {
		if s.complete() {
			return true
		}
		select {
		case <-s.ended():
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			tb.Fatalf("%s does not answer for %s at %s", s.Kind, s.Zone, s.Addr)
		}
	}
}

// complete says whether the zone is there as it shall be.
func (s *Server) complete() bool {
	if !s.signed() {
		in := s.Ask(s.Zone, dns.TypeSOA)
		return in != nil && in.Rcode == dns.RcodeSuccess && len(in.Answer) > 0
	}
	for _, t := range []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY} {
		if in := s.Ask(s.Zone, t); in == nil || len(of(in.Answer, t)) == 0 || len(of(in.Answer, dns.TypeRRSIG)) == 0 {
			return false
		}
	}
	in := s.Ask("ns."+s.Zone, dns.TypeA)
	if in == nil || len(of(in.Answer, dns.TypeRRSIG)) == 0 || !s.denies() {
		return false
	}
	s.Anchor = s.ds()
	return s.Anchor != ""
}

// denies says whether the name server proves that a name is absent, by the right records.
func (s *Server) denies() bool {
	rcode, proof := dns.RcodeNameError, dns.TypeNSEC3
	switch s.opts.Denial {
	case NSEC:
		proof = dns.TypeNSEC
	case Online:
		rcode, proof = dns.RcodeSuccess, dns.TypeNSEC
	case NSEC3, Narrow:
	}
	in := s.Ask("absent."+s.Zone, dns.TypeA)
	if in == nil || in.Rcode != rcode {
		return false
	}
	proofs := len(of(in.Ns, proof))
	return proofs > 0 && len(of(in.Ns, dns.TypeRRSIG)) >= proofs+1
}

// ds is the DS record of the zone's key that signs its keys.
func (s *Server) ds() string {
	in := s.Ask(s.Zone, dns.TypeDNSKEY)
	if in == nil {
		return ""
	}
	for _, rr := range of(in.Answer, dns.TypeDNSKEY) {
		if key := rr.(*dns.DNSKEY); key.Flags&dns.SEP != 0 {
			return key.ToDS(dns.SHA256).String() + "\n"
		}
	}
	return ""
}

// Ask asks the server itself, over TCP with DO=1; nil when there is no answer.
func (s *Server) Ask(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	m.RecursionDesired = false
	m.SetEdns0(4096, true)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := dns.Client{Net: "tcp", Timeout: 5 * time.Second}
	in, _, err := c.ExchangeContext(ctx, m, s.Addr)
	if err != nil {
		return nil
	}
	return in
}

// Serial is that of the zone's SOA; 0 when there is no answer.
func (s *Server) Serial() uint32 {
	in := s.Ask(s.Zone, dns.TypeSOA)
	if in == nil || len(of(in.Answer, dns.TypeSOA)) == 0 {
		return 0
	}
	return of(in.Answer, dns.TypeSOA)[0].(*dns.SOA).Serial
}

// of returns the records of one type.
func of(section []dns.RR, t uint16) []dns.RR {
	return slices.DeleteFunc(slices.Clone(section), func(rr dns.RR) bool { return rr.Header().Rrtype != t })
}
