package milter

import (
	"log/slog"
	"time"

	"dnseal/smime/message"
)

// Defaults of Options.
const (
	DefaultMaxSessions = 512
	// DefaultTimeout is below the 10 minutes of RFC 5321, Section 4.5.3.2.6.
	DefaultTimeout  = 4 * time.Minute
	DefaultProgress = 5 * time.Second
	// DefaultIdle is long, as in libmilter: an MTA is silent while a slow client sends (RFC 5321,
	// Section 4.5.3.2 allows it minutes for each command and block).
	DefaultIdle      = 2 * time.Hour
	defaultMaxHeader = 1 << 20
)

// Options configure a Server. Only Handler is required.
type Options struct {
	// Handler decides about each message. A [message.Holder] is held from the MAIL command until
	// the end of the message, so that after a reload the next message gets the new handler and
	// messages in progress keep the old one.
	//
	// A [message.Unfitter] also decides about a message that is too big or malformed. Without it
	// such a message is rejected with 552 5.3.4 or 554 5.6.0, and deferred after a fault of this
	// machine. After a broken protocol or a panic the message is deferred without it.
	Handler message.Handler

	// Daemons name the MTA's daemons ({daemon_name}) that accept only submissions (RFC 6409). The
	// address of a client of any other daemon then says nothing about the submitter: only a login
	// counts. Empty: any daemon.
	Daemons []string

	// MaxBytes is the most bytes of a message; 0 means only the limit of the MTA (SIZE, RFC 1870).
	MaxBytes int64
	// MaxHeaderBytes is the most bytes of a message's header; 0 means 1 MiB.
	MaxHeaderBytes int
	// MaxSessions is how many MTA connections are served at the same time; more wait
	// in the listen queue. 0 means DefaultMaxSessions.
	MaxSessions int
	// Timeout is the most time for Handler; its context then ends. 0 means DefaultTimeout.
	// Postfix gives up after milter_content_timeout (300 s), counted again from each progress
	// report.
	Timeout time.Duration
	// Progress is the pause between progress reports to the MTA while Handler
	// runs (version 6). 0 means DefaultProgress.
	Progress time.Duration
	// Idle is how long a connection may be silent. 0 means DefaultIdle.
	Idle time.Duration

	// Logger gets one line a message and a line for each broken connection; nil: slog.Default.
	Logger *slog.Logger
	// OnDecision, when not nil, is called once a message, for metrics. It must not block.
	OnDecision func(Decision)
	// Now is the clock for Envelope.Received; nil: time.Now.
	Now func() time.Time
}

// Decision is what was decided about one message.
type Decision struct {
	// Action is the one sent to the MTA. It is stricter than the handler's when the MTA does not
	// offer what the handler wants.
	Action message.Action
	// Result is the handler's word, or one of this package: "too-big", "malformed",
	// "internal-error", "unsupported".
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
