package zonecheck

import (
	"context"
	"sync"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// exchanger asks the name servers of a zone for what is in it, and the resolvers for everything
// else. It implements dnssec.Exchanger.
type exchanger struct {
	resolvers *transport.Client
	servers   *transport.Client // nil: the resolvers have all answers
	apex      string
	only      *server // the one to ask; nil: any

	mu    sync.Mutex
	sizes map[dns.Question]int // octets of the answers of name servers
}

// Exchange implements dnssec.Exchanger.
func (e *exchanger) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	q := transport.Question{Name: name, Type: qtype, CD: cd}
	// RFC 4035, Section 2.4: the DS is in the parent zone.
	if e.servers == nil || !dns.IsSubDomain(e.apex, name) || qtype == dns.TypeDS && name == e.apex {
		return unwrap(e.resolvers.Ask(ctx, q))
	}
	q.CD, q.Authoritative = false, true
	m, err := e.ask(ctx, q)
	if err == nil {
		e.note(m)
	}
	return m, err
}

func (e *exchanger) ask(ctx context.Context, q transport.Question) (*dns.Msg, error) {
	if e.only == nil {
		return unwrap(e.servers.Ask(ctx, q))
	}
	q.TCP = e.only.tcp
	return e.servers.AskOne(ctx, e.only.index, q)
}

// note keeps the size of an answer.
func (e *exchanger) note(m *dns.Msg) {
	if len(m.Question) != 1 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sizes == nil {
		e.sizes = map[dns.Question]int{}
	}
	e.sizes[m.Question[0]] = sizeOf(m)
}

func (e *exchanger) size(name string, qtype uint16) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sizes[dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}]
}

// sizeOf is the size of a message with compressed names. The library's own count can be too high.
func sizeOf(m *dns.Msg) int {
	compressed := *m
	compressed.Compress = true
	if n := compressed.Len(); n <= udpSize {
		return n
	}
	wire, err := compressed.Pack()
	if err != nil {
		return compressed.Len()
	}
	return len(wire)
}

func unwrap(r *transport.Reply, err error) (*dns.Msg, error) {
	if err != nil {
		return nil, err
	}
	return r.Msg, nil
}

// zoneCache keeps proven zones for one run. It implements dnssec.ZoneCache.
type zoneCache struct {
	mu    sync.Mutex
	zones map[string]*dnssec.Zone
}

func newZoneCache() *zoneCache { return &zoneCache{zones: map[string]*dnssec.Zone{}} }

// maxZones bounds the cache.
const maxZones = 1000

// Get implements dnssec.ZoneCache.
func (c *zoneCache) Get(zone string) (*dnssec.Zone, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	z, ok := c.zones[zone]
	return z, ok
}

// Put implements dnssec.ZoneCache.
func (c *zoneCache) Put(zone string, z *dnssec.Zone) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.zones) < maxZones {
		c.zones[zone] = z
	}
}

// validator validates answers of the zone's name servers, or of one of them.
func (z *zone) validator(only *server) (dnssec.Validator, *exchanger) {
	e := &exchanger{resolvers: z.resolvers, servers: z.client, apex: z.apex, only: only}
	return dnssec.Validator{Exchanger: e, Anchors: z.opts.Anchors, Now: z.opts.Now, Keys: z.keys}, e
}

// recursive validates answers of the resolvers.
func (c *check) recursive() *dnssec.Validator {
	e := &exchanger{resolvers: c.resolvers}
	return &dnssec.Validator{Exchanger: e, Anchors: c.opts.Anchors, Now: c.opts.Now, Keys: c.keys}
}
