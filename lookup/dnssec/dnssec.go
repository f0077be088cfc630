// Package dnssec validates DNS answers from a trust anchor down: positive
// answers, wildcards, denial of existence by NSEC and NSEC3, unsigned
// delegations (RFC 4033 to 4035, 5155, 6840, 9276, 9824).
//
// It opens no socket: it asks its questions through [Exchanger]. Every
// question, signature and hash is counted in the [Budget] of the context.
package dnssec

import (
	"context"

	"github.com/miekg/dns"
)

// Exchanger asks a recursive resolver one question with DO=1.
type Exchanger interface {
	// Exchange returns the resolver's reply to (name, qtype, IN). cd is the CD bit to send. An error means
	// that there was no usable reply (timeout, network, limit), never that the reply says something bad.
	Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error)
}
