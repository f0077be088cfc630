package publish

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// zone is one zone and the primary that its SOA names.
type zone struct {
	name    string
	primary string // MNAME; "": not known
}

// zoneAge is how long what was found about a zone is used.
const zoneAge = time.Minute

// zones remembers the zones that were found, by the name that was asked for.
type zones struct {
	mu    sync.Mutex
	found map[string]foundZone
}

type foundZone struct {
	zone
	at time.Time
}

func (zs *zones) get(name string, now time.Time) (zone, bool) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	f, ok := zs.found[name]
	age := now.Sub(f.at)
	return f.zone, ok && age >= 0 && age < zoneAge
}

func (zs *zones) put(name string, z zone, now time.Time) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	const most = 10_000
	if zs.found == nil || len(zs.found) >= most {
		zs.found = map[string]foundZone{}
	}
	zs.found[name] = foundZone{z, now}
}

// zoneOf finds the zone that owner is in. Errors are a Refusal or the context's.
func (r *Reader) zoneOf(ctx context.Context, owner string) (zone, error) {
	if r.opts.Zone != "" && !dns.IsSubDomain(r.opts.Zone, owner) {
		return zone{}, &Refusal{
			Code: OutsideZone, Zone: r.opts.Zone, Name: owner, Text: fmt.Sprintf("%s is not in the zone %s", owner, r.opts.Zone),
			Advice: "name the zone that holds it, or leave the zone out: it is found by its SOA",
		}
	}
	asked := start(owner)
	if r.opts.Zone != "" {
		asked = r.opts.Zone
	}
	if z, ok := r.zones.get(asked, r.opts.Now()); ok {
		return z, nil
	}
	z, err := r.findZone(ctx, asked)
	if r.opts.Zone != "" && z.name != r.opts.Zone && ctx.Err() == nil {
		return zone{name: r.opts.Zone}, nil // as it was named; the primary must be, too
	}
	if err == nil {
		r.zones.put(asked, z, r.opts.Now())
	}
	return z, err
}

// ZoneOf returns the apex of the zone that a name is in. What was found is used for a minute.
// Errors are a [*Refusal] with [NoZone] or [OutsideZone], or the context's.
func (r *Reader) ZoneOf(ctx context.Context, owner string) (string, error) {
	owner, err := canonical(owner)
	if err != nil {
		return "", fmt.Errorf("publish: %w", err)
	}
	z, err := r.zoneOf(ctx, owner)
	return z.name, err
}

// start is the name whose zone is asked for: below a label with an underscore all identities are in
// one zone, so that one question serves them all.
func start(owner string) string {
	if _, parent, _ := strings.Cut(owner, "."); strings.HasPrefix(parent, "_") {
		return parent
	}
	return owner
}

// findZone asks for the SOA of a name, then of each name above. An answer without records has the
// SOA of the zone (RFC 2308, Section 2); one through an alias has that of another zone, and one
// from a forwarder may have none.
func (r *Reader) findZone(ctx context.Context, name string) (zone, error) {
	if z, ok := r.findAtServers(ctx, name); ok {
		return z, nil
	}
	var last error
	for at := name; at != "."; at = above(at) {
		m, err := r.askSOA(ctx, at)
		if ctx.Err() != nil {
			return zone{}, ctx.Err()
		}
		if err != nil {
			last = err
			continue
		}
		if soa := soaOf(m, at); soa != nil {
			return zone{dns.CanonicalName(soa.Hdr.Name), dns.CanonicalName(soa.Ns)}, nil
		}
	}
	return zone{}, &Refusal{
		Code: NoZone, Name: name, Err: last, Text: fmt.Sprintf("no zone was found for %s%s", name, because(last)),
		Advice: "name the zone and its primary (--zone, --server), or another resolver",
	}
}

// findAtServers is findZone for a name that begins with an underscore, without a question to the
// resolvers for that name: they would keep that it does not exist (RFC 8020), as it does not before
// the first record below it is published, and deny that record for the negative TTL. It asks name
// servers of the domain.
func (r *Reader) findAtServers(ctx context.Context, name string) (zone, bool) {
	domain := name
	for strings.HasPrefix(domain, "_") {
		domain = above(domain)
	}
	if domain == name || domain == "." || r.primary != "" {
		return zone{}, false
	}
	z, err := r.findZone(ctx, domain)
	if err != nil {
		return zone{}, false
	}
	const most = 3
	servers, _ := r.nameServers(ctx, z) // without any the resolvers are asked
	for _, s := range servers[:min(len(servers), most)] {
		if s.err != nil {
			continue
		}
		m, err := r.asker.ask(ctx, s.addr, name, dns.TypeSOA)
		if err != nil { // also a delegation
			continue
		}
		if soa := soaOf(m, name); soa != nil {
			return zone{dns.CanonicalName(soa.Hdr.Name), dns.CanonicalName(soa.Ns)}, true
		}
	}
	return zone{}, false
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// above is the parent of a name.
func above(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

// askSOA asks the primary, where one is named, and then the resolvers. What comes need not be
// validated: an update that goes to a wrong server shows it records that are public, and its
// reply has no right MAC.
func (r *Reader) askSOA(ctx context.Context, name string) (*dns.Msg, error) {
	if r.primary != "" {
		if m, err := r.asker.ask(ctx, r.primary, name, dns.TypeSOA); err == nil && soaOf(m, name) != nil {
			return m, nil
		}
	}
	return r.resolve(ctx, name, dns.TypeSOA)
}

// resolve asks the resolvers, who need not find the answer valid.
func (r *Reader) resolve(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	m, err := r.opts.Lookup.Exchanger().Exchange(ctx, name, qtype, true)
	if err == nil && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		err = fmt.Errorf("the resolver answers %s to %s %s", dns.RcodeToString[m.Rcode], name, dns.TypeToString[qtype])
	}
	return m, err
}

// soaOf is the SOA in a reply of the zone that name is in; nil: none.
func soaOf(m *dns.Msg, name string) *dns.SOA {
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.CNAME, *dns.DNAME:
			return nil // the rest is about another name
		case *dns.SOA:
			if dns.CanonicalName(rr.Hdr.Name) == name {
				return rr
			}
		}
	}
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok && soa.Hdr.Name != "." && dns.IsSubDomain(dns.CanonicalName(soa.Hdr.Name), name) {
			return soa
		}
	}
	return nil
}

// addresses are those of a host, as host:port.
func (r *Reader) addresses(ctx context.Context, host string, port string) ([]string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []string{net.JoinHostPort(a.String(), port)}, nil
	}
	var out []string
	var last error
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := r.resolve(ctx, dns.CanonicalName(host), qtype)
		if err != nil {
			last = err
			continue
		}
		for _, rr := range m.Answer {
			if len(out) == maxNameServers {
				break
			}
			switch rr := rr.(type) {
			case *dns.A:
				out = append(out, net.JoinHostPort(rr.A.String(), port))
			case *dns.AAAA:
				if addr := net.JoinHostPort(rr.AAAA.String(), port); reachable(ctx, addr) || len(out) == 0 {
					out = append(out, addr)
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no address%s", host, because(last))
	}
	return out, nil
}

// reachable reports whether this machine has a route there; nothing is sent.
func reachable(ctx context.Context, addr string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
