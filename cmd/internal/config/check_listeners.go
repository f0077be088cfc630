package config

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"dnseal/cmd/internal/relay"
	"dnseal/milter"
)

// ParseListen reads a listener's address: "host:port", ":port" or "unix:/path".
func ParseListen(s string) (milter.Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			return milter.Address{}, fmt.Errorf("%q: the path of a socket must be absolute; write unix:/path", s)
		}
		return milter.Address{Network: "unix", Address: path}, nil
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return milter.Address{}, fmt.Errorf("%q; write \"host:port\" or \"unix:/path\"", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return milter.Address{}, fmt.Errorf("%q: %q is no port number", s, port)
	}
	return milter.Address{Network: "tcp", Address: s}, nil
}

// Address is where the relay listens.
func (r *Relay) Address() (milter.Address, error) { return ParseListen(r.Listen) }

// Address is where the milter listens.
func (m *Milter) Address() (milter.Address, error) { return milter.ParseAddress(m.Listen) }

// Socket returns mode and group of the relay's unix socket.
func (r *Relay) Socket() milter.ListenOptions { return socketOptions(r.SocketMode, r.SocketGroup) }

// Socket returns mode and group of the milter's unix socket.
func (m *Milter) Socket() milter.ListenOptions { return socketOptions(m.SocketMode, m.SocketGroup) }

func socketOptions(mode, group string) milter.ListenOptions {
	m, _ := parseMode(mode) // checked at load
	return milter.ListenOptions{Mode: m, Group: group}
}

// socket checks the address, mode and group of a listener.
func (n *notes) socket(key, listen, mode, group string, parse func() (milter.Address, error)) {
	if listen == "" {
		n.wrong(key+".listen", "listen is missing; write an address such as \"127.0.0.1:2525\", or a unix socket")
		return
	}
	a, err := parse()
	if err != nil {
		n.wrong(key+".listen", "listen: %s", strip(err))
		return
	}
	if _, err := parseMode(mode); err != nil {
		n.wrong(key+".socket-mode", "socket-mode: %s", err)
	}
	if group != "" && a.Network != "unix" {
		n.wrong(key+".socket-group", "socket-group is for unix sockets; this listener is %s", a.Address)
	}
}

// parseMode reads an octal mode.
func parseMode(s string) (fs.FileMode, error) {
	m, err := strconv.ParseUint(s, 8, 9)
	if err != nil {
		return 0, fmt.Errorf("%q is no mode; write it octal and in quotes, as \"0660\"", s)
	}
	return fs.FileMode(m), nil
}

// bareNormalize is the value of bare-newline that is not the default.
const bareNormalize = "normalize"

func (c *Config) checkRelay(n *notes, key string, r *Relay) {
	n.oneOf(key+".role", r.Role, RoleSubmission, RoleInbound)
	n.socket(key, r.Listen, r.SocketMode, r.SocketGroup, r.Address)
	n.oneOf(key+".protocol", r.Protocol, "smtp", "lmtp")
	n.oneOf(key+".tls", r.TLS, "none", "starttls", "implicit")
	n.hops(key+".next-hop", r.NextHop)
	n.oneOf(key+".bare-newline", r.BareNewline, "reject", bareNormalize)
	if r.NextHopTLS != "" {
		n.oneOf(key+".next-hop-tls", r.NextHopTLS, "none", "verify", "dane")
	}
	if r.PassClient != "" {
		n.oneOf(key+".pass-client", r.PassClient, "xclient", "proxy")
	}
	if _, err := prefixes(r.Proxies); err != nil {
		n.wrong(key+".proxies", "proxies: %s", err)
	}
	if _, err := prefixes(r.Crowds); err != nil {
		n.wrong(key+".crowds", "crowds: %s", err)
	}
	for _, entry := range r.Deny {
		if _, err := relay.ParseDeny([]string{entry}); err != nil {
			n.wrong(key+".deny", "%s", strip(err))
		}
	}
	n.notZero(key+".max-bytes", int64(r.MaxBytes))
	for name, value := range map[string]int64{
		"max-recipients":  int64(r.MaxRecipients),
		"max-connections": int64(r.MaxConnections), "max-per-client": int64(r.MaxPerClient), "max-waiting": int64(r.MaxWaiting),
		"max-in-flight": int64(r.MaxInFlight),
	} {
		n.notNegative(key+"."+name, value)
	}
	r.checkTLS(n, key)
	r.checkHopLogin(n, key)
	switch r.Role {
	case RoleInbound:
		r.checkInbound(n, key)
	case RoleSubmission:
		c.checkSubmission(n, key, r)
	}
}

