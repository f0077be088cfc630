package publish

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// nameServer is one address to read from.
type nameServer struct {
	name string // as in the NS record; "": it was named by its address
	addr string // host:port
	err  error  // it has no address
}

// String is "ns1.example.org. (192.0.2.1:53)".
func (s nameServer) String() string {
	switch {
	case s.name == "":
		return s.addr
	case s.addr == "":
		return s.name
	}
	return fmt.Sprintf("%s (%s)", s.name, s.addr)
}

// maxNameServers is how many addresses are read from, of all name servers and of one.
const maxNameServers = 32

// nameServers are those to read a zone from.
func (r *Reader) nameServers(ctx context.Context, z zone) ([]nameServer, error) {
	if len(r.opts.NameServers) > 0 {
		return r.namedServers(ctx, z)
	}
	names, err := r.nsNames(ctx, z)
	limited, cancel := context.WithTimeout(ctx, patience*r.opts.Timeout)
	defer cancel()
	var out []nameServer
	for _, name := range names {
		if len(out) >= maxNameServers {
			break
		}
		addrs, notFound := r.addresses(limited, name, "53")
		for _, addr := range addrs {
			out = append(out, nameServer{name: name, addr: addr})
		}
		if notFound != nil {
			out = append(out, nameServer{name: name, err: notFound})
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return someServers(out, z, err)
}

// someServers removes doubles, and wants at least one.
func someServers(list []nameServer, z zone, last error) ([]nameServer, error) {
	var out []nameServer
	for _, s := range list {
		double := s.addr != "" && slices.ContainsFunc(out, func(has nameServer) bool { return has.addr == s.addr })
		if !double && len(out) < maxNameServers {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, &Refusal{
			Code: NoNameServers, Zone: z.name, Err: last, Text: fmt.Sprintf("no name server of %s was found%s", z.name, because(last)),
			Advice: "name those to read back from (--name-server), or another resolver",
		}
	}
	return out, nil
}

// namedServers are those of the options.
func (r *Reader) namedServers(ctx context.Context, z zone) ([]nameServer, error) {
	var out []nameServer
	var last error
	for _, text := range r.opts.NameServers {
		host, port := splitHost(text)
		if a, err := netip.ParseAddr(host); err == nil {
			out = append(out, nameServer{addr: net.JoinHostPort(a.String(), port)})
			continue
		}
		addrs, err := r.addresses(ctx, host, port)
		if err != nil {
			// Each of them was named to be read from.
			return nil, &Refusal{
				Code: NoNameServers, Zone: z.name, Err: err, Text: "name server " + err.Error(), Advice: "name it by its address",
			}
		}
		for _, addr := range addrs {
			out = append(out, nameServer{name: host, addr: addr})
		}
	}
	return someServers(out, z, last)
}

// nsNames are the names in the NS records of a zone.
func (r *Reader) nsNames(ctx context.Context, z zone) ([]string, error) {
	var m *dns.Msg
	var err error
	if r.primary != "" {
		m, err = r.asker.ask(ctx, r.primary, z.name, dns.TypeNS)
	}
	if m == nil {
		m, err = r.resolve(ctx, z.name, dns.TypeNS)
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range m.Answer {
		if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == z.name {
			out = append(out, dns.CanonicalName(ns.Ns))
		}
	}
	return out, nil
}
