package message

import (
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Record is what happened to one message, for the one log line that every entry point writes about
// it.
type Record struct {
	Envelope *Envelope
	// MessageID is what [Message.LogID] says; empty where the message could not be read that far.
	MessageID string
	// Auth is the SASL mechanism of the login, for the operator; may be empty.
	Auth string
	// Outcome is the handler's decision; nil where no handler was asked.
	Outcome *Outcome
	// Action is what the client was told. It can be stricter than the handler's.
	Action Action
	// Result is the word of the decision: the handler's, or one of the entry point's own.
	Result string
	// Size is the bytes of the message as it came.
	Size int64
	Took time.Duration
	// Err is trouble of this machine, if that decided; it makes the line an error.
	Err error
}

// Level is what the line deserves.
func (r *Record) Level() slog.Level {
	level := slog.LevelInfo
	if r.Outcome != nil {
		level = max(level, r.Outcome.Level)
	}
	if r.Err != nil {
		level = max(level, slog.LevelError)
	}
	return level
}

// Attrs are the attributes in the words that all entry points share: id, message_id, client, user,
// tls, auth, mail_from, rcpts, bytes, took, action, result, then those of the outcome, and error.
// No key is there twice: the later value counts, because it decided.
func (r *Record) Attrs() []slog.Attr {
	env := r.Envelope
	attrs := []slog.Attr{slog.String("id", env.QueueID)}
	if r.MessageID != "" {
		attrs = append(attrs, slog.String("message_id", r.MessageID))
	}
	if env.Submitter.Addr.IsValid() {
		attrs = append(attrs, slog.String("client", env.Submitter.Addr.String()))
	}
	if env.Submitter.User != "" {
		attrs = append(attrs, slog.String("user", env.Submitter.User))
	}
	if env.Submitter.TLSName != "" {
		attrs = append(attrs, slog.String("tls", env.Submitter.TLSName))
	}
	if r.Auth != "" {
		attrs = append(attrs, slog.String("auth", r.Auth))
	}
	attrs = append(attrs,
		slog.String("mail_from", env.MailFrom), slog.Int("rcpts", len(env.Rcpt)), slog.Int64("bytes", r.Size),
		slog.Duration("took", r.Took), slog.String("action", r.Action.String()), slog.String("result", r.Result))
	if r.Outcome != nil {
		attrs = append(attrs, r.Outcome.Attrs...)
	}
	if r.Err != nil {
		attrs = append(attrs, slog.String("error", r.Err.Error()))
	}
	return once(attrs)
}

// once leaves the last attribute of each key, in the place of the first.
func once(attrs []slog.Attr) []slog.Attr {
	out := attrs[:0]
	for _, a := range attrs {
		if i := slices.IndexFunc(out, func(b slog.Attr) bool { return b.Key == a.Key }); i >= 0 {
			out[i] = a
			continue
		}
		out = append(out, a)
	}
	return out
}

// maxLogID is how much of a Message-ID a log line shows.
const maxLogID = 250

// LogID is the value of Message-ID (RFC 5322, Section 3.6.4) as a log may show it: of mail that
// comes in it is a stranger's. It has at most 250 bytes, all printable ASCII; every other one,
// white space included, is a question mark. Empty: there is none.
func (m *Message) LogID() string {
	if m == nil {
		return ""
	}
	id := []byte(strings.Trim(m.First("Message-ID"), " \t\r\n"))
	id = id[:min(len(id), maxLogID)]
	for i, c := range id {
		if c <= ' ' || c > '~' {
			id[i] = '?'
		}
	}
	return string(id)
}
