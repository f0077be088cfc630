package dkim

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// maxChecked is how many signatures of a message are checked.
const maxChecked = 5

// Codes say why a signature does not pass.
const (
	codeMalformed    = "malformed"     // the field cannot be read, or misses something
	codeUnsupported  = "unsupported"   // an algorithm or canonicalisation that is not known
	codeLimit        = "limit"         // too long, too many, or too large a key
	codeWeak         = "weak"          // rsa-sha1, an RSA key of less than 1024 bits
	codePartial      = "partial"       // l=, or a From field that is not covered
	codeExpired      = "expired"       // x=
	codeBodyChanged  = "body-changed"  // the digest bh= is not that of the body
	codeBadSignature = "bad-signature" // the signature does not fit the key and the header
	codeNoKey        = "no-key"        // there is no key record
	codeRevoked      = "revoked"       // p= is empty
	codeBadKey       = "bad-key"       // the key record cannot be used
	codeTimeout      = "timeout"
	codeInternal     = "internal-error" // a fault in the program
)

// Verifier checks the DKIM signatures of messages that come in. It is safe for concurrent use.
//
// What a stranger can write costs little: at most five signatures are checked, those of the domain
// of From first; the fields and tags have limits; the body is read once, whatever the number of
// signatures, and nothing of it is kept; and the DNS is asked only for a signature that is complete
// and whose digest of the body is right, within the budget of the context ([dnssec.WithBudget]).
//
// go-msgauth, which signs here, is not used to verify, but in tests, where both must agree: it asks
// for the key before it looks at the body and without a context, keeps all empty lines of a body in
// memory and copies them again with each block, takes whatever follows any "b=" out of the field
// when it checks the signature, and says neither whether a domain is testing nor how long a key is.
type Verifier struct {
	Lookup lookup.Resolver  // required
	Now    func() time.Time // nil: time.Now
	// Saved: messages come from an archive, so that a missing key says nothing.
	Saved bool
}

// check is the checking of one signature.
type check struct {
	*signature
	out     receiver.DKIM
	problem *problem // nil so far, and at the end of one that passes
}

// Verify checks the signatures of m, those of the domain of From first, and those of one kind in
// the order of the fields. Where there are more than are checked the last element says how many.
// It is a function for receiver.Options.DKIM.
func (v *Verifier) Verify(ctx context.Context, m *message.Message) []receiver.DKIM {
	checks, more := v.prepare(m)
	checkFrom(checks, len(m.Fields("From")))
	if err := readBody(ctx, checks, m.Body()); err != nil {
		failAll(checks, problemf(receiver.TempError, codeTimeout, "the message could not be read to its end"))
	}
	v.judge(ctx, checks, m.Header())
	var out []receiver.DKIM
	for _, c := range checks {
		out = append(out, c.report())
	}
	if more > 0 {
		out = append(out, receiver.DKIM{
			Result: receiver.Neutral, Code: codeLimit, Reason: fmt.Sprintf("%d more signatures are not checked, at most %d are", more, maxChecked),
		})
	}
	return out
}

// prepare takes the fields apart and chooses those that are checked; more is how many are not.
func (v *Verifier) prepare(m *message.Message) (checks []*check, more int) {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	at := now()
	var domain string
	if from, _ := m.From(); len(from) > 0 {
		domain = domainName(from[0].Domain)
	}
	for _, f := range m.Fields("DKIM-Signature") {
		s, p := parseSignature(f, at)
		aligned := domain != "" && s.domain != "" && within(domain, s.domain)
		checks = append(checks, &check{signature: s, problem: p, out: receiver.DKIM{
			Domain: s.domain, Selector: s.selector, Algorithm: s.algorithm, Signature: s.start(), OfFrom: aligned,
		}})
	}
	slices.SortStableFunc(checks, func(a, b *check) int { return cmp.Compare(rank(a), rank(b)) })
	n := min(len(checks), maxChecked)
	return checks[:n], len(checks) - n
}

// rank has those that can still pass before those that cost nothing and pass never: junk above a
// message must not displace the signature of its author.
func rank(c *check) int {
	rank := 0
	if c.problem != nil {
		rank += 2
	}
	if !c.out.OfFrom {
		rank++
	}
	return rank
}

// start is the beginning of the signature, by which others find it (RFC 6008, Section 4).
func (s *signature) start() string {
	const least = 8
	text := withoutFWS(s.b.value)
	text = text[:min(len(text), least)]
	if strings.ContainsFunc(text, func(r rune) bool {
		return r != '+' && r != '/' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}) {
		return ""
	}
	return text
}

