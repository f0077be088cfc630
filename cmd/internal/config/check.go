package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/receiver"
)

// check examines every value, without any other file.
func (c *Config) check(n *notes) {
	c.checkDNS(n)
	c.checkSign(n)
	c.checkRoutes(n)
	c.checkDKIM(n)
	c.checkPublish(n)
	c.checkEvidence(n)
	n.notNegative("verify.max-bytes", int64(c.Verify.MaxBytes))
	n.receiver("authserv-id", receiver.Options{AuthservID: c.AuthservID})
	n.actions("on", c.On, c.quarantineTo())
	n.replyText("reply-text", c.ReplyText)
	for i := range c.Domains {
		c.checkDomain(n, fmt.Sprintf("domain[%d]", i), &c.Domains[i])
	}
	for i := range c.Relays {
		c.checkRelay(n, fmt.Sprintf("relay[%d]", i), &c.Relays[i])
	}
	for i := range c.Milters {
		c.checkMilter(n, fmt.Sprintf("milter[%d]", i), &c.Milters[i])
	}
	c.checkTwice(n)
	if c.Metrics.Listen != "" {
		n.loopback("metrics.listen", c.Metrics.Listen)
	}
	if c.Metrics.ListenMilter != "" {
		n.loopback("metrics.listen-milter", c.Metrics.ListenMilter)
	}
	n.notNegative("metrics.devices", int64(c.Metrics.Devices))
	c.checkService(n)
	n.oneOf("log.format", c.Log.Format, "text", "json")
}

// oneOf notes a word that is none of those allowed.
func (n *notes) oneOf(key, word string, allowed ...string) {
	if slices.Contains(allowed, word) {
		return
	}
	last := key[strings.LastIndexByte(key, '.')+1:]
	if word == "" {
		n.wrong(key, "%s is missing; write one of %s", last, quoted(allowed))
		return
	}
	text := fmt.Sprintf("%s is %q; write one of %s", last, word, quoted(allowed))
	if near := nearest(word, allowed); near != "" {
		text = fmt.Sprintf("%s is %q; did you mean %q?", last, word, near)
	}
	n.wrong(key, "%s", text)
}

// oneOfOrNone is oneOf for a word that can be left out.
func (n *notes) oneOfOrNone(key, word string, allowed ...string) {
	if word != "" {
		n.oneOf(key, word, allowed...)
	}
}

func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strconv.Quote(w)
	}
	return strings.Join(out, ", ")
}

func (c *Config) checkDNS(n *notes) {
	n.oneOf("dns.mode", c.DNS.Mode, "validate", "both", "ad-only")
	for _, r := range c.DNS.Resolvers {
		n.resolver(r)
	}
	for _, key := range []string{"allow", "deny"} {
		list := c.DNS.Allow
		if key == "deny" {
			list = c.DNS.Deny
		}
		for _, d := range list {
			if strings.ContainsAny(d, "*@ ") || d == "" {
				n.wrong("dns."+key, "%s: %q is no domain; a domain includes all domains below it, so write it without stars", key, d)
			}
		}
	}
	n.notNegative("dns.cache-bytes", int64(c.DNS.CacheBytes))
	n.notNegative("dns.lookups", int64(c.DNS.Lookups))
	n.notNegative("dns.domain-lookups", int64(c.DNS.DomainLookups))
	c.checkLimits(n)
}

