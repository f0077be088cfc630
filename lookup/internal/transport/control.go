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

// ruledOut is until when a server is not asked for signatures, because it leaves them out: with CD=0, and with CD=1.
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
		return fmt.Errorf("%w: the keys or the proofs of a signed zone came without", ErrStrips)
	}
	return nil
}

func (r *ruledOut) rule(cd bool, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until[index(cd)] = until
}

// Control finds out whether those of the servers that are named pass on what DNSSEC needs, by two questions about a zone
// that is known to be signed: its keys must come with a signature, and the absence of qtype at its apex with a signed
// NSEC or NSEC3. A server that leaves them out is not asked that way for LastPause; true says that a way was ruled out.
// What cannot be told rules out nothing: a zone that serves no signatures is not the server's fault.
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
		if !c.leavesOut(ctx, s, q) {
			return found
		}
		s.strips.rule(q.cd, now.Add(c.opts.LastPause))
		found = true
	}
	return found
}

// leavesOut asks both questions.
func (c *Client) leavesOut(ctx context.Context, s *server, q question) bool {
	keys := q
	keys.qtype = dns.TypeDNSKEY
	m, err := c.askOne(ctx, s, keys, 1)
	switch {
	case err != nil:
		return false
	case errors.Is(keys.fault(m), ErrStrips):
		return true
	case m.Rcode != dns.RcodeSuccess:
		return false
	case !holds(m, dns.TypeRRSIG):
		return true
	}
	m, err = c.askOne(ctx, s, q, 1)
	if err != nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 {
		return false
	}
	return !holds(m, dns.TypeRRSIG) || !holds(m, dns.TypeNSEC, dns.TypeNSEC3)
}
