// Package evidence keeps what a result rests on, as the authentication chain of RFC 9102, and
// validates it again without a network. Start at [Of] and [Verify].
//
// # Limitations
//
// Evidence shows that keys have signed records, and until when. It does not show that a record was
// not withdrawn earlier, nor when the evidence was made: see [Evidence].
package evidence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// Evidence is what a result rests on, to be kept and validated again without a network: the records
// in wire form with their signatures. Its JSON form is stable.
//
// It shows that these keys have signed this, and until when the signatures hold. It does not show
// that a record was not withdrawn before that, and someone who gets a zone's keys later can
// make evidence for earlier times: to be believed after its Expiration it needs a witness of its
// own for the time.
type Evidence struct {
	Version int         `json:"v"`
	Name    string      `json:"name"`
	Type    string      `json:"type"` // "SMIMEA" or "TLSA"
	At      time.Time   `json:"at"`   // when the resolver answered
	Status  string      `json:"status"`
	Code    dnssec.Code `json:"code"`
	Rcode   int         `json:"rcode"`
	// Sets is in the order of RFC 9102, Section 3: what was asked for, then DNSKEY and DS up to the
	// root.
	Sets []Set `json:"sets"`
	// Inception and Expiration bound the time in which all signatures hold.
	Inception  time.Time `json:"inception"`
	Expiration time.Time `json:"expiration"`
}

// Set is one RRset with its signatures.
type Set struct {
	// Name and Type are the question that it is an answer to, or a part of one. Without Name it is
	// a proof of absence that may be part of any.
	Name string `json:"name"`
	Type string `json:"type"`
	// Wire is the records and then their RRSIG records, uncompressed (RFC 1035, Section 3.2.1). All
	// in a row are the AuthenticationChain of RFC 9102, Section 2.3.
	Wire []byte `json:"wire"`
}

const (
	version  = 1
	maxSets  = 200
	maxBytes = 1 << 20
)

// Of returns what the result rests on. It fails when nothing was found out (the result is
// indeterminate) or the result is the resolver's word (mode ad-only).
func Of(r *chain.Result) (*Evidence, error) {
	a := r.Answer
	if r.Status == dnssec.Indeterminate || r.Believed || a == nil || len(a.RRsets) == 0 {
		return nil, fmt.Errorf("evidence: there is no evidence about %s: it was not validated here", r.Name)
	}
	e := &Evidence{
		Version: version, Name: r.Name, Type: r.Type.String(), At: r.At.UTC(),
		Status: r.Status.String(), Code: r.Code, Rcode: a.Rcode,
		Inception: a.Inception.UTC(), Expiration: a.Expiration.UTC(),
	}
	for _, set := range a.RRsets {
		wire, err := packSet(set)
		if err != nil {
			return nil, err
		}
		e.Sets = append(e.Sets, Set{Name: set.Name, Type: dns.Type(set.Type).String(), Wire: wire})
	}
	return e, nil
}

// Chain returns the RRs as the AuthenticationChain of RFC 9102, Section 2.3.
func (e *Evidence) Chain() []byte {
	var out []byte
	for _, set := range e.Sets {
		out = append(out, set.Wire...)
	}
	return out
}

// packSet writes a set. Signed records get their original TTL (RFC 4034, Section 3.1.4), so that a
// set is the same whenever a cache was asked.
func packSet(set dnssec.RRset) ([]byte, error) {
	rrs := append([]dns.RR{}, set.Records...)
	for _, sig := range set.Signatures {
		rrs = append(rrs, sig)
	}
	var out []byte
	buf := make([]byte, dns.MaxMsgSize)
	for _, rr := range rrs {
		// Of a copy: it writes to the record, and those of a cached result are shared.
		rr = dns.Copy(rr)
		if len(set.Signatures) > 0 {
			rr.Header().Ttl = set.Signatures[0].OrigTtl
		}
		n, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			return nil, fmt.Errorf("evidence: %s %s cannot be kept: %w", rr.Header().Name, dns.Type(rr.Header().Rrtype), err)
		}
		out = append(out, buf[:n]...)
	}
	return out, nil
}

