package relay

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/wire"
)

// hopWait is how long every next hop waits for the next command: the shortest limit is that of
// Postfix under stress, 10 s.
const hopWait = 5 * time.Second

// refresh makes sure that the next hop still waits after a client that was slow with the
// content. Next hops hang up after some minutes (RFC 5321, Section 4.5.3.2), and a client on a slow
// line could never send a large message. The transaction is opened again at the same hop, with the
// same recipients; where one of them is refused now, the hop counts as lost, and the client
// gets the real reply when it tries again.
func (s *session) refresh(ctx context.Context, tx *transaction) {
	if tx.hop == nil || time.Since(tx.start) < hopWait {
		return
	}
	if r, err := tx.hop.Command("NOOP"); err == nil && r.OK() {
		return
	}
	hop := tx.hop.Hop
	tx.hop.Close()
	tx.hop = nil
	c, r, err := s.srv.pool.BeginAt(ctx, hop, s.peer, tx.mail.needs, tx.mail.line)
	if c != nil {
		lines := make([]string, len(tx.rcpts))
		for i, rcpt := range tx.rcpts {
			lines[i] = rcpt.line()
		}
		var replies []wire.Reply
		replies, err = c.Envelope(lines)
		if r = nexthop.Refused(replies); err == nil && r.OK() {
			tx.hop = c
			return
		}
		s.srv.pool.Put(c)
	}
	if err == nil {
		err = fmt.Errorf("%w: %s", errLost, r)
	}
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: next hop did not wait for the message", slog.String("id", tx.id), slog.String("error", err.Error()))
}
