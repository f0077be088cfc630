// Package lookup turns a name into DNSSEC-validated SMIMEA or TLSA records and
// matches them against a certificate.
//
// Owner names are built by [SMIMEAName], [UserName] and [TLSAName] (names.go).
//
// [Client] (client.go, options.go) asks a recursive resolver and validates its
// answers itself. A lookup (ask.go) is answered from the cache (cache.go), or goes
// past the access lists (access.go), joins who asks the same (flight.go), waits for a
// place (gate.go, lane.go, limits.go) and ends at the validator (mode.go, package
// dnssec) or, where that is wanted, at the resolver's word (adonly.go, probe.go).
// Resolvers can be those of a file that changes (resolvconf.go); what they are to be
// blamed for is noted (witness.go). The [Result]
// (result.go) can be drawn (tree.go, advice.go), printed as JSON (json.go), and kept
// as [Evidence] to be judged again (evidence.go).
//
// [Match] judges records against a certificate by the rules of RFC 6698, 7671 and
// 8162 (match.go, path.go).
//
// Resolvers are trusted for nothing but in mode ad-only, and no zone is blamed for one:
//   - One that leaves out signatures or proofs (no DO bit in answers to DO=1, NOTIMP to DNSKEY,
//     keys of the trust anchor's zone without RRSIG) is asked with CD=1, then the next one is
//     asked; when none is left the result is indeterminate, [CodeStrips]. Where it cannot be told
//     from a zone without them (signatures of some types only), the next one is asked too, and what
//     it has counts if it validates.
//   - One that says SERVFAIL is asked with CD=1; what then validates here is secure, and a
//     warning names the resolver (old root key, wrong clock, negative trust anchor).
//   - One whose AD bit means nothing in answers to DO=1 is asked without DO in mode ad-only.
//   - An answer with AD that lacks the end of an alias, or holds records of another name or
//     type only, proves nothing ([CodeIncomplete]); no AD is no proof of anything either
//     ([CodeNoAD]).
//   - An alias is followed only to where the allow and deny lists let it ([CodeDenied]).
//
// Four outcomes stay four to the end: secure, insecure, bogus, indeterminate; and
// present, absent, unknown.
//
// The package knows no S/MIME and no mail: names come in as strings.
package lookup

import (
	"context"
	"fmt"
	"time"

	"dnseal/lookup/dnssec"
)

// Type is a DNS record type that can bind a key to a name.
type Type uint16

// Record types (RFC 6698, Section 7.1; RFC 8162, Section 8).
const (
	TLSA   Type = 52
	SMIMEA Type = 53
)

// Presence says whether records are there. The zero value is Unknown.
type Presence uint8

// Presences.
const (
	Unknown Presence = iota // not known (indeterminate or bogus answer)
	// Absent: proven absent when the status is secure; said to be absent when insecure
	Absent
	Present
)

// Record is the data of one SMIMEA or TLSA record (RFC 6698, Section 2.1).
type Record struct {
	Usage        uint8
	Selector     uint8
	MatchingType uint8
	Data         []byte
}

// Result is the answer to one lookup.
type Result struct {
	Name     string // absolute owner name asked for, lower case
	Type     Type
	Status   dnssec.Status
	Presence Presence
	Records  []Record // only when Present
	// TTL is for how long the answer may be used, never longer than any link of its chain.
	TTL time.Duration
	// Code is a stable word for a status that is not secure: one of the codes of package dnssec
	// ("timeout", "servfail", "bad-signature", "unsigned-delegation", "clock" and so on), "budget:"
	// and a limit, or one of this package.
	Code string
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

// Resolver is what a receiver or relay needs of this package; *Client is one.
type Resolver interface {
	// Lookup fetches and validates the records of type t at name. It always returns a Result; what
	// could not be told is in its Status.
	Lookup(ctx context.Context, name string, t Type) *Result
	// LookupFresh is Lookup past the client's own cache, rate-limited: asked once before a caller
	// says fail because of an absent or not matching record.
	LookupFresh(ctx context.Context, name string, t Type) *Result
}

// String is the type's name: "TLSA" or "SMIMEA".
func (t Type) String() string {
	switch t {
	case TLSA:
		return "TLSA"
	case SMIMEA:
		return "SMIMEA"
	}
	return fmt.Sprintf("TYPE%d", uint16(t))
}
