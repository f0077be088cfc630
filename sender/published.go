package sender

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// lookupFunc is Resolver.Lookup or Resolver.LookupFresh.
type lookupFunc func(ctx context.Context, name string, t dane.Type) *lookup.Result

// Record is what the DNS says about an identity, to receivers of what it signs.
type Record struct {
	// Name is the owner name that was looked up, and Type the type.
	Name string
	Type dane.Type
	// Status is that of DNSSEC; only with Secure do the records count.
	Status dnssec.Status
	// Code and Reason say why receivers could not verify what the identity signs; both are empty
	// where a record is there, validated, and matches.
	Code, Reason string
	// Match is the record that matches the identity's own key.
	Match dane.Record
}

// CheckRecord looks up the record of an identity as Handle does before it signs, and that of an
// ML-DSA key which signs beside it: without, receivers cannot check that signature. What cannot be
// looked up counts as not published: a signature that its receivers cannot check is worth nothing
// to them. Absent and other records are looked up twice, the second time past the cache of r. RFC
// 6698, Section 4.1.
func CheckRecord(ctx context.Context, r lookup.Resolver, id *identity.Identity, limits dnssec.Limits, now time.Time) *Record {
	ctx = dnssec.WithBudget(ctx, dnssec.NewBudget(limits))
	out := publishedBy(ctx, r.Lookup, id, now)
	if out.Code == codeAbsent || out.Code == codeMismatch {
		// A record published a minute ago may not be in our cache yet.
		out = publishedBy(ctx, r.LookupFresh, id, now)
	}
	return out
}

// Codes of Record in addition to those of package lookup's statuses.
const (
	codeAbsent   = "record-absent"
	codeMismatch = "record-mismatch"
)

func publishedBy(ctx context.Context, ask lookupFunc, id *identity.Identity, now time.Time) *Record {
	res, err := Records(ctx, ask, id)
	if err != nil {
		return &Record{Code: "no-owner-name", Reason: err.Error()}
	}
	out := &Record{Name: res.Name, Type: res.Type, Status: res.Status}
	var found bool
	switch {
	// RFC 4035, Section 4.3.
	case res.Status != dnssec.Secure:
		out.Code, out.Reason = res.Status.String(), fmt.Sprintf("the records at %s are %s: %s", res.Name, res.Status, res.Reason)
	case res.Presence != dane.Present:
		out.Code, out.Reason = codeAbsent, "no record is published at "+res.Name
	default:
		if out.Match, found = match(ctx, res, id, now); !found {
			out.Code, out.Reason = codeMismatch, fmt.Sprintf("no record at %s matches the key of %s", res.Name, id.Name)
			return out
		}
		if pq := id.PostQuantum; pq != nil {
			if _, found = match(ctx, res, pq, now); !found {
				out.Code, out.Reason = codeMismatch, fmt.Sprintf("no record at %s matches the %s key of %s, which signs beside its other key: publish it, or move the folder %s away", res.Name, pq.KeyType(), id.Name, identity.PostQuantumFolder)
			}
		}
	}
	return out
}

// Records looks up what receivers do for an identity: the records of its own name; where these are
// proven absent and a CA issued its certificate, those of the CA of its domain's users at "_user",
// where there are any. ask is Lookup or LookupFresh of a [lookup.Resolver]. The error says that the
// identity can have no record.
func Records(ctx context.Context, ask func(ctx context.Context, name string, t dane.Type) *lookup.Result, id *identity.Identity) (*lookup.Result, error) {
	// RFC 8162, Section 3.
	owner, typ, err := id.OwnerName()
	if err != nil {
		return nil, err
	}
	res := ask(ctx, owner, typ)
	if user := userName(id, res); user != "" {
		ca := ask(ctx, user, dane.TLSA)
		if ca.Status != dnssec.Secure || ca.Presence != dane.Absent {
			return ofUsers(ca), nil
		}
	}
	return res, nil
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

// ofUsers leaves of the records at "_user" those that receivers use: a CA's alone can speak for
// names that are not the owner's (usage 2). RFC 7671, Section 5.2.
func ofUsers(res *lookup.Result) *lookup.Result {
	own := *res // the cache's stays as it is
	own.Records = slices.DeleteFunc(slices.Clone(res.Records), func(r dane.Record) bool { return r.Usage != dane.DANETA })
	return &own
}

// match returns the first record by which a receiver would find that the key is published.
// RFC 6698, Section 2.1.3.
func match(ctx context.Context, res *lookup.Result, id *identity.Identity, now time.Time) (dane.Record, bool) {
	spki, err := id.SPKI()
	if err != nil {
		return dane.Record{}, false
	}
	results, _, _ := dane.Match(ctx, res.Records, dane.MatchOptions{Certificate: id.Certificate, SPKI: spki, Chain: id.Chain, NameOK: id.Names, At: now})
	for _, r := range results {
		// Without a certificate in the message the record is the only copy of the key: RFC 6698,
		// Section 2.1.3, matching type 0.
		if r.Matched() && (id.Certificate != nil || r.Record.MatchingType == dane.Exact) {
			return r.Record, true
		}
	}
	return dane.Record{}, false
}
