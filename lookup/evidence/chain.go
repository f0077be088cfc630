package evidence

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// MaxChain is the largest chain that [FromChain] reads, in octets (RFC 9102, Section 2.3).
const MaxChain = 1<<16 - 1

// FromChain takes apart the AuthenticationChain of RFC 9102, Section 2.3: records in wire form,
// each RRset followed by its signatures. It is the evidence about the records of type t at name, to
// be validated by [Verify]; nothing in it is proven.
//
// A chain does not say which question a proof of absence (NSEC, NSEC3, with their SOA) belongs to:
// each may belong to any. It does not say the rcode either, which no signature covers: without
// records of type t in the chain they are taken to be denied.
//
// Errors: it is empty, no such chain, holds an RRset twice, or is over a limit (200 sets,
// MaxChain).
func FromChain(name string, t dane.Type, chain []byte) (*Evidence, error) {
	if len(chain) == 0 || len(chain) > MaxChain {
		return nil, fmt.Errorf("evidence: a chain of %d octets, want 1 to %d", len(chain), MaxChain)
	}
	e := &Evidence{Version: version, Name: dns.CanonicalName(name), Type: t.String(), Rcode: dns.RcodeNameError}
	p := chainParser{e: e, target: e.Name, seen: map[string]bool{}}
	for at := 0; at < len(chain); {
		next, err := p.set(chain, at)
		if err != nil {
			return nil, fmt.Errorf("evidence: the chain about %s: %w", e.Name, err)
		}
		at = next
	}
	return e, nil
}

// chainParser puts sets to the questions they answer.
type chainParser struct {
	e *Evidence
	// target is the name asked for, or what an alias of it leads to.
	target string
	seen   map[string]bool
}

// set reads one RRset and its signatures, from an offset; it returns the offset after them.
func (p *chainParser) set(chain []byte, start int) (int, error) {
	var first dns.RR
	signed := false
	at := start
	for at < len(chain) {
		rr, next, err := dns.UnpackRR(chain, at)
		if err != nil || next <= at {
			return 0, errNoSet
		}
		_, isSig := rr.(*dns.RRSIG)
		switch {
		case first == nil && isSig:
			return 0, errNoSet
		case first == nil:
			first = rr
		case isSig:
			signed = true
		case signed || !sameSet(rr, first):
			return at, p.add(first, chain[start:at])
		}
		at = next
	}
	return at, p.add(first, chain[start:at])
}

func (p *chainParser) add(first dns.RR, wire []byte) error {
	h := first.Header()
	owner := dns.CanonicalName(h.Name)
	id := owner + " " + dns.Type(h.Rrtype).String()
	switch {
	case len(p.e.Sets) == maxSets:
		return fmt.Errorf("more than %d sets", maxSets)
	case p.seen[id]:
		return errors.New("an RRset is there twice")
	}
	p.seen[id] = true
	s := Set{Name: owner, Type: dns.Type(h.Rrtype).String(), Wire: wire}
	switch rr := first.(type) {
	case *dns.NSEC, *dns.NSEC3, *dns.SOA:
		s.Name = ""
	// RFC 1034, Section 3.6.2: the answer to a question for other types.
	case *dns.CNAME:
		s.Type, p.target = p.e.Type, dns.CanonicalName(rr.Target)
	// RFC 6672, Section 3.1: it answers questions about names below its owner.
	case *dns.DNAME:
		if below := len(p.target) - len(owner); owner != "." && below > 0 && dns.IsSubDomain(owner, p.target) {
			s.Name, s.Type = p.target, p.e.Type
			p.target = dns.CanonicalName(p.target[:below] + rr.Target)
		}
	}
	if s.Type == p.e.Type && h.Rrtype == dns.StringToType[p.e.Type] {
		p.e.Rcode = dns.RcodeSuccess
	}
	p.e.Sets = append(p.e.Sets, s)
	return nil
}
