package fleet

import (
	"context"
	"fmt"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
	"dnseal/smime/certificate"
)

// vouching are the records of CAs that receivers use for names which have none of their own.
type vouching struct {
	records []dane.Record
	places  []string // of each record
	unknown error    // a name server did not tell all; nil: they did
}

// notGone tells of an identity that signs no more, and whose key others accept still. Its own
// records are withdrawn.
func (r *retiring) notGone(gone *Event, failure *Failure) error {
	r.fail(failure)
	r.sum.Vouched++
	gone.Time, gone.What = r.now, Vouched
	if err := r.add(gone); err != nil {
		return err
	}
	return r.mayFlush()
}

// vouched tells of a key that others accept all the same, by the record of its CA at "_user" of the
// domain or of a wildcard (RFC 4592). unasked: there is such a CA, and nobody to ask.
func (r *retiring) vouched(ctx context.Context, e *Event, keys *provision.Keys, line int) (failure *Failure, unasked bool, err error) {
	if !r.isByCA(e, keys) {
		return nil, false, nil
	}
	if r.Reader == nil {
		return nil, true, nil
	}
	v, err := r.vouchingFor(ctx, e)
	if err != nil {
		return nil, false, err
	}
	for i := range v.records {
		if keys != nil && !keys.Vouched(ctx, v.records[i:i+1], r.now) {
			continue
		}
		why := fmt.Errorf("%s signs no more here, and others still accept its key: %s vouches for every key that the CA certified", e.Name, v.places[i])
		return &Failure{Line: line, Name: e.Name, Code: VouchedFor, Err: identity.WithHint(why,
			"take the record of the CA out (dnseal identity ca revoke), or give the name the record of another key, which receivers look up first (dnseal identity rollover, then publish)")}, false, nil
	}
	if v.unknown != nil {
		why := fmt.Errorf("%s signs no more here, and it is not known whether others still accept its key: %w", e.Name, v.unknown)
		return &Failure{Line: line, Name: e.Name, Code: Refused, Err: identity.WithHint(why, "retire it again when all name servers answer")}, false, nil
	}
	return nil, false, nil
}

// isByCA reports whether a CA certified a key, and the certificate has not ended.
func (r *retiring) isByCA(e *Event, keys *provision.Keys) bool {
	if keys == nil {
		return e.CA && !r.now.After(e.NotAfter)
	}
	for _, id := range generation(provision.Generations{Active: keys.Active, Next: keys.Next, Old: keys.Old}) {
		if id.Certificate != nil && !certificate.SelfIssued(id.Certificate) && !r.now.After(id.Certificate.NotAfter) {
			return true
		}
	}
	return false
}

// vouchingFor collects what is at all places that may vouch for a name without records of its own.
func (r *retiring) vouchingFor(ctx context.Context, e *Event) (*vouching, error) {
	owner, typ, err := e.owner()
	if err != nil {
		return nil, err
	}
	all := new(vouching)
	for _, at := range wildcards(owner) {
		if err = r.vouchingAt(ctx, all, at, typ); err != nil {
			return nil, err
		}
	}
	at := strings.LastIndexByte(e.Name, '@')
	if at < 0 {
		return all, nil
	}
	user, err := dane.UserName(e.Name[at+1:])
	if err != nil {
		return nil, err
	}
	return all, r.vouchingAt(ctx, all, user, dane.TLSA)
}

// maxWildcards is how far above a name wildcards are looked for.
const maxWildcards = 8

// wildcards are the names of the wildcards that may answer for a name (RFC 4592, Section 3.3.1):
// which of them does depends on the names that are there, and they go with those that are retired.
func wildcards(owner string) (out []string) {
	_, above, _ := strings.Cut(owner, ".")
	for strings.Count(strings.TrimSuffix(above, "."), ".") > 0 && len(out) < maxWildcards {
		out = append(out, "*."+above)
		_, above, _ = strings.Cut(above, ".")
	}
	return out
}

// vouchingAt adds what is at one place, which is asked for once. What is not known of it is kept
// too: the others tell what they have, and records are withdrawn.
func (r *retiring) vouchingAt(ctx context.Context, all *vouching, owner string, typ dane.Type) error {
	v := r.places[owner]
	if v == nil {
		v = new(vouching)
		if v.unknown = r.ask(ctx, v, owner, typ); ctx.Err() != nil {
			return ctx.Err()
		}
		if len(r.places) < maxPlaces {
			r.places[owner] = v
		}
	}
	all.records, all.places = append(all.records, v.records...), append(all.places, v.places...)
	if all.unknown == nil {
		all.unknown = v.unknown
	}
	return nil
}

// maxPlaces is of how many places it is remembered what is there.
const maxPlaces = 100_000

// ask adds the records of CAs at one name, as receivers use them there: those of usage 2
// (RFC 7671, Section 5.2).
func (r *retiring) ask(ctx context.Context, v *vouching, owner string, typ dane.Type) error {
	seen, err := r.Reader.Read(ctx, owner, typ)
	if err != nil {
		return err
	}
	unknown := ""
	for _, s := range seen {
		if s.Err != nil {
			unknown = s.Server + ": " + s.Err.Error()
		}
		for _, record := range s.Records {
			if record.Usage == dane.DANETA && !isAmong(record, v.records) {
				place := fmt.Sprintf("%s %d %d %d at %s", typ, record.Usage, record.Selector, record.MatchingType, owner)
				v.records, v.places = append(v.records, record), append(v.places, place)
			}
		}
	}
	if unknown != "" {
		return fmt.Errorf("whether a CA vouches for keys at %s: %s", owner, unknown)
	}
	return nil
}
