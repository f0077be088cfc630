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

// vouching are the records of CAs that receivers use for names of one domain which have none of
// their own.
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

// isByCA reports whether a CA certified a key of a mail address, and the certificate has not ended.
func (r *retiring) isByCA(e *Event, keys *provision.Keys) bool {
	if !strings.Contains(e.Name, "@") {
		return false
	}
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

// vouchingFor asks once for each domain.
func (r *retiring) vouchingFor(ctx context.Context, e *Event) (*vouching, error) {
	domain := e.Name[strings.LastIndexByte(e.Name, '@')+1:]
	if v, ok := r.domains[domain]; ok {
		return v, nil
	}
	user, err := dane.UserName(domain)
	if err != nil {
		return nil, err
	}
	owner, typ, err := e.owner()
	if err != nil {
		return nil, err
	}
	_, above, _ := strings.Cut(owner, ".")
	_, top, _ := strings.Cut(above, ".")
	v := new(vouching)
	for _, at := range []struct {
		owner string
		typ   dane.Type
	}{{user, dane.TLSA}, {"*." + above, typ}, {"*." + top, typ}} {
		err = r.vouchingAt(ctx, v, at.owner, at.typ)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil: // the others tell what they have, and records are withdrawn
			v.unknown = err
		}
	}
	r.domains[domain] = v
	return v, nil
}

// vouchingAt adds the records of CAs at one name, as receivers use them there: those of usage 2
// (RFC 7671, Section 5.2).
func (r *retiring) vouchingAt(ctx context.Context, v *vouching, owner string, typ dane.Type) error {
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
