package milter

import (
	"context"
	"log/slog"
	"time"

	"dnseal/smime/message"
)

// Defaults of Options.
const (
	DefaultMaxSessions = 512
	DefaultTimeout     = 4 * time.Minute
	DefaultProgress    = 5 * time.Second
	DefaultIdle        = 2 * time.Hour // as libmilter's: an MTA is silent while a slow client sends its message
	defaultMaxHeader   = 1 << 20
)

// Options configure a Server. Only Handler is required.
type Options struct {
	// Handler gives the handler of the next message. It is asked once a
	// message: after a reload the next message meets the new handler, while
	// those under way finish with the old one.
	Handler func() message.Handler

	// Unfit decides about a message that Handler cannot be given. why is (or wraps)
	// message.ErrTooBig or message.ErrMalformed, or it is trouble of this machine,
	// such as a full disk; head is the header alone with an empty body, or nil when the
	// header is the trouble. Nil rejects what is unfit, with 552 5.3.4 or 554 5.6.0, and defers in trouble.
	// It is not asked about a session that did not keep to the protocol, nor after a panic: such a message is deferred.
	Unfit func(ctx context.Context, head *message.Message, why error, env *message.Envelope) *message.Outcome

	// Daemons name the MTA's daemons ({daemon_name}) that take nothing but submissions. The address of a client
	// that came another way is then no fact about the submitter: only a login counts. Empty: any daemon.
	Daemons []string

	// MaxBytes is the most bytes of a message; 0 means no limit but the MTA's own.
	MaxBytes int64
	// MaxHeaderBytes is the most bytes of a message's header; 0 means 1 MiB.
	MaxHeaderBytes int
	// MaxSessions is how many MTA connections are served at a time; more wait
	// in the listen queue. 0 means DefaultMaxSessions.
	MaxSessions int
	// Timeout is how long Handler may take; its context then ends. 0 means DefaultTimeout.
	// Postfix gives up after milter_content_timeout (300 s), counted anew at each progress report.
	Timeout time.Duration
	// Progress is the pause between progress reports to the MTA while Handler
	// runs (version 6). 0 means DefaultProgress.
	Progress time.Duration
	// Idle is how long a connection may say nothing. 0 means DefaultIdle.
	Idle time.Duration

	// Logger gets one line a message and a line for each broken connection; nil: slog.Default.
	Logger *slog.Logger
	// Observe, when not nil, is told of each decided message, for metrics. It must not block.
	Observe func(Observation)
	// Now is the clock for Envelope.Received; nil: time.Now.
	Now func() time.Time
}

// Observation is what was decided about one message.
type Observation struct {
	// Action is what the MTA was told, which is stricter than the handler's
	// when the MTA does not offer what the handler wants.
	Action message.Action
	// Result is the handler's word, or one of the door's own: "too-big",
	// "malformed", "internal-error", "unsupported".
	Result string
	Size   int64 // bytes of the message as it came
	Took   time.Duration
}

func (o *Options) fill() {
	o.MaxSessions = positive(o.MaxSessions, DefaultMaxSessions)
	o.MaxHeaderBytes = positive(o.MaxHeaderBytes, defaultMaxHeader)
	o.Timeout = positive(o.Timeout, DefaultTimeout)
	o.Progress = positive(o.Progress, DefaultProgress)
	o.Idle = positive(o.Idle, DefaultIdle)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
