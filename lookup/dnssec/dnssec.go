// Package dnssec validates DNS answers from a trust anchor down: positive
// answers, wildcards, denial of existence by NSEC and NSEC3, unsigned
// delegations (RFC 4033 to 4035, 5155, 6840, 9276, 9824).
//
// Start at [Validator.Resolve]. A lookup (lookup.go) asks ahead (prefetch.go,
// ask.go) and follows aliases; each link is there (positive.go) or absent
// (negative.go). The zone that signed it is established from a trust anchor
// down (zone.go, walk.go, keys.go, keymatch.go). Signatures are held to signer,
// labels and time before any arithmetic (verify.go, algorithm.go). Denials are
// NSEC (nsec.go) or NSEC3 (nsec3.go, nsec3proof.go); a wildcard may exist
// without data, which denies every type at the names it stands for (RFC 4592,
// Section 2.2.3). What a status rests on is kept (proof.go, finish.go), so that
// [Validator.Verify] can repeat it offline.
//
// Trust anchors can be a file that another program keeps by RFC 5011: keys in states other than
// VALID and MISSING do not count (anchor.go). The zone that denies a name is the one that its SOA
// record says (negative.go).
//
// It opens no socket: it asks its questions through [Exchanger]. Every
// question, signature and hash is counted in the [Budget] of the context.
//
// # Limitations
//
// It does not update trust anchors by itself (RFC 5011): another program keeps their file.
// There are no negative trust anchors (RFC 7646), and no aggressive use of NSEC (RFC 8198).
// Algorithm 16 (Ed448) and the GOST algorithms are not supported: zones that use nothing else
// are insecure. Of a DNSKEY set one valid signature is enough, whatever algorithms the DS set
// lists. Whether records were published at a time in the past it cannot show: evidence shows
// only that their signatures were valid.
//
// The caller must check [Answer].Status before it uses the records, and give every message a
// Budget when the names come from mail.
package dnssec

import (
	"context"

	"github.com/miekg/dns"
)

// Exchanger asks a recursive resolver one question with DO=1. It is safe for concurrent use. The
// message it returns is not changed, so that it may be shared.
type Exchanger interface {
	// Exchange returns the resolver's reply to (name, qtype, IN). cd is the CD bit to send. A reply
	// with CD=1 to a question with CD=0 shows that the Exchanger has tried CD=1 already. An error
	// means that there was no usable reply (timeout, network, limit), never that the content of a
	// reply is bad. If it has a method Code() [Code], that is the Code of the answer.
	Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error)
}
