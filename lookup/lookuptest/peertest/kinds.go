package peertest

import (
	"context"
	"slices"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest"
)

// Kind answers a question as one kind of resolver does; nil: not at all.
type Kind func(q *question) *dns.Msg

// question is what came, with the way to the hierarchy.
type question struct {
	*dns.Msg
	ctx context.Context //nolint:containedctx // it lives as long as the answer
	up  *lookuptest.Server
}

func (q *question) do() bool {
	opt := q.IsEdns0()
	return opt != nil && opt.Do()
}

// validated is the answer of a resolver that validates.
func (q *question) validated() *dns.Msg { return q.ask(q.CheckingDisabled) }

// forwarded is the answer of one that does not.
func (q *question) forwarded() *dns.Msg {
	out := q.ask(true)
	if out != nil {
		out.AuthenticatedData = false
	}
	return out
}

// ask gets the answer from the hierarchy, with signatures if the question has DO.
func (q *question) ask(cd bool) *dns.Msg {
	good, err := q.up.Exchange(q.ctx, q.Question[0].Name, q.Question[0].Qtype, cd)
	if err != nil {
		return nil
	}
	out := new(dns.Msg)
	out.SetReply(q.Msg)
	out.RecursionAvailable, out.Rcode, out.AuthenticatedData = true, good.Rcode, good.AuthenticatedData
	out.Answer, out.Ns = good.Answer, good.Ns
	if q.IsEdns0() != nil {
		out.SetEdns0(1232, q.do())
	}
	if !q.do() {
		strip(out)
	}
	return out
}

// strip removes what only validators need, but not what was asked for.
func strip(m *dns.Msg) {
	m.Answer, m.Ns = without(m, m.Answer, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3), without(m, m.Ns, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3)
}

func without(m *dns.Msg, section []dns.RR, types ...uint16) (out []dns.RR) {
	for _, rr := range section {
		if t := rr.Header().Rrtype; t == m.Question[0].Qtype || !slices.Contains(types, t) {
			out = append(out, rr)
		}
	}
	return out
}

// stripped is an answer without signatures and without DO (RFC 3225, Section 3, wants it copied).
func stripped(out *dns.Msg) *dns.Msg {
	if out == nil {
		return nil
	}
	strip(out)
	out.AuthenticatedData = false
	if opt := out.IsEdns0(); opt != nil {
		opt.SetDo(false)
	}
	return out
}

// Validating is a resolver as it should be.
func Validating(q *question) *dns.Msg { return q.validated() }

// Forwarding passes on what it gets and does not validate: unbound with the iterator only, BIND
// with dnssec-validation no, PowerDNS Recursor with process-no-validate, systemd-resolved 257 with
// DNSSEC=no.
func Forwarding(q *question) *dns.Msg { return q.forwarded() }

// Resolved252No is systemd-resolved 252 with DNSSEC=no, the default of Debian 12: no signatures and
// no DO, but with CD=1 everything.
func Resolved252No(q *question) *dns.Msg {
	if q.CheckingDisabled {
		return q.forwarded()
	}
	return stripped(q.forwarded())
}

// Resolved252Yes is systemd-resolved 252 with DNSSEC=yes or allow-downgrade: right.
func Resolved252Yes(q *question) *dns.Msg { return q.validated() }

// Resolved257 is systemd-resolved 257 with DNSSEC=yes or allow-downgrade. Its AD bit means
// something only in answers to questions without DO.
func Resolved257(q *question) *dns.Msg {
	out := q.validated()
	if out != nil && q.do() && !q.CheckingDisabled {
		out.AuthenticatedData = out.Rcode == dns.RcodeSuccess || out.Rcode == dns.RcodeNameError
	}
	return out
}

// PowerDNSOff is PowerDNS Recursor with dnssec=off, and any forwarder to it: no signatures and no
// DO, whatever is asked.
func PowerDNSOff(q *question) *dns.Msg { return stripped(q.forwarded()) }

// Downgraded is systemd-resolved with DNSSEC=allow-downgrade in front of a resolver without DNSSEC:
// it has DO in its answers, no signatures, and says NOTIMP to DNSKEY and DS.
func Downgraded(q *question) *dns.Msg {
	out := stripped(q.forwarded())
	if out == nil {
		return nil
	}
	if opt := out.IsEdns0(); opt != nil {
		opt.SetDo(q.do())
	}
	if t := q.Question[0].Qtype; t == dns.TypeDNSKEY || t == dns.TypeDS {
		out.Rcode, out.Answer, out.Ns = dns.RcodeNotImplemented, nil, nil
	}
	return out
}

// Stripping is a forwarder that removes signatures and proofs but sets DO.
func Stripping(q *question) *dns.Msg {
	out := q.forwarded()
	if out != nil {
		strip(out)
	}
	return out
}

// NoAuthority is a forwarder that passes on the answer section only, as minimal ones do: denials
// come without proof.
func NoAuthority(q *question) *dns.Msg {
	out := q.forwarded()
	if out != nil {
		out.Ns = nil
	}
	return out
}

// OldKey is a validating resolver with the wrong root key, or clock: SERVFAIL to everything that is
// signed.
func OldKey(q *question) *dns.Msg {
	out := q.forwarded()
	if out != nil && !q.CheckingDisabled {
		out.Rcode, out.Answer, out.Ns = dns.RcodeServerFailure, nil, nil
	}
	return out
}

// Dead is a resolver that has no way out: SERVFAIL whatever is asked.
func Dead(q *question) *dns.Msg {
	out := q.forwarded()
	if out != nil {
		out.Rcode, out.Answer, out.Ns = dns.RcodeServerFailure, nil, nil
	}
	return out
}
