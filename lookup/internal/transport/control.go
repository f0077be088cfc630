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

// exclusion is the time until which a server is not asked for signatures, because it leaves them
// out: with CD=0, and with CD=1.
type exclusion struct {
	mu    sync.Mutex
	until [2]time.Time
}

func index(cd bool) int {
	if cd {
		return 1
	}
	return 0
}

// check fails while the server is excluded for this CD bit.
func (r *exclusion) check(cd bool, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until[index(cd)].After(now) {
		return errNoProof
	}
	return nil
}

func (r *exclusion) exclude(cd bool, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until[index(cd)] = until
}

// Inspect asks server i, numbered as in the options, the questions of [Client.Control]. The error
// is nil when the server passes on what DNSSEC needs, wraps ErrStrips when it does not, and is
// another one of this package when it cannot be asked. withCD: with CD=1 it does pass them on.
func (c *Client) Inspect(ctx context.Context, i int, zone string, qtype uint16) (withCD bool, err error) {
	s, q := (*c.servers.Load())[i], question{name: dns.CanonicalName(zone), qtype: qtype}
	if err = c.inspect(ctx, s, q); err == nil {
		return false, nil
	}
	q.cd = true
	return c.inspect(ctx, s, q) == nil, err
}

// Control tests whether the given servers pass on what DNSSEC needs, by two questions about a
// signed zone: its keys must come with a signature (RFC 4035, Section 3.1.1), and the absence of
// qtype at its apex with a signed NSEC or NSEC3 (RFC 4035, Section 3.1.3). A server that leaves
// them out is not asked with that CD bit for LastPause; Control returns true when there is a new
// such server. Without an answer no server is excluded.
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
		s.strips.exclude(q.cd, now.Add(c.opts.LastPause))
		found = true
	}
	return found
}

// errNoProof is the sign of a server that strips signatures.
var errNoProof = fmt.Errorf("%w: the keys of a signed zone came without, or an absence without its proof", ErrStrips)

// inspect asks both questions of Control.
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
	case !hasSigned(m, dns.TypeDNSKEY):
		return errNoProof
	}
	m, err = c.askOne(ctx, s, q, 1)
	if err == nil {
		err = q.fault(m)
	}
	if err != nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 {
		return err
	}
	if !hasSigned(m, dns.TypeNSEC) && !hasSigned(m, dns.TypeNSEC3) {
		return errNoProof
	}
	return nil
}
