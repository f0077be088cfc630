package relay

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// ending is how a message ended: the handler's outcome, where it was called, else the server's own
// result and, where this machine is the cause, the error.
type ending struct {
	outcome *message.Outcome
	result  string
	err     error
	replies []wire.Reply
}

// record writes the one log line of a message and counts it.
func (s *session) record(ctx context.Context, tx *transaction, e ending) {
	r := message.Record{
		Envelope: s.envelope(tx), MessageID: tx.messageID, Outcome: e.outcome, Action: e.action(), Result: e.result, Auth: s.auth, Took: time.Since(tx.start), Err: e.err,
	}
	if tx.in != nil {
		r.Size = tx.in.held
	}
	if r.Result == "" && e.outcome != nil {
		r.Result = e.outcome.Result
	}
	// The next hop's queue id is in its reply.
	attrs := append(r.Attrs(), slog.String("reply", repliesText(e.replies)))
	s.srv.opts.Log.LogAttrs(ctx, r.Level(), "message", attrs...)
	if slices.ContainsFunc(e.replies, wire.Reply.OK) {
		s.idle, s.unknown = 0, 0
	}
	if s.srv.opts.OnDecision != nil {
		s.srv.opts.OnDecision(&r, worst(e.replies))
	}
}

// maxReplies is how many different replies of LMTP a line shows.
const maxReplies = 10

// repliesText is the different replies, in order.
func repliesText(replies []wire.Reply) string {
	var texts []string
	for _, r := range replies {
		text := wire.Printable(r.String())
		switch {
		case slices.Contains(texts, text):
		case len(texts) == maxReplies:
			return strings.Join(texts, "; ") + "; ..."
		default:
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

// action is the handler's, or follows from the replies.
func (e *ending) action() message.Action {
	if e.outcome != nil {
		return e.outcome.Action
	}
	switch worst(e.replies) {
	case 2:
		return message.Accept
	case 5:
		return message.Reject
	}
	return message.Defer
}

// worst is the greatest first digit of the replies.
func worst(replies []wire.Reply) int {
	digit := 0
	for _, r := range replies {
		// RFC 5321, Section 4.2.1.
		digit = max(digit, r.Code/100)
	}
	return digit
}