// resolver requires "host", "host:port" or "tls://host:port#name". Names are not looked up: a
// resolver is needed for that.
func (n *notes) resolver(s string) {
	rest, tls := strings.CutPrefix(s, "tls://")
	host, name, named := strings.Cut(rest, "#")
	if h, port, err := net.SplitHostPort(host); err == nil {
		if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
			n.wrong("dns.resolvers", "resolvers: %q has no port number; write host:port, for example \"127.0.0.1:53\"", s)
		}
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == "" || strings.ContainsAny(host, "/ "):
		n.wrong("dns.resolvers", "resolvers: %q; write \"127.0.0.1:53\" or \"tls://192.0.2.1:853#name\"", s)
	case named && (!tls || name == ""):
		n.wrong("dns.resolvers", "resolvers: %q; a name after # requires tls://", s)
	// RFC 8310, Section 8.1: the name that the certificate must have.
	case tls && err == nil && !named:
		n.wrong("dns.resolvers", "resolvers: %q; add the server's name, by which its certificate is verified: %s#name", s, s)
	}
}

func (n *notes) notNegative(key string, value int64) {
	if value < 0 {
		n.wrong(key, "%s is negative; leave it out for its default", key[strings.LastIndexByte(key, '.')+1:])
	}
}

// notZero notes a size that the file has as zero: it would be taken for its default.
func (n *notes) notZero(key string, value int64) {
	n.notNegative(key, value)
	given := slices.ContainsFunc(n.places, func(p place) bool { return p.key == key })
	if last := key[strings.LastIndexByte(key, '.')+1:]; value == 0 && given {
		n.wrong(key, "%s is 0, which is no limit here; leave it out for its default, or write the largest size, as \"50MB\"", last)
	}
}

// checkTwice refuses two listeners on one address.
func (c *Config) checkTwice(n *notes) {
	seen := map[string]string{}
	once := func(key, address string) {
		if first, ok := seen[address]; ok && address != "" {
			n.wrong(key+".listen", "listen: %q is also that of line %d; every listener needs its own", address, n.line(first+".listen"))
			return
		}
		seen[address] = key
	}
	for i, r := range c.Relays {
		once(fmt.Sprintf("relay[%d]", i), r.Listen)
	}
	for i, m := range c.Milters {
		address := m.Listen
		if a, err := m.Address(); err == nil && a.Network != "unix" {
			address = a.Address
		}
		once(fmt.Sprintf("milter[%d]", i), address)
	}
}

// maxDrain leaves service managers the time for messages in progress, too.
const maxDrain = time.Minute

func (c *Config) checkService(n *notes) {
	if c.Service.Health != "" {
		if a, err := ParseListen(c.Service.Health); err != nil {
			n.wrong("service.health", "health: %s", err)
		} else if c.Service.Health == c.Metrics.Listen || c.Service.Health == c.Metrics.ListenMilter {
			n.wrong("service.health", "health: %s is that of the metrics, which answer /readyz too; leave one of them out", a.Address)
		}
	}
	switch {
	case time.Duration(c.Service.Drain) > maxDrain:
		n.wrong("service.drain", "drain is %v; at most %v", time.Duration(c.Service.Drain), maxDrain)
	case c.Service.Drain > 0 && c.Service.Health == "" && c.Metrics.Listen+c.Metrics.ListenMilter == "":
		n.wrong("service.drain", "drain is for a balancer that asks /readyz, and nothing answers it; write health, or listen in [metrics]")
	}
}

// loopback requires a listener that other machines cannot reach.
func (n *notes) loopback(key, listen string) {
	a, err := ParseListen(listen)
	if err != nil {
		n.wrong(key, "listen: %s", err)
		return
	}
	if a.Network == "unix" {
		return
	}
	host, _, _ := net.SplitHostPort(a.Address)
	ip, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !ip.IsLoopback()) {
		n.wrong(key, "listen: %q can be reached from outside; write a loopback address such as \"127.0.0.1:9464\", or unix:/path", listen)
	}
}

// hops checks next hops.
func (n *notes) hops(key string, hops []string) {
	if len(hops) == 0 {
		n.wrong(key, "next-hop is missing; write the address of the next server, for example next-hop = [\"127.0.0.1:10025\"]")
	}
	for _, h := range hops {
		if _, err := nexthop.Parse(h); err != nil {
			n.wrong(key, "%s", strip(err))
		}
	}
}
