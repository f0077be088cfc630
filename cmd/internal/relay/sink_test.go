package relay

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hangGuard is how long a test waits for what must come at once.
const hangGuard = 2 * time.Minute

// taken is one message a sink took, with its envelope as it came over the wire.
type taken struct {
	mail  string   // the MAIL line
	rcpts []string // the RCPT lines that were answered 2xx
	data  string   // dots of transparency removed
}

// sink is a next hop in this process. Set the fields before start.
type sink struct {
	lmtp  bool
	words []string // EHLO keywords
	tls   *tls.Config
	// answer overrides the reply to a command line, or to the end of content ("." and for LMTP ".
	// <address>"). Empty: the usual reply. "close" hangs up; a reply of 421 does so too. Sessions
	// call it at the same time.
	answer func(line string) string
	forget bool // keep no messages
	// cutAt hangs up after so many bytes of content; 0: never.
	cutAt int

	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	mails    []taken
	lines    []string // all commands, of all connections
	conns    map[net.Conn]struct{}
	opened   int
	closed   bool
}

func (s *sink) start(tb testing.TB) *sink {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.serve(tb, l)
	return s
}

func (s *sink) serve(tb testing.TB, l net.Listener) {
	tb.Helper()
	s.listener, s.conns = l, map[net.Conn]struct{}{}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if !s.enter(conn) {
				conn.Close()
				return
			}
			s.wg.Go(func() {
				defer s.leave(conn)
				s.session(conn)
			})
		}
	})
	tb.Cleanup(s.stop)
}

func (s *sink) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = struct{}{}
	s.opened++
	return !s.closed
}

func (s *sink) leave(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

// stop ends the sink and all its connections.
func (s *sink) stop() {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *sink) address() string {
	a := s.listener.Addr().String()
	if s.listener.Addr().Network() == "unix" {
		a = "unix:" + a
	}
	if s.lmtp {
		a = "lmtp:" + a
	}
	return a
}

// got returns the messages taken so far.
func (s *sink) got() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// commands returns the command lines so far that begin with a verb.
func (s *sink) commands(verb string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, l := range s.lines {
		if strings.HasPrefix(l, verb) {
			out = append(out, l)
		}
	}
	return out
}

// sinkSession is one connection of a sink.
type sinkSession struct {
	*sink
	conn net.Conn
	r    *bufio.Reader
	mail string
	rcpt []string
}

func (s *sink) session(conn net.Conn) {
	ss := &sinkSession{sink: s, conn: conn, r: bufio.NewReader(conn)}
	if !ss.say(ss.reply("greeting", "220 sink")) {
		return
	}
	for {
		line, err := ss.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		if !ss.command(line) {
			return
		}
	}
}

func (ss *sinkSession) reply(line, usual string) string {
	if ss.answer != nil {
		if r := ss.answer(line); r != "" {
			return r
		}
	}
	return usual
}

func (ss *sinkSession) say(reply string) bool {
	if reply == "close" {
		return false
	}
	_, err := io.WriteString(ss.conn, reply+"\r\n")
	return err == nil && !strings.HasPrefix(reply, "421")
}

func (ss *sinkSession) command(line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	usual := "250 2.0.0 ok"
	switch verb {
	case "EHLO", "LHLO":
		usual = "250-sink\r\n"
		for _, w := range ss.words {
			usual += "250-" + w + "\r\n"
		}
		usual += "250 HELP"
		ss.mail, ss.rcpt = "", nil
	case "STARTTLS":
		usual = "220 go"
	case "MAIL":
		if ss.mail != "" {
			usual = "503 5.5.1 nested MAIL"
		}
	case "DATA":
		usual = "354 go"
	case "QUIT":
		usual = "221 bye"
	}
	r := ss.reply(line, usual)
	if !ss.say(r) || verb == "QUIT" {
		return false
	}
	if r[0] != '2' && r[0] != '3' {
		return true
	}
	return ss.after(verb, line)
}

// after is what a command that was accepted leads to.
func (ss *sinkSession) after(verb, line string) bool {
	switch verb {
	case "MAIL":
		ss.mail = line
	case "RCPT":
		ss.rcpt = append(ss.rcpt, line)
	case "RSET":
		ss.mail, ss.rcpt = "", nil
	case "DATA":
		return ss.data()
	case "STARTTLS":
		conn := tls.Server(ss.conn, ss.tls)
		if conn.Handshake() != nil {
			return false
		}
		ss.conn, ss.r = conn, bufio.NewReader(conn)
	}
	return true
}

func (ss *sinkSession) data() bool {
	var b bytes.Buffer
	for {
		line, err := ss.r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
		if ss.cutAt > 0 && b.Len() > ss.cutAt {
			return ss.say(ss.reply("cut", "close"))
		}
	}
	m := taken{mail: ss.mail, data: b.String()}
	mail, rcpts := ss.mail, ss.rcpt
	ss.mail, ss.rcpt = "", nil
	if !ss.lmtp {
		r := ss.reply(".", "250 2.0.0 Ok: queued as Q1")
		if r[0] == '2' {
			m.rcpts = rcpts
			ss.take(m)
		}
		return ss.say(r)
	}
	for _, rcpt := range rcpts {
		r := ss.reply(". "+rcpt, "250 2.0.0 saved for "+fmt.Sprint(len(mail)))
		if r[0] == '2' {
			m.rcpts = []string{rcpt}
			ss.take(m)
		}
		if !ss.say(r) {
			return false
		}
	}
	return true
}

func (ss *sinkSession) take(m taken) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if !ss.forget {
		ss.mails = append(ss.mails, m)
	}
}
