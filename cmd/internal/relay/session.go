package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/emersion/go-smtp"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/sasl"
	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// session is one client's connection.
type session struct {
	srv  *Server
	raw  net.Conn // as accepted, for cutting it off
	conn net.Conn // with TLS, once there is any
	in   *wire.Input
	out  *bufio.Writer

	peer    nexthop.Origin
	counted netip.Addr
	lane    lane // that it is counted in
	known   who
	tls     *tls.ConnectionState
	hello   string
	esmtp   bool
	offered []string // keywords of the last EHLO
	user    string   // who logged in by password
	tlsName string   // the DNS name proven by TLSA
	auth    string   // the mechanism of the login

	errors  int
	refused int // logins
	idle    int // commands that lead to no message, since the last one that was taken
	unknown int // recipients that were refused since then
	tx      *transaction
	quit    bool // no further command is read

	// The dialogue with the library.
	lib      *smtp.Server
	verb     string       // of the last command
	feed     string       // commands it has not read yet
	expected []wire.Reply // one for each reply it owes
	libLine  []byte       // a line of its reply so far
	libReply wire.Reply   // its reply so far
	ended    bool         // closed by the library

	login       sasl.Exchange // in progress
	mechanism   string        // its
	claimed     string        // the name that it is for, once it is known
	challenged  bool          // the next line is a response
	response    []byte        // nil: none
	responseErr error         // it is malformed, or cancels the login
}

// recipient is one accepted RCPT.
type recipient struct {
	path   string
	params []param
}

// transaction is one mail, from MAIL on.
type transaction struct {
	id    string
	mail  mail
	rcpts []recipient
	hop   *nexthop.Client // the open transaction at the next hop; nil once it was lost
	in    *intake         // while content comes in chunks
	body  *wire.Content
	start time.Time
	whole time.Time // when the content was there
	// messageID is for the log; empty while the message is not read.
	messageID string
	// handler is for this message alone, until release; nil passes it on as it came.
	handler message.Handler
	release func()
}

// close releases what the transaction holds here. Safe on nil and more than once.
func (tx *transaction) close() {
	if tx == nil {
		return
	}
	tx.in.close()
	if tx.release != nil {
		tx.release()
	}
	tx.handler, tx.release = nil, nil
}

// serve runs a session up to the library, whose goroutine goes on with it.
func (s *session) serve(ctx context.Context) {
	passed := false
	defer func() {
		if s.recover(recover()); !passed {
			s.end()
		}
	}()
	if s.begin(ctx) {
		passed = true
		s.startLibrary()
	}
}

// begin finds out who is there.
func (s *session) begin(ctx context.Context) bool {
	s.peer.Addr, s.peer.Local = addrPort(s.conn.RemoteAddr()), addrPort(s.conn.LocalAddr())
	if err := s.proxied(); err != nil {
		s.srv.refused(ctx, s.address(), refusedProxy, err.Error())
		return false
	}
	s.know()
	if s.denied() {
		s.srv.refused(ctx, s.address(), refusedDenied, "on the deny list")
		s.reply(replyDenied)
		return false
	}
	// Any other than a proxy was counted when it arrived.
	if a := s.peer.Addr.Addr(); s.srv.isProxy(addrPort(s.conn.RemoteAddr()).Addr()) {
		if reason, cause := s.srv.count(s, a); reason != "" {
			s.srv.refused(ctx, a, reason, cause)
			s.reply(replyBusy)
			return false
		}
	}
	return !s.srv.opts.Implicit || s.encrypt(ctx)
}

// addrPort is the zero value for unix sockets.
func addrPort(a net.Addr) netip.AddrPort {
	if a, ok := a.(*net.TCPAddr); ok {
		ap := a.AddrPort()
		// networks hold addresses without a zone only
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	return netip.AddrPort{}
}

// address is the client's, with a unix socket counted as this machine.
func (s *session) address() netip.Addr {
	if a := s.peer.Addr.Addr(); a.IsValid() {
		return a
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// end releases everything.
func (s *session) end() {
	defer s.srv.running.Done()
	defer s.srv.remove(s)
	s.dropTransaction()
	s.endLogin()
	_ = s.out.Flush()
	_ = s.conn.Close()
}

// reply sends a reply, at the latest when the session waits for its client. An error of the
// connection stays for Flush.
func (s *session) reply(r wire.Reply) { _, _ = s.out.Write(r.Append(s.out.AvailableBuffer())) }

// replyError refuses a wrong command.
func (s *session) replyError(r wire.Reply) { s.reply(s.countError(r)) }

// countError counts a wrong command and returns the reply to it; too many end the session.
func (s *session) countError(r wire.Reply) wire.Reply {
	if s.errors++; s.errors >= s.srv.opts.Limits.MaxErrors {
		s.quit = true
		return replyErrors
	}
	return r
}

// Bounds of what a client may do without handing in a message. Postfix has the first too
// (smtpd_junk_command_limit).
const (
	maxIdle    = 100  // EHLO, RSET, NOOP and VRFY
	maxUnknown = 1000 // recipients that are refused: a list with many that are gone goes through
)

// tooIdle counts a command that leads to no message; true: they are too many, and the session ends.
func (s *session) tooIdle() bool {
	if s.idle++; s.idle <= maxIdle {
		return false
	}
	s.reply(replyErrors)
	s.quit = true
	return true
}

// countRefused counts the reply to a recipient; too many refusals end the session.
func (s *session) countRefused(r wire.Reply) wire.Reply {
	if r.Code < 500 {
		return r
	}
	if s.unknown++; s.unknown > max(maxUnknown, s.srv.opts.Limits.MaxRecipients) {
		s.quit = true
		return replyErrors
	}
	return r
}

// submitter are the facts about who is there.
func (s *session) submitter() message.Submitter {
	return message.Submitter{User: s.user, TLSName: s.tlsName, Addr: s.address()}
}

// mayMail reports whether this client may begin a transaction here.
func (s *session) mayMail() bool {
	return s.srv.opts.Inbound || s.loggedIn() || s.trusted()
}

// trusted reports whether the client is in a network that may submit without logging in.
func (s *session) trusted() bool {
	a := s.address()
	for _, p := range s.srv.opts.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// dropTransaction forgets the mail, here and at the next hop.
func (s *session) dropTransaction() {
	tx := s.tx
	if tx == nil {
		return
	}
	s.tx = nil
	tx.close()
	s.srv.pool.Put(tx.hop)
}
