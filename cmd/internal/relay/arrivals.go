package relay

import (
	"bufio"
	"container/list"
	"fmt"
	"net"
	"net/netip"
	"time"

	"dnseal/cmd/internal/relay/wire"
)

// arrival is a connection before its session.
type arrival struct {
	conn    net.Conn
	addr    netip.Addr // of the other end; zero: a unix socket
	since   time.Time
	counted netip.Addr // by perClient; zero: not
	lane    lane
	network netip.Prefix // that it waits as one of; in laneDirect
	timer   *time.Timer  // ends its waiting
}

// admit starts a session, has the connection wait for one, or refuses it.
func (s *Server) admit(conn net.Conn) {
	a := &arrival{conn: conn, addr: addrPort(conn.RemoteAddr()).Addr(), since: time.Now()}
	a.lane = s.laneOf(a.addr)
	// Before it could take a place among those that wait.
	if a.lane != laneProxied && a.addr.IsValid() && s.deny.Load().Addr(a.addr) {
		s.refused(s.ctx, a.addr, refusedDenied, "on the deny list")
		refuse(conn, replyDenied)
		return
	}
	s.mu.Lock()
	closing := s.phase == ends
	reason, cause := "", ""
	if !closing {
		reason, cause = s.take(a)
	}
	s.mu.Unlock()
	switch {
	case closing:
		refuse(conn, replyClosing)
	case reason != "":
		s.refused(s.ctx, a.addr, reason, cause)
		refuse(conn, replyBusy)
	}
}

// take starts the session of an arrival or has it wait, or says why not.
func (s *Server) take(a *arrival) (reason, cause string) {
	if a.lane == laneDirect && a.addr.IsValid() && !s.countLocked(a, a.addr) {
		return refusedPerClient, s.perClientCause()
	}
	if s.arrivals.lanes[a.lane].Len() == 0 && s.room(a.lane) {
		s.start(a)
		return "", ""
	}
	if cause = s.enqueue(a); cause != "" {
		s.uncount(a.counted)
		return refusedBusy, cause
	}
	return "", ""
}

// start begins the session of an arrival.
func (s *Server) start(a *arrival) {
	sess := &session{
		srv: s, conn: a.conn, raw: a.conn, in: wire.NewInput(a.conn), out: bufio.NewWriterSize(&wire.Writer{Conn: a.conn}, 1<<10),
		counted: a.counted, lane: a.lane,
	}
	s.sessions[sess] = struct{}{}
	s.arrivals.sessions[sess.lane]++
	s.running.Add(1)
	go sess.serve(s.ctx)
}

// startNext begins the sessions of those that wait longest, as many as there is room for.
func (s *Server) startNext() {
	for {
		var next *list.Element
		for i := range s.arrivals.lanes {
			e := s.arrivals.lanes[i].Front()
			if e == nil || !s.room(lane(i)) {
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
		s.refused(s.ctx, a.addr, refusedBusy, fmt.Sprintf("%d connections at most, and none ended for %v", s.opts.Limits.MaxConnections, s.opts.Limits.WaitTimeout))
		refuse(a.conn, replyBusy)
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
	s.arrivals.sessions[sess.lane]--
	s.startNext()
}

// count admits one more connection of addr, once a proxy has named it, or says why not. It has its
// place already, so that one of a crowd for which there is none does not wait.
func (s *Server) count(sess *session, addr netip.Addr) (reason, cause string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isCrowd(addr) {
		if s.arrivals.sessions[laneCrowd] >= s.places(laneCrowd) {
			return refusedBusy, fmt.Sprintf("%d connections at most of crowds", s.places(laneCrowd))
		}
		s.arrivals.sessions[sess.lane]--
		sess.lane = laneCrowd
		s.arrivals.sessions[laneCrowd]++
		return "", ""
	}
	a := &arrival{}
	if !s.countLocked(a, addr) {
		return refusedPerClient, s.perClientCause()
	}
	sess.counted = a.counted
	return "", ""
}

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
