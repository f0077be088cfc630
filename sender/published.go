package sender

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// lookupFunc is Resolver.Lookup or Resolver.LookupFresh.
type lookupFunc func(ctx context.Context, name string, t dane.Type) *lookup.Result

// unpublished says why receivers could not verify what id signs, as a code and a sentence; both are
// empty when its record is there, validated, and matches. What cannot be looked up counts as not
// published: a signature that its receivers cannot check is worth nothing to them.
// RFC 6698, Section 4.1.
func (s *Sender) unpublished(ctx context.Context, id *identity.Identity) (code, reason string) {
	if s.opts.Lookup == nil {
		return "", ""
	}
	ctx = dnssec.WithBudget(ctx, dnssec.NewBudget(s.opts.Limits))
	now := s.opts.Now()
	code, reason = publishedBy(ctx, s.opts.Lookup.Lookup, id, now)
	if code == codeAbsent || code == codeMismatch {
		// A record published a minute ago may not be in our cache yet.
		code, reason = publishedBy(ctx, s.opts.Lookup.LookupFresh, id, now)
	}
	return code, reason
}

const (
	codeAbsent   = "record-absent"
	codeMismatch = "record-mismatch"
)

func publishedBy(ctx context.Context, ask lookupFunc, id *identity.Identity, now time.Time) (code, reason string) {
	// RFC 8162, Section 3.
	owner, typ, err := id.OwnerName()
	if err != nil {
		return "no-owner-name", err.Error()
	}
	res := ask(ctx, owner, typ)
	if user := userName(id, res); user != "" {
		res = ask(ctx, user, dane.TLSA)
	}
	switch {
	// RFC 4035, Section 4.3.
	case res.Status != dnssec.Secure:
		return res.Status.String(), fmt.Sprintf("the records at %s are %s: %s", res.Name, res.Status, res.Reason)
	case res.Presence != dane.Present:
		return codeAbsent, fmt.Sprintf("no record is published at %s", res.Name)
	case !matches(ctx, res, id, now):
		return codeMismatch, fmt.Sprintf("no record at %s matches the key of %s", res.Name, id.Name)
	}
	return "", ""
}

// userName is where the CA of a user without record of her own is published
// (DANCE architecture, Example 7), or "" where it does not count.
// RFC 5280, Section 3.2: a self-issued certificate has no CA.
func userName(id *identity.Identity, res *lookup.Result) string {
	// RFC 4035, Section 5.4.
	absent := res.Status == dnssec.Secure && res.Presence == dane.Absent
	if !absent || id.Kind != identity.Mail || id.Certificate == nil || bytes.Equal(id.Certificate.RawIssuer, id.Certificate.RawSubject) {
		return ""
	}
	addr, err := message.ParseAddress(id.Name)
	if err != nil {
		return ""
	}
	name, err := dane.UserName(addr.Domain)
	if err != nil {
		return ""
	}
	return name
}

// matches reports whether a receiver would find a record that matches.
// RFC 6698, Section 2.1.3.
func matches(ctx context.Context, res *lookup.Result, id *identity.Identity, now time.Time) bool {
	spki, err := id.SPKI()
	if err != nil {
		return false
	}
	results, matched, _ := dane.Match(ctx, res.Records, dane.MatchOptions{Certificate: id.Certificate, SPKI: spki, Chain: id.Chain, NameOK: id.Names, At: now})
	if id.Certificate != nil {
		return matched
	}
	// Without a certificate in the message the record is the only copy of the key: RFC 6698,
	// Section 2.1.3, matching type 0.
	for _, r := range results {
		if r.Matched() && r.Record.MatchingType == dane.Exact {
			return true
		}
	}
	return false
}
