//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// internal is the outcome of a fault of this machine: the message is deferred.
// RFC 5321, Section 4.2.1: a 4xx reply makes the client try again.
func internal(err error, attrs ...slog.Attr) *message.Outcome {
	return &message.Outcome{Result: "internal-error", Level: slog.LevelError, Attrs: append(attrs, slog.Any("error", err))}
}

// refusal is the outcome of an unfit message when the handler is no message.Unfitter.
func refusal(why error) *message.Outcome {
	attrs := []slog.Attr{slog.Any("error", why)}
	switch {
	case errors.Is(why, message.ErrTooBig):
		// RFC 5321, Section 4.5.3.1.9.
		return &message.Outcome{Action: message.Reject, Reply: replyTooBig, Result: "too-big", Attrs: attrs}
	case errors.Is(why, message.ErrMalformed):
		return &message.Outcome{Action: message.Reject, Reply: malformedReply(why), Result: "malformed", Attrs: attrs}
	}
	return internal(why)
}

// malformedReply names the line of the header where that is the cause.
func malformedReply(why error) message.Reply {
	if header, ok := errors.AsType[*message.HeaderError](why); ok {
		return header.Reply()
	}
	return replyMalformed
}

// report writes the message's one log line and calls OnDecision.
func (s *session) report(macros gomilter.Macros, action message.Action, out *message.Outcome, took time.Duration) {
	r := message.Record{Envelope: s.env, MessageID: s.messageID, Outcome: out, Action: action, Result: out.Result, Size: s.msg.size, Took: took}
	if s.env.Submitter.User != "" {
		// The SASL mechanism is for the log only: {auth_authen} alone identifies the user (RFC
		// 4422, Section 2).
		r.Auth = macros.Get(gomilter.MacroAuthType)
	}
	if level := r.Level(); s.srv.log.Enabled(s.srv.ctx, level) {
		attrs := r.Attrs()
		if s.reply != "" {
			attrs = append(attrs, slog.String("reply", s.reply))
		}
		if daemon := macros.Get(gomilter.MacroDaemonName); daemon != "" {
			attrs = append(attrs, slog.String("daemon", daemon))
		}
		s.srv.log.LogAttrs(s.srv.ctx, level, "message", attrs...)
	}
	if s.srv.opts.OnDecision != nil {
		s.srv.opts.OnDecision(Decision{Action: action, Result: out.Result, Size: s.msg.size, Took: took})
	}
}

// hintOrder warns once when the body of a message with a DKIM signature was changed: the usual
// cause is a DKIM signer before this milter in the list.
// RFC 6376, Section 3.7: the signature covers a hash of the body.
func (s *Server) hintOrder(m *message.Message, out *message.Outcome) {
	if out.Edit == nil || out.Edit.Body == nil || len(m.Fields("DKIM-Signature")) == 0 {
		return
	}
	s.hint.Do(func() {
		s.log.LogAttrs(s.ctx, slog.LevelWarn, "milter: a message came with a DKIM-Signature, which its new body breaks; "+
			"if the DKIM signer is a milter too, name it after this one in the MTA's list of milters")
	})
}

// replyWord reduces a result to a word that is safe in an MTA's log.
func replyWord(s string) string {
	keep := func(c rune) rune {
		if c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return -1
	}
	return strings.Map(keep, s)
}
