package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// maxCommand is the longest command line taken: AUTH with an initial response (RFC 4954, Section
// 4).
const maxCommand = 12288

// session is one client's connection.
type session struct {
	srv  *Server
	raw  net.Conn // as accepted, for cutting it off
	conn net.Conn // with TLS, once there is any
	in   *wire.Input
	out  *bufio.Writer

	peer    nexthop.Origin
	counted netip.Addr
	tls     *tls.ConnectionState
	hello   string
	esmtp   bool
	offered []string // keywords of the last EHLO
	user    string   // who logged in by password
	tlsName string   // the DNS name proven by TLSA
	auth    string   // the mechanism of the login

	errors  int
	refused int // logins
	tx      *transaction
	quit    bool
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

func (s *session) serve(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			s.srv.opts.Log.LogAttrs(ctx, slog.LevelError, "relay: a session failed", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
		s.end()
	}()
	if !s.begin(ctx) {
		return
	}
	for !s.quit {
		if !s.next(ctx) {
			return
		}
	}
}

// begin finds out who is there and greets.
func (s *session) begin(ctx context.Context) bool {
	s.peer.Addr, s.peer.Local = addrPort(s.conn.RemoteAddr()), addrPort(s.conn.LocalAddr())
	if err := s.proxied(); err != nil {
		s.srv.refused(ctx, s.address(), refusedProxy, err.Error())
		return false
	}
	if s.denied() {
		s.srv.refused(ctx, s.address(), refusedDenied, "on the deny list")
		s.say(replyDenied)
		return false
	}
	if a := s.peer.Addr.Addr(); a.IsValid() && !s.srv.count(s, a) {
		s.srv.refused(ctx, a, refusedPerClient, fmt.Sprintf("%d connections at most of one address", s.srv.opts.Limits.MaxPerClient))
		s.say(replyBusy)
		return false
	}
	if s.srv.opts.Implicit && !s.encrypt(ctx) {
		return false
	}
	protocol := " ESMTP"
	if s.srv.opts.LMTP {
		protocol = " LMTP"
	}
	return s.say(wire.NewReply(220, "", s.srv.opts.Hostname+protocol))
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
	s.dropTransaction()
	_ = s.out.Flush()
	_ = s.conn.Close()
}

// next takes one command; false ends the session.
func (s *session) next(ctx context.Context) bool {
	l := s.srv.opts.Limits
	s.in.Limit(l.CommandTimeout, l.CommandTimeout)
	s.in.Rest(s.tx == nil)
	line, err := s.in.Line(maxCommand)
	s.in.Rest(false)
	switch {
	case errors.Is(err, wire.ErrLineTooLong):
		return s.bad(replyTooLong)
	case errors.Is(err, wire.ErrBareLine):
		return s.bad(replySyntax)
	case errors.Is(err, wire.ErrClosing):
		s.say(replyClosing)
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.say(replyTimeout)
		return false
	case err != nil:
		return false
	}
	return s.command(ctx, string(line))
}

// command runs one command line.
func (s *session) command(ctx context.Context, line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	arg = strings.TrimRight(arg, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "LHLO", "HELO":
		return s.cmdHello(ctx, strings.ToUpper(verb), arg)
	case "STARTTLS":
		return s.cmdStartTLS(ctx, arg)
	case "AUTH":
		return s.cmdAuth(ctx, arg)
	case "MAIL":
		return s.cmdMail(ctx, arg)
	case "RCPT":
		return s.cmdRcpt(ctx, arg)
	case "DATA":
		return s.cmdData(ctx, arg)
	case "BDAT":
		return s.cmdChunk(ctx, arg)
	case "RSET":
		s.dropTransaction()
		return s.say(replyOK)
	case "NOOP":
		return s.say(replyOK)
	case "VRFY":
		return s.say(wire.NewReply(252, "2.5.0", "Cannot tell; send mail and see"))
	case "QUIT":
		s.quit = true
		return s.say(replyBye)
	}
	return s.bad(replyUnknown)
}

// say answers; the reply leaves at once unless further commands are there already (RFC 2920,
// Section 3.2).
func (s *session) say(r wire.Reply) bool {
	_, err := s.out.Write(r.Append(nil))
	if err == nil && s.in.Pending() == nil {
		err = s.out.Flush()
	}
	return err == nil
}

// bad answers a wrong command; too many end the session.
func (s *session) bad(r wire.Reply) bool {
	if s.errors++; s.errors >= s.srv.opts.Limits.MaxErrors {
		s.say(replyErrors)
		return false
	}
	return s.say(r)
}

// submitter are the facts about who is there.
func (s *session) submitter() message.Submitter {
	return message.Submitter{User: s.user, TLSName: s.tlsName, Addr: s.address()}
}

// mayMail reports whether this client may begin a transaction here.
func (s *session) mayMail() bool {
	if s.srv.opts.Inbound || s.loggedIn() {
		return true
	}
	a := s.address()
	for _, p := range s.srv.opts.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// dropTransaction forgets the mail at hand, here and at the next hop.
func (s *session) dropTransaction() {
	tx := s.tx
	if tx == nil {
		return
	}
	s.tx = nil
	tx.close()
	s.srv.pool.Put(tx.hop)
}
