package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// Answer is the validated answer to one question.
type Answer struct {
	Name   string // as asked, canonical
	Type   uint16
	Status Status
	// Exists is true when records of Type were found (at the end of aliases).
	Exists bool
	// Rcode as received (after aliases).
	Rcode int
	// Records are the records of Type. They are valid only if Status is Secure.
	Records []dns.RR
	// TTL bounded by every link (RFC 4035, 5.3.3; RFC 2308; RFC 9077).
	TTL time.Duration
	// EDE is the Extended DNS Error number that fits (RFC 8914), -1 when none.
	EDE  int
	Code Code
	// Reason is a sentence with the object concerned and what to do. Empty when secure.
	Reason string
	// AD reports whether every reply about the records asked for, along aliases, had the AD bit,
	// and none needed CD=1, with which the bit means nothing (RFC 6840, Section 5.9). It is the
	// resolver's word, and no part of Status.
	AD bool
	// Aliases are the CNAME or DNAME targets followed, in order.
	Aliases []string
	// Links are the zones from the anchor down, for people and for evidence.
	Links []Link
	// RRsets are all RRsets (with their RRSIGs) the status rests on, leaf first (RFC 9102 order).
	RRsets []RRset
	// Inception and Expiration bound the time in which this proof holds.
	Inception, Expiration time.Time
}

// Link is one zone of a chain.
type Link struct {
	Zone      string
	Status    Status
	Keys      []Key // the DNSKEYs
	DS        []*dns.DS
	Signature *dns.RRSIG // over the DNSKEY RRset; nil when insecure
	Reason    string
	// Warning is about something that is not wrong yet: a key of the root without a trust anchor.
	Warning string
}

// Key is one DNSKEY for display.
type Key struct {
	Tag       uint16
	Algorithm uint8
	SEP       bool
	Revoked   bool
	Matched   bool // by a DS or anchor
}

// RRset is a set of records and their signatures.
type RRset struct {
	Records    []dns.RR
	Signatures []*dns.RRSIG
	// Name and Type are the question it came as an answer to: the one of the Answer, the same at
	// the end of an alias, or DS or DNSKEY of a zone.
	Name string
	Type uint16
}

// Status is the outcome of a validation (RFC 4033, Section 5). The zero value is Indeterminate.
type Status uint8

// Outcomes (RFC 4035, Section 4.3).
const (
	Indeterminate Status = iota // could not tell: no answer, a limit, the clock
	Insecure                    // proven not to be signed (or with algorithms we do not support)
	Bogus                       // should be signed and is not, or wrongly
	Secure                      // validated up to a trust anchor
)

// String returns "indeterminate", "insecure", "bogus" or "secure".
func (s Status) String() string {
	switch s {
	case Insecure:
		return "insecure"
	case Bogus:
		return "bogus"
	case Secure:
		return "secure"
	case Indeterminate:
	}
	return "indeterminate"
}

// MarshalText returns the word of String, for JSON.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
