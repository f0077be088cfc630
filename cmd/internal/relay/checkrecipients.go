package relay

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// askHandler leaves of some recipients those whom the handler takes, with their places in replies,
// and replies to the others.
func (s *session) askHandler(ctx context.Context, replies []wire.Reply, places []int, rcpts []recipient) ([]int, []recipient) {
	if s.tx == nil || s.tx.handler == nil || len(rcpts) == 0 {
		return places, rcpts
	}
	var taken []int
	var left []recipient
	for n, out := range s.checkRecipients(ctx, rcpts) {
		if out == nil || out.Action == message.Accept {
			taken, left = append(taken, places[n]), append(left, rcpts[n])
			continue
		}
		fallback := replyDefer
		if out.Action == message.Reject {
			fallback = replyReject
		}
		r := fromOutcome(out.Reply, fallback)
		replies[places[n]] = r
		s.srv.opts.Log.LogAttrs(ctx, out.Level, "relay: recipient not taken", append([]slog.Attr{
			slog.String("id", s.tx.id), slog.String("rcpt", wire.Printable(rcpts[n].path)), slog.String("reply", r.String()),
		}, out.Attrs...)...)
	}
	return taken, left
}

// checkRecipients calls the handler. A panic there defers the recipients.
func (s *session) checkRecipients(ctx context.Context, rcpts []recipient) (out []*message.Outcome) {
	ctx, cancel := context.WithTimeout(ctx, s.srv.opts.Limits.HandleTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			failed := internalError(fmt.Errorf("panic: %v", p), slog.String("stack", string(debug.Stack())))
			out = nil
			for range rcpts {
				out = append(out, failed)
			}
		}
	}()
	var paths []string
	for _, r := range rcpts {
		paths = append(paths, r.path)
	}
	out = message.CheckRecipients(ctx, s.tx.handler, paths, s.envelope(s.tx))
	if len(out) != len(rcpts) {
		panic("not one outcome for each recipient")
	}
	return out
}
