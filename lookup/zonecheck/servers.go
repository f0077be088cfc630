package zonecheck

import (
	"context"
	"net"
	"slices"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

const (
	maxHosts   = 16 // name servers that are looked at
	maxServers = 32 // addresses of them
)

// zone is one zone that is checked.
type zone struct {
	*check
	place
	client  *transport.Client // its name servers
	servers []*server

	unsigned bool // nothing can be validated
	failures map[string]*failed
	names    []walked
	complete bool // names are all that there are
	leaves   []*leaf
	denied   []*dnssec.Answer // proofs of absence that were seen
	narrow   bool             // each denial is made for its question
	negative uint32           // TTL of absence
}

// server is one address of a name server.
type server struct {
	host   string // its name, "" when it was given by its address
	index  int    // in the client
	addr   string
	good   bool // it answers with authority
	tcp    bool // by TCP only
	serial uint32
}

// String names the server for people.
func (s *server) String() string {
	if s.host == "" {
		return s.addr
	}
	return show(s.host) + " (" + s.addr + ")"
}

// good are the servers that answer with authority.
func (z *zone) good() []*server {
	return slices.DeleteFunc(slices.Clone(z.servers), func(s *server) bool { return !s.good })
}

func (z *zone) close() {
	if z.client != nil {
		z.client.Close()
	}
}

// findServers finds the name servers of the zone and their addresses.
func (z *zone) findServers(ctx context.Context) error {
	given, err := parseServers(z.opts.NameServers)
	if err != nil {
		return err
	}
	list := given
	if len(given) == 0 {
		list = z.delegated(ctx)
	} else {
		for i, s := range given {
			z.servers = append(z.servers, &server{index: i, addr: s.Addr})
		}
	}
	if len(list) > 0 {
		z.client = transport.New(transport.Options{Servers: list, Timeout: z.opts.Timeout, RootCAs: z.opts.RootCAs})
	}
	return nil
}

// delegated are the servers in the NS records.
func (z *zone) delegated(ctx context.Context) (list []transport.Server) {
	hosts, ok := z.hosts(ctx)
	if !ok {
		return nil
	}
	for _, host := range hosts {
		addrs := z.addresses(ctx, host)
		if len(addrs) == 0 {
			z.add(CodeNoAddress, host, "name server %s has no address", show(host))
		}
		for _, addr := range addrs[:min(len(addrs), maxServers-len(z.servers))] {
			z.servers = append(z.servers, &server{host: host, index: len(list), addr: addr})
			list = append(list, transport.Server{Addr: addr})
		}
	}
	if len(hosts) == 1 {
		z.add(CodeOneServer, hosts[0], "%s has one name server: %s", show(z.apex), show(hosts[0]))
	}
	return list
}

// hosts are the names in the NS records.
func (z *zone) hosts(ctx context.Context) ([]string, bool) {
	r, err := z.resolvers.Ask(ctx, transport.Question{Name: z.apex, Type: dns.TypeNS})
	var out []string
	if err == nil {
		for _, rr := range r.Answer {
			if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == z.apex && len(out) < maxHosts {
				out = append(out, dns.CanonicalName(ns.Ns))
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	switch {
	case err != nil:
		z.add(CodeUndecided, z.apex, "the name servers of %s could not be found: %v", show(z.apex), err)
	case len(out) == 0:
		z.add(CodeUndecided, z.apex, "the name servers of %s could not be found: the resolver answers %s without NS records", show(z.apex), dns.RcodeToString[r.Rcode])
	}
	return out, len(out) > 0
}

// addresses are those of a name server.
func (z *zone) addresses(ctx context.Context, host string) (out []string) {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		r, err := z.resolvers.Ask(ctx, transport.Question{Name: host, Type: qtype})
		if err != nil {
			continue
		}
		for _, rr := range r.Answer {
			switch rr := rr.(type) {
			case *dns.A:
				out = append(out, net.JoinHostPort(rr.A.String(), z.opts.port))
			case *dns.AAAA:
				out = append(out, net.JoinHostPort(rr.AAAA.String(), z.opts.port))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ask asks the name servers in order.
func (z *zone) ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	return unwrap(z.client.Ask(ctx, transport.Question{Name: name, Type: qtype, Authoritative: true}))
}

// askAt asks one name server.
func (z *zone) askAt(ctx context.Context, s *server, name string, qtype uint16) (*dns.Msg, error) {
	return z.client.AskOne(ctx, s.index, transport.Question{Name: name, Type: qtype, Authoritative: true, TCP: s.tcp})
}
