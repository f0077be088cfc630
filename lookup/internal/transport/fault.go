package transport

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// Errors about a reply.
var (
	// ErrStrips: the server leaves out what DNSSEC needs (RFC 4035, Section 3.2.1).
	ErrStrips = errors.New("it leaves out the signatures of DNSSEC")
	// ErrServfail: the server cannot resolve the name, or its answer failed validation
	// (RFC 4035, Section 5.5).
	ErrServfail = errors.New("it says SERVFAIL")
	errRcode    = errors.New("it says")
)

// fault returns why a reply cannot be used, nil when it can.
func (q question) fault(m *dns.Msg) error {
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		if !q.plain && !passesDNSSEC(m) {
			return fmt.Errorf("%w: no DO bit in answers to DO=1", ErrStrips)
		}
		return nil
	case dns.RcodeServerFailure:
		return ErrServfail
	case dns.RcodeNotImplemented:
		if !q.plain && ofDNSSEC(q.qtype) {
			return fmt.Errorf("%w: NOTIMP to questions for %s, as where its upstream has no DNSSEC", ErrStrips, dns.Type(q.qtype))
		}
	}
	return fmt.Errorf("%w %s", errRcode, rcodeName(m.Rcode))
}

// passesDNSSEC reports whether the server supports DO: it copies the bit, or sends signatures.
// RFC 3225, Section 3.
func passesDNSSEC(m *dns.Msg) bool {
	opt := m.IsEdns0()
	return opt != nil && opt.Do() || hasType(m, dns.TypeRRSIG)
}

// ofDNSSEC reports the types that only validators ask for.
func ofDNSSEC(qtype uint16) bool { return qtype == dns.TypeDNSKEY || qtype == dns.TypeDS }

// hasType reports whether the answer or the proof in a message has a record of one of the types.
func hasType(m *dns.Msg, types ...uint16) bool {
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			for _, t := range types {
				if rr.Header().Rrtype == t {
					return true
				}
			}
		}
	}
	return false
}

// hasSigned reports whether records of a type are there, and a signature over records of that
// type.
func hasSigned(m *dns.Msg, qtype uint16) bool {
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == qtype {
				return hasType(m, qtype)
			}
		}
	}
	return false
}

func rcodeName(rcode int) string {
	if s, ok := dns.RcodeToString[rcode]; ok {
		return s
	}
	return fmt.Sprintf("error %d", rcode)
}
