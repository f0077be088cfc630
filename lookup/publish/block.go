package publish

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// The lines around what is ours.
const (
	beginMark = "; dnseal begin"
	endMark   = "; dnseal end"
)

// block is a zone file in parts: before and after are never changed.
type block struct {
	before, begin, body, end, after string

	soa     *dns.SOA // nil: it stands elsewhere
	records []dns.RR
	changed bool
}

// split finds the block. A text without anything gets one; one with something else must have one.
func split(text string) (*block, error) {
	if strings.TrimSpace(text) == "" {
		return &block{begin: beginMark + "\n", end: endMark + "\n"}, nil
	}
	b := new(block)
	parts := []*string{&b.before, &b.begin, &b.body, &b.end, &b.after}
	at := 0
	for line := range strings.Lines(text) {
		switch bare := strings.TrimSpace(line); {
		case bare == beginMark && at == 0, bare == endMark && at == 2:
			*parts[at+1] = line
			at += 2
			continue
		case bare == beginMark || bare == endMark:
			return nil, fmt.Errorf("the lines %q and %q stand there once, in this order", beginMark, endMark)
		}
		*parts[at] += line
	}
	if at != 4 {
		return nil, fmt.Errorf("it has no lines %q and %q; write them where the records shall stand, after the SOA", beginMark, endMark)
	}
	return b, nil
}

// read takes the records of the block apart. It holds nothing else: what stands there is written
// anew.
func (b *block) read(zone string) error {
	for line := range strings.Lines(b.body) {
		if strings.HasPrefix(strings.TrimSpace(line), "$") {
			return errors.New("between the marks stand records only, no " + strings.Fields(line)[0])
		}
	}
	p := dns.NewZoneParser(strings.NewReader(b.body), zone, "")
	p.SetDefaultTTL(3600)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rr.Header().Name = dns.CanonicalName(rr.Header().Name)
		if err := b.keep(rr, zone); err != nil {
			return err
		}
	}
	if err := p.Err(); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "dns: "))
	}
	return nil
}

// keep keeps one record of the block. The library reads records without data, too.
func (b *block) keep(rr dns.RR, zone string) error {
	name, what := rr.Header().Name, dns.TypeToString[rr.Header().Rrtype]
	if !dns.IsSubDomain(zone, name) {
		return fmt.Errorf("between the marks is %s %s, which is not in %s", name, what, zone)
	}
	switch soa := rr.(type) {
	case *dns.TLSA, *dns.SMIMEA, *dns.TXT:
		if _, ours := b.record(rr, &Change{Owner: name, Type: dane.Type(rr.Header().Rrtype)}); !ours {
			return fmt.Errorf("between the marks is %s %s without right data", name, what)
		}
		b.records = append(b.records, rr)
	case *dns.SOA:
		if b.soa != nil || soa.Ns == "" || soa.Mbox == "" || name != zone {
			return errors.New("between the marks is more than the one SOA of the zone")
		}
		b.soa = soa
	default:
		return fmt.Errorf("between the marks is a record of type %s; only SMIMEA, TLSA, TXT and the SOA may stand there", what)
	}
	return nil
}

// change makes one change; nothing is done where it expects something else, unless the block is
// already as the change makes it.
func (b *block) change(file, zone string, c *Change) error {
	own, next := b.at(c), b.with(c)
	differs := !slices.Equal(lines(b.records), lines(next))
	if differs && c.Expect != nil && !equal(c.Expect, own) {
		return ChangedRefusal(file, zone, c, own)
	}
	b.changed = b.changed || differs
	b.records = next
	return nil
}

// with are the records after a change.
func (b *block) with(c *Change) (next []dns.RR) {
	for _, rr := range b.records {
		r, ours := b.record(rr, c)
		switch {
		case !ours:
			next = append(next, rr)
		case contains(c.Add, r), contains(c.Remove, r):
		default:
			next = append(next, c.rr(r, dns.ClassINET, ttlOf(rr, c)))
		}
	}
	for _, r := range unique(c.Add) {
		next = append(next, c.rr(r, dns.ClassINET, c.TTL))
	}
	return next
}

// ttlOf is the TTL of a record that stays: all of a name and type have one (RFC 2181, Section 5.2).
func ttlOf(rr dns.RR, c *Change) time.Duration {
	if len(c.Add) > 0 {
		return c.TTL
	}
	return time.Duration(rr.Header().Ttl) * time.Second
}

// at are the records that a change is about.
func (b *block) at(c *Change) (out []dane.Record) {
	for _, rr := range b.records {
		if r, ours := b.record(rr, c); ours {
			out = append(out, r)
		}
	}
	return out
}

// record reads a record that a change is about.
func (b *block) record(rr dns.RR, c *Change) (dane.Record, bool) {
	if rr.Header().Name != c.Owner || rr.Header().Rrtype != uint16(c.Type) {
		return dane.Record{}, false
	}
	has := heldIn(&dns.Msg{Answer: []dns.RR{rr}}, c.Owner, c.Type)
	if len(has.records) == 0 || len(has.records[0].Data) == 0 {
		return dane.Record{}, false
	}
	return has.records[0], true
}

// text is the file with its block written anew, where something changed.
func (b *block) text() string {
	if b.changed {
		b.body = ""
		if b.soa != nil {
			// RFC 1982: the next one.
			b.soa.Serial++
			b.body = b.soa.String() + "\n"
		}
		b.body += strings.Join(lines(b.records), "")
	}
	return b.before + b.begin + b.body + b.end + b.after
}

// lines are records as text, in order.
func lines(list []dns.RR) []string {
	out := make([]string, 0, len(list))
	for _, rr := range list {
		h := rr.Header()
		out = append(out, fmt.Sprintf("%s %d IN %s %s\n", h.Name, h.Ttl, dns.TypeToString[h.Rrtype], data(rr)))
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(a, b) })
	return out
}
