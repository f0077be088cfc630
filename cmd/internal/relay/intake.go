package relay

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// errFull says that too many bytes are on their way in.
var errFull = errors.New("relay: too many bytes in flight")

// intake is the spool of one message, below the limits of this server.
type intake struct {
	srv   *Server
	spool *message.Spool
	left  int64     // bytes of content that may still come
	held  int64     // bytes counted as in flight
	trace int64     // size of our trace field
	until time.Time // when it must be whole
}

// newIntake begins a message with our trace field on top.
func (s *session) newIntake(tx *transaction) *intake {
	l := s.srv.opts.Limits
	in := &intake{srv: s.srv, spool: message.NewSpool(0), left: l.MaxBytes, until: time.Now().Add(l.DataTimeout)}
	_, _ = in.spool.Write([]byte(s.received(tx, time.Now())))
	in.trace = in.spool.Size()
	return in
}

// Write implements io.Writer. Errors: message.ErrTooBig, errFull, those of the spool.
func (in *intake) Write(p []byte) (int, error) {
	n := int64(len(p))
	if n > in.left {
		return 0, message.ErrTooBig
	}
	in.left -= n
	in.held += n
	if in.srv.inFlight.Add(n) > in.srv.opts.Limits.MaxInFlight {
		return 0, errFull
	}
	return in.spool.Write(p)
}

// close releases the spool and what is counted. Safe on nil and more than once.
func (in *intake) close() {
	if in == nil {
		return
	}
	in.srv.inFlight.Add(-in.held)
	in.held = 0
	_ = in.spool.Close()
}

// receiveContent reads a message (RFC 5321, Section 4.1.1.4), unless it came in chunks, and passes
// it on.
func (s *session) receiveContent(ctx context.Context) {
	c := s.tx.body
	if c == nil {
		s.tx.in = s.newIntake(s.tx)
		err := s.out.Flush()
		if err == nil {
			s.limitContent()
			c = &wire.Content{Normalize: s.srv.opts.NormalizeNewlines && s.trusted()}
			err = s.in.Data(c, s.tx.in)
		}
		if err != nil {
			s.lost(ctx, err)
			return
		}
	}
	s.finish(ctx, c)
}

func (s *session) limitContent() {
	l := s.srv.opts.Limits
	s.in.Limit(l.ReadTimeout, s.contentTime(l.DataTimeout))
}

// contentTime is most, or what is left for the content that comes in: chunks count as in flight,
// and commands may come between them.
func (s *session) contentTime(most time.Duration) time.Duration {
	if s.tx == nil || s.tx.in == nil {
		return most
	}
	return min(most, time.Until(s.tx.in.until))
}

// beforeContent checks the order of commands.
func (s *session) beforeContent(arguments bool) wire.Reply {
	switch {
	case !arguments:
		return replyArgument
	// RFC 3030, Section 2: no DATA after BDAT.
	case s.tx == nil || s.tx.in != nil:
		return replySequence
	// RFC 2033, Section 4.2: 503 where no recipient was accepted.
	case len(s.tx.rcpts) == 0 && s.srv.opts.LMTP:
		return replySequence
	// RFC 5321, Section 3.3: 554.
	case len(s.tx.rcpts) == 0:
		return wire.NewReply(554, "5.5.1", "No valid recipients")
	case s.tx.hop == nil:
		return replyHopLost
	}
	return wire.Reply{}
}

// lost ends the session because content broke off: its rest may still come, and nothing of it may
// become a command.
func (s *session) lost(ctx context.Context, err error) {
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelInfo, "relay: client lost in its message", slog.String("id", s.tx.id), slog.String("error", err.Error()))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.reply(replyTimeout)
	}
	s.quit = true
}

// cmdChunk reads a part of a message (BDAT: RFC 3030, Section 2). The library has no part in it; to
// the library, the last one is a message by DATA.
func (s *session) cmdChunk(ctx context.Context, arg string) {
	size, last, ok := parseChunk(arg)
	if !ok {
		// How many bytes follow is unknown, so what follows could be content or commands.
		s.reply(replyArgument)
		s.quit = true
		return
	}
	s.limitContent()
	if s.tx == nil || len(s.tx.rcpts) == 0 || (s.tx.in != nil && s.tx.body == nil) {
		if s.in.Chunk(size, &wire.Content{}, discard{}) != nil {
			s.quit = true
			return
		}
		s.replyError(replySequence)
		return
	}
	if s.tx.in == nil {
		s.tx.in, s.tx.body = s.newIntake(s.tx), &wire.Content{}
	}
	if err := s.in.Chunk(size, s.tx.body, s.tx.in); err != nil {
		s.lost(ctx, err)
		return
	}
	r := contentReply(s.tx.body)
	switch {
	case last:
		s.tx.body.Finish()
		s.pass("DATA", silence)
	case r.Code != 0:
		s.record(ctx, s.tx, contentEnding(s.tx.body, r))
		s.reply(r)
		s.pass("RSET", silence)
	// RFC 3030, Section 2: 250 to each chunk that came whole.
	default:
		s.reply(wire.NewReply(250, "2.0.0", strconv.FormatInt(size, 10)+" octets received"))
	}
}

func parseChunk(arg string) (size int64, last, ok bool) {
	number, word, more := strings.Cut(arg, " ")
	// RFC 3030, Section 2: digits only, because another server may read a sign in another way.
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || (more && !strings.EqualFold(word, "LAST")) {
		return 0, false, false
	}
	return int64(n), more, true
}

// discard is io.Discard without its hidden buffers.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// finish passes on a message that is complete. The library will send as many replies.
func (s *session) finish(ctx context.Context, c *wire.Content) {
	tx := s.tx
	replies := s.process(ctx, tx, c)
	s.tx = nil
	tx.close()
	// RFC 2033, Section 4.2: one reply for each recipient.
	for s.srv.opts.LMTP && len(replies) < len(tx.rcpts) {
		replies = append(replies, replies[len(replies)-1])
	}
	s.expected = append(s.expected, replies...)
}
