package lookup

import (
	"context"
	"errors"
	"fmt"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// ResolverState is what [Client.Resolvers] finds out about one resolver.
type ResolverState struct {
	Resolver string // in the form of Options.Resolvers
	// Usable: lookups get answers through it that can be validated.
	Usable bool
	// Fault is a sentence about what is wrong with it, and what to set; "": nothing. A usable
	// one can have a fault too, which lookups work around.
	Fault string
	// Code is chain.CodeStrips, dnssec.CodeServfail, dnssec.CodeTimeout or dnssec.CodeUnreachable
	// for a fault.
	Code dnssec.Code
}

// Resolvers tries each resolver by itself, by two questions about the zone of a trust anchor. In
// mode ad-only all were tried when the client was made, and have no fault. It lasts at most
// the time of a lookup for each.
func (c *Client) Resolvers(ctx context.Context) []ResolverState {
	var out []ResolverState
	for i, s := range c.transport.Servers() {
		state := ResolverState{Resolver: s.String(), Usable: true}
		if c.opts.Mode != ADOnly {
			c.try(ctx, i, s, &state)
		}
		out = append(out, state)
	}
	return out
}

func (c *Client) try(ctx context.Context, i int, s transport.Server, state *ResolverState) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	withCD, err := c.transport.Inspect(ctx, i, c.anchorZone(), uint16(dane.TLSA))
	if err == nil {
		return
	}
	state.Usable = withCD
	switch {
	case errors.Is(err, transport.ErrStrips) && withCD:
		state.Code, state.Fault = chain.CodeStrips, stripsWarning(s, onlyCD)
	case errors.Is(err, transport.ErrStrips):
		state.Code, state.Fault = chain.CodeStrips, stripsError{transport.Faults{{Server: s, Err: err}}}.Error()
	case errors.Is(err, transport.ErrServfail) && withCD:
		state.Code, state.Fault = dnssec.CodeServfail, refusesWarning(s)
	case errors.Is(err, transport.ErrServfail):
		state.Code, state.Fault = dnssec.CodeServfail, fmt.Sprintf("resolver %s cannot resolve %s (SERVFAIL); its log says why", s, c.anchorZone())
	case errors.Is(err, context.DeadlineExceeded):
		state.Code, state.Fault = dnssec.CodeTimeout, fmt.Sprintf("resolver %s does not answer in time", s)
	default:
		state.Code, state.Fault = dnssec.CodeUnreachable, fmt.Sprintf("resolver %s cannot be used: %v", s, err)
	}
}

// anchorZone is a zone that must be signed (RFC 4035, Section 4.4): the root, where there is an
// anchor for it.
func (c *Client) anchorZone() string {
	if c.opts.Anchors == nil {
		return "."
	}
	return c.opts.Anchors.Zones()[0] // sorted: the root comes first
}
