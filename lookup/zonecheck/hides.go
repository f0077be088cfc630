package zonecheck

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

const (
	triedNames  = 2     // of each type, at each server
	unknownType = 65280 // for private use (RFC 6895, Section 3.1)
)

// hides asks each server for other types at names that have records, and for the names above them:
// what it says there must not deny the records.
func (z *zone) hides(ctx context.Context) {
	for _, l := range z.tried() {
		for _, s := range z.good() {
			if !z.pace(ctx) {
				return
			}
			z.hidesAt(ctx, s, l)
			z.above(ctx, s, l)
		}
	}
}

// tried are some names with records of their own.
func (z *zone) tried() (out []*leaf) {
	count := map[dane.Type]int{}
	for _, l := range z.leaves {
		if len(l.answer.Aliases) == 0 && count[l.Type] < triedNames {
			count[l.Type]++
			out = append(out, l)
		}
	}
	return out
}

// hidesAt asks one server for other types at a name.
func (z *zone) hidesAt(ctx context.Context, s *server, l *leaf) {
	for _, qtype := range []uint16{dns.TypeA, unknownType, dns.TypeANY} {
		m, err := z.askAt(ctx, s, l.Owner, qtype)
		if err != nil {
			continue
		}
		switch {
		case m.Rcode == dns.RcodeNameError:
			z.once(CodeNXDOMAIN, s.String(), "%s says that %s does not exist when %s is asked for; it has %s", s, show(l.Owner), dns.Type(qtype), l.Type)
		case qtype == unknownType && m.Rcode != dns.RcodeSuccess:
			z.once(CodeUnknownType, s.String(), "%s answers %s to a question for %s at %s", s, rcode(m.Rcode), dns.Type(qtype), show(l.Owner))
		case denies(m, l):
			z.once(CodeHides, s.String(), "%s: asked for %s at %s, %s says with proof that it has no %s", show(z.apex), dns.Type(qtype), show(l.Owner), s, l.Type)
		}
	}
}

// once adds a finding unless there is one with this code and name.
func (z *zone) once(code Code, name, format string, args ...any) {
	if !slices.ContainsFunc(z.report.Findings, func(f Finding) bool { return f.Code == code && f.Name == name && f.Zone == z.apex }) {
		z.add(code, name, format, args...)
	}
}

// denies reports whether an NSEC or NSEC3 record at the name of the leaf lists its types without
// the one that it has.
func denies(m *dns.Msg, l *leaf) bool {
	hashes := 0
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		switch rr := rr.(type) {
		case *dns.NSEC:
			if dns.CanonicalName(rr.Hdr.Name) == l.Owner && !slices.Contains(rr.TypeBitMap, uint16(l.Type)) {
				return true
			}
		case *dns.NSEC3:
			// The hash costs what the zone chose: not more than verifiers would spend on it. An
			// answer needs few of them (RFC 5155, Section 7.2).
			if hashes++; hashes > maxHashes {
				return false
			}
			if rr.Iterations <= maxIterations && matchesHash(rr, l.Owner) && !slices.Contains(rr.TypeBitMap, uint16(l.Type)) {
				return true
			}
		}
	}
	return false
}

// maxHashes is how many NSEC3 records of an answer are looked at.
const maxHashes = 8

// maxIterations is the highest number that any verifier had to accept (RFC 5155, Section 10.3).
const maxIterations = 2500

func matchesHash(rr *dns.NSEC3, name string) bool {
	label, _, _ := strings.Cut(rr.Hdr.Name, ".")
	return strings.EqualFold(label, dns.HashName(name, rr.Hash, rr.Iterations, rr.Salt))
}

// above asks for the name above a record, which has no records of its own as a rule: it exists
// nevertheless (RFC 4592, Section 2.2.2).
func (z *zone) above(ctx context.Context, s *server, l *leaf) {
	at, end := dns.NextLabel(l.Owner, 0)
	if end || !z.contains(l.Owner[at:]) || l.Owner[at:] == z.apex {
		return
	}
	up := l.Owner[at:]
	if m, err := z.askAt(ctx, s, up, dns.TypeTXT); err == nil && m.Rcode == dns.RcodeNameError {
		z.once(CodeENT, s.String(), "%s says that %s does not exist, though %s is below it", s, show(up), show(l.Owner))
	}
}
