package relay

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// hangGuard is how long a test waits for what must come at once.
const hangGuard = 2 * time.Minute

// accepted is one message a next hop accepted, with its envelope as it came over the wire.
type accepted struct {
	mail  string   // the MAIL line
	rcpts []string // the RCPT lines that were answered 2xx
	data  string   // dots of transparency removed
}

// inbox holds the messages that a next hop accepted, and where it listens.
type inbox struct {
	listener net.Listener
	mu       sync.Mutex
	mails    []accepted
}

// got returns the messages accepted so far.
func (b *inbox) got() []accepted {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mails)
}

func (b *inbox) add(m accepted) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, m)
}

// hopAddress is a next hop as a relay is configured.
func hopAddress(l net.Listener, lmtp bool) string {
	a := l.Addr().String()
	if l.Addr().Network() == "unix" {
		a = "unix:" + a
	}
	if lmtp {
		a = "lmtp:" + a
	}
	return a
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// sink is a next hop by go-smtp that accepts everything.
type sink struct {
	*smtp.Server
	inbox
}

func startSink(tb testing.TB) *sink {
	tb.Helper()
	return serveSink(tb, listen(tb), nil, false)
}

// serveSink offers STARTTLS where conf is not nil.
func serveSink(tb testing.TB, l net.Listener, conf *tls.Config, lmtp bool) *sink {
	tb.Helper()
	s := &sink{inbox: inbox{listener: l}}
	s.Server = newSink(func(m accepted) error { s.add(m); return nil })
	s.TLSConfig, s.LMTP = conf, lmtp
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	tb.Cleanup(func() {
		s.Close()
		_ = l.Close() // Close knows it only once Serve has begun
		<-done
	})
	return s
}

func (s *sink) address() string { return hopAddress(s.listener, s.LMTP) }

// newSink is a server that gives keep each message before it answers 250.
func newSink(keep func(accepted) error) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{keep: keep}, nil }))
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.MaxLineLength = 0 // lines of messages may have any length
	return s
}

// sinkSession implements smtp.Session.
type sinkSession struct {
	accepted
	keep func(accepted) error
}

func (s *sinkSession) Reset()      { s.accepted = accepted{} }
func (*sinkSession) Logout() error { return nil }

func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.mail = "MAIL FROM:<" + from + ">"
	return nil
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.rcpts = append(s.rcpts, "RCPT TO:<"+to+">")
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.data = string(b)
	return cmp.Or(s.keep(s.accepted), error(&smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "Ok: queued as Q1"}))
}

// scriptedHop is a next hop whose replies a test writes, and whose commands it can read. Set the
// fields before start.
type scriptedHop struct {
	inbox
	lmtp  bool
	words []string // EHLO keywords
	tls   *tls.Config
	// answer overrides the reply to a command line, or to the end of content ("." and for LMTP ".
	// <address>"). Empty: the usual reply. "close" hangs up, also as the last line of a reply; a
	// reply of 421 does so too. Sessions call it at the same time.
	answer func(line string) string
	forget bool // keep no messages
	// cutAt hangs up after so many bytes of content; 0: never.
	cutAt int

	wg     sync.WaitGroup
	lines  []string // all commands, of all connections
	conns  map[net.Conn]struct{}
	opened int
	closed bool
}

func (s *scriptedHop) start(tb testing.TB) *scriptedHop {
	tb.Helper()
	s.serve(tb, listen(tb))
	return s
}

func (s *scriptedHop) serve(tb testing.TB, l net.Listener) {
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

func (s *scriptedHop) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = struct{}{}
	s.opened++
	return !s.closed
}

func (s *scriptedHop) leave(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

// stop ends the next hop and all its connections.
func (s *scriptedHop) stop() {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *scriptedHop) address() string { return hopAddress(s.listener, s.lmtp) }

// commands returns the command lines so far that begin with a verb.
func (s *scriptedHop) commands(verb string) []string {
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

// scriptedSession is one connection of a scripted next hop.
type scriptedSession struct {
	*scriptedHop
	conn net.Conn
	r    *bufio.Reader
	mail string
	rcpt []string
}

func (s *scriptedHop) session(conn net.Conn) {
	ss := &scriptedSession{scriptedHop: s, conn: conn, r: bufio.NewReader(conn)}
	if !ss.send(ss.reply("greeting", "220 hop")) {
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

func (ss *scriptedSession) reply(line, usual string) string {
	if ss.answer != nil {
		if r := ss.answer(line); r != "" {
			return r
		}
	}
	return usual
}

func (ss *scriptedSession) send(reply string) bool {
	if reply == "close" {
		return false
	}
	reply, hangUp := strings.CutSuffix(reply, "\r\nclose")
	_, err := io.WriteString(ss.conn, reply+"\r\n")
	return err == nil && !hangUp && !strings.HasPrefix(reply, "421")
}

func (ss *scriptedSession) command(line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	usual := "250 2.0.0 ok"
	switch verb {
	case "EHLO", "LHLO":
		usual = "250-hop\r\n"
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
	if !ss.send(r) || verb == "QUIT" {
		return false
	}
	if r[0] != '2' && r[0] != '3' {
		return true
	}
	return ss.after(verb, line)
}

// after is what a command that was accepted leads to.
func (ss *scriptedSession) after(verb, line string) bool {
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

func (ss *scriptedSession) data() bool {
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
			return ss.send(ss.reply("cut", "close"))
		}
	}
	m := accepted{mail: ss.mail, data: b.String()}
	mail, rcpts := ss.mail, ss.rcpt
	ss.mail, ss.rcpt = "", nil
	if !ss.lmtp {
		r := ss.reply(".", "250 2.0.0 Ok: queued as Q1")
		if r[0] == '2' {
			m.rcpts = rcpts
			ss.keep(m)
		}
		return ss.send(r)
	}
	for _, rcpt := range rcpts {
		r := ss.reply(". "+rcpt, "250 2.0.0 saved for "+fmt.Sprint(len(mail)))
		if r[0] == '2' {
			m.rcpts = []string{rcpt}
			ss.keep(m)
		}
		if !ss.send(r) {
			return false
		}
	}
	return true
}

func (ss *scriptedSession) keep(m accepted) {
	if !ss.forget {
		ss.add(m)
	}
}