// Verify validates evidence again (RFC 9102, Section 6) as of a time, from the trust anchors of v
// (nil: the keys of the DNS root) and without a network. Where these are keys of the DNS root, its
// earlier and later keys count in their periods ([dnssec.Anchors.WithHistory]). Evidence of a
// result that was secure, insecure or bogus gives the same result for the time it was made. Altered
// or incomplete evidence is never secure but by signatures that hold: where the proof of a
// delegation was taken out, the word of the parent zone counts for what is below. The states in the
// evidence are not believed. Errors: it cannot be read, or is over a limit (200 sets, 1 MiB).
func Verify(e *Evidence, at time.Time, v *dnssec.Validator) (*chain.Result, error) {
	return VerifyContext(context.Background(), e, at, v)
}

// VerifyContext is Verify by the budget of ctx ([dnssec.WithBudget]).
func VerifyContext(ctx context.Context, e *Evidence, at time.Time, v *dnssec.Validator) (*chain.Result, error) {
	if _, err := e.question(); err != nil {
		return nil, err
	}
	sets, err := e.unpack()
	if err != nil {
		return nil, fmt.Errorf("evidence: evidence about %q: %w", e.Name, err)
	}
	return VerifyRRsets(ctx, e, sets, at, v)
}

// VerifyRRsets is VerifyContext by sets that [Set.RRset] has returned, in place of e.Sets, so that
// sets that many answers rest on are read once. The caller limits their octets.
func VerifyRRsets(ctx context.Context, e *Evidence, sets []dnssec.RRset, at time.Time, v *dnssec.Validator) (*chain.Result, error) {
	t, err := e.question()
	if err == nil && len(sets) > maxSets {
		err = fmt.Errorf("evidence: evidence about %q: %d sets, at most %d", e.Name, len(sets), maxSets)
	}
	if err != nil {
		return nil, err
	}
	if v == nil {
		v = new(dnssec.Validator)
	}
	name := dns.CanonicalName(e.Name)
	then := *v
	then.Anchors = v.Anchors.WithHistory()
	a := then.VerifyContext(ctx, dnssec.Evidence{Name: name, Type: uint16(t), Rcode: e.Rcode, RRsets: sets}, at)
	r := chain.New(name, t, a)
	r.At = at
	return r, nil
}

// question is the type that was asked for, of evidence that can be read here.
func (e *Evidence) question() (dane.Type, error) {
	if e.Version != version {
		return 0, fmt.Errorf("evidence: evidence of version %d, want %d", e.Version, version)
	}
	t := dane.Type(dns.StringToType[e.Type])
	if t != dane.TLSA && t != dane.SMIMEA {
		return 0, fmt.Errorf("evidence: evidence about type %q, want TLSA or SMIMEA", e.Type)
	}
	return t, nil
}

func (e *Evidence) unpack() ([]dnssec.RRset, error) {
	size := 0
	for _, set := range e.Sets {
		size += len(set.Wire)
	}
	if len(e.Sets) > maxSets || size > maxBytes {
		return nil, fmt.Errorf("%d sets of %d octets, at most %d of %d", len(e.Sets), size, maxSets, maxBytes)
	}
	var out []dnssec.RRset
	for i, set := range e.Sets {
		unpacked, err := set.RRset()
		if err != nil {
			return nil, fmt.Errorf("set %d: %w", i, err)
		}
		out = append(out, unpacked)
	}
	return out, nil
}

var errNoSet = errors.New("it is no RRset in wire form")

// RRset reads the records, of one name and type, and then the signatures. It fails where Wire holds
// anything else.
func (s Set) RRset() (dnssec.RRset, error) {
	qtype, ok := dns.StringToType[s.Type]
	if !ok {
		return dnssec.RRset{}, fmt.Errorf("unknown type %q", s.Type)
	}
	out := dnssec.RRset{Type: qtype}
	if s.Name != "" {
		out.Name = dns.CanonicalName(s.Name)
	}
	for at := 0; at < len(s.Wire); {
		rr, next, err := dns.UnpackRR(s.Wire, at)
		if err != nil || next <= at {
			return dnssec.RRset{}, errNoSet
		}
		at = next
		if sig, isSig := rr.(*dns.RRSIG); isSig {
			out.Signatures = append(out.Signatures, sig)
			continue
		}
		if len(out.Signatures) > 0 || len(out.Records) > 0 && !sameSet(rr, out.Records[0]) {
			return dnssec.RRset{}, errNoSet
		}
		out.Records = append(out.Records, rr)
	}
	if len(out.Records) == 0 {
		return dnssec.RRset{}, errNoSet
	}
	return out, nil
}

func sameSet(a, b dns.RR) bool {
	return a.Header().Rrtype == b.Header().Rrtype && dns.CanonicalName(a.Header().Name) == dns.CanonicalName(b.Header().Name)
}
