package milter

import (
	"context"
	"errors"
	"fmt"
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
	version uint32
	offered gomilter.OptAction
	proto   gomilter.OptProtocol

	peer peer
	env  *message.Envelope // nil outside a transaction
	msg  assembly
	// rcptBytes is the size of the recipients.
	rcptBytes int
	// failed says that a callback panicked: the message at hand is deferred.
	failed bool
}

func (s *Server) newSession(version uint32, actions gomilter.OptAction, proto gomilter.OptProtocol, _ gomilter.DataSize) gomilter.Milter {
	return &session{
		srv: s, version: version, offered: actions, proto: proto,
		msg: assembly{
			maxBytes: s.opts.MaxBytes, maxHeader: s.opts.MaxHeaderBytes,
			space: proto&gomilter.OptHeaderLeadingSpace == 0,
		},
	}
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

// NewConnection forgets the SMTP client before.
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

// Helo notes the client's greeting.
func (s *session) Helo(name string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.peer.hello = name
	return gomilter.RespContinue, nil
}

// MailFrom begins a message.
func (s *session) MailFrom(from, args string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.reset()
	s.env = beginEnvelope(from, args)
	return gomilter.RespContinue, nil
}

// RcptTo notes a recipient.
func (s *session) RcptTo(to, _ string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.rcptBytes += len(to)
	if s.env == nil || len(s.env.Rcpt) >= maxRecipients || s.rcptBytes > maxRecipientsBytes {
		s.failed = true
		return gomilter.RespTempFail, nil
	}
	s.env.Rcpt = append(s.env.Rcpt, to)
	return gomilter.RespContinue, nil
}

// Header takes a header field.
func (s *session) Header(name, value string, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.msg.field(name, value)
	return gomilter.RespContinue, nil
}

// BodyChunk takes a piece of the body. Of a message that is lost anyhow no
// more is wanted, which only an MTA can be told that waits for replies here.
func (s *session) BodyChunk(chunk []byte, _ gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.contain(&resp)
	s.msg.body(chunk)
	if s.msg.done() && s.proto&gomilter.OptSkip != 0 {
		return gomilter.RespSkip, nil
	}
	return gomilter.RespContinue, nil
}

// EndOfMessage lets the handler decide and carries its outcome out.
func (s *session) EndOfMessage(m gomilter.Modifier) (resp *gomilter.Response, err error) {
	defer s.reset()
	defer s.contain(&resp)
	started := time.Now()
	if s.env == nil { // no MAIL command: the protocol was not kept
		s.env, s.failed = &message.Envelope{}, true
	}
	s.complete(s.env, m)
	out := s.decide(m)
	defer func() { _ = out.Close() }()
	action, resp := s.settle(m, out)
	s.report(action, out, m.Get(gomilter.MacroDaemonName), time.Since(started))
	return resp, nil
}

// Abort drops the message at hand. The client stays.
func (s *session) Abort(gomilter.Modifier) error {
	s.reset()
	return nil
}

// Cleanup frees what the session holds.
func (s *session) Cleanup(gomilter.Modifier) { s.reset() }

func (s *session) reset() {
	s.msg.reset()
	s.env, s.rcptBytes, s.failed = nil, 0, false
}

// decide asks the handler, or whoever decides about a message that it cannot be given.
func (s *session) decide(m gomilter.Modifier) *message.Outcome {
	if s.failed {
		return internal(errors.New("milter: the session was not kept"))
	}
	msg, err := s.msg.message()
	switch {
	case err == nil:
	case errors.Is(err, message.ErrTooBig), errors.Is(err, message.ErrMalformed):
		return s.unfit(m, err)
	default:
		return internal(err)
	}
	defer func() { _ = msg.Close() }()
	handler := s.srv.opts.Handler()
	out := s.ask(m, func(ctx context.Context) *message.Outcome { return handler.Handle(ctx, msg, s.env) })
	s.srv.hintOrder(msg, out)
	return out
}

func (s *session) unfit(m gomilter.Modifier, why error) *message.Outcome {
	if s.srv.opts.Unfit == nil {
		return refusal(why)
	}
	head := s.msg.header()
	defer func() { _ = head.Close() }()
	return s.ask(m, func(ctx context.Context) *message.Outcome { return s.srv.opts.Unfit(ctx, head, why, s.env) })
}

// ask runs a decision with a deadline, and with progress reports where the MTA
// knows them. An MTA that is gone ends it.
func (s *session) ask(m gomilter.Modifier, decision func(context.Context) *message.Outcome) (out *message.Outcome) {
	ctx, cancel := context.WithTimeout(s.srv.ctx, s.srv.opts.Timeout)
	defer cancel()
	s.srv.handlers.RLock()
	defer s.srv.handlers.RUnlock()
	if s.version >= 6 {
		p := startProgress(s.srv.opts.Progress, func() bool {
			if m.Progress() == nil {
				return true
			}
			cancel()
			return false
		})
		defer p.stop()
	}
	defer func() {
		if r := recover(); r != nil {
			out = internal(fmt.Errorf("milter: panic: %v", r), slog.String("stack", string(debug.Stack())))
		}
	}()
	if out = decision(ctx); out == nil {
		return internal(errors.New("milter: no outcome"))
	}
	return out
}

// settle turns an outcome into milter actions and the answer. Where that
// cannot be done as a whole the message is deferred: nothing is lost, and
// nothing passes on that is less than was decided.
func (s *session) settle(m gomilter.Modifier, out *message.Outcome) (message.Action, *gomilter.Response) {
	switch out.Action {
	case message.Accept, message.Quarantine:
		err := s.apply(m, out)
		if err == nil {
			return out.Action, gomilter.RespAccept
		}
		out.Attrs = append(out.Attrs, slog.Any("error", err))
		switch {
		case errors.Is(err, errFlood):
			out.Result = "malformed"
			return message.Reject, response(message.Reject, replyMalformed)
		case errors.Is(err, errNotOffered):
			out.Result = "unsupported"
		default:
			out.Result = "internal-error"
		}
		return message.Defer, response(message.Defer, replyDefer)
	case message.Reject:
		return message.Reject, response(message.Reject, out.Reply)
	case message.Defer:
	}
	return message.Defer, response(message.Defer, out.Reply)
}

func (s *session) apply(m gomilter.Modifier, out *message.Outcome) error {
	if len(out.Forms) > 0 {
		return fmt.Errorf("%w: different forms for some recipients", errNotOffered)
	}
	p, err := newPlan(out.Edit)
	if err != nil {
		return err
	}
	need := p.needs()
	if out.Action == message.Quarantine {
		need |= gomilter.OptQuarantine
	}
	if lack := need &^ s.offered; lack != 0 {
		return fmt.Errorf("%w: %s", errNotOffered, lack)
	}
	if err := p.carryOut(m); err != nil {
		return err
	}
	if out.Action == message.Quarantine {
		return m.Quarantine("dnseal: " + replyWord(out.Result))
	}
	return nil
}
