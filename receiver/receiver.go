// Package receiver judges a message: it verifies the signatures, looks the
// signers up in the DNS, matches their keys, binds them to From, and returns a verdict.
//
// Five questions are answered apart, and a verdict is never better than the
// worst of them:
//
//	integrity  is the signature right over exactly these bytes?   judge.go
//	identity   which name is stated, and is it bound to the key?  claim.go, namebound.go
//	DNS        what do its records say, do they name this key?    records.go, bare.go, pkix.go
//	binding    is that name the author's, by From or by a rule?   binding.go
//	freshness  dates, algorithms, what the certificate is for     quality.go
//
// A name that only the certificate states, and nothing proves to be the signer's, is not bound: the
// key counts, because the owner of From publishes it, and every report says so (name_bound).
// [RequireProtected] does not accept it, and where the certificate contradicts itself it is policy,
// name-not-bound.
//
// In addition a signature has a header state (header.go): protected, changed or unprotected.
// Changed is a field that readers show or act on and that is not as it was signed, or is outside
// only; it is at best policy, header-changed. An entry point can put such fields back as they were
// signed instead (restore.go).
//
// Start at [New]. [Receiver.Verify] gives a [Report]; [Receiver.Handle] is that for an entry point,
// with the policy of domain.go and policy.go applied and the Authentication-Results field set
// (results.go); [Receiver.Decide] says what that policy does with a message of which there is a
// report. The stable words of a report are in codes.go, and the class of each code, for which the
// configuration has an action, in policy.go (names and defaults: actions.go). [TextStyle] writes a
// report for people (text.go, textsignature.go).
//
// What follows from the answers is decided without the DNS, the clock and the message: the verdict
// on a signature from the answers about it (verdict.go), that on the message from those on its
// signatures (combine.go), and the action from verdict and classes (policy.go). Tests try every
// combination (verdict_test.go).
//
// Where a domain requires signatures, only a pass meets that, also for mail whose From cannot be
// read, or in which readers see different authors: every domain that some reader may show as the
// author's counts ([message.DomainsIn]). From is judged with all that a reader shows of it: another
// address in a display name, a group name or a comment, in any quotation or encoding, is policy
// (display.go).
//
// A message has as many signers as its SignedData holds. A bad one next to the one that decided is
// policy, bad-cosigner (judge.go), and the result of the one that decided stands first in
// Authentication-Results. A signature by ML-DSA can also stand beside one, in an unsigned attribute
// (quality.go): a bad one is policy too, and where the name publishes such a key and no signature
// by it counts, a pass says pq-missing. Only a record with a whole key shows that one is published.
//
// Saved mail is judged by what is published now: a key that its name does not publish any more is
// key-not-published-now or not-published-now, which are not the words for a forger's key
// (records.go).
//
// Nothing that a stranger wrote looks like a result: fields that claim to be of Options.AuthservID
// are removed, in whatever form its name is written, and names and comments in our own field hold
// nothing that a reader could mistake for one (results.go, internal/authres).
//
// Standards: RFC 8551 and RFC 8550 (S/MIME), RFC 8162 and RFC 7671 (DANE), RFC
// 9788 (header protection), RFC 8601 and RFC 7281 (Authentication-Results).
//
// # Limitations
//
// It reads no revocation lists and asks no OCSP responder: the removal of a record is the
// revocation, and a signature that PKIX roots vouch for cannot be revoked. Without the key a
// signature inside an encrypted message is not seen, and with it only where the encryption is
// around all of the content. Saved mail is judged by the DNS of today, not by that of the day it
// came. A signing time is the signer's claim. It stores nothing between messages, so that it finds
// no replayed message. The resolver must validate DNSSEC, or say truthfully who did: the caller
// chooses it.
package receiver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Options configure a Receiver. The zero value of each field but Lookup is safe.
type Options struct {
	// Lookup asks the DNS. Required without Offline.
	Lookup lookup.Resolver
	// Offline judges by what signers sent with their signatures, and asks nothing of Lookup. Nil:
	// the DNS is asked, and what was sent with a signature is not looked at.
	Offline *Offline
	// Limits of the DNS work for one message.
	Limits dnssec.Limits
	// Timeout of all lookups for one message together, so that four signers in slow zones take no
	// longer than one; what is not answered by then is temperror. 0: 15 s.
	Timeout time.Duration
	// Domains are the security domains.
	Domains []Domain
	// On maps classes ([on] in the configuration) to actions; missing: DefaultActions.
	On map[Class]message.Action
	// ReplyTexts are what the sender of a message is told that a class has rejected or deferred, in
	// place of our words ([message.CheckReplyText]); the codes of the reply stay ours.
	ReplyTexts map[Class]string
	// PKIXRoots judge CA-issued signatures where the DNS holds nothing; nil: those are neutral.
	// They are also what records of usages 0 and 1 need.
	PKIXRoots []*x509.Certificate
	// AuthservID is the name in Authentication-Results; needed by Handle only.
	AuthservID string
	// MaxBytes is the largest message that is verified; a larger one is permerror, too-big. 0: no
	// limit.
	MaxBytes int64
	// Saved says that messages come from an archive: what is absent now may have been there then
	// (code not-published-now).
	Saved bool
	// Decrypt opens what is encrypted around the content of a message, and the signatures inside
	// are judged; without keys nothing is opened. Handle has the keys of Deliver instead.
	Decrypt smime.DecryptOptions
	// Deliver says for whom Handle delivers mail decrypted.
	Deliver Decryption
	// RestoreHeader has Handle put fields that were changed back as they were signed, where
	// nothing else is wrong with the message: then it passes, and its Edit does it.
	RestoreHeader bool
	// Observe only logs: Handle always accepts and changes nothing.
	Observe bool
	// Digests has reports hold the digests of the message and of its signatures (Report.Digests).
	// Keep and Past imply it.
	Digests bool
	// Keep is called once with the report on each message that was judged, before Verify or Handle
	// returns it, while m can be read: to keep what it rests on. It must not change the report. It
	// is called from several goroutines.
	Keep func(ctx context.Context, m *message.Message, report *Report)
	// Past has messages judged as of a time that is past, by what was kept about them: Lookup is
	// not used. It is called once a message that has signatures, from several goroutines.
	Past func(ctx context.Context, d Digests) *Past
	// DKIM, when set, checks the DKIM signatures of a message, for Report.DKIM. It is called after
	// the verdict on the S/MIME signatures, which what it says never changes, with what they have
	// left of Timeout and of Limits. It is not called for a message that is judged offline or by
	// what was kept. It is called from several goroutines.
	DKIM func(ctx context.Context, m *message.Message) []DKIM
	// Now is the clock; nil: time.Now. Dates of certificates and signing times are judged by it,
	// the DNS by that of Lookup. Who can prove when a saved message came (never by what its signer
	// claims) may give that time here: a certificate under usages 0 to 2 or PKIX roots had to be
	// valid then, but the records are those of today.
	Now func() time.Time
}

