package lookup

import (
	"encoding/hex"
	"fmt"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// newResult says of an answer what callers need.
func newResult(name string, t Type, a *dnssec.Answer) *Result {
	r := &Result{Name: name, Type: t, Status: a.Status, TTL: a.TTL, Code: a.Code, Reason: a.Reason, Answer: a}
	for _, link := range a.Links {
		if link.Warning != "" {
			r.warn(link.Warning)
		}
	}
	// What is bogus or could not be told says nothing about presence.
	if a.Status != dnssec.Secure && a.Status != dnssec.Insecure {
		return r
	}
	r.Presence = Absent
	if !a.Exists {
		if r.Reason == "" {
			r.Reason = fmt.Sprintf("%s has no %s record", name, t)
		}
		return r
	}
	r.Presence = Present
	for _, rr := range a.Records {
		if record, ok := recordOf(rr); ok {
			r.Records = append(r.Records, record)
		}
	}
	return r
}

// Zone is the zone that the status comes from: the first one that is not signed or broken, on the
// way to what was asked for and to the targets of aliases; else the one that answered. It is empty
// when the chain was not walked (mode ad-only, no answer).
func (r *Result) Zone() string {
	zone, _ := r.blamed()
	return zone
}

// blamed is Zone; signed says that its keys are proven. A name that is only not proven to be no
// zone is not one.
func (r *Result) blamed() (zone string, signed bool) {
	if r.Answer == nil {
		return "", false
	}
	for _, link := range r.Answer.Links {
		if link.Status != dnssec.Insecure && len(link.Keys)+len(link.DS) == 0 {
			continue
		}
		zone, signed = link.Zone, link.Status == dnssec.Secure
		if link.Status == dnssec.Bogus || link.Status == dnssec.Insecure && r.Status == dnssec.Insecure {
			break
		}
	}
	return zone, signed
}

// recordOf reads the data of a TLSA or SMIMEA record (RFC 6698, Section 2.1; RFC 8162, Section 2).
func recordOf(rr dns.RR) (Record, bool) {
	var usage, selector, matching uint8
	var text string
	switch rr := rr.(type) {
	case *dns.TLSA:
		usage, selector, matching, text = rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate
	case *dns.SMIMEA:
		usage, selector, matching, text = rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate
	default:
		return Record{}, false
	}
	data, err := hex.DecodeString(text)
	return Record{Usage: usage, Selector: selector, MatchingType: matching, Data: data}, err == nil
}
