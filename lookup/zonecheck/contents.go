package zonecheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// udpSize is the largest answer by UDP that servers give (RFC 9715 recommends 1400 at most; BIND,
// Knot, PowerDNS, NSD and unbound use 1232).
const udpSize = 1232

// contents looks at the records that were read, and at the types that were listed.
func (z *zone) contents(ctx context.Context) {
	z.foreignTypes(z.listedOr(ctx))
	z.shared()
	z.oversized()
	z.unusable()
	if len(z.leaves) > 0 && !z.hasCode(CodeBogus, CodeUnusable) {
		z.add(CodeRecords, z.apex, "the records of %s are secure and can be used", plural(len(z.leaves), "identity"))
	}
}

// expected are the types that belong to identities, and those that the DNS itself needs.
var expected = []uint16{
	uint16(dane.SMIMEA), uint16(dane.TLSA), dns.TypeCNAME, dns.TypeDNAME, dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeDNSKEY,
	dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeCSYNC, dns.TypeNSEC, dns.TypeNSEC3PARAM, dns.TypeRRSIG, dns.TypeNXNAME,
}

// foreignTypes finds records of other types among the identities.
func (z *zone) foreignTypes(list []walked) {
	var names []string
	var what []string
	for _, w := range list {
		if !z.amongIdentities(w) {
			continue
		}
		var types []string
		for _, t := range w.types {
			if !slices.Contains(expected, t) {
				types = append(types, dns.Type(t).String())
			}
		}
		if len(types) > 0 {
			names = append(names, w.name)
			what = append(what, show(w.name)+" "+strings.Join(types, " "))
		}
	}
	z.addNames(CodeForeignType, names, "records of other types are among the identities: %s", few(what))
}

// askedTypes are those that are asked for where the types of a name are not listed.
var askedTypes = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeTXT, dns.TypeCAA}

// listedOr returns the names that were listed with their types. Where the zone cannot be listed, it
// asks at the labels of identities and at some of those that were read.
func (z *zone) listedOr(ctx context.Context) []walked {
	if len(z.names) > 0 {
		return z.names
	}
	var out []walked
	names := []string{"_smimecert." + z.report.Domain, "_device." + z.report.Domain}
	for _, l := range sample(z.leaves, compared) {
		names = append(names, l.Owner)
	}
	for _, name := range names {
		if z.contains(name) {
			out = append(out, walked{name, z.typesAt(ctx, name)})
		}
	}
	return out
}

// typesAt asks for types that do not belong to identities.
func (z *zone) typesAt(ctx context.Context, name string) (types []uint16) {
	for _, qtype := range askedTypes {
		m, err := z.ask(ctx, name, qtype)
		if err != nil {
			continue
		}
		for _, rr := range m.Answer {
			if rr.Header().Rrtype == qtype && dns.CanonicalName(rr.Header().Name) == name {
				types = append(types, qtype)
				break
			}
		}
	}
	return types
}

// amongIdentities reports whether a name is at or below a label of identities, or in a zone that
// has devices only. Its apex and its name servers are left out of that.
func (z *zone) amongIdentities(w walked) bool {
	for _, label := range []string{"_smimecert", "_device"} {
		if strings.HasPrefix(w.name, label+".") || strings.Contains(w.name, "."+label+".") {
			return true
		}
	}
	return z.onlyDevices() && !slices.ContainsFunc(z.servers, func(s *server) bool { return s.host == w.name })
}

// onlyDevices reports whether most names of the zone are those of devices, and none is of mail.
func (z *zone) onlyDevices() bool {
	devices := 0
	for _, w := range z.names {
		switch kindOfName(w) {
		case mailName:
			return false
		case deviceName:
			devices++
		case tlsaName, noIdentity:
		}
	}
	return z.complete && devices*2 > len(z.names)
}

// few joins the first texts of a list.
func few(texts []string) string {
	const most = 3
	out := strings.Join(texts[:min(len(texts), most)], ", ")
	if len(texts) > most {
		out += fmt.Sprintf(" and %d more", len(texts)-most)
	}
	return out
}

// shared finds keys and certificates under several names. A CA is meant to be (usages 0 and 2).
func (z *zone) shared() {
	names := map[string][]string{}
	var keys []string
	for _, l := range z.leaves {
		for _, r := range l.records {
			if r.Usage != dane.DANEEE && r.Usage != dane.PKIXEE {
				continue
			}
			key := fmt.Sprint(r.Selector, r.MatchingType, string(r.Data))
			if names[key] == nil {
				keys = append(keys, key)
			}
			if !slices.Contains(names[key], l.Owner) {
				names[key] = append(names[key], l.Owner)
			}
		}
	}
	for _, key := range keys {
		if list := names[key]; len(list) > 1 {
			z.addNames(CodeShared, list, "one key is published under %d names: %s", len(list), few(shown(list)))
		}
	}
}

func shown(names []string) (out []string) {
	for _, n := range names {
		out = append(out, show(n))
	}
	return out
}

// oversized finds answers that UDP does not carry.
func (z *zone) oversized() {
	var names []string
	largest := 0
	for _, l := range z.leaves {
		if l.size > udpSize {
			names = append(names, l.Owner)
			largest = max(largest, l.size)
		}
	}
	z.addNames(CodeOversized, names, "%s with more than %d octets (up to %d), so only by TCP: %s", plural(len(names), "answer"), udpSize, largest, few(shown(names)))
}

// unusable finds records that no verifier can use (RFC 6698, Section 2.1).
func (z *zone) unusable() {
	for _, l := range z.leaves {
		for _, r := range l.records {
			if err := r.Check(); err != nil {
				z.add(CodeUnusable, l.Owner, "%s: the record %d %d %d cannot be used: %v", show(l.Owner), r.Usage, r.Selector, r.MatchingType, err)
			}
		}
	}
}
