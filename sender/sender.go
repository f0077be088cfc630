// Package sender decides which mail gets whose signature, and signs it.
//
// [Sender] is a [message.Handler]: submitter and From are looked up in its
// rules (who may use a From, and which identity then signs), Date and
// Message-ID are added when missing, and the message is signed by package
// smime. Who may sign as whom is always decided by an authenticated fact,
// never by the header alone (DESIGN 7).
package sender

import (
	"context"
	"time"

	"dnseal/lookup"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// Rule says who may use a From and which identity then signs (DESIGN 10, [[sign.rule]]). The first whose Who and From match applies.
type Rule struct {
	Who      []string // "user:NAME", "tls:NAME", "net:CIDR"; globs with *
	From     []string // addresses; globs with *
	Identity string   // "{from}" or a name
	// Form overrides Options.Opaque: "", "clear" or "opaque".
	Form string
}

// Options configure a Sender.
type Options struct {
	// Identities by canonical name.
	Identities         func(name string) (*identity.Identity, error)
	Rules              []Rule
	Opaque             bool
	NoHeaderProtection bool
	// Actions by class: no-rule, not-allowed, key-not-published, sign-failed, too-big, internal-error; missing: the defaults of DESIGN 10.
	On map[string]message.Action
	// Lookup checks that our own record is published before signing; nil: not checked.
	Lookup lookup.Resolver
	// Hostname for Message-ID; empty: the From domain.
	Hostname string
	Now      func() time.Time
}

// Sender signs by rule. Safe for concurrent use.
type Sender struct{}

var _ message.Handler = (*Sender)(nil)

// New checks the options and returns a Sender.
func New(opts Options) (*Sender, error) { panic("unwritten") }

// Handle implements message.Handler.
func (s *Sender) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	panic("unwritten")
}
