package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"dnseal/cmd/internal/relay"
	"dnseal/lookup/dnssec"
	"dnseal/sender"
	"dnseal/sender/identity"
)

// check looks at every value, without any other file.
func (c *Config) check(n *notes) {
	c.checkDNS(n)
	c.checkSign(n)
	n.actions("on", c.On, c.quarantineTo())
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
				n.wrong("dns."+key, "%s: %q is no domain; a domain stands for everything below it, without stars", key, d)
			}
		}
	}
	if c.DNS.Timeout < 0 {
		n.wrong("dns.timeout", "timeout is negative; write something like \"5s\"")
	}
	n.notNegative("dns.cache-bytes", int64(c.DNS.CacheBytes))
	known := slices.Sorted(maps.Keys(limitFields(&dnssec.Limits{})))
	for name, value := range c.DNS.Limits {
		n.oneOf("dns.limits", name, known...)
		if value <= 0 {
			n.wrong("dns.limits", "limits: %s is %d; it must be at least 1", name, value)
		}
	}
}

// resolver wants "host", "host:port" or "tls://host:port#name". Names are not looked up: who would?
func (n *notes) resolver(s string) {
	rest, tls := strings.CutPrefix(s, "tls://")
	host, name, named := strings.Cut(rest, "#")
	if h, port, err := net.SplitHostPort(host); err == nil {
		if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
			n.wrong("dns.resolvers", "resolvers: %q has no port number; write host:port", s)
		}
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == "" || strings.ContainsAny(host, "/ "):
		n.wrong("dns.resolvers", "resolvers: %q; write \"127.0.0.1:53\" or \"tls://192.0.2.1:853#name\"", s)
	case named && (!tls || name == ""):
		n.wrong("dns.resolvers", "resolvers: %q; a name behind # belongs to tls://", s)
	case tls && err == nil && !named:
		n.wrong("dns.resolvers", "resolvers: %q; add the server's name, by which its certificate is verified: %s#name", s, s)
	}
}

func (c *Config) checkSign(n *notes) {
	n.oneOf("sign.form", c.Sign.Form, "clear", "opaque")
	n.oneOf("sign.self-check", c.Sign.SelfCheck, "digest", "full")
	n.notNegative("sign.max-bytes", c.Sign.MaxBytes)
	none := func(string) (*identity.Identity, error) { return nil, fmt.Errorf("none") }
	try := func(key string, o sender.Options) {
		o.Identities = none
		if _, err := sender.New(o); err != nil {
			n.wrong(key, "%s%s", strip(err), advice(err))
		}
	}
	try("sign.opaque-for", sender.Options{OpaqueFor: c.Sign.OpaqueFor})
	try("sign.plain-for", sender.Options{PlainFor: c.Sign.PlainFor})
	try("sign.control", sender.Options{Control: c.Sign.Control})
	for i, r := range c.Sign.Rules {
		key := fmt.Sprintf("sign.rule[%d]", i)
		if len(r.Who) == 0 || len(r.From) == 0 {
			n.wrong(key, "the rule needs who and from; write who = [\"user:NAME\"] and from = [\"NAME@example.org\"]")
			continue
		}
		if r.Form != "" {
			n.oneOf(key+".form", r.Form, "clear", "opaque")
			r.Form = ""
		}
		base := sender.Rule{Who: r.Who, From: r.From}
		try(key+".who", sender.Options{Rules: []sender.Rule{{Who: base.Who, From: []string{"*@*"}}}})
		try(key+".from", sender.Options{Rules: []sender.Rule{{Who: []string{"user:x"}, From: base.From}}})
		try(key+".mail-from", sender.Options{Rules: []sender.Rule{{Who: []string{"user:x"}, From: []string{"*@*"}, MailFrom: r.MailFrom}}})
		try(key+".identity", sender.Options{Rules: []sender.Rule{{Who: []string{"user:x"}, From: []string{"*@*"}, Identity: r.Identity}}})
	}
}

// strip leaves out who found an error: the reader thinks of the file.
func strip(err error) string {
	text := err.Error()
	for _, prefix := range []string{"sender: ", "rule 1: ", "receiver: ", "relay: ", "milter: ", "identity: ", "lookup: ", "dnssec: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

// advice is the hint of an error, behind a semicolon.
func advice(err error) string {
	if h := identity.Hint(err); h != "" {
		return "; " + h
	}
	return ""
}

func (n *notes) notNegative(key string, value int64) {
	if value < 0 {
		n.wrong(key, "%s is negative; leave it out for its default", key[strings.LastIndexByte(key, '.')+1:])
	}
}

// actions looks at the words of an [on] table. noQuarantine says why mail cannot be held, or is empty.
func (n *notes) actions(table string, on On, noQuarantine string) {
	for class, word := range on.set() {
		key := table + "." + class
		switch {
		case slices.Contains(signingClasses, class):
			n.oneOf(key, word, "accept", "reject", "defer")
		case word == "quarantine" && noQuarantine != "":
			n.wrong(key, "%s is \"quarantine\", but %s cannot hold mail; write \"reject\" or \"defer\"", class, noQuarantine)
		default:
			n.oneOf(key, word, "accept", "mark", "quarantine", "reject", "defer")
		}
	}
}

// quarantineTo names the listener that makes quarantine impossible.
func (c *Config) quarantineTo() string {
	for _, r := range c.Relays {
		if r.Role == RoleInbound {
			return "the inbound relay on " + r.Listen
		}
	}
	return ""
}

func (c *Config) checkDomain(n *notes, key string, d *Domain) {
	if len(d.Names) == 0 {
		n.wrong(key, "the domain has no names; write names = [\"bank.example\"]")
	}
	for _, name := range d.Names {
		n.pattern(key+".names", name, false)
	}
	n.oneOf(key+".require", d.Require, "nothing", "signature", "protected")
	for device, addresses := range d.Devices {
		n.pattern(key+".devices", device, false)
		for _, a := range addresses {
			n.pattern(key+".devices", a, true)
		}
	}
	for class := range d.On.set() {
		if slices.Contains(signingClasses, class) {
			n.wrong(key+".on", "on: %s is about signing; write it into [on]", class)
		}
	}
	n.actions(key+".on", d.On, c.quarantineTo())
}

// pattern wants a pattern of addresses or of names.
func (n *notes) pattern(key, s string, address bool) {
	p, err := identity.ParsePattern(s)
	last := key[strings.LastIndexByte(key, '.')+1:]
	switch {
	case err != nil:
		n.wrong(key, "%s: %s", last, strip(err))
	case address && !p.IsAddress():
		n.wrong(key, "%s: %q is no address; write \"local@domain\", stars allowed", last, s)
	case !address && p.IsAddress():
		n.wrong(key, "%s: %q is an address; write a name such as \"example.org\" or \"*.example.org\"", last, s)
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

// loopback wants a listener that strangers cannot reach.
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

// hops looks at next hops.
func (n *notes) hops(key string, hops []string) {
	if len(hops) == 0 {
		n.wrong(key, "next-hop is missing; write where mail goes, for example next-hop = [\"127.0.0.1:10025\"]")
	}
	for _, h := range hops {
		if _, err := relay.ParseNextHop(h); err != nil {
			n.wrong(key, "%s", strip(err))
		}
	}
}
