package publish

import (
	"context"
	"errors"
	"sync"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// place is one name and type to read.
type place struct {
	owner string
	typ   dane.Type
}

// view is one name server of a zone while it is read: its SOA and the keys that it shows are asked
// for once.
type view struct {
	nameServer
	zone zone
	keys *keyCache
	soa  func() (*dns.SOA, error)
}

// newRounds are the views of a zone.
func newRounds(z zone, servers []nameServer) []view {
	out := make([]view, 0, len(servers))
	for _, s := range servers {
		out = append(out, view{nameServer: s, zone: z})
	}
	return out
}

// workers is how many questions are under way at one name server.
const workers = 8

// round reads every place from every server anew; the result is by place, then by server.
func (r *Reader) round(ctx context.Context, views []view, places []place) []Seen {
	out := make([]Seen, len(places)*len(views))
	var running sync.WaitGroup
	for i := range views {
		v := views[i]
		v.keys = new(keyCache)
		v.soa = sync.OnceValues(func() (*dns.SOA, error) { return r.soaAt(ctx, v) })
		todo := make(chan int, len(places))
		for p := range places {
			todo <- p
		}
		close(todo)
		for range min(workers, len(places)) {
			running.Go(func() {
				for p := range todo {
					out[p*len(views)+i] = r.see(ctx, v, places[p])
				}
			})
		}
	}
	running.Wait()
	return out
}

// see reads one place from one server, in bounded time: an answer can need dozens of questions.
func (r *Reader) see(ctx context.Context, v view, p place) Seen {
	ctx, cancel := context.WithTimeout(ctx, patience*r.opts.Timeout)
	defer cancel()
	s := Seen{Owner: p.owner, Type: p.typ, Zone: v.zone.name, Server: v.String()}
	if v.err != nil {
		s.Err = v.err
		return s
	}
	soa, err := v.soa()
	if err != nil {
		s.Err = err
		return s
	}
	s.Serial = soa.Serial
	// RFC 2308, Section 5.
	s.NegativeTTL = min(lifetime(soa.Hdr.Ttl), lifetime(soa.Minttl))
	check := r.opts.Lookup.Validator(route{r.asker, v.zone.name, v.addr, r.opts.Lookup.Exchanger()})
	check.Keys, check.Now = v.keys, r.opts.Now
	s.fill(check.Resolve(dnssec.WithBudget(ctx, dnssec.NewBudget(readLimits)), p.owner, uint16(p.typ)))
	if s.Status == dnssec.Indeterminate {
		s.Err = unread{v.String(), s.Reason}
	}
	return s
}

// readLimits let RRsets pass that are larger than what verifiers look at, so that they can be made
// smaller.
var readLimits = dnssec.Limits{LeafRecords: 400, LeafSize: dns.MaxMsgSize, LeafRecordSize: dns.MaxMsgSize}

// unread is a server whose answer says nothing.
type unread struct{ server, reason string }

func (e unread) Error() string { return e.server + ": " + e.reason }

// soaAt is the SOA that a server has itself.
func (r *Reader) soaAt(ctx context.Context, v view) (*dns.SOA, error) {
	if err := r.silent.get(v.addr); err != nil {
		return nil, err
	}
	m, err := r.asker.ask(ctx, v.addr, v.zone.name, dns.TypeSOA)
	if err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			r.silent.put(v.addr, err)
		}
		return nil, err
	}
	soa := soaOf(m, v.zone.name)
	if soa == nil || dns.CanonicalName(soa.Hdr.Name) != v.zone.name {
		return nil, notAuthoritative{v.addr, v.zone.name, dns.RcodeToString[m.Rcode]}
	}
	return soa, nil
}

// keyCache keeps the zones of one round at one server.
type keyCache struct {
	mu    sync.Mutex
	zones map[string]*dnssec.Zone
}

// Get implements dnssec.ZoneCache.
func (c *keyCache) Get(name string) (*dnssec.Zone, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	z, ok := c.zones[name]
	return z, ok
}

// Put implements dnssec.ZoneCache.
func (c *keyCache) Put(name string, z *dnssec.Zone) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zones == nil {
		c.zones = map[string]*dnssec.Zone{}
	}
	c.zones[name] = z
}
