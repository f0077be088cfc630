package lookup

import (
	"context"
	"fmt"
	"slices"

	"dnseal/lookup/chain"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// resolve asks for k in the client's mode. Where the answer lacks signatures or proofs it is found
// out whose fault that is: a resolver that is known to leave them out is not asked that way again,
// so that ends; else those that answered are passed over once, and what the others have counts if
// it validates. Who signs a zone wrongly makes us ask twice, not more.
func (c *Client) resolve(ctx context.Context, tr *trust, k key) *Result {
	if c.opts.Mode == ADOnly {
		r := chain.New(k.name, k.typ, c.believe(ctx, k))
		r.Believed = true
		return r
	}
	var first *Result
	var lacking []transport.Server
	for {
		e := &exchanger{client: c.transport, checkedFirst: c.opts.Mode == Both, except: lacking}
		v := tr.validator
		v.Exchanger = e
		a := v.Resolve(ctx, k.name, uint16(k.typ))
		lacks := lacksProof(a)
		if lacks && c.transport.Control(ctx, e.answered(), a.Links[0].Zone, a.Type) {
			continue
		}
		r := chain.New(k.name, k.typ, a)
		r.Warnings = append(r.Warnings, e.warnings(a.Status)...)
		c.compare(r)
		switch {
		case first == nil:
			first = r
		case r.Status == dnssec.Secure || r.Status == dnssec.Insecure:
			return blameFor(r, lacking)
		}
		if !lacks || r != first || len(e.answered()) == 0 || !c.transport.HasOther(e.answered()) {
			return first
		}
		lacking = e.answered()
	}
}

// blameFor adds what was wrong with the resolvers that were passed over.
func blameFor(r *Result, lacking []transport.Server) *Result {
	for _, s := range lacking {
		warn(r, lacksWarning(s))
	}
	return r
}

// lacksProof reports whether something is missing that the zone must have, rather than wrong.
// RFC 4035, Sections 5.3 and 5.4.
func lacksProof(a *dnssec.Answer) bool {
	missing := []dnssec.Code{dnssec.CodeNoSignature, dnssec.CodeNoDenial, dnssec.CodeNoWildcard, dnssec.CodeNoKey}
	return a.Status == dnssec.Bogus && slices.Contains(missing, a.Code) && len(a.Links) > 0
}

// compare compares what was validated with what the resolver says.
func (c *Client) compare(r *Result) {
	switch {
	// RFC 4035, Section 3.2.3: AD is set only on what the resolver has found authentic. Wrong
	// anchors here are no fault of the resolver.
	case r.Status == dnssec.Bogus && r.Answer.AD && !r.AnchorFails():
		warn(r, "the resolver says that this answer is authentic (AD), though it is bogus: it does not validate, or an attacker sits between")
	case r.Status == dnssec.Secure && c.opts.Mode == Both && !r.Answer.AD:
		warnings := r.Warnings
		*r = *undecided(key{r.Name, r.Type}, chain.CodeDisagree, fmt.Sprintf(
			"%s validates here, but the resolver does not call it authentic (no AD): it does not validate, or knows of a reason not to", r.Name))
		r.Warnings = warnings
	}
}

// warn adds a sentence about something that is not wrong in itself.
func warn(r *Result, text string) { r.Warnings = append(r.Warnings, text) }
