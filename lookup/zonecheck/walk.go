package zonecheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// walked is a name that an NSEC record lists.
type walked struct {
	name  string
	types []uint16
}

func (w walked) has(t uint16) bool { return slices.Contains(w.types, t) }

// walkEnd is how a walk ended.
type walkEnd uint8

const (
	walkComplete walkEnd = iota
	walkLimit            // of names, or of time
	walkMinimal          // NSEC records that are made for each question
	walkNone             // no NSEC record
	walkBroken           // it does not lead on; the text says why
)

// walk follows the NSEC records from the base on through the zone (RFC 4034, Section 4). Each step
// must lead forward and stay in the zone, so it ends. No more than limit names are kept.
func (z *zone) walk(ctx context.Context, limit int) (names []walked, end walkEnd, why string) {
	for at := z.base; ; {
		if len(names) >= limit || !z.pace(ctx) {
			return names, walkLimit, ""
		}
		rr, err := z.nsecAt(ctx, at)
		switch {
		case err != nil && ctx.Err() != nil:
			return names, walkLimit, ""
		case err != nil:
			return names, walkBroken, fmt.Sprintf("after %s: %v", show(at), err)
		case rr == nil && len(names) == 0:
			return nil, walkNone, ""
		case rr == nil:
			return names, walkBroken, fmt.Sprintf("no NSEC record is at %s", show(at))
		}
		next := dns.CanonicalName(rr.NextDomain)
		if dns.CanonicalName(rr.Hdr.Name) == at {
			names = append(names, walked{at, kept(rr.TypeBitMap)})
			z.opts.Progress(1)
		}
		switch {
		case next == z.apex:
			return names, walkComplete, ""
		case strings.HasPrefix(next, `\000.`) && next[len(`\000.`):] == at:
			return names, walkMinimal, ""
		case !dns.IsSubDomain(z.apex, next):
			return names, walkBroken, fmt.Sprintf("the NSEC record of %s leads out of the zone, to %s", show(at), show(next))
		case order(next, at) <= 0:
			return names, walkBroken, fmt.Sprintf("the NSEC record of %s leads back, to %s", show(at), show(next))
		case !dns.IsSubDomain(z.base, next):
			return names, walkComplete, ""
		}
		at = next
	}
}

// maxForeign is how many types of a name are kept that belong to no identity. A record can list all
// 65,536.
const maxForeign = 5

// kept are the types of a name that count.
func kept(types []uint16) (out []uint16) {
	foreign := 0
	for _, t := range types {
		if !slices.Contains(expected, t) {
			if foreign++; foreign > maxForeign {
				continue
			}
		}
		out = append(out, t)
	}
	return out
}

// nsecAt returns the NSEC record at a name, or the one that covers it; nil: there is none. Two
// questions may be needed: a delegation has its NSEC record in the zone above it, and the question
// is answered by a referral.
func (z *zone) nsecAt(ctx context.Context, name string) (*dns.NSEC, error) {
	m, err := z.ask(ctx, name, dns.TypeNSEC)
	if err != nil {
		return nil, err
	}
	if rr := z.nsecIn(m, name); rr != nil {
		return rr, nil
	}
	after := nextName(name)
	if name == z.apex || after == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	if m, err = z.ask(ctx, after, dns.TypeTLSA); err != nil {
		return nil, err
	}
	return z.nsecIn(m, name), nil
}

// nsecIn finds the NSEC record of the zone at a name, else one that covers it.
func (z *zone) nsecIn(m *dns.Msg, name string) (found *dns.NSEC) {
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		r, ok := rr.(*dns.NSEC)
		if !ok {
			continue
		}
		owner, next := dns.CanonicalName(r.Hdr.Name), dns.CanonicalName(r.NextDomain)
		switch {
		// The NSEC record at the apex of a child is no step of this walk.
		case owner != z.apex && slices.Contains(r.TypeBitMap, dns.TypeSOA), !dns.IsSubDomain(z.apex, owner):
		case owner == name:
			return r
		case order(owner, name) < 0 && (next == z.apex || order(name, next) < 0):
			found = r
		}
	}
	return found
}

// nextName is the name right after all names below name (RFC 4034, Section 6.1): its first label
// with an octet 0 at the end. "" where the label is full.
func nextName(name string) string {
	at, end := dns.NextLabel(name, 0)
	if end {
		return ""
	}
	after := name[:at-1] + `\000.` + name[at:]
	if _, ok := dns.IsDomainName(after); !ok {
		return ""
	}
	return after
}
