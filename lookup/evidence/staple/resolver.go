package staple

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
)

// Codes of results of a Resolver. The status of each is indeterminate: nothing is known about the
// records, whoever is to blame for the staple.
const (
	// CodeMissing: there is no staple, or it has nothing about that name.
	CodeMissing dnssec.Code = "staple-missing"
	// CodeMalformed: it cannot be read, or there are several.
	CodeMalformed dnssec.Code = "staple-malformed"
	// CodeTooOld: the records were signed more than Options.MaxAge ago.
	CodeTooOld dnssec.Code = "staple-too-old"
	// CodeExpired: a signature in it is over, or all are out of date.
	CodeExpired dnssec.Code = "staple-expired"
	// CodeInvalid: its chain does not hold, or is not of a trust anchor of the receiver.
	CodeInvalid dnssec.Code = "staple-invalid"
)

// DefaultMaxAge is the Options.MaxAge of those who give none. Name servers sign their zones anew
// every week or two: less would refuse right chains for days.
const DefaultMaxAge = 14 * 24 * time.Hour

// Options are for a Resolver.
type Options struct {
	// Validator has the trust anchors; nil: the built-in root anchors. Its Exchanger and clock are
	// not used.
	Validator *dnssec.Validator
	// MaxAge is how long ago the records may have been signed, see Age; 0: DefaultMaxAge.
	MaxAge time.Duration
	// Now is the clock; nil: time.Now. The signatures have to hold then.
	Now func() time.Time
}

// Resolver answers from the staples of one signature, and asks nothing. It is a lookup.Resolver.
// Its zero value has no staple.
type Resolver struct {
	opts   Options
	chains []*evidence.Evidence
	// why there are none
	code   dnssec.Code
	reason string
}

// NewResolver reads the values of the attribute; wrong says that they could not be read. There is
// at most one: where several are, one was added by another.
func NewResolver(values [][]byte, wrong error, opts Options) *Resolver {
	r := &Resolver{opts: opts, code: CodeMissing, reason: "the signer sent no DNSSEC chain (staple) with the signature"}
	switch {
	case wrong != nil:
		r.code, r.reason = CodeMalformed, "the staple cannot be read: "+wrong.Error()
	case len(values) > 1:
		r.code, r.reason = CodeMalformed, fmt.Sprintf("the signature has %d staples, and may have one", len(values))
	case len(values) == 1:
		chains, err := Read(values[0])
		if r.chains = chains; err != nil {
			r.code, r.reason = CodeMalformed, "the staple cannot be read: "+err.Error()
		}
	}
	return r
}

// Lookup validates what is stapled about the name, from the trust anchor down, as of now. The
// result is secure, or else indeterminate with a code of this package, "timeout" or "budget:…".
func (r *Resolver) Lookup(ctx context.Context, name string, t dane.Type) *chain.Result {
	name = dns.CanonicalName(name)
	now := time.Now()
	if r.opts.Now != nil {
		now = r.opts.Now()
	}
	if err := ctx.Err(); err != nil {
		return undecided(name, t, now, dnssec.CodeTimeout, "no time is left for the staple")
	}
	for _, e := range r.chains {
		if e.Name == name && e.Type == t.String() {
			return r.judge(ctx, e, name, t, now)
		}
	}
	if len(r.chains) > 0 {
		return undecided(name, t, now, CodeMissing, fmt.Sprintf("the staple is not about %s %s", name, t))
	}
	return undecided(name, t, now, r.code, r.reason)
}

// LookupFresh is Lookup: there is nothing else to ask.
func (r *Resolver) LookupFresh(ctx context.Context, name string, t dane.Type) *chain.Result {
	return r.Lookup(ctx, name, t)
}

func (r *Resolver) judge(ctx context.Context, e *evidence.Evidence, name string, t dane.Type, now time.Time) *chain.Result {
	res, err := evidence.VerifyContext(ctx, e, now, r.opts.Validator)
	if err != nil {
		return undecided(name, t, now, CodeMalformed, "the staple cannot be read: "+err.Error())
	}
	switch {
	case res.Status == dnssec.Secure:
	case res.Code.IsBudget() || res.Code == dnssec.CodeTimeout:
		return undecided(name, t, now, res.Code, "the staple takes too much work: "+res.Reason)
	case res.Code == dnssec.CodeClock:
		return undecided(name, t, now, CodeExpired, "no signature in the staple holds at "+now.UTC().Format(time.RFC3339)+": it is too old, or the clock of this machine is wrong")
	case res.Code == dnssec.CodeExpired:
		return undecided(name, t, now, CodeExpired, "the staple is too old: "+res.Reason)
	default:
		return undecided(name, t, now, CodeInvalid, "the staple proves nothing: "+res.Reason)
	}
	// One form alone: nothing can be put into it or changed in it that no signature covers.
	sets, err := canonical(res.Answer.RRsets)
	if err != nil || !sameSets(sets, e.Sets) {
		return undecided(name, t, now, CodeInvalid, "the staple holds more than the chain, or in another form")
	}
	maxAge := r.opts.MaxAge
	if maxAge == 0 {
		maxAge = DefaultMaxAge
	}
	if age := Age(res); age > maxAge {
		return undecided(name, t, now, CodeTooOld, fmt.Sprintf("the records in the staple were signed %s ago, and may be %s old", Days(age), Days(maxAge)))
	}
	return res
}

func undecided(name string, t dane.Type, now time.Time, code dnssec.Code, reason string) *chain.Result {
	res := chain.New(name, t, &dnssec.Answer{Name: name, Type: uint16(t), Status: dnssec.Indeterminate, EDE: -1, Code: code, Reason: reason})
	res.At = now
	return res
}

// Age is how long before Result.At the oldest signature over what was asked for was made: over the
// records, the aliases to them, or the proof of absence.
//
// These signatures alone are the measure. A zone makes no new one over a record that is withdrawn,
// so that they say when it was last published; whoever has an old one can always add new keys of
// the zones above it from the DNS. Those are signed for weeks in advance, and have only to hold.
func Age(r *chain.Result) time.Duration {
	var oldest time.Duration
	for _, set := range r.Answer.RRsets {
		if set.Type != uint16(r.Type) {
			continue
		}
		for _, sig := range set.Signatures {
			// RFC 4034, Section 3.1.5: the time nearest to now.
			age := time.Duration(int32(uint32(r.At.Unix())-sig.Inception)) * time.Second
			oldest = max(oldest, age)
		}
	}
	return oldest
}

// Days writes a duration for people in its largest unit, rounded up: "1.5 days", "2 hours",
// "1 minute".
func Days(d time.Duration) string {
	name, unit := "second", time.Second
	switch {
	case d >= 24*time.Hour:
		name, unit = "day", 24*time.Hour
	case d >= time.Hour:
		name, unit = "hour", time.Hour
	case d >= time.Minute:
		name, unit = "minute", time.Minute
	}
	tenth := unit / 10
	n := float64((d+tenth-1)/tenth) / 10
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%.3g %ss", n, name)
}
