package chain

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// place draws a set of records below the zone that signed it, or that its name is in. It returns
// the node of the records asked for.
func (r *Result) place(zones map[string]*node, set dnssec.RRset, now time.Time) (leaf *node) {
	h := set.Records[0].Header()
	var n *node
	switch {
	case h.Rrtype == uint16(r.Type):
		n = r.recordNode(set)
		leaf = n
	case h.Rrtype == dns.TypeCNAME, h.Rrtype == dns.TypeDNAME:
		n = &node{title: aliasTitle(set.Records[0])}
	case h.Rrtype == dns.TypeNSEC, h.Rrtype == dns.TypeNSEC3:
		n = &node{title: denialTitle(set.Records[0])}
	default: // DS and DNSKEY are told with their zones; the SOA only says for how long.
		return nil
	}
	zone := h.Name
	for _, sig := range set.Signatures {
		zone = dns.CanonicalName(sig.SignerName)
		n.add("signed %s", validity(sig, now))
	}
	if len(set.Signatures) == 0 {
		n.add("not signed")
	}
	if parent := enclosing(zones, zone); parent != nil {
		parent.children = append(parent.children, n)
	}
	return leaf
}

// recordNode shows the records asked for.
func (r *Result) recordNode(set dnssec.RRset) *node {
	h := set.Records[0].Header()
	n := &node{title: fmt.Sprintf("%s %s %s, TTL %d s", mark(r.Status), h.Name, r.Type, h.Ttl)}
	for _, rr := range set.Records {
		if record, ok := recordOf(rr); ok {
			n.add("%s", describe(record))
			n.add("  %s", shortHex(record.Data))
		} else {
			n.add("a record that cannot be read")
		}
	}
	return n
}

func aliasTitle(rr dns.RR) string {
	target := ""
	switch rr := rr.(type) {
	case *dns.CNAME:
		target = rr.Target
	case *dns.DNAME:
		target = rr.Target
	}
	return fmt.Sprintf("%s %s leads to %s", rr.Header().Name, dns.Type(rr.Header().Rrtype), target)
}

// denialTitle says what an NSEC or NSEC3 record denies.
func denialTitle(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.NSEC:
		return fmt.Sprintf("%s NSEC: has %s; nothing up to %s", rr.Hdr.Name, typeList(rr.TypeBitMap), rr.NextDomain)
	case *dns.NSEC3:
		return fmt.Sprintf("%s NSEC3: has %s; no hash up to %s", rr.Hdr.Name, typeList(rr.TypeBitMap), rr.NextDomain)
	}
	return ""
}

func typeList(types []uint16) string {
	if len(types) == 0 {
		return "no records"
	}
	var out []string
	for _, t := range types {
		out = append(out, dns.Type(t).String())
	}
	return strings.Join(out, " ")
}

// describe is the numbers of a record and what they mean (RFC 7218).
func describe(r dane.Record) string {
	return fmt.Sprintf("%d %d %d  %s, %s, %s", r.Usage, r.Selector, r.MatchingType,
		word(r.Usage, "PKIX-TA", "PKIX-EE", "DANE-TA", "DANE-EE"),
		word(r.Selector, "whole certificate", "public key"),
		word(r.MatchingType, "in full", "SHA-256", "SHA-512"))
}

func word(n uint8, words ...string) string {
	if int(n) < len(words) {
		return words[n]
	}
	return "unknown"
}

// shortHex shows digests of 32 octets whole and of longer data the beginning.
func shortHex(data []byte) string {
	const whole, start = 32, 16
	if len(data) <= whole {
		return hex.EncodeToString(data)
	}
	return fmt.Sprintf("%x… %d octets", data[:start], len(data))
}
