package sender

import (
	"errors"
	"log/slog"

	"dnseal/smime/message"
)

// Unfit is Handle for a message that an entry point could not take in: too big
// ([message.ErrTooBig]), unreadable ([message.ErrMalformed]), or, for any other reason, lost by
// trouble of this machine (class internal-error). head is its header, the body does not count, or
// nil when not even that could be read. A submitter who may not use the From is refused as in
// Handle. What cannot be read is refused too, because no receiver could verify it, and so is what
// would be passed on with its author unknown.
func (s *Sender) Unfit(head *message.Message, env *message.Envelope, why error) *message.Outcome {
	out := s.unfit(head, env, why)
	if out.Action == message.Accept && s.encrypts(env.Rcpt) {
		// It cannot be encrypted, and is not passed on in clear.
		class := unfitClass(why)
		out.Action, out.Result = DefaultActions()[class], string(class)
		out.Reply = s.reply(class, "", out.Action)
	}
	return s.observed(out)
}

func (s *Sender) unfit(head *message.Message, env *message.Envelope, why error) *message.Outcome {
	if errors.Is(why, message.ErrMalformed) {
		return s.unreadable(why)
	}
	class := unfitClass(why)
	h := &handling{Sender: s, m: head, env: env}
	if head == nil {
		out := h.stop(class, string(class), why.Error())
		if out.Action == message.Accept {
			out.Action, out.Reply = message.Reject, s.reply(class, "", message.Reject)
		}
		return out
	}
	h.pass, h.attrs = s.clean(head)
	if out := h.decide(); out != nil {
		return out
	}
	return h.stop(class, string(class), why.Error())
}

// unfitClass is the class of what can be read, and not taken in.
func unfitClass(why error) Class {
	if errors.Is(why, message.ErrTooBig) {
		return ClassTooBig
	}
	return ClassInternalError
}

// unreadable refuses a message for good, and names the line of its header where one is to blame.
// RFC 3463, Section 3.7.
func (s *Sender) unreadable(why error) *message.Outcome {
	r := message.Reply{Code: 554, Enhanced: "5.6.0", Text: "Message cannot be read"}
	if header, ok := errors.AsType[*message.HeaderError](why); ok {
		r = header.Reply()
	}
	return &message.Outcome{Action: message.Reject, Result: string(ClassMalformed), Reply: s.worded(ClassMalformed, r), Attrs: []slog.Attr{slog.String("reason", why.Error())}}
}
