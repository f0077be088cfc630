package relay

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// hopPatience is how long every next hop waits for the next command: Postfix under stress is the
// least patient one, with 10 s.
const hopPatience = 5 * time.Second

// refresh makes sure that the next hop still waits after a client that took its time with the
// content. Next hops hang up after some minutes (RFC 5321, Section 4.5.3.2), and a client on a slow
// line could never send a large message. The transaction is opened anew at the same hop, with the
// same recipients; where one of them is not taken any more the hop counts as lost, and the client
// hears the real answer when it comes again.
func (s *session) refresh(ctx context.Context, tx *transaction) {
	if tx.hop == nil || time.Since(tx.start) < hopPatience {
		return
	}
	if r, err := tx.hop.command("NOOP"); err == nil && r.ok() {
		return
	}
	hop := tx.hop.hop
	tx.hop.close()
	tx.hop = nil
	c, r, err := s.srv.pool.beginAt(ctx, hop, s.peer, tx.mail.needs, tx.mail.line)
	if c != nil {
		if r, err = s.askAgain(c, tx); err == nil && r.ok() {
			tx.hop = c
			return
		}
		s.srv.pool.put(c)
	}
	if err == nil {
		err = fmt.Errorf("%w: %s", errLost, r)
	}
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: next hop did not wait for the message", slog.String("id", tx.id), slog.String("error", err.Error()))
}

// askAgain names all recipients once more. The reply is the first refusal, or a good one.
func (s *session) askAgain(c *client, tx *transaction) (reply, error) {
	var lines []string
	for _, rcpt := range tx.rcpts {
		lines = append(lines, rcpt.line())
	}
	replies, err := c.commands(lines)
	if err != nil {
		return replyHopLost, err
	}
	for _, r := range replies {
		if !r.ok() {
			return r, nil
		}
	}
	return replyOK, nil
}
