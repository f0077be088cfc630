package chain

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// describeSet returns the title of a set of records, and the lines about it.
func (n *Node) describeSet(now time.Time) (title string, lines []string) {
	first := n.Set.Records[0]
	switch h := first.Header(); h.Rrtype {
	case dns.TypeCNAME, dns.TypeDNAME:
		title = aliasTitle(first)
	case dns.TypeNSEC, dns.TypeNSEC3:
		title = denialTitle(first)
	default:
		title = fmt.Sprintf("%s %s %s, TTL %d s", mark(n.Status), h.Name, dane.Type(h.Rrtype), h.Ttl)
		for _, rr := range n.Set.Records {
			lines = append(lines, describeRecord(rr)...)
		}
	}
	for _, sig := range n.Set.Signatures {
		lines = append(lines, "signed "+newSignature(sig, now).validity(now))
	}
	if len(n.Set.Signatures) == 0 {
		lines = append(lines, "not signed")
	}
	return title, lines
}

// describeRecord is a record for people.
func describeRecord(rr dns.RR) []string {
	if record, ok := recordOf(rr); ok {
		return []string{describe(record), "  " + shortHex(record.Data)}
	}
	if text, ok := textOf(rr); ok {
		return []string{shortText(text)}
	}
	return []string{"a record that cannot be read"}
}

// aliasTitle is where a CNAME (RFC 1034, Section 3.6.2) or DNAME (RFC 6672, Section 2.1) leads.
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

// denialTitle is what an NSEC (RFC 4034, Section 4.1) or NSEC3 record (RFC 5155, Section 3.1)
// denies.
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
