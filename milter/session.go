//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"log/slog"
	"runtime/debug"
	"time"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// session follows one MTA connection. The library calls it from one goroutine.
type session struct {
	gomilter.NoOpMilter
	srv     *Server
	conn    *conn
	version uint32
	offered gomilter.OptAction
	proto   gomilter.OptProtocol

	peer peer
	env  *message.Envelope // nil outside a transaction
	// handler is for the current message, until release; nil outside a transaction.
	handler message.Handler
	release func()
	msg     assembly
	// rcptBytes is the size of the recipients.
	rcptBytes int
	// messageID and reply, which the client gets, are of the current message, for the log.
	messageID, reply string
	// failed says that a callback panicked: the current message is deferred.
	failed bool
}

// newSession begins the session of the connection, after the negotiation.
func (c *conn) newSession(version uint32, actions gomilter.OptAction, proto gomilter.OptProtocol, _ gomilter.DataSize) gomilter.Milter {
	c.session = &session{
		srv: c.srv, conn: c, version: version, offered: actions, proto: proto,
		msg: assembly{
			maxBytes: c.srv.opts.MaxBytes, maxHeader: c.srv.opts.MaxHeaderBytes,
			space: proto&gomilter.OptHeaderLeadingSpace == 0,
		},
	}
	return c.session
}

// contain turns a panic into a temporary failure of the message.
func (s *session) contain(resp **gomilter.Response) {
	r := recover()
	if r == nil {
		return
	}
	s.failed = true
	s.srv.log.LogAttrs(s.srv.ctx, slog.LevelError, "milter: panic",
		slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
	*resp = gomilter.RespTempFail
}

// NewConnection forgets the previous SMTP client.
func (s *session) NewConnection(gomilter.Modifier) error {
	s.reset()
	s.peer = peer{}
	return nil
}

// Connect notes the client's address.
func (s *session) Connect(_, family string, _ uint16, addr string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.peer = peer{addr: clientAddr(family, addr)}
	return gomilter.RespContinue, nil
}

// Helo notes the client's greeting (RFC 5321, Section 4.1.1.1).
func (s *session) Helo(name string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.peer.hello = name
	return gomilter.RespContinue, nil
}

// MailFrom begins a message.
// RFC 5321, Section 4.1.1.2: MAIL clears the state of the transaction before.
func (s *session) MailFrom(from, args string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.reset()
	s.handler, s.release = message.Hold(s.srv.opts.Handler)
	s.env = beginEnvelope(from, args)
	return gomilter.RespContinue, nil
}

// RcptTo notes a recipient (RFC 5321, Section 4.1.1.3).
func (s *session) RcptTo(to, _ string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.rcptBytes += len(to)
	// RFC 5321, Section 4.5.3.1.10: too many recipients are a temporary failure.
	if s.env == nil || len(s.env.Rcpt) >= maxRecipients || s.rcptBytes > maxRecipientsBytes {
		s.failed = true
		return gomilter.RespTempFail, nil
	}
	s.env.Rcpt = append(s.env.Rcpt, to)
	return gomilter.RespContinue, nil
}

// Header adds a header field to the message (RFC 5322, Section 2.2).
func (s *session) Header(name, value string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.msg.field([]byte(name), []byte(value))
	return gomilter.RespContinue, nil
}

// BodyChunk adds a piece of the body to the message, without the dot-stuffing of RFC 5321, Section
// 4.5.2, which the MTA has removed. When the message can no longer be whole, an MTA that waits for
// a reply here gets the reply to skip the rest.
func (s *session) BodyChunk(chunk []byte, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	_ = s.msg.body(bytes.NewReader(chunk), len(chunk))
	if s.msg.done() && s.proto&gomilter.OptSkip != 0 {
		return gomilter.RespSkip, nil
	}
	return gomilter.RespContinue, nil
}

// EndOfMessage lets the handler decide and applies its outcome.
// RFC 5321, Section 4.1.1.4: the reply to the end of the data is that to the message.
func (s *session) EndOfMessage(m gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.reset()
	defer s.contain(&resp)
	started := time.Now()
	if s.env == nil { // no MAIL command: the MTA broke the protocol
		s.env, s.failed = &message.Envelope{}, true
	}
	s.complete(s.env, m)
	out := s.decide(m)
	defer func() { _ = out.Close() }()
	action, resp := s.answer(out)
	s.report(m, action, out, time.Since(started))
	return resp, nil
}

// Abort drops the current message.
// RFC 5321, Section 4.1.1.5: RSET ends the transaction, not the session.
func (s *session) Abort(gomilter.Modifier) error {
	s.reset()
	return nil
}

// Cleanup frees what the session holds.
func (s *session) Cleanup(gomilter.Modifier) { s.reset() }

func (s *session) reset() {
	s.msg.reset()
	if s.release != nil {
		s.release()
	}
	s.handler, s.release = nil, nil
	s.env, s.rcptBytes, s.failed = nil, 0, false
	s.messageID, s.reply = "", ""
}
