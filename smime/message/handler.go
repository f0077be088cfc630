package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Handler is a signer or a verifier as an entry point sees it.
//
// Handle never changes m. It answers with an Outcome whose zero value is Defer:
// a handler that forgets to decide loses no mail and lets nothing through.
// An Outcome's Edit holds resources: the entry point calls [Outcome.Close] when done.
type Handler interface {
	Handle(ctx context.Context, m *Message, env *Envelope) *Outcome
}

// Holder is a Handler whose settings can change between messages, as at a reload. An entry point
// calls Hold at the MAIL command, gives that message to the handler it gets, and calls release once
// the message is over, so that a message ends by the settings it began with.
type Holder interface {
	Handler
	Hold() (h Handler, release func())
}

// Hold returns the handler for one message: of a [Holder] the one it gives, else h itself.
func Hold(h Handler) (held Handler, release func()) {
	if holder, ok := h.(Holder); ok {
		return holder.Hold()
	}
	return h, func() {}
}

// Unfitter is a Handler that also decides about a message that an entry point cannot give it. why
// is (or wraps) [ErrTooBig] or [ErrMalformed], or it is trouble of this machine, such as a full
// disk. head is the header alone with an empty body, or nil where the header itself cannot be read.
type Unfitter interface {
	Unfit(ctx context.Context, head *Message, why error, env *Envelope) *Outcome
}

// RecipientChecker is a Handler that can say no to recipients before the message is there. An entry
// point that answers for each recipient asks it, with the envelope as far as it is known; Handle
// decides again.
type RecipientChecker interface {
	// CheckRecipients returns one outcome for each of rcpt, in their order: with Reject or Defer
	// the recipient is not taken, with nil or Accept he is.
	CheckRecipients(ctx context.Context, rcpt []string, env *Envelope) []*Outcome
}

// CheckRecipients asks h about recipients where it is a [RecipientChecker]; else all are taken.
func CheckRecipients(ctx context.Context, h Handler, rcpt []string, env *Envelope) []*Outcome {
	if c, ok := h.(RecipientChecker); ok {
		return c.CheckRecipients(ctx, rcpt, env)
	}
	return make([]*Outcome, len(rcpt))
}

// Envelope is what an entry point knows about a message in addition to its bytes (RFC 5321, Section
// 2.3.1).
type Envelope struct {
	// MailFrom is the reverse-path without angle brackets; empty is the null sender (RFC 5321,
	// Section 4.5.5).
	MailFrom string
	// Rcpt holds the forward-paths without angle brackets, in order (RFC 5321, Section 4.1.1.3).
	Rcpt []string
	// Submitter is who handed the message in, as authenticated facts.
	Submitter Submitter
	// Hello is the name given in HELO or EHLO (RFC 5321, Section 4.1.1.1) or LHLO (RFC 2033,
	// Section 4.1); unverified.
	Hello string
	// QueueID is the MTA's name for the message, for logs; may be empty.
	QueueID string
	// OneForm says that the entry point can give all recipients only the same message.
	OneForm bool
	// UTF8 says that SMTPUTF8 was asked for (RFC 6531).
	UTF8 bool
	// Received is when the message arrived; the zero value means unknown.
	Received time.Time
}

// Submitter holds only facts an entry point has proven itself. The zero value is a
// stranger.
type Submitter struct {
	// User is the SASL authentication identity (RFC 4422, Section 2), or empty.
	User string
	// TLSName is the DNS name a client proved by its TLSA record (DANCE), a lower-case A-label name
	// without final dot, or empty.
	TLSName string
	// Addr is the client's network address; the zero value means local or unknown.
	Addr netip.Addr
}

// Action is what the entry point does with a message. The zero value is Defer.
type Action uint8

// Actions, in the words of the configuration. Mark is Accept with a result field.
const (
	Defer      Action = iota // 4yz (RFC 5321, Section 4.2.1): try again later
	Accept                   // pass on, with the Edit applied
	Quarantine               // milter only: hold, with the Edit applied
	Reject                   // 5yz (RFC 5321, Section 4.2.1): refuse
)

