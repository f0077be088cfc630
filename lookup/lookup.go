// Package lookup finds the SMIMEA, TLSA or TXT records of a name and validates them by DNSSEC.
//
// [Client] (client.go, options.go) asks a recursive resolver and validates its answers itself. A
// lookup (ask.go) is answered from the cache (cache.go), or checked against the allow and deny
// lists, shared with callers that ask the same (flight.go), admitted (package admit, limits.go),
// and ends at the validator (mode.go, package dnssec) or, where that is wanted, at the resolver's
// word (adonly.go, probe.go). Resolvers can be those of a file that changes (resolvconf.go); what
// is wrong with them is noted (exchanger.go).
//
// Options.Timeout ends a lookup in ask.go. client.go derives from it how long one resolver may take
// for one question, and package transport keeps to that. The time for a message is the caller's.
//
// Package dane has the names and matches records against a certificate. Package chain draws a
// [Result] as text or JSON, package evidence keeps what it rests on.
//
// RFC 4033, Section 7: it is a security-aware stub resolver that validates. Resolvers are trusted
// for nothing but in mode ad-only, and no zone is blamed for one:
//   - One that leaves out signatures or proofs (no DO bit in answers to DO=1, NOTIMP to DNSKEY,
//     keys of the trust anchor's zone without RRSIG) is asked with CD=1, then the next one is
//     asked; when none is left the result is indeterminate, [chain.CodeStrips]. Where it cannot be
//     told from a zone without them (signatures of some types only), the next one is asked too,
//     and what it has counts if it validates.
//   - One that says SERVFAIL is asked with CD=1 (internal/transport/order.go); what then
//     validates here is secure, and a warning names the resolver (old root key, wrong clock,
//     negative trust anchor).
//   - One whose AD bit means nothing in answers to DO=1 is asked without DO in mode ad-only.
//   - RFC 4035, Section 4.9.3: AD counts only from a trusted resolver over a secure channel.
//     An answer with AD that lacks the end of an alias, or holds records of another name or
//     type only, proves nothing ([chain.CodeIncomplete]); no AD is no proof of anything either
//     ([chain.CodeNoAD]).
//   - An alias is followed only to where the allow and deny lists let it ([chain.CodeDenied]).
//
// Four outcomes stay four to the end: secure, insecure, bogus, indeterminate (RFC 4033, Section 5);
// and present, absent, unknown.
//
// TXT is answered as the others are, by the same rules and within the same limits (16 records, of
// 8 KiB each and 16 KiB together): it is for the keys of DKIM, whose selectors are often aliases to
// a provider's zone (RFC 6376, Section 3.6.2). The status is that of the weakest zone on the way.
//
// The package knows no S/MIME and no mail: names come in as strings.
//
// # Limitations
//
// It asks no authoritative server, and a resolver can withhold answers. A
// result says nothing of a record that was withdrawn after [Result.At], until its TTL is over:
// [Client.LookupFresh] asks again. The caller must look at the status before it uses records.
package lookup

import (
	"context"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
)

// Result is the answer to one lookup.
type Result = chain.Result

// Resolver is what a receiver or relay needs of this package; *Client is one.
type Resolver interface {
	// Lookup fetches and validates the records of type t at name. It always returns a Result; why
	// nothing is known is in its Status and Code.
	Lookup(ctx context.Context, name string, t dane.Type) *Result
	// LookupFresh is Lookup past the client's own cache, rate-limited: asked once before a caller
	// says fail because of an absent or not matching record.
	LookupFresh(ctx context.Context, name string, t dane.Type) *Result
}
