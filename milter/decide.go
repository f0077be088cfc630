//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// decide gets the outcome from the handler, or from its Unfit when the message is too big or
// malformed.
func (s *session) decide(m gomilter.Modifier) *message.Outcome {
	if s.failed || s.handler == nil {
		return internal(errors.New("milter: the MTA broke the protocol"))
	}
	msg, err := s.msg.message()
	if err != nil {
		return s.unfit(m, err)
	}
	defer func() { _ = msg.Close() }()
	s.messageID = msg.LogID()
	out := s.run(m, func(ctx context.Context) *message.Outcome {
		return finished(ctx, msg, s.handler.Handle(ctx, msg, s.env))
	})
	s.srv.hintOrder(msg, out)
	return out
}

// finished makes the last change of a message that passes. An MTA can give all recipients only the
// same form: an outcome with others passes none.
func finished(ctx context.Context, msg *message.Message, out *message.Outcome) *message.Outcome {
	if out == nil || out.Finish == nil || out.Action != message.Accept && out.Action != message.Quarantine || len(out.Forms) > 0 {
		return out
	}
	edit, err := out.Finish(ctx, msg, out.Edit)
	switch {
	case err == nil:
		out.Edit = edit
	case out.Action == message.Accept || out.Action == message.Quarantine: // nothing else is said
		_ = out.Close() // memory and unlinked files
		return internal(err)
	}
	return out
}

func (s *session) unfit(m gomilter.Modifier, why error) *message.Outcome {
	head := s.msg.header()
	defer func() { _ = head.Close() }()
	s.messageID = head.LogID()
	unfitter, ok := s.handler.(message.Unfitter)
	if !ok {
		return refusal(why)
	}
	return s.run(m, func(ctx context.Context) *message.Outcome { return unfitter.Unfit(ctx, head, why, s.env) })
}

// run runs a decision with a deadline, and with progress reports where the MTA
// understands them. It ends when the MTA closes the connection.
func (s *session) run(m gomilter.Modifier, decision func(context.Context) *message.Outcome) (out *message.Outcome) {
	ctx, cancel := context.WithTimeout(s.srv.ctx, s.srv.opts.Timeout)
	defer cancel()
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

// answer turns an outcome into milter actions and the response. When the whole outcome cannot be
// applied the message is deferred: nothing is lost, and no message passes with half an edit.
// RFC 5321, Section 4.2.5: one reply for the whole message; RFC 5321, Section 6.1.
func (s *session) answer(out *message.Outcome) (message.Action, *gomilter.Response) {
	switch out.Action {
	case message.Accept, message.Quarantine:
		err := s.apply(out)
		if err == nil {
			return out.Action, gomilter.RespAccept
		}
		out.Attrs = append(out.Attrs, slog.Any("error", err))
		switch {
		case errors.Is(err, errFlood):
			out.Result = "malformed"
			return message.Reject, s.response(message.Reject, replyMalformed)
		case errors.Is(err, errNotOffered):
			out.Result, out.Level = "unsupported", slog.LevelError
		default:
			out.Result, out.Level = "internal-error", slog.LevelError
		}
		return message.Defer, s.response(message.Defer, replyDefer)
	case message.Reject:
		return message.Reject, s.response(message.Reject, out.Reply)
	case message.Defer:
	}
	return message.Defer, s.response(message.Defer, out.Reply)
}

func (s *session) apply(out *message.Outcome) error {
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
	if err := p.send(s.conn, s.proto&gomilter.OptHeaderLeadingSpace != 0); err != nil {
		return err
	}
	if out.Action == message.Quarantine {
		return s.conn.quarantine("dnseal: " + replyWord(out.Result))
	}
	return nil
}