// checkFrom wants every From field covered: readers show any of them.
// RFC 6376, Section 8.15.
func checkFrom(checks []*check, fields int) {
	for _, c := range checks {
		covered := 0
		for _, name := range c.names {
			if name == "from" {
				covered++
			}
		}
		if c.problem == nil && fields > covered {
			c.problem = problemf(receiver.Policy, codePartial, "the message has %d From fields, and it covers %d", fields, covered)
		}
	}
}

// readBody reads the body once and compares its digests with those of the signatures.
func readBody(ctx context.Context, checks []*check, body io.Reader) error {
	sums := map[bool]*bodyHash{} // by whether they are relaxed
	var to []io.Writer
	for _, c := range checks {
		if c.problem == nil && sums[c.relaxedBody] == nil {
			sums[c.relaxedBody] = newBodyHash(c.relaxedBody)
			to = append(to, sums[c.relaxedBody])
		}
	}
	if len(to) == 0 {
		return nil
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(to...)}, untilDone{ctx, body}, make([]byte, 32<<10)); err != nil {
		return err
	}
	digests := map[bool]string{}
	for relaxed, h := range sums {
		digests[relaxed] = string(h.digest())
	}
	for _, c := range checks {
		if c.problem == nil && digests[c.relaxedBody] != string(c.bodyHash) {
			c.problem = problemf(receiver.Fail, codeBodyChanged, "the body was changed since it was signed")
		}
	}
	return nil
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx context.Context //nolint:containedctx // it lives as long as the call that reads
	r   io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func failAll(checks []*check, p *problem) {
	for _, c := range checks {
		c.problem = cmp.Or(c.problem, p)
	}
}

// judge asks for the keys of those that are still right, all at once, and waits for the answers.
func (v *Verifier) judge(ctx context.Context, checks []*check, header []message.Field) {
	var asked sync.WaitGroup
	for _, c := range checks {
		if c.problem == nil {
			asked.Go(func() { v.check(ctx, c, header) })
		}
	}
	asked.Wait()
}

// check checks one signature by its key. Before it says that there is none, or that it does not
// fit, it asks once more past the cache: a key that was published a minute ago is not a forgery.
func (v *Verifier) check(ctx context.Context, c *check, header []message.Field) {
	defer func() {
		if recover() != nil { // no field of a stranger ends the process
			c.problem = problemf(receiver.TempError, codeInternal, "a fault in the program: please report it with the message")
		}
	}()
	digest := c.headerDigest(header)
	for _, ask := range []func(context.Context, string, dane.Type) *lookup.Result{v.Lookup.Lookup, v.Lookup.LookupFresh} {
		c.problem = v.byKey(c, digest, ask(ctx, c.owner(), dane.TXT))
		if c.problem == nil || c.problem.code != codeNoKey && c.problem.code != codeBadSignature {
			return
		}
	}
}

// byKey judges by an answer of the DNS.
func (v *Verifier) byKey(c *check, digest []byte, r *lookup.Result) *problem {
	c.out.DNS, c.out.Testing = r.Status.String(), false
	switch {
	case r.Status == dnssec.Bogus:
		return problemf(receiver.TempError, "bogus", "the answer about the key is bogus: %s", r.Reason)
	case r.Presence == dane.Unknown:
		return problemf(receiver.TempError, cmp.Or(string(r.Code), codeTimeout), "the key could not be had: %s", r.Reason)
	case len(r.Texts) == 0 && v.Saved:
		return problemf(receiver.PermError, codeNoKey, "there is no key at %s now; keys are withdrawn some time after their use, so that this says nothing about an old message", c.owner())
	case len(r.Texts) == 0:
		return problemf(receiver.PermError, codeNoKey, "there is no key at %s", c.owner())
	// RFC 6376, Section 3.6.2.2: what several records mean is not defined.
	case len(r.Texts) > 1:
		return problemf(receiver.PermError, codeBadKey, "there are %d TXT records at %s, where only one key may be", len(r.Texts), c.owner())
	}
	k, p := parseKey(r.Texts[0], c.algorithm)
	c.out.Testing = k.testing
	if p != nil {
		return p
	}
	// RFC 6376, Section 3.6.1, t=s.
	if k.strict && c.auid != "" && auidDomain(c.auid) != c.domain {
		return problemf(receiver.PermError, codeMalformed, "the key is for identities of %s itself (t=s), and i= is below it", c.domain)
	}
	return k.verify(digest, c.signed)
}

// report is the result.
func (c *check) report() receiver.DKIM {
	out := c.out
	out.Result = receiver.Pass
	if c.problem != nil {
		out.Result, out.Code, out.Reason = c.problem.result, c.problem.code, c.problem.reason
	}
	return out
}
