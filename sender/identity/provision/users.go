package provision

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/smime/certificate"
)

// readUsers asks for the records of CAs at "_user", once a domain, for the works that have no
// record of their own.
func (r *Runner) readUsers(ctx context.Context, works []*work) {
	byName := map[string][]*work{}
	for _, w := range works {
		if w.ended {
			continue
		}
		name := w.userName()
		if name != "" && w.kept && w.Users != nil {
			w.vouching = w.Keys.vouching(ctx, w.Users, r.now())
			continue
		}
		if w.Users = nil; name != "" {
			byName[name] = append(byName[name], w)
		}
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, readers)
	for name, users := range byName {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			seen := r.readUser(ctx, name)
			for _, w := range users {
				w.Users = seen
				w.vouching = w.Keys.vouching(ctx, seen, r.now())
			}
		})
	}
	group.Wait()
}

// readUser is what the name servers show at one name; an error is that of all.
func (r *Runner) readUser(ctx context.Context, name string) lifecycle.Seen {
	servers, err := r.Publisher.Read(ctx, name, dane.TLSA)
	if err != nil {
		return lifecycle.Seen{{Name: name, Err: err.Error()}}
	}
	seen := seenBy(servers)
	for i := range seen { // receivers follow a CNAME; the records are those that it leads to
		seen[i].Alias = ""
	}
	return seen
}

// userName is where a CA of users is looked up for the identity, or "" where it does not count: it
// is no mail address, has a record or none that is proven absent, or no certificate of a CA.
// RFC 4035, Section 5.4.
func (w *work) userName() string {
	if w.typ != dane.SMIMEA || len(w.Seen) == 0 || !slices.ContainsFunc(w.Keys.generations(), issuedByCA) {
		return ""
	}
	for _, s := range w.Seen {
		if s.Err != "" || s.Status != lifecycle.Secure || s.Unproven || s.Alias != "" || len(s.Records) > 0 {
			return ""
		}
	}
	name, err := dane.UserName(w.Name[strings.LastIndexByte(w.Name, '@')+1:])
	if err != nil {
		return ""
	}
	return name
}

// issuedByCA reports whether a CA issued the certificate (RFC 5280, Section 3.2).
func issuedByCA(id *identity.Identity) bool {
	return id.Certificate != nil && !certificate.SelfIssued(id.Certificate)
}

// vouching are, by generation, the records at "_user" that vouch for it: receivers use those of
// usage 2 alone there (RFC 7671, Section 5.2).
func (k Keys) vouching(ctx context.Context, seen lifecycle.Seen, now time.Time) map[string][]dane.Record {
	found := map[string][]dane.Record{}
	for _, id := range k.generations() {
		if !issuedByCA(id) {
			continue
		}
		var records []dane.Record
		for _, s := range seen {
			records = append(records, s.Records...)
		}
		records = slices.DeleteFunc(records, func(r dane.Record) bool { return r.Usage != dane.DANETA })
		// One whose certificate has ended is told so, instead of as not published.
		at := now
		if end := id.Certificate.NotAfter; at.After(end) {
			at = end
		}
		opts := dane.MatchOptions{Certificate: id.Certificate, SPKI: id.Certificate.RawSubjectPublicKeyInfo, Chain: id.Chain, NameOK: id.Names, At: at}
		results, _, _ := dane.Match(ctx, records, opts)
		for _, r := range results {
			if r.Matched() {
				found[id.GenerationID()] = append(found[id.GenerationID()], r.Record)
			}
		}
	}
	return found
}

// Vouched reports whether a record of "_user" of the domain, or of a wildcard, vouches for
// a key that is valid now: of usage 2 (RFC 7671, Section 5.2), of a CA above its certificate.
func (k Keys) Vouched(ctx context.Context, records []dane.Record, now time.Time) bool {
	valid := k
	valid.Next, valid.Old, valid.Beside = nil, nil, nil
	for _, id := range k.generations() {
		if id.Certificate == nil || now.After(id.Certificate.NotAfter) {
			continue
		}
		valid.Active = id
		if len(valid.vouching(ctx, lifecycle.Seen{{Records: records}}, now)) > 0 {
			return true
		}
	}
	return false
}

// state is what package lifecycle decides by.
func (o *Outcome) state() lifecycle.State {
	s := o.Keys.state(o.Step.Memory, o.Seen)
	s.User = o.Users
	for _, g := range []*lifecycle.Generation{s.Active, s.Next} {
		if g != nil {
			g.CA = o.vouching[g.ID]
		}
	}
	for i := range s.Old {
		s.Old[i].CA = o.vouching[s.Old[i].ID]
	}
	return s
}

// Place is where a record is published.
type Place struct {
	Owner  string
	Type   dane.Type
	Record dane.Record
}

// ByCA is where the record of the CA is that publishes the active key, where that is not at the
// name of the identity: at "_user" of its domain or of a wildcard. ok is false where none is.
func (o *Outcome) ByCA() (p Place, ok bool) {
	r, wildcard, ok := lifecycle.Vouching(o.state(), o.Seen)
	if !ok {
		return p, false
	}
	owner, typ, err := o.Owner()
	if err != nil {
		return p, false
	}
	if wildcard {
		return Place{wildcardOf(o.Seen, owner), typ, r}, true
	}
	owner, err = dane.UserName(o.Name[strings.LastIndexByte(o.Name, '@')+1:])
	return Place{owner, dane.TLSA, r}, err == nil
}

// wildcardOf is the name of the wildcard that made the records at owner.
func wildcardOf(seen lifecycle.Seen, owner string) string {
	for _, s := range seen {
		if s.Source != "" {
			return s.Source
		}
	}
	return owner
}
