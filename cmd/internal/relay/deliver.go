package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// process runs one message through: checks, handler, next hop, log. It answers with one reply, or
// one for each recipient.
func (s *session) process(ctx context.Context, tx *transaction, c *wire.Content) []wire.Reply {
	tx.whole = time.Now()
	if s.shutOut(ctx) {
		return s.refuse(ctx, tx, ending{result: refusedDenied, replies: []wire.Reply{replyDenied}})
	}
	if r := contentReply(c); r.Code != 0 {
		return s.refuse(ctx, tx, contentEnding(c, r))
	}
	if err := tx.in.firstLine(); err != nil {
		return s.refuse(ctx, tx, readEnding(err))
	}
	m, err := message.FromSpool(tx.in.spool, message.ReadOptions{})
	if err != nil {
		return s.refuse(ctx, tx, readEnding(err))
	}
	defer m.Close() //nolint:errcheck // the spool is the intake's
	tx.messageID = m.LogID()
	// RFC 5321, Section 6.3.
	if len(m.Fields("Received")) > maxReceived {
		return s.refuse(ctx, tx, ending{result: "loop", replies: []wire.Reply{replyLoop}})
	}
	out := s.handle(ctx, m, tx)
	defer out.Close() //nolint:errcheck // releases memory only
	switch out.Action {
	// RFC 5321, Section 6.1: 250 only once the next hop is responsible for the message.
	case message.Accept:
		return s.deliver(ctx, tx, m, out)
	case message.Reject:
		return s.refuse(ctx, tx, ending{outcome: out, replies: []wire.Reply{fromOutcome(out.Reply, replyReject)}})
	case message.Defer, message.Quarantine: // a relay cannot hold mail
	}
	return s.refuse(ctx, tx, ending{outcome: out, replies: []wire.Reply{fromOutcome(out.Reply, replyDefer)}})
}

// contentReply is the refusal of what came in; no code: none.
func contentReply(c *wire.Content) wire.Reply {
	switch {
	case errors.Is(c.Err, message.ErrTooBig):
		return replyTooBig
	case errors.Is(c.Err, errFull):
		return replyFull
	case c.Err != nil:
		return replyLocal
	case c.Bare:
		// RFC 5321, Section 2.3.8. Another server might see the end of the message there.
		return replyBareLine
	}
	return wire.Reply{}
}

// Results of messages that no handler is given, in the words of the classes.
const (
	resultContent   = "content"
	resultMalformed = "malformed"
	resultTooBig    = "too-big"
	resultInternal  = "internal-error"
)

// contentEnding is the ending of a message whose content is refused with r.
func contentEnding(c *wire.Content, r wire.Reply) ending {
	e := ending{result: resultContent, replies: []wire.Reply{r}}
	switch {
	case errors.Is(c.Err, message.ErrTooBig):
		e.result = resultTooBig
	case c.Err != nil && !errors.Is(c.Err, errFull):
		e.result, e.err = resultInternal, c.Err
	}
	return e
}

// readEnding is the ending of a message that could not be read.
func readEnding(err error) ending {
	if header, ok := errors.AsType[*message.HeaderError](err); ok {
		out := &message.Outcome{Action: message.Reject, Attrs: []slog.Attr{slog.String("reason", err.Error())}}
		return ending{outcome: out, result: resultMalformed, replies: []wire.Reply{fromOutcome(header.Reply(), replyMalformed)}}
	}
	switch {
	case errors.Is(err, message.ErrMalformed):
		return ending{result: resultMalformed, replies: []wire.Reply{replyMalformed}}
	case errors.Is(err, message.ErrTooBig):
		return ending{result: resultTooBig, replies: []wire.Reply{replyTooBig}}
	}
	return ending{result: resultInternal, err: err, replies: []wire.Reply{replyLocal}}
}

// refuse ends the next hop's transaction and answers for all recipients.
func (s *session) refuse(ctx context.Context, tx *transaction, e ending) []wire.Reply {
	s.srv.pool.Put(tx.hop)
	tx.hop = nil
	s.record(ctx, tx, e)
	return e.replies
}

// handle calls the handler. A panic there defers the message.
func (s *session) handle(ctx context.Context, m *message.Message, tx *transaction) (out *message.Outcome) {
	if tx.handler == nil {
		return &message.Outcome{Action: message.Accept, Result: "passed"}
	}
	ctx, cancel := context.WithTimeout(ctx, s.srv.opts.Limits.HandleTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			out = internalError(fmt.Errorf("panic: %v", p), slog.String("stack", string(debug.Stack())))
		}
	}()
	if out = tx.handler.Handle(ctx, m, s.envelope(tx)); out == nil {
		out = internalError(errors.New("no outcome"))
	}
	return out
}

// internalError is the outcome where the handler failed: the message is deferred.
func internalError(err error, attrs ...slog.Attr) *message.Outcome {
	return &message.Outcome{Result: resultInternal, Level: slog.LevelError, Attrs: append(attrs, slog.String("error", "relay: the handler failed: "+err.Error()))}
}

func (s *session) envelope(tx *transaction) *message.Envelope {
	env := &message.Envelope{
		MailFrom:  tx.mail.from,
		Submitter: s.submitter(),
		Hello:     s.hello,
		QueueID:   tx.id,
		UTF8:      tx.mail.utf8,
		Received:  time.Now(),
	}
	for _, r := range tx.rcpts {
		env.Rcpt = append(env.Rcpt, r.path)
	}
	return env
}

