package lookuptest

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// maxAliases is how many CNAMEs and DNAMEs are followed (RFC 1034, Section 5.2.2).
const maxAliases = 11

// udpSize is the largest UDP answer given and announced.
const udpSize = 1232

// status is what a validating resolver would find.
type status uint8

const (
	bogus status = iota
	insecure
	secure
)

// Exchange answers one question without any network, with DO=1, as the server would over TCP. It
// satisfies the validator's Exchanger. A silent zone (Slow) costs the context's whole time.
func (s *Server) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	m.SetEdns0(dns.MaxMsgSize-1, true)
	m.CheckingDisabled, m.AuthenticatedData = cd, true
	out := s.respond(m, dns.MaxMsgSize)
	if out == nil {
		<-ctx.Done()
		return nil, fmt.Errorf("lookuptest: %s: %w", name, ctx.Err())
	}
	if err := s.wait(ctx); err != nil {
		return nil, fmt.Errorf("lookuptest: %s: %w", name, err)
	}
	wire, err := out.Pack()
	if err != nil {
		return nil, fmt.Errorf("lookuptest: %s: %w", name, err)
	}
	in := new(dns.Msg)
	return in, in.Unpack(wire)
}

var errClosed = errors.New("server closed")

// respond answers a message; nil means silence. At most limit bytes when packed.
func (s *Server) respond(in *dns.Msg, limit int) *dns.Msg {
	out := new(dns.Msg)
	out.SetReply(in)
	out.RecursionAvailable = true
	out.Compress = true
	// RFC 1035, Section 4.1.1.
	if in.Opcode != dns.OpcodeQuery {
		out.Rcode = dns.RcodeNotImplemented
		return out
	}
	if len(in.Question) != 1 {
		out.Rcode = dns.RcodeFormatError
		return out
	}
	opt := in.IsEdns0()
	// RFC 6891, Section 7: OPT only in reply to OPT; RFC 3225, Section 3: DO is copied.
	if opt != nil {
		out.SetEdns0(udpSize, opt.Do())
	}
	r, ok := s.resolve(in.Question[0], opt != nil && opt.Do())
	if !ok {
		return nil
	}
	s.fill(out, in, r)
	fit(out, limit)
	return out
}

// fit sets TC where a message is longer than limit when packed. The library's own count is too high
// for NSEC3 among others, and never too low.
func fit(out *dns.Msg, limit int) {
	if out.Len() > limit {
		if wire, err := out.Pack(); err == nil && len(wire) <= limit {
			return
		}
	}
	out.Truncate(limit)
}

// fill puts what was found into the message, as a validating resolver does when the server is one.
func (s *Server) fill(out, in *dns.Msg, r *reply) {
	// RFC 4035, Section 5.5.
	if s.opts.Validating && r.status == bogus && !in.CheckingDisabled {
		out.Rcode = dns.RcodeServerFailure
		addEDE(out, r.fault)
		return
	}
	out.Rcode, out.Answer, out.Ns = r.rcode, r.answer, r.authority
	// RFC 1034, Section 4.3.1: without RD it is asked as the name server of the zone.
	out.Authoritative = !in.RecursionDesired && r.rcode != dns.RcodeServerFailure
	opt := in.IsEdns0()
	// RFC 6840, Section 5.8: AD only where it was asked for; RFC 4035, Section 3.2.3: only on
	// secure data.
	asked := in.AuthenticatedData || opt != nil && opt.Do()
	out.AuthenticatedData = s.opts.Validating && asked && !in.CheckingDisabled &&
		r.status == secure && r.rcode != dns.RcodeServerFailure
}

// addEDE names the fault (RFC 8914, Section 4).
func addEDE(out *dns.Msg, b Break) {
	opt := out.IsEdns0()
	if opt == nil {
		return
	}
	code := map[Break]uint16{
		Expired: dns.ExtendedErrorCodeSignatureExpired, NotYet: dns.ExtendedErrorCodeSignatureNotYetValid,
		WrongDS: dns.ExtendedErrorCodeDNSKEYMissing, MissingRRSIG: dns.ExtendedErrorCodeRRSIGsMissing,
		MissingDenial: dns.ExtendedErrorCodeNSECMissing,
	}[b]
	if code == 0 {
		code = dns.ExtendedErrorCodeDNSBogus
	}
	opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: code})
}

// resolve answers a question across zones. ok is false when a zone on the way is silent.
func (s *Server) resolve(question dns.Question, do bool) (r *reply, ok bool) {
	name := dns.CanonicalName(question.Name)
	if s.opts.Asked != nil {
		s.opts.Asked(name, question.Qtype)
	}
	q := &query{view: s.view.Load(), now: s.opts.Now(), do: do}
	q.status = secure
	if question.Qclass != dns.ClassINET || isMeta(question.Qtype) {
		q.rcode = dns.RcodeNotImplemented
		return &q.reply, true
	}
	for range maxAliases {
		z := q.view.zoneFor(name, question.Qtype)
		if blocked := q.view.blocked(z); blocked == Slow {
			return nil, false
		} else if blocked == Unreachable {
			q.rcode = dns.RcodeServerFailure
			return &q.reply, true
		}
		q.lowerStatus(z)
		if name = q.answer(z, name, question.Qtype); name == "" {
			return &q.reply, true
		}
	}
	q.rcode = dns.RcodeServerFailure
	return &q.reply, true
}

// isMeta reports types that are no data (RFC 6895, Section 3.1) and RRSIG, which is no set of its
// own.
func isMeta(t uint16) bool {
	return t == dns.TypeRRSIG || t == dns.TypeOPT || t >= 128 && t <= 255 && t != dns.TypeANY || t == 0
}

// zoneFor returns the zone that speaks for a name; for DS that is the parent (RFC 4035, Section
// 3.1.4.1).
func (v *view) zoneFor(name string, qtype uint16) *zone {
	if qtype == dns.TypeDS {
		name = parent(name)
	}
	for v.zones[name] == nil {
		name = parent(name)
	}
	return v.zones[name]
}

// blocked is the break of the first zone on the way up that does not answer, "" when all do.
func (v *view) blocked(z *zone) Break {
	for ; z != nil; z = z.parent {
		if b := v.breaks[z.name]; b == Slow || b == Unreachable {
			return b
		}
	}
	return ""
}

// lowerStatus lowers the status to that of the zone: the first unsigned or broken zone from the
// root decides (RFC 4035, Section 5).
func (q *query) lowerStatus(z *zone) {
	found := secure
	var fault Break
	for ; z != nil; z = z.parent {
		switch b := q.view.breaks[z.name]; {
		case z.key == nil:
			found = insecure
		case b != "" && b != MissingDenial:
			found, fault = bogus, b
		}
	}
	if found == bogus && q.status != bogus {
		q.fault = fault
	}
	q.status = min(q.status, found)
}
