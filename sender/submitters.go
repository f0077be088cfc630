package sender

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// submitters is a parsed list of "user:", "tls:" and "net:" entries.
type submitters struct {
	users []string
	names []message.Pattern
	nets  []netip.Prefix
	// parent is what follows the first label of all names, where {label} needs it.
	parent string
}

func parseSubmitters(list []string) (submitters, error) {
	var s submitters
	for _, entry := range list {
		kind, value, _ := strings.Cut(entry, ":")
		var err error
		switch {
		case value == "":
			err = errors.New("write user:NAME, tls:NAME, net:ADDRESS or net:CIDR")
		case strings.HasPrefix(entry, "!") || kind == "user" && strings.HasPrefix(value, "!"):
			err = errors.New("there is no negation; list only who is meant")
		case kind != "net" && slices.Contains([]string{"{user}", "{tls}", "{label}", "{from}"}, value):
			err = errors.New("placeholders stand in from and identity; write user:* or tls:*._device.example.net for all")
		case kind == "user":
			s.users = append(s.users, value)
		case kind == "tls":
			var p message.Pattern
			if p, err = message.ParsePattern(value); err == nil {
				s.names = append(s.names, p)
			}
		case kind == "net":
			var p netip.Prefix
			if p, err = parseNet(value); err == nil {
				s.nets = append(s.nets, p)
			}
		default:
			err = errors.New("user:, tls: or net: is missing at its start")
		}
		if err != nil {
			return submitters{}, fmt.Errorf("submitter %q: %w", entry, err)
		}
	}
	return s, nil
}

var errNet = errors.New("neither an address nor a network: write 192.0.2.1 or 192.0.2.0/24")

// parseNet reads "192.0.2.0/24" (RFC 4632, Section 3.1) or "192.0.2.1".
func parseNet(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, errNet
		}
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errNet
	}
	if p != p.Masked() {
		err = fmt.Errorf("%s has bits set after its length: write %s", p, p.Masked())
	}
	return p, err
}

// named reports whether the list names the submitter by user: or tls:.
func (s submitters) named(who message.Submitter) bool {
	return s.namesUser(who.User) || s.namesTLS(who.TLSName)
}

func (s submitters) namesUser(user string) bool {
	for _, u := range s.users {
		if user != "" && message.Glob(u, user) {
			return true
		}
	}
	return false
}

func (s submitters) namesTLS(name string) bool {
	for _, p := range s.names {
		if name != "" && p.MatchName(name) {
			return true
		}
	}
	return false
}

// match reports whether the list names the submitter by anything.
func (s submitters) match(who message.Submitter) bool {
	if s.named(who) {
		return true
	}
	for _, n := range s.nets {
		if who.Addr.IsValid() && n.Contains(who.Addr.Unmap()) {
			return true
		}
	}
	return false
}
