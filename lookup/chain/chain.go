// Package chain holds what a lookup found ([Result]) and the chain of trust from the anchor down to
// the records ([Node], node.go). All forms are written from the nodes: a tree of text (tree.go,
// records.go), JSON (json.go), and an outline for drawings (outline.go). The text ends with advice
// to the administrator (advice.go).
//
// # Limitations
//
// It validates nothing: a result is as good as the code that made it.
package chain

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// Result is the answer to one lookup.
type Result struct {
	Name     string // absolute owner name asked for, lower case
	Type     dane.Type
	Status   dnssec.Status // RFC 4033, Section 5
	Presence dane.Presence
	Records  []dane.Record // only when Present, of TLSA and SMIMEA
	// Texts are the TXT records, only when Present: of each its character-strings in a row, without
	// anything between (RFC 6376, Section 3.6.2.2; RFC 7208, Section 3.3). They are the octets of
	// the record, which can be any.
	Texts []string
	// TTL is for how long the answer may be used, never longer than any link of its chain
	// (RFC 4035, Section 5.3.3; RFC 2308, Section 5).
	TTL time.Duration
	// Code is a stable word for a status that is not secure: one of the codes of package dnssec
	// ("timeout", "servfail", "bad-signature", "unsigned-delegation", "clock" and so on), "budget:"
	// and a limit, or one of this package.
	Code dnssec.Code
	// Reason is a sentence for people; empty when secure and present.
	Reason string
	// At is when the resolver was asked; an answer from the cache keeps the time it was found at.
	At time.Time
	// Answer is what the validator found: the chain, its links, the RRsets used.
	Answer *dnssec.Answer
	// Believed says that nothing was validated here: the status is the resolver's word (mode
	// ad-only).
	Believed bool
	// Warnings are sentences about what is not wrong in itself: an unknown key of the root, a
	// resolver that says AD for what is bogus, refuses what validates here, or leaves out
	// signatures.
	Warnings []string
}

// Codes of results that no zone is to blame for. The other codes are those of package dnssec.
const (
	CodeDenied dnssec.Code = "denied" // the allow or deny list forbids the lookup
	CodeBusy   dnssec.Code = "busy"   // too many lookups are under way
	CodeClosed dnssec.Code = "closed" // the client is closed
	// CodeDisagree: mode both, validated here, but the resolver does not say AD (RFC 4035,
	// Section 3.2.3).
	CodeDisagree dnssec.Code = "resolver-disagree"
	// CodeStrips: every resolver that answers leaves out the signatures of DNSSEC, which an
	// answer to DO=1 has (RFC 4035, Section 3.1.1).
	CodeStrips dnssec.Code = "resolver-strips-dnssec"
)

// Codes of mode ad-only; the other modes say what is wrong.
const (
	CodeBogus      dnssec.Code = "bogus"            // the resolver does not believe what it found
	CodeNoAD       dnssec.Code = "no-ad"            // the resolver does not say AD
	CodeIncomplete dnssec.Code = "incomplete-reply" // AD, but what was asked for is not all there
)

// New returns the result for an answer.
func New(name string, t dane.Type, a *dnssec.Answer) *Result {
	r := &Result{Name: name, Type: t, Status: a.Status, TTL: a.TTL, Code: a.Code, Reason: a.Reason, Answer: a}
	for _, link := range a.Links {
		if link.Warning != "" {
			r.Warnings = append(r.Warnings, link.Warning)
		}
	}
	// RFC 6698, Section 4.1; RFC 7672, Section 2.1.1: what is bogus or indeterminate says nothing
	// about presence.
	if a.Status != dnssec.Secure && a.Status != dnssec.Insecure {
		return r
	}
	r.Presence = dane.Absent
	if !a.Exists {
		if r.Reason == "" {
			r.Reason = fmt.Sprintf("%s has no %s record", name, t)
		}
		return r
	}
	r.Presence = dane.Present
	for _, rr := range a.Records {
		if record, ok := recordOf(rr); ok {
			r.Records = append(r.Records, record)
		}
		if text, ok := textOf(rr); ok {
			r.Texts = append(r.Texts, text)
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
func recordOf(rr dns.RR) (dane.Record, bool) {
	var usage, selector, matching uint8
	var text string
	switch rr := rr.(type) {
	case *dns.TLSA:
		usage, selector, matching, text = rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate
	case *dns.SMIMEA:
		usage, selector, matching, text = rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate
	default:
		return dane.Record{}, false
	}
	data, err := hex.DecodeString(text)
	return dane.Record{Usage: usage, Selector: selector, MatchingType: matching, Data: data}, err == nil
}