func (r *Relay) checkTLS(n *notes, key string) {
	switch {
	case r.TLS != "none" && (r.Certificate == "" || r.Key == ""):
		n.wrong(key+".tls", "tls is %q, but certificate or key is missing; name both files", r.TLS)
	case r.TLS == "none" && (r.Certificate != "" || r.Key != ""):
		n.wrong(key+".certificate", "certificate and key are given, but tls is \"none\"; write tls = \"starttls\" or \"implicit\"")
	// RFC 8314, Section 4.1: no passwords in cleartext.
	case r.TLS == "none" && (r.Users != "" || r.Dovecot != "" || len(r.Clients) > 0):
		n.wrong(key, "authentication needs TLS; write tls = \"starttls\" or \"implicit\", with certificate and key")
	}
	for _, name := range r.Clients {
		n.pattern(key+".clients", name, false)
	}
	if r.ExternalTLS12 && len(r.Clients) == 0 {
		n.wrong(key+".external-tls12", "external-tls12 is for clients that log in by certificate; name them in clients")
	}
}

func (r *Relay) checkInbound(n *notes, key string) {
	n.oneOfOrNone(key+".quarantine-as", r.QuarantineAs, QuarantineActions...)
	if len(r.Recipients) == 0 {
		n.wrong(key+".recipients", "recipients is missing: without it this would be an open relay; name the domains that mail is accepted for")
	}
	for _, d := range r.Recipients {
		n.pattern(key+".recipients", d, false)
		if strings.Contains(strings.TrimPrefix(d, "*."), "*") {
			n.wrong(key+".recipients", "recipients: %q matches no domain; a star matches the labels in front, as in \"*.example.org\"", d)
		}
	}
	if r.UnbracketedAddresses || r.BareNewline == bareNormalize {
		n.wrong(key, "an inbound relay accepts strict SMTP only; unbracketed-addresses and bare-newline are for role \"submission\"")
	}
	if r.Users != "" || r.Dovecot != "" || len(r.Clients) > 0 {
		n.wrong(key, "an inbound relay has no authentication; users, dovecot and clients are for role \"submission\"")
	}
}

func (c *Config) checkSubmission(n *notes, key string, r *Relay) {
	if r.QuarantineAs != "" {
		n.wrong(key+".quarantine-as", "quarantine-as is for role \"inbound\": signing has no quarantine")
	}
	if len(r.Recipients) > 0 {
		n.wrong(key+".recipients", "recipients is for role \"inbound\"; a submission relay accepts mail for any recipient, from clients that may submit")
	}
	c.checkSigning(n, key, RoleInbound, r.RestoreHeader)
	nets, err := c.trusted()
	if err != nil {
		return // noted at the rule
	}
	if (r.UnbracketedAddresses || r.BareNewline == bareNormalize) && len(nets) == 0 {
		n.wrong(key, "unbracketed-addresses and bare-newline are for clients in a \"net:\" rule, and there is none; write a [[sign.rule]] with who = [\"net:…\"]")
	}
	if r.Users == "" && r.Dovecot == "" && len(r.Clients) == 0 && len(nets) == 0 {
		n.wrong(key, "no client could submit mail here; name users, dovecot or clients, or write a [[sign.rule]] with who = [\"net:…\"]")
	}
}

func (c *Config) checkMilter(n *notes, key string, m *Milter) {
	n.oneOf(key+".role", m.Role, RoleSign, RoleVerify)
	n.socket(key, m.Listen, m.SocketMode, m.SocketGroup, m.Address)
	n.notZero(key+".max-bytes", int64(m.MaxBytes))
	n.notZero(key+".max-header-bytes", int64(m.MaxHeaderBytes))
	n.notNegative(key+".max-sessions", int64(m.MaxSessions))
	for _, d := range m.Daemons {
		if d == "" || strings.ContainsAny(d, " \t!*") {
			n.wrong(key+".daemons", "daemons: %q is no name of a daemon; write it as the MTA does, without stars", d)
		}
	}
	if m.Role == RoleSign {
		c.checkSigning(n, key, RoleVerify, m.RestoreHeader)
	}
}

// checkSigning checks a listener that signs; verifying is the role that restore is for.
func (c *Config) checkSigning(n *notes, key, verifying string, restore bool) {
	if restore {
		n.wrong(key+".restore-header", "restore-header is for role %q: only verified mail has a signed header to restore", verifying)
	}
	if c.Identities == "" {
		n.wrong(key, "this listener signs, but identities is missing; write identities = \"DIR\" at the top of the file")
	}
}

// prefixes reads networks and single addresses.
func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network; write \"192.0.2.1\" or \"192.0.2.0/24\"", s)
		}
		// RFC 4632, Section 3.1: the prefix covers the bits that are set.
		if p != p.Masked() {
			return nil, fmt.Errorf("%q has bits set after its length; write %q", s, p.Masked())
		}
		out = append(out, p)
	}
	return out, nil
}

// Trusted are the networks that rules name: their clients may submit without authentication.
func (c *Config) Trusted() []netip.Prefix {
	nets, _ := c.trusted() // checked at load
	return nets
}

// trusted are the networks that rules name: their clients may submit without authentication.
func (c *Config) trusted() ([]netip.Prefix, error) {
	var nets []string
	for _, r := range c.Sign.Rules {
		for _, who := range r.Who {
			if s, ok := strings.CutPrefix(who, "net:"); ok && !slices.Contains(nets, s) {
				nets = append(nets, s)
			}
		}
	}
	return prefixes(nets)
}
