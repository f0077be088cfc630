package lookup

import (
	"context"
	"fmt"
	"sync"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// resolve asks for k in the client's mode.
func (c *Client) resolve(ctx context.Context, tr *trust, k key) *Result {
	if c.opts.Mode == ADOnly {
		return newResult(k.name, k.typ, c.believe(ctx, k))
	}
	w := &witness{qtype: uint16(k.typ)}
	a := tr.validator.Resolve(context.WithValue(ctx, witnessKey{}, w), k.name, uint16(k.typ))
	r := newResult(k.name, k.typ, a)
	c.compare(r, w)
	return r
}

// witness notes what the resolver says about the records asked for, link by link of an alias chain.
type witness struct {
	qtype    uint16
	mu       sync.Mutex
	ad, noAD bool // seen
}

type witnessKey struct{}

// note takes a reply to a question with CD=0; with CD=1 the AD bit means nothing (RFC 6840, Section 5.9).
func (w *witness) note(qtype uint16, cd bool, m *dns.Msg) {
	if qtype != w.qtype {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ad = w.ad || !cd && m.AuthenticatedData
	w.noAD = w.noAD || cd || !m.AuthenticatedData
}

// vouches reports whether every reply came with AD.
func (w *witness) vouches() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ad && !w.noAD
}

// listening hands replies to the witness of the context on their way to the validator.
type listening struct{ dnssec.Exchanger }

func (l listening) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	m, err := l.Exchanger.Exchange(ctx, name, qtype, cd)
	if w, ok := ctx.Value(witnessKey{}).(*witness); ok && err == nil {
		w.note(qtype, cd, m)
	}
	return m, err
}

// compare holds what was validated against what the resolver says.
func (c *Client) compare(r *Result, w *witness) {
	switch {
	case r.Status == dnssec.Bogus && w.vouches():
		r.warn("the resolver says that this answer is authentic (AD), though it is bogus: it does not validate, or an attacker sits between")
	case r.Status == dnssec.Secure && c.opts.Mode == Both && !w.vouches():
		*r = *notTold(key{r.Name, r.Type}, CodeDisagree, fmt.Sprintf(
			"%s validates here, but the resolver does not call it authentic (no AD): it does not validate, or knows of a reason not to", r.Name))
	}
}

// warn adds a sentence about something that is not wrong in itself.
func (r *Result) warn(text string) { r.Warnings = append(r.Warnings, text) }
