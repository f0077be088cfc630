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
	left  int64 // bytes of content that may still come
	held  int64 // bytes counted as in flight
	trace int64 // size of our trace field
}

// newIntake begins a message with our trace field on top.
func (s *session) newIntake(tx *transaction) *intake {
	in := &intake{srv: s.srv, spool: message.NewSpool(0), left: s.srv.opts.Limits.MaxBytes}
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

// cmdData takes a message (RFC 5321, 4.1.1.4).
func (s *session) cmdData(ctx context.Context, arg string) bool {
	if r := s.beforeContent(arg == ""); r.Code != 0 {
		return s.bad(r)
	}
	if !s.say(wire.NewReply(354, "", "End data with <CR><LF>.<CR><LF>")) || s.out.Flush() != nil {
		return false
	}
	in := s.newIntake(s.tx)
	s.tx.in = in
	s.limitContent()
	c, err := s.in.Data(in)
	if err != nil {
		// The rest of the message may still come: nothing of it may be taken for a command.
		return s.lost(ctx, err)
	}
	return s.finish(ctx, c)
}

func (s *session) limitContent() {
	l := s.srv.opts.Limits
	s.in.Limit(l.ReadTimeout, l.DataTimeout)
}

// beforeContent checks the order of commands.
func (s *session) beforeContent(arguments bool) wire.Reply {
	switch {
	case !arguments:
		return replyArgument
	case s.tx == nil || s.tx.in != nil:
		return replySequence
	case len(s.tx.rcpts) == 0:
		return wire.NewReply(554, "5.5.1", "No valid recipients")
	case s.tx.hop == nil:
		return replyHopLost
	}
	return wire.Reply{}
}

// lost notes that the client's connection broke while content came in.
func (s *session) lost(ctx context.Context, err error) bool {
	s.srv.opts.Log.LogAttrs(ctx, slog.LevelInfo, "relay: client lost in its message", slog.String("id", s.tx.id), slog.String("error", err.Error()))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.say(replyTimeout)
	}
	return false
}

// cmdChunk takes a part of a message (BDAT: RFC 3030, Section 2).
func (s *session) cmdChunk(ctx context.Context, arg string) bool {
	size, last, ok := parseChunk(arg)
	if !ok {
		// How many bytes follow is unknown, so nothing after it can be told from a command.
		s.say(replyArgument)
		return false
	}
	s.limitContent()
	if s.tx == nil || len(s.tx.rcpts) == 0 || (s.tx.in != nil && s.tx.body == nil) {
		if s.in.Chunk(size, &wire.Content{}, discard{}) != nil {
			return false
		}
		return s.bad(replySequence)
	}
	if s.tx.in == nil {
		s.tx.in, s.tx.body = s.newIntake(s.tx), &wire.Content{}
	}
	if err := s.in.Chunk(size, s.tx.body, s.tx.in); err != nil {
		return s.lost(ctx, err)
	}
	if r := contentReply(s.tx.body); r.Code != 0 && !last {
		s.record(ctx, s.tx, contentEnding(s.tx.body, r))
		s.dropTransaction()
		return s.say(r)
	}
	if !last {
		return s.say(wire.NewReply(250, "2.0.0", strconv.FormatInt(size, 10)+" octets received"))
	}
	s.tx.body.Finish()
	return s.finish(ctx, s.tx.body)
}

func parseChunk(arg string) (size int64, last, ok bool) {
	number, word, more := strings.Cut(arg, " ")
	size, err := strconv.ParseInt(number, 10, 64)
	if err != nil || size < 0 || (more && !strings.EqualFold(word, "LAST")) {
		return 0, false, false
	}
	return size, more, true
}

// discard is io.Discard without its hidden buffers.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// finish judges and passes on a message that is whole, and answers.
func (s *session) finish(ctx context.Context, c *wire.Content) bool {
	tx := s.tx
	replies := s.pass(ctx, tx, c)
	s.tx = nil
	tx.close()
	if !s.srv.opts.LMTP {
		return s.say(replies[0])
	}
	// RFC 2033, Section 4.2: one reply for each recipient.
	for i := range tx.rcpts {
		if !s.say(replies[min(i, len(replies)-1)]) {
			return false
		}
	}
	return true
}
