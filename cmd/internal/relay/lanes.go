package relay

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// lane is what kind of client a connection is: each kind has its own share of the places and of
// those that wait, so that strangers do not keep a fleet out, nor a fleet all others.
type lane int

const (
	laneDirect  lane = iota // a client by its own address
	laneCrowd               // an address that many clients share
	laneProxied             // a proxy, before and after it named a client that is in no crowd
	lanes
)

// crowdShare is what part of all connections crowds may have, in percent: the other clients are
// served at the full hour too. Where there are crowds or proxies the others have no more either.
const crowdShare = 75

// networkPart is the part of those that wait in a lane which may be of one network.
const networkPart = 8

// arrivals are the connections that wait, before the greeting, for others to end: a fleet comes all
// at once at the full hour. They wait in the order in which they came, each kind in a lane of its
// own. A connection that waits costs its descriptor and little memory: no session, no buffers, no
// TLS. The server's mutex guards all.
type arrivals struct {
	lanes    [lanes]list.List     // of *arrival
	sessions [lanes]int           // that have a place
	networks map[netip.Prefix]int // waiting in laneDirect
}

func (a *arrivals) waiting() int {
	n := 0
	for i := range a.lanes {
		n += a.lanes[i].Len()
	}
	return n
}

// laneOf is the lane of a connection from an address; behind a proxy the client's comes later.
func (s *Server) laneOf(a netip.Addr) lane {
	switch {
	case a.IsValid() && s.isProxy(a):
		return laneProxied
	case s.isCrowd(a):
		return laneCrowd
	}
	return laneDirect
}

// isCrowd reports whether many clients share the address.
func (s *Server) isCrowd(a netip.Addr) bool {
	return slices.ContainsFunc(s.opts.Crowds, func(p netip.Prefix) bool { return p.Contains(a) })
}

// room reports whether one more session of a lane may begin.
func (s *Server) room(in lane) bool {
	return len(s.sessions) < s.opts.Limits.MaxConnections && s.arrivals.sessions[in] < s.places(in)
}

// places is how many connections of a lane there may be.
func (s *Server) places(in lane) int {
	if in == laneProxied || in == laneDirect && len(s.opts.Crowds)+len(s.opts.Proxies) == 0 {
		return s.opts.Limits.MaxConnections
	}
	return max(s.opts.Limits.MaxConnections*crowdShare/100, 1)
}

// network is what shares of those that wait are counted by: an IPv4 /24 or an IPv6 /48 (RFC 6177:
// what one site may have).
func network(a netip.Addr) netip.Prefix {
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // a unix socket
	}
	return p
}

// enqueue has an arrival wait; the cause says why it may not.
func (s *Server) enqueue(a *arrival) (cause string) {
	l := s.opts.Limits
	if n := s.arrivals.lanes[a.lane].Len(); n >= l.MaxWaiting {
		return fmt.Sprintf("%d connections at most, and %d wait", s.places(a.lane), n)
	}
	if a.lane == laneDirect {
		most := max(l.MaxWaiting/networkPart, l.MaxPerClient)
		if a.network = network(a.addr); s.arrivals.networks[a.network] >= most {
			return fmt.Sprintf("%d connections of %s wait already", most, a.network)
		}
		if s.arrivals.networks == nil {
			s.arrivals.networks = map[netip.Prefix]int{}
		}
		s.arrivals.networks[a.network]++
	}
	e := s.arrivals.lanes[a.lane].PushBack(a)
	a.timer = time.AfterFunc(l.WaitTimeout, func() { s.expire(e) })
	return ""
}

// leaveLane takes an arrival out of its lane.
func (s *Server) leaveLane(e *list.Element) *arrival {
	a := e.Value.(*arrival)
	s.arrivals.lanes[a.lane].Remove(e)
	if a.lane == laneDirect {
		if s.arrivals.networks[a.network]--; s.arrivals.networks[a.network] == 0 {
			delete(s.arrivals.networks, a.network)
		}
	}
	a.timer.Stop()
	a.timer = nil
	return a
}

// dismiss takes those that wait out of their lanes, where which is nil all, and returns them.
func (s *Server) dismiss(which func(*arrival) bool) (out []*arrival) {
	for i := range s.arrivals.lanes {
		for e := s.arrivals.lanes[i].Front(); e != nil; {
			next := e.Next()
			if which == nil || which(e.Value.(*arrival)) {
				a := s.leaveLane(e)
				s.uncount(a.counted)
				out = append(out, a)
			}
			e = next
		}
	}
	return out
}