// deliver sends every form of the message in a next-hop transaction of its own
// and makes the client's answer of theirs.
func (s *session) deliver(ctx context.Context, tx *transaction, m *message.Message, out *message.Outcome) []wire.Reply {
	s.refresh(ctx, tx)
	if tx.hop != nil {
		tx.hop.Until = tx.whole.Add(s.srv.opts.Limits.AnswerTimeout)
	}
	replies := make([]wire.Reply, len(tx.rcpts))
	parts := split(tx.rcpts, out)
	for i, p := range parts {
		p.edit = s.complete(tx, m, p.edit)
		p.outcome = out
		s.deliverPart(ctx, tx, m, p, len(parts) > 1, replies)
		// For one answer to all, nothing more is worth sending once something failed.
		if !s.srv.opts.LMTP && i < len(parts)-1 && !allAccepted(replies, p.at) {
			break
		}
	}
	s.srv.pool.Put(tx.hop)
	tx.hop = nil
	if !s.srv.opts.LMTP {
		// RFC 5321, Section 4.2.5: one reply for all recipients.
		replies = []wire.Reply{merge(replies)}
	}
	s.record(ctx, tx, ending{outcome: out, replies: replies})
	return replies
}

// deliverPart sends one form and fills in the replies of its recipients.
// again: the open transaction names other recipients too, so a new one is made.
func (s *session) deliverPart(ctx context.Context, tx *transaction, m *message.Message, p part, again bool, replies []wire.Reply) {
	var final []wire.Reply
	var err error
	all := p.at
	if again {
		p.at, err = s.reopen(tx, p, replies)
	}
	if err == nil && len(p.at) > 0 {
		final, err = s.send(ctx, tx, m, p)
	}
	if err != nil {
		s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: next hop lost", slog.String("id", tx.id), slog.String("error", err.Error()))
		if tx.hop != nil {
			tx.hop.Close()
			tx.hop = nil
		}
	}
	for n, i := range p.at {
		switch {
		case len(final) == 1 && (err == nil || !final[0].OK()):
			replies[i] = final[0].Forward()
		case n < len(final):
			replies[i] = final[n].Forward()
		default:
			replies[i] = replyHopLost
		}
	}
	for _, i := range all {
		if replies[i].Closes() || replies[i].Code < 200 {
			replies[i] = replyHopLost
		}
	}
}

// errLost means that the next hop was lost before the message was sent.
var errLost = errors.New("relay: connection to the next hop was lost")

// send runs one next-hop transaction to its end. Replies: one for all, or one for each recipient.
func (s *session) send(ctx context.Context, tx *transaction, m *message.Message, p part) ([]wire.Reply, error) {
	if tx.hop == nil {
		return nil, errLost
	}
	// RFC 6152, Section 3: 8-bit content only goes to a server that offers it.
	if !tx.hop.Offers("8BITMIME") && !tx.hop.Hop.LMTP {
		converted, edit, err := s.to7Bit(ctx, m, p.edit)
		if errors.Is(err, ErrEightBit) {
			return []wire.Reply{reply8Bit}, nil
		}
		if err != nil {
			return []wire.Reply{replyLocal}, err
		}
		if converted != m {
			// memory and unlinked files
			defer func() { _ = errors.Join(edit.Close(), converted.Close()) }()
		}
		m, p.edit = converted, edit
	}
	edit, err := finish(ctx, p.outcome, m, p.edit)
	if err != nil {
		return []wire.Reply{unfinished(p.outcome)}, nil // the log line says why
	}
	final, err := tx.hop.Send(len(p.at), func(w io.Writer) error {
		_, failed := m.WriteEdited(w, edit)
		return failed
	})
	// RFC 5321, Section 3.8.
	if len(final) > 0 && final[0].Closes() {
		err = errors.Join(err, fmt.Errorf("%w: %s", errLost, final[0]))
	}
	return final, err
}

// reopen makes a transaction for the recipients of one part, and returns those whom the next hop
// takes. It took all of them before; who is refused now gets that reply, and so do all of the part
// where the client has one answer for all: nothing is sent then.
func (s *session) reopen(tx *transaction, p part, replies []wire.Reply) (taken []int, err error) {
	if tx.hop == nil {
		return p.at, errLost
	}
	lines := []string{"RSET", tx.mail.line(tx.hop)}
	for _, i := range p.at {
		lines = append(lines, tx.rcpts[i].line())
	}
	answers, err := tx.hop.Envelope(lines)
	first := nexthop.Refused(answers)
	if err == nil && first.Closes() {
		err = fmt.Errorf("%w: %s", errLost, first) // RFC 5321, Section 3.8
	}
	if err != nil {
		return p.at, err
	}
	whole := !answers[0].OK() || !answers[1].OK() || !s.srv.opts.LMTP && !first.OK()
	for n, i := range p.at {
		switch r := answers[n+2]; {
		case whole:
			replies[i] = first.Forward()
		case r.OK():
			taken = append(taken, i)
		default:
			replies[i] = r.Forward()
		}
	}
	return taken, nil
}
