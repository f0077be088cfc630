package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// Deny lists clients that are shut out at once, before any lookup. The zero value denies no client.
// Whether a client is on it costs the same for a list of any length, but for its patterns.
type Deny struct {
	names    map[string]struct{} // without a star
	patterns []message.Pattern   // with one
	nets     map[netip.Prefix]struct{}
	lengths  []netip.Prefix // one of each family and length that nets has, of address zero
	more     *Deny          // a second list
	text     [32]byte       // the SHA-256 digest of the file it comes from; zero: none
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

// With is the list of both; either may be nil.
func (d *Deny) With(more *Deny) *Deny {
	if d == nil || more == nil {
		if d == nil {
			return more
		}
		return d
	}
	both := *d
	both.more, both.text = d.more.With(more), [32]byte{}
	return &both
}

// Len is how many entries the list has, each counted once.
func (d *Deny) Len() int {
	if d == nil {
		return 0
	}
	return len(d.names) + len(d.patterns) + len(d.nets) + d.more.Len()
}

func (d *Deny) add(s string) error {
	if mayBeAddress(s) {
		p, ok, err := networkOf(s)
		if ok && err == nil {
			d.addNet(p)
		}
		if ok {
			return err
		}
	}
	p, err := message.ParsePattern(s)
	if err != nil { // the caller names the entry
		return errors.New(strings.TrimPrefix(err.Error(), fmt.Sprintf("message: pattern %q: ", s)))
	}
	if p.IsAddress() {
		return errors.New("want a client's DNS name, an address or a network, not a mail address")
	}
	d.addName(p)
	return nil
}

// mayBeAddress is false for nearly all names: the error of a parser takes longer than all else.
func mayBeAddress(s string) bool {
	return strings.ContainsAny(s, ":/") || s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9'
}

// networkOf is an address or a network; ok: it is meant as one of them.
func networkOf(s string) (p netip.Prefix, ok bool, err error) {
	first, _, network := strings.Cut(s, "/") // before all else: the zone of an address may hold "/"
	a, err := netip.ParseAddr(first)
	if err != nil {
		return p, false, nil //nolint:nilerr // it may be a name
	}
	if !network {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true, nil
	}
	p, err = netip.ParsePrefix(s)
	switch {
	case a.Zone() != "":
		err = errors.New("a network has no zone")
	case err != nil && a.Is4():
		err = errors.New("an IPv4 network has a prefix length of 0 to 32")
	case err != nil:
		err = errors.New("an IPv6 network has a prefix length of 0 to 128")
	case a.Is4In6():
		err = errors.New("it is an IPv4 network in the form of IPv6; write it as IPv4")
	case p != p.Masked():
		err = fmt.Errorf("bits are set after its length; write %q", p.Masked())
	}
	return p, true, err
}

func (d *Deny) addName(p message.Pattern) {
	name := p.String()
	if strings.Contains(name, "*") {
		d.patterns = append(d.patterns, p)
		return
	}
	if d.names == nil {
		d.names = map[string]struct{}{}
	}
	d.names[name] = struct{}{}
}

func (d *Deny) addNet(p netip.Prefix) {
	if d.nets == nil {
		d.nets = map[netip.Prefix]struct{}{}
	}
	d.nets[p] = struct{}{}
	zero := netip.IPv6Unspecified()
	if p.Addr().Is4() {
		zero = netip.IPv4Unspecified()
	}
	if length := netip.PrefixFrom(zero, p.Bits()); !slices.Contains(d.lengths, length) {
		d.lengths = append(d.lengths, length)
	}
}

// Addr reports whether the address is shut out. Safe on nil.
func (d *Deny) Addr(a netip.Addr) bool {
	if d == nil {
		return false
	}
	a = a.Unmap().WithZone("") // a network holds addresses without one only
	return slices.ContainsFunc(d.lengths, func(length netip.Prefix) bool {
		if a.BitLen() != length.Addr().BitLen() {
			return false
		}
		_, denied := d.nets[netip.PrefixFrom(a, length.Bits()).Masked()]
		return denied
	}) || d.more.Addr(a)
}

// Name reports whether the DNS name (lower-case A-labels, no final dot) is shut out. Safe on nil.
func (d *Deny) Name(name string) bool {
	if d == nil {
		return false
	}
	_, denied := d.names[name]
	return denied || slices.ContainsFunc(d.patterns, func(p message.Pattern) bool { return p.MatchName(name) }) || d.more.Name(name)
}

// SetDeny replaces the list. It also shuts out clients that are connected: those that wait for a
// place or between messages at once, all others at their next command or at the end of the message
// that comes in, so that a stolen device is gone although its connection belongs to old settings.
func (s *Server) SetDeny(d *Deny) {
	s.deny.Store(d)
	s.mu.Lock()
	var out []*session
	for sess := range s.sessions {
		if d.Addr(sess.known.addr) || sess.known.name != "" && d.Name(sess.known.name) {
			out = append(out, sess)
		}
	}
	waited := s.dismiss(func(a *arrival) bool { return a.lane != laneProxied && d.Addr(a.addr) })
	s.mu.Unlock()
	for _, sess := range out {
		sess.in.Stop()
	}
	for _, a := range waited {
		s.refused(s.ctx, a.addr, refusedDenied, "on the deny list since it connected")
		refuse(a.conn, replyDenied)
	}
}

// who is a client as SetDeny sees it. The server's mutex guards it.
type who struct {
	addr netip.Addr
	name string // that it logged in with; empty: none
}

// know keeps who the client is for SetDeny, before the session looks at the list itself.
func (s *session) know() {
	s.srv.mu.Lock()
	defer s.srv.mu.Unlock()
	s.known = who{s.address(), s.tlsName}
}

// denied reports whether the client is shut out, by its address or the name it logged in with.
func (s *session) denied() bool {
	d := s.srv.deny.Load()
	return d.Addr(s.address()) || s.tlsName != "" && d.Name(s.tlsName)
}

// shutOut ends the session of a client that has come onto the list since it connected.
func (s *session) shutOut(ctx context.Context) bool {
	if !s.denied() {
		return false
	}
	s.srv.refused(ctx, s.address(), refusedDenied, "on the deny list since it connected")
	s.quit = true
	return true
}
