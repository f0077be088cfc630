package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

var errFinish = errors.New("relay: the last change of a message failed")

// finish has the outcome make its last change to a form. After an error, of which a panic is one,
// the outcome says what becomes of the message, and it is not accepted.
func finish(ctx context.Context, out *message.Outcome, m *message.Message, e *message.Edit) (edit *message.Edit, err error) {
	if out.Finish == nil {
		return e, nil
	}
	defer func() {
		if p := recover(); p != nil {
			out.Attrs = append(out.Attrs, slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("%w: panic: %v", errFinish, p)
		}
		if err != nil && out.Action != message.Defer && out.Action != message.Reject {
			out.Action, out.Result, out.Level = message.Defer, resultInternal, slog.LevelError
			out.Attrs = append(out.Attrs, slog.String("error", err.Error()))
		}
	}()
	return out.Finish(ctx, m, e)
}

// unfinished is the reply for a form that finish made none of.
func unfinished(out *message.Outcome) wire.Reply {
	if out.Action == message.Reject {
		return fromOutcome(out.Reply, replyReject)
	}
	return fromOutcome(out.Reply, replyDefer)
}
