package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// ruledOut is until when a server is not asked for signatures, because it leaves them out: with
// CD=0, and with CD=1.
type ruledOut struct {
	mu    sync.Mutex
	until [2]time.Time
}

func index(cd bool) int {
	if cd {
		return 1
	}
	return 0
}

// check fails while the way is ruled out.
func (r *ruledOut) check(cd bool, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until[index(cd)].After(now) {
		return errNoProof
	}
	return nil
}

func (r *ruledOut) rule(cd bool, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until[index(cd)] = until
}

// Inspect says what is wrong with server i, numbered as in the options, by the questions of
// [Client.Control]: nil when it passes on what DNSSEC needs. withCD says that it does when it is
// asked with CD=1.
func (c *Client) Inspect(ctx context.Context, i int, zone string, qtype uint16) (withCD bool, err error) {
	s, q := (*c.servers.Load())[i], question{name: dns.CanonicalName(zone), qtype: qtype}
	if err = c.inspect(ctx, s, q); err == nil {
		return false, nil
	}
	q.cd = true
	return c.inspect(ctx, s, q) == nil, err
}

// Control finds out whether those of the servers that are named pass on what DNSSEC needs, by two
// questions about a zone that is known to be signed: its keys must come with a signature, and the
// absence of qtype at its apex with a signed NSEC or NSEC3. A server that leaves them out is not
// asked that way for LastPause; true says that a way was ruled out. What cannot be told rules out
// nothing: a zone that serves no signatures is not the server's fault.
func (c *Client) Control(ctx context.Context, servers []Server, zone string, qtype uint16) bool {
	found := false
	for _, s := range *c.servers.Load() {
		if slices.Contains(servers, s.Server) {
			found = c.control(ctx, s, question{name: dns.CanonicalName(zone), qtype: qtype}) || found
		}
	}
	return found
}

func (c *Client) control(ctx context.Context, s *server, q question) (found bool) {
	for _, q.cd = range []bool{false, true} {
		now := c.opts.Now()
		if s.strips.check(q.cd, now) != nil {
			continue
		}
		if !errors.Is(c.inspect(ctx, s, q), ErrStrips) {
			return found
		}
		s.strips.rule(q.cd, now.Add(c.opts.LastPause))
		found = true
	}
	return found
}

// errNoProof is what a stripping server gives itself away by.
var errNoProof = fmt.Errorf("%w: the keys of a signed zone came without, or an absence without its proof", ErrStrips)

// inspect asks both questions.
func (c *Client) inspect(ctx context.Context, s *server, q question) error {
	keys := q
	keys.qtype = dns.TypeDNSKEY
	m, err := c.askOne(ctx, s, keys, 1)
	if err == nil {
		err = keys.fault(m)
	}
	switch {
	case err != nil:
		return err
	case !holdsSigned(m, dns.TypeDNSKEY):
		return errNoProof
	}
	m, err = c.askOne(ctx, s, q, 1)
	if err == nil {
		err = q.fault(m)
	}
	if err != nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 {
		return err
	}
	if !holdsSigned(m, dns.TypeNSEC) && !holdsSigned(m, dns.TypeNSEC3) {
		return errNoProof
	}
	return nil
}
