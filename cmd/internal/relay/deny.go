package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// Deny lists clients that are shut out at once, before any lookup. The zero value denies no client.
type Deny struct {
	names []message.Pattern
	nets  []netip.Prefix
}

// ParseDeny reads names of clients (as in sasl.Options.Clients, stars allowed), addresses and
// networks. Errors name the entry that is none of these.
func ParseDeny(list []string) (*Deny, error) {
	d := &Deny{}
	for _, s := range list {
		if err := d.add(s); err != nil {
			return nil, fmt.Errorf("relay: deny %q: %w", s, err)
		}
	}
	return d, nil
}

func (d *Deny) add(s string) error {
	if a, err := netip.ParseAddr(s); err == nil {
		d.nets = append(d.nets, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		return nil
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		if p != p.Masked() {
			return fmt.Errorf("bits are set after its length; write %q", p.Masked())
		}
		d.nets = append(d.nets, p)
		return nil
	}
	p, err := message.ParsePattern(s)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "message: "))
	}
	if p.IsAddress() {
		return errors.New("want a client's DNS name, an address or a network, not a mail address")
	}
	d.names = append(d.names, p)
	return nil
}

// Addr reports whether the address is shut out. Safe on nil.
func (d *Deny) Addr(a netip.Addr) bool {
	a = a.Unmap().WithZone("") // a network holds addresses without one only
	return d != nil && slices.ContainsFunc(d.nets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Name reports whether the DNS name (lower-case A-labels, no final dot) is shut out. Safe on nil.
func (d *Deny) Name(name string) bool {
	return d != nil && slices.ContainsFunc(d.names, func(p message.Pattern) bool { return p.MatchName(name) })
}

// SetDeny replaces the list. Clients that are connected already meet it at their next message or
// login, so that a reload shuts a stolen device out although its connection belongs to the old
// settings.
func (s *Server) SetDeny(d *Deny) { s.deny.Store(d) }

// denied reports whether the client is shut out, by its address or the name it logged in with.
func (s *session) denied() bool {
	d := s.srv.deny.Load()
	return d.Addr(s.address()) || s.tlsName != "" && d.Name(s.tlsName)
}
