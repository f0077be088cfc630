package relay

import (
	"bufio"
	"container/list"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"dnseal/cmd/internal/relay/wire"
)

// arrivals are the connections that wait, before the greeting, for others to end: a fleet comes all
// at once at the full hour. They wait in the order in which they came, a crowd in a lane of its
// own, because it may have less than all places. A connection that waits costs its descriptor and
// little memory: no session, no buffers, no TLS. The server's mutex guards all.
type arrivals struct {
	lanes   [2]list.List // of *arrival: the crowds' is the second
	waiting int
	crowded int // sessions of crowds
}

// arrival is a connection before its session.
type arrival struct {
	conn    net.Conn
	since   time.Time
	counted netip.Addr  // by perClient; zero: not
	crowd   bool        // from an address that many clients share
	timer   *time.Timer // ends its waiting
}

// lane is 1 for crowds.
func (a *arrival) lane() int {
	if a.crowd {
		return 1
	}
	return 0
}

// crowdShare is what part of all connections crowds may have, in percent: the other clients are
// served at the full hour too.
const crowdShare = 75

// isCrowd reports whether many clients share the address.
func (s *Server) isCrowd(a netip.Addr) bool {
	return slices.ContainsFunc(s.opts.Crowds, func(p netip.Prefix) bool { return p.Contains(a) })
}

// admit starts a session, has the connection wait for one, or sends 421.
func (s *Server) admit(conn net.Conn) {
	addr := addrPort(conn.RemoteAddr()).Addr()
	a := &arrival{conn: conn, since: time.Now()}
	s.mu.Lock()
	reason, cause := "", ""
	switch {
	// Behind a proxy the client's address comes later: see begin.
	case addr.IsValid() && !s.isProxy(addr):
		if a.crowd = s.isCrowd(addr); !a.crowd && !s.countLocked(a, addr) {
			reason, cause = refusedPerClient, s.perClientCause()
		}
	}
	if reason == "" && !s.take(a) {
		s.uncount(a.counted)
		reason, cause = refusedBusy, fmt.Sprintf("%d connections at most, and %d wait", s.opts.Limits.MaxConnections, s.arrivals.waiting)
	}
	s.mu.Unlock()
	if reason != "" {
		s.refused(s.ctx, addr, reason, cause)
		refuse(conn, replyBusy)
	}
}

// take starts the session of an arrival or has it wait; false: there are too many.
func (s *Server) take(a *arrival) bool {
	l := s.opts.Limits
	if s.closing && !s.retiring {
		return false
	}
	if s.arrivals.lanes[a.lane()].Len() == 0 && s.room(a.crowd) {
		s.start(a)
		return true
	}
	if s.arrivals.waiting >= l.MaxWaiting {
		return false
	}
	e := s.arrivals.lanes[a.lane()].PushBack(a)
	s.arrivals.waiting++
	a.timer = time.AfterFunc(l.WaitTimeout, func() { s.expire(e) })
	return true
}

// room reports whether one more session may begin.
func (s *Server) room(crowd bool) bool {
	return len(s.sessions) < s.opts.Limits.MaxConnections && (!crowd || s.arrivals.crowded < s.crowdPlaces())
}

// start begins the session of an arrival.
func (s *Server) start(a *arrival) {
	sess := &session{
		srv: s, conn: a.conn, raw: a.conn, in: wire.NewInput(a.conn), out: bufio.NewWriterSize(&wire.Writer{Conn: a.conn}, 1<<10),
		counted: a.counted, crowd: a.crowd,
	}
	s.sessions[sess] = struct{}{}
	if a.crowd {
		s.arrivals.crowded++
	}
	s.running.Add(1)
	go sess.serve(s.ctx)
}

// startNext begins the sessions of those that wait longest, as many as there is room for.
func (s *Server) startNext() {
	for {
		var next *list.Element
		for i := range s.arrivals.lanes {
			e := s.arrivals.lanes[i].Front()
			if e == nil || !s.room(i == 1) {
				continue
			}
			if next == nil || e.Value.(*arrival).since.Before(next.Value.(*arrival).since) {
				next = e
			}
		}
		if next == nil {
			return
		}
		s.start(s.leaveLane(next))
	}
}

// leaveLane takes an arrival out of its lane.
func (s *Server) leaveLane(e *list.Element) *arrival {
	a := e.Value.(*arrival)
	s.arrivals.lanes[a.lane()].Remove(e)
	s.arrivals.waiting--
	a.timer.Stop()
	a.timer = nil
	return a
}

// expire refuses an arrival that has waited long enough, if it still waits.
func (s *Server) expire(e *list.Element) {
	a := e.Value.(*arrival)
	s.mu.Lock()
	waits := a.timer != nil
	if waits {
		s.uncount(s.leaveLane(e).counted)
	}
	s.mu.Unlock()
	if waits {
		s.refused(s.ctx, addrPort(a.conn.RemoteAddr()).Addr(), refusedBusy, fmt.Sprintf("%d connections at most, and none ended for %v", s.opts.Limits.MaxConnections, s.opts.Limits.WaitTimeout))
		refuse(a.conn, replyBusy)
	}
}

// dismiss refuses all that wait.
func (s *Server) dismiss() {
	for i := range s.arrivals.lanes {
		for e := s.arrivals.lanes[i].Front(); e != nil; e = s.arrivals.lanes[i].Front() {
			a := s.leaveLane(e)
			s.uncount(a.counted)
			refuse(a.conn, replyClosing)
		}
	}
}

// refuse sends a reply and does not wait for the client.
func refuse(conn net.Conn, r wire.Reply) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(r.Append(nil))
	_ = conn.Close()
}

// remove forgets a session that has ended; another may begin.
func (s *Server) remove(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, sess)
	s.uncount(sess.counted)
	if sess.crowd {
		s.arrivals.crowded--
	}
	s.startNext()
}

// count admits one more connection of addr, once a proxy has named it, or says why not. It has its
// place already, so that one of a crowd for which there is none does not wait.
func (s *Server) count(sess *session, addr netip.Addr) (reason, cause string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isCrowd(addr) {
		if s.arrivals.crowded >= s.crowdPlaces() {
			return refusedBusy, fmt.Sprintf("%d connections at most of crowds", s.crowdPlaces())
		}
		sess.crowd = true
		s.arrivals.crowded++
		return "", ""
	}
	a := &arrival{}
	if !s.countLocked(a, addr) {
		return refusedPerClient, s.perClientCause()
	}
	sess.counted = a.counted
	return "", ""
}

// crowdPlaces is how many connections crowds may have.
func (s *Server) crowdPlaces() int { return max(s.opts.Limits.MaxConnections*crowdShare/100, 1) }

func (s *Server) countLocked(a *arrival, addr netip.Addr) bool {
	key := clientKey(addr)
	if s.perClient[key] >= s.opts.Limits.MaxPerClient {
		return false
	}
	s.perClient[key]++
	a.counted = key
	return true
}

// uncount takes back count; safe with the zero address.
func (s *Server) uncount(key netip.Addr) {
	if !key.IsValid() {
		return
	}
	if s.perClient[key]--; s.perClient[key] <= 0 {
		delete(s.perClient, key)
	}
}

func (s *Server) perClientCause() string {
	return fmt.Sprintf("%d connections at most of one address; where many clients share it, name it in crowds", s.opts.Limits.MaxPerClient)
}