// defaultTimeout is shorter than an MTA waits for a filter (Postfix: 30 s).
const defaultTimeout = 15 * time.Second

// Receiver judges. Safe for concurrent use.
type Receiver struct {
	opts    Options
	domains []*domain
	on      map[Class]message.Action
}

var _ message.Handler = (*Receiver)(nil)

// New checks the options and returns a Receiver. Errors name the domain (counted from 1) or option
// that makes no sense.
func New(opts Options) (*Receiver, error) {
	if opts.Past != nil {
		opts.Lookup = unasked{}
	}
	if opts.Lookup == nil && opts.Offline == nil {
		return nil, errors.New("receiver: no resolver to look signers up with")
	}
	if opts.AuthservID != "" && !message.IsAuthservID(opts.AuthservID) {
		return nil, fmt.Errorf("receiver: authserv-id %q: it may hold letters, digits, dots, hyphens and underscores only", opts.AuthservID)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	r := &Receiver{opts: opts}
	var err error
	if r.on, err = actions(DefaultActions(), opts.On); err != nil {
		return nil, err
	}
	if err = checkTexts(opts.ReplyTexts); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	for i, d := range opts.Domains {
		parsed, err := parseDomain(d)
		if err != nil {
			return nil, fmt.Errorf("receiver: domain %d: %w", i+1, err)
		}
		r.domains = append(r.domains, parsed)
	}
	return r, nil
}

// Verify judges m. The error is only for trouble of this machine (spool, context); what could not
// be found out about the message is in the Report.
func (r *Receiver) Verify(ctx context.Context, m *message.Message) (*Report, error) {
	if r.opts.MaxBytes > 0 && m.Size() > r.opts.MaxBytes {
		return r.tooBig(m), nil
	}
	report, err := r.verify(ctx, m)
	if err != nil {
		return nil, err
	}
	report.Hops = hops(m)
	// What was answered after the caller gave up says nothing about the message.
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	if r.opts.Keep != nil {
		r.opts.Keep(ctx, m, report)
	}
	return report, nil
}

// tooBig is the report on a message that is not looked at.
func (r *Receiver) tooBig(m *message.Message) *Report {
	report := reportOn(m)
	report.CheckedAt = r.opts.Now().UTC()
	report.conclude(finding{PermError, CodeTooBig, fmt.Sprintf("%d bytes, at most %d are verified", m.Size(), r.opts.MaxBytes)})
	report.Hops = hops(m)
	return report
}
