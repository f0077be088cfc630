package relay

import (
	"context"
	"log/slog"
	"time"

	"dnseal/cmd/internal/metrics"
	"dnseal/smime/message"
)

// record writes the one log line of a message and counts it. result stands
// where no handler spoke.
func (s *session) record(ctx context.Context, tx *transaction, out *message.Outcome, result string, replies ...reply) {
	took := time.Since(tx.start)
	attrs := []slog.Attr{
		slog.String("id", tx.id),
		slog.String("client", s.address().String()),
		slog.String("mail_from", tx.mail.from),
		slog.Int("rcpts", len(tx.rcpts)),
		slog.Duration("took", took),
	}
	if s.user != "" {
		attrs = append(attrs, slog.String("user", s.user))
	}
	if s.tlsName != "" {
		attrs = append(attrs, slog.String("tls", s.tlsName))
	}
	if tx.in != nil {
		attrs = append(attrs, slog.Int64("bytes", tx.in.held))
	}
	if out != nil {
		if result == "" {
			result = out.Result
		}
		attrs = append(attrs, slog.String("action", out.Action.String()))
		attrs = append(attrs, out.Attrs...)
	}
	attrs = append(attrs, slog.String("result", result))
	for _, r := range replies {
		// The next hop's queue id stands in its reply.
		attrs = append(attrs, slog.String("reply", printable(r.String())))
	}
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelInfo, "relay: message", attrs...)
	s.count(tx, result, took, replies)
}

func (s *session) count(tx *transaction, result string, took time.Duration, replies []reply) {
	role := "submission"
	if s.srv.opts.Inbound {
		role = "inbound"
	}
	e := metrics.Message{Door: "relay", Role: role, Result: result, Seconds: took.Seconds()}
	if tx.in != nil {
		e.Bytes = tx.in.held
	}
	for _, r := range replies {
		e.Reply = max(e.Reply, r.code/100)
	}
	s.srv.opts.Metrics.Message(e)
}