// String returns the action's word: "defer", "accept", "quarantine" or "reject".
func (a Action) String() string {
	switch a {
	case Accept:
		return "accept"
	case Quarantine:
		return "quarantine"
	case Reject:
		return "reject"
	case Defer:
	}
	return "defer"
}

// Reply is an SMTP reply for the peer: it says what kind of trouble there is and what to do, never
// the cause (causes go to [Outcome.Attrs]).
type Reply struct {
	Code     int    // 3-digit reply code (RFC 5321, Section 4.2)
	Enhanced string // enhanced status code such as "5.7.1" (RFC 3463, Section 2)
	Text     string // one line of printable ASCII, at most MaxReplyText octets
}

// MaxReplyText is how long the text of a reply can be: a line of 512 octets less its end, the reply
// code and a status code of five octets (RFC 5321, Section 4.5.3.1.5).
const MaxReplyText = 512 - len("550 5.7.1 \r\n")

// CheckReplyText returns an error for a text that an SMTP reply cannot have: empty, longer than
// [MaxReplyText] octets, or not one line of printable ASCII (RFC 5321, Section 4.2).
func CheckReplyText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("message: the text of a reply is empty")
	case len(text) > MaxReplyText:
		return fmt.Errorf("message: the text of a reply has %d octets, at most %d fit into its line", len(text), MaxReplyText)
	}
	for _, c := range text {
		switch {
		case c == '\r' || c == '\n':
			return errors.New("message: the text of a reply has more than one line")
		case c < ' ' || c > '~':
			return fmt.Errorf("message: the text of a reply has %+q, and may hold printable ASCII only", c)
		}
	}
	return nil
}

// Outcome is a handler's decision.
type Outcome struct {
	Action Action
	// Edit is what to change before passing on; nil changes nothing. Only looked at for Accept and
	// Quarantine.
	Edit *Edit
	// Forms are further forms of the message for some of the recipients (opaque, encrypted, Bcc).
	// Recipients in no form get Edit. An entry point that cannot split a message defers when Forms
	// is not empty.
	Forms []Form
	// Finish, where it is not nil, makes the last change of a form, such as a signature over the
	// message as it leaves. An entry point calls it for each form that it sends, with the message
	// and with all changes to it, after every other change, and sends the edit that it returns,
	// whose body is that of e. Finish may add to the outcome what the log line shall say. On an
	// error the form does not leave: Action, Reply and Result of the outcome then say what becomes
	// of the message.
	Finish func(ctx context.Context, m *Message, e *Edit) (*Edit, error)
	// Reply is for Defer and Reject; the zero value means the entry point's own generic reply.
	Reply Reply
	// Result is one stable word for logs and metrics, such as "signed" or "pass". Each handler and
	// each entry point has words of its own, so that there is no list of all.
	Result string
	// Level is what the operator's log line deserves; the zero value is [slog.LevelInfo].
	// Trouble of this machine is an error, mail that waits for its operator to act a warning.
	Level slog.Level
	// Header is, from a verifier, the state of the header, for metrics; else empty.
	Header HeaderState
	// Attrs is what the operator's log line says in addition to the result; no bodies, no
	// subjects, no secrets.
	Attrs []slog.Attr
}

// HeaderState says whether the header of a verified message is the one that was signed.
type HeaderState string

// Header states.
const (
	HeaderProtected   HeaderState = "protected"   // as it was signed
	HeaderChanged     HeaderState = "changed"     // a field that readers show or act on is not
	HeaderRestored    HeaderState = "restored"    // it was changed, and the Edit undoes it
	HeaderUnprotected HeaderState = "unprotected" // no signature says anything about it
)

// Form is another form of a message for some recipients.
type Form struct {
	Rcpt []string
	Edit *Edit
}

// Close releases every Edit of the outcome. It is safe on a nil Outcome and more than once.
func (o *Outcome) Close() error {
	if o == nil {
		return nil
	}
	err := o.Edit.Close()
	for _, f := range o.Forms {
		if e := f.Edit.Close(); err == nil {
			err = e
		}
	}
	return err
}
