package lifecycle

import (
	"fmt"
	"slices"

	"dnseal/lookup/dane"
)

// CodeVouched is the code of a revoked key for which the record of its CA vouches all the same.
const CodeVouched Code = "ca-vouches"

// Vouching returns the record of a CA by which the active key is published, and whether it is that
// of a wildcard; ok is false where the identity is not [ByCA]: it has a record of its own, or none
// counts.
func Vouching(s State, seen Seen) (r dane.Record, wildcard, ok bool) {
	n := &round{State: s, seen: seen}
	if s.Active == nil {
		return r, false, false
	}
	if i := slices.IndexFunc(s.Active.CA, n.User.everywhere); i >= 0 && n.byUser(s.Active) {
		return s.Active.CA[i], false, true
	}
	for _, r := range n.published(s.Active) {
		if n.ofWildcard(r) {
			return r, true, true
		}
	}
	return r, false, false
}

// byCA reports whether g is published by a record of its CA that is at no name of the identity.
func (n *round) byCA(g *Generation) bool {
	return g != nil && (n.byUser(g) || slices.ContainsFunc(n.published(g), n.ofWildcard))
}

// byUser reports whether the CA at "_user" vouches for g: receivers look there only where the
// identity is proven to have no record (DANCE architecture, Example 7).
func (n *round) byUser(g *Generation) bool {
	return n.seen.secure() && len(n.seen.records()) == 0 && n.User.secure() && slices.ContainsFunc(g.CA, n.User.everywhere)
}

// ofWildcard reports whether every server has r, of a CA, from a wildcard.
func (n *round) ofWildcard(r dane.Record) bool {
	return ofCA(r) && n.seen.everywhere(r) && n.byWildcard(r)
}

// ofCA reports whether a record names a CA (RFC 6698, Section 2.1.1).
func ofCA(r dane.Record) bool { return r.Usage == dane.PKIXTA || r.Usage == dane.DANETA }

// stays reports whether g is published by its CA, and nobody wants a record of its own.
func (n *round) stays(g *Generation) bool {
	return n.byCA(g) && (!n.mem.Publish || n.seen.everywhere(g.Want))
}

// countsUser reports whether anything depends on the CA at "_user": no record is at the name, and
// none will be unless a next key, which may hide the CA's record for the active one, is published.
func (n *round) countsUser() bool {
	return len(n.seen.records()) == 0 && (!n.mem.Publish || n.Next != nil)
}

// userUnclear reports whether it is not known what is at "_user", where that counts.
func (n *round) userUnclear() bool {
	return n.countsUser() && len(n.User) > 0 && (!n.User.secure() || !n.User.alike())
}

// alike reports whether all servers show the same records.
func (s Seen) alike() bool {
	return !slices.ContainsFunc(s.records(), func(r dane.Record) bool { return !s.everywhere(r) })
}

// userTroubles says what is wrong with the answers for "_user".
func (n *round) userTroubles() {
	if !n.countsUser() {
		return
	}
	for _, s := range n.User {
		switch {
		case s.Err != "":
			n.trouble(Trouble{CodeSilent, fmt.Sprintf("%s does not say whether a CA at _user of the domain vouches for the key: %s", s.Name, s.Err), "mend that server, or take it out of the NS records of the zone", true})
		case s.Status != Secure:
			n.trouble(Trouble{CodeNotSecure, fmt.Sprintf("the answer of %s for _user of the domain is %s: %s", s.Name, s.Status, s.Reason), "nobody can rely on the record until that is mended: dnseal zone check", s.Status == "indeterminate"})
		case !s.SignedUntil.IsZero() && s.SignedUntil.Sub(n.now) < signatureSoon && len(s.Records) > 0:
			n.trouble(Trouble{CodeSigned, fmt.Sprintf("the signatures of %s for _user of the domain end at %s", s.Name, stamp(s.SignedUntil)), "see why the zone is not signed anew", false})
		}
	}
	if n.User.secure() && !n.User.alike() {
		n.trouble(Trouble{CodeBehind, "not every name server shows the same records at _user of the domain", "wait for the transfer of the zone; if it stays so, see why NOTIFY or transfer fail", false})
	}
}

// rollOverByCA switches to a next key for which the record of the CA vouches as it does for the
// active one: there is nothing to publish, and nothing to wait for but caches that have a record
// which was at the name itself.
func (n *round) rollOverByCA() bool {
	a := n.Active
	if !n.stays(n.Next) || a != nil && !a.Revoked && !n.stays(a) {
		return false
	}
	if n.now.Before(n.mem.Caches) {
		n.wait(n.mem.Caches, "caches may have records that were at the name itself")
		return true
	}
	n.mem.Switched = n.now
	n.step.Do, n.step.Why = Switch, "the published record of the CA vouches for the next key too: it signs from now on"
	return true
}

// vouched says which revoked keys others accept still: no record is withdrawn that vouches for
// other keys too.
func (n *round) vouched() {
	for _, g := range n.generations() {
		ended := !g.Ends.IsZero() && n.now.After(g.Ends)
		if !g.Revoked || ended {
			continue
		}
		var hint string
		switch {
		case n.byUser(g):
			hint = "let another key sign, with a record of its own, which receivers look up first: dnseal identity rollover, then dnseal identity publish"
		case slices.ContainsFunc(n.published(g), func(r dane.Record) bool { return ofCA(r) && n.needed(r, g) }):
			hint = "publish the key that signs by usage 3, with no record of the CA at the name: dnseal identity publish --usage 3"
		default:
			continue
		}
		until := ""
		if !g.Ends.IsZero() {
			until = ", until its certificate ends at " + stamp(g.Ends)
		}
		n.trouble(Trouble{CodeVouched, fmt.Sprintf("the revoked key %s signs no more here, and others still accept it%s: the record of its CA vouches for every key that the CA certified", g.Key, until), hint, false})
	}
}
