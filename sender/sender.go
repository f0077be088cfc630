// Package sender decides which mail gets whose signature, and signs it.
//
// [Sender] is a [message.Handler]: submitter and From are looked up in its
// rules (who may use a From, and which identity then signs), Date and
// Message-ID are added when missing, and the message is signed by package
// smime. Who may sign as whom is always decided by an authenticated fact,
// never by the header alone.
//
// Where readers do not understand From alike (several addresses, or a value that breaks the grammar
// and in which not all find the same one, [message.ParseFrom]) nothing is signed, and the message
// is refused if a rule names any address that some of them may be shown as the author
// ([message.Shown]). So it is where a display name or comment in From, which many readers show
// alone, holds an address that a rule names and does not permit to the submitter.
//
// The rules for other addresses than From: an address in Sender, Resent-From or
// Resent-Sender never chooses the identity, but where a rule names it the submitter must be one who
// may use it as From; so with the envelope sender of a message without From, for which MTAs write
// one. The null sender may sign like any other envelope sender (Rule.MailFrom can exclude it),
// except that delivery reports are left alone. What is signed or encrypted already is left alone,
// unless the rule says Again. [Sender] always removes header fields X-Dnseal-*, and obeys them only
// from Options.Control. So are results of Options.AuthservID: a submitter could forge them (RFC
// 8601, Section 5).
//
// What prevents a signature is of a class (the Class constants), and Options.On says what is done
// then. A fault of the message itself ([ClassMalformed]) is refused for good, with its
// place; what can pass by itself, as a key that is not available, is deferred. The attributes of an
// Outcome say in which form a message was signed, why it is opaque where that was not asked for,
// which header fields have no protected copy, which part some systems change on the way (fragile),
// that the signing time was left out, because Date is another (signing-time), and why no DNSSEC
// chain goes with the signature where one was asked for (staple).
//
// A [Route] can want that mail to its recipients is encrypted: their keys are looked up by package
// recipient, what was signed is encrypted, and so is what is passed on unsigned. Recipients whom To
// and Cc do not name have an encryption each, so that nobody learns of them. Under [EncryptRequire]
// nothing leaves in clear: CheckRecipients refuses a recipient without key before the message is
// there, Handle the whole message. The attributes say how often and by what ciphers a message was
// encrypted (encrypted), and who got it in clear although the route would encrypt (not-encrypted).
//
// [SignMessage] signs without rules, for programs whose user owns the keys, and removes no field.
//
// Standards: RFC 6409 (submission), RFC 5322 (originator fields), RFC 8551 (S/MIME), RFC 9788
// (header protection).
//
// Handle is in handle.go. The decision is in policy.go, a rule in rule.go, who a submitter is in
// submitters.go, placeholders in placeholder.go and bounds.go; the signature in package signing,
// the forms of a message in form.go and forms.go; routes in route.go, encryptions in encrypt.go and
// notencrypted.go; classes in actions.go.
//
// # Limitations
//
// It authenticates no submitter: the caller must fill [message.Submitter] with proven facts alone.
// It does not sign with DKIM. What says that it is encrypted already is passed on as it is, whoever
// can read it. A sender who has to read what he sent must be one of its recipients. That a record
// is published when the message is signed or encrypted does not mean that it still is when the
// message is read. An address that no rule names is not protected: any submitter may write as it.
package sender

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// Options configure a Sender. Identities is required; the zero value of all others is safe.
type Options struct {
	// Identities returns an identity by canonical name. Required.
	Identities func(name string) (*identity.Identity, error)
	// Fresh is Identities past any memory of the caller's: asked where no record matches the key,
	// which can have changed a moment ago. Nil: there is none.
	Fresh func(name string) (*identity.Identity, error)
	// Rules in the order they are tried; without any no mail is signed.
	Rules []Rule
	// Opaque makes application/pkcs7-mime (RFC 8551, Section 3.5.2) where neither rule, recipient
	// nor control field says otherwise.
	Opaque bool
	// OpaqueFor and PlainFor are recipients (addresses, stars) who get the opaque form, or no
	// signature at all. Where the envelope allows but one form (message.Envelope.OneForm),
	// recipients of different ones all get the clear one.
	OpaqueFor, PlainFor []string
	// Routes say for some recipients in which form a message leaves and whether it is encrypted
	// (see [Route]). For recipients in none, and where a route names no form, OpaqueFor and
	// PlainFor count.
	Routes []Route
	// RecipientKeys looks up the keys of recipients; required where a route encrypts.
	RecipientKeys lookup.Resolver
	// PKIXRoots are for recipients' records of usage 1; nil makes these unusable.
	PKIXRoots []*x509.Certificate
	// Memory is what the content of messages that are encrypted with authentication is held in;
	// where it is all in use until the context ends the message is deferred. Nil: each message
	// takes what it needs, at most 64 MiB.
	Memory *message.Memory
	// NoHeaderProtection leaves out RFC 9788 header protection, of encrypted messages too.
	NoHeaderProtection bool
	// FullSelfCheck also verifies the signature values of what was made.
	FullSelfCheck bool
	// SignReports signs delivery reports (multipart/report, RFC 6522, from the null sender) too.
	SignReports bool
	// Control lists submitters ("user:", "tls:", "net:", as in Rule.Who) whose X-Dnseal-Sign field
	// is listened to: "no", "clear" or "opaque".
	Control []string
	// MaxBytes is the largest message that is signed; 0: no limit.
	MaxBytes int64
	// On maps classes to actions (accept, reject, defer); missing: DefaultActions.
	On map[Class]message.Action
	// ReplyTexts are what the submitter of a message is told that a class has rejected or deferred,
	// in place of our words ([message.CheckReplyText]); the codes of the reply stay ours. There is
	// none for ClassNotEncrypted: those replies name the recipient.
	ReplyTexts map[Class]string
	// Lookup checks that our own record is published before signing; nil: not checked.
	Lookup lookup.Resolver
	// Limits of the DNS work for that check, and for the keys of all recipients.
	Limits dnssec.Limits
	// Staple, where it is not nil, is asked for the DNSSEC chain of the signer's own records, which
	// is sent with the signature (see [Staple]). Where there is none the message is signed without:
	// the attribute "staple" of the Outcome says why.
	Staple lookup.Resolver
	// AuthservID is the name by which verifiers of this security domain sign their
	// Authentication-Results: fields that claim to be by it are removed from what is handed in,
	// signed or not (RFC 8601, Section 5). Empty: none is.
	AuthservID string
	// Hostname for Message-ID (RFC 5322, Section 3.6.4); empty: the From domain.
	Hostname string
	// Observe only reports: Handle does all that it would do, signing included, and then accepts
	// the message unchanged, whatever happened; not even the fields are removed that it would
	// remove. Outcome.Result then begins with [ResultObserved], and Attrs say what it would have
	// done.
	Observe bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Sender signs by rule. Safe for concurrent use.
type Sender struct {
	opts                Options
	rules               []*rule
	on                  map[Class]message.Action
	control             submitters
	opaqueFor, plainFor []message.Pattern
	routes              []route
	staples             staples
}

var (
	_ message.Handler          = (*Sender)(nil)
	_ message.RecipientChecker = (*Sender)(nil)
)

// New checks the options and returns a Sender. Errors name the rule (counted from 1) or option that
// makes no sense.
func New(opts Options) (*Sender, error) {
	if opts.Identities == nil {
		return nil, errors.New("sender: no source of identities")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Sender{opts: opts}
	for i, r := range opts.Rules {
		parsed, err := parseRule(r)
		if err != nil {
			return nil, fmt.Errorf("sender: rule %d: %w", i+1, err)
		}
		parsed.number = i + 1
		s.rules = append(s.rules, parsed)
	}
	if !message.IsAuthservID(opts.AuthservID) {
		return nil, fmt.Errorf("sender: authserv-id %q: it may hold letters, digits, dots, hyphens and underscores only", opts.AuthservID)
	}
	var err error
	if s.on, err = actions(opts.On); err != nil {
		return nil, err
	}
	if err = checkTexts(opts.ReplyTexts); err != nil {
		return nil, err
	}
	if s.control, err = parseSubmitters(opts.Control); err != nil {
		return nil, fmt.Errorf("sender: control: %w", err)
	}
	if s.opaqueFor, err = parseAddresses(opts.OpaqueFor); err != nil {
		return nil, fmt.Errorf("sender: opaque recipients: %w", err)
	}
	if s.plainFor, err = parseAddresses(opts.PlainFor); err != nil {
		return nil, fmt.Errorf("sender: plain recipients: %w", err)
	}
	if s.routes, err = parseRoutes(opts.Routes, opts.RecipientKeys != nil); err != nil {
		return nil, err
	}
	return s, nil
}

// Words of Outcome.Result that are no class.
const (
	ResultSigned = "signed"
	// ResultUnsigned: no rule asks for a signature, or recipient or control field for none
	ResultUnsigned  = "unsigned"
	ResultLeftAlone = "left-alone" // signed, encrypted or a delivery report
	// ResultEncrypted: encrypted for one recipient at least, and signed by nobody
	ResultEncrypted = "encrypted"
	// ResultObserved is in front of the result where Options.Observe is set: "observe:signed".
	ResultObserved = "observe:"
)

// inAnotherCase says that there is an identity whose local part is that of name in another case, by
// the error for name, or by looking for the one in lower case; "" where there is none.
// RFC 5321, Section 2.4: the case counts, and many users do not know it.
func (s *Sender) inAnotherCase(name string, err error) string {
	const text = "the identity is %s, From says %s, and local parts are compared letter by letter"
	if other, ok := errors.AsType[*identity.OtherCaseError](err); ok {
		return fmt.Sprintf(text, other.Other, name)
	}
	a, err := message.ParseAddress(name)
	lower := message.Address{Local: strings.ToLower(a.Local), Domain: a.Domain}
	if err != nil || lower == a {
		return ""
	}
	if _, err := s.opts.Identities(lower.String()); err != nil {
		return ""
	}
	return fmt.Sprintf(text, lower, name)
}
