package lifecycle

import (
	"time"

	"dnseal/lookup/dane"
)

// revoke withdraws what revoked keys and withdrawn generations have, and no key needs that may
// sign.
func (n *round) revoke() bool {
	var remove []dane.Record
	for _, g := range n.generations() {
		if g.Revoked || n.mem.Withdrawn[g.ID] {
			remove = append(remove, n.only(g)...)
			remove = append(remove, n.unseen(g)...)
		}
	}
	if len(remove) == 0 {
		if n.mem.Gone.Since.IsZero() && n.mem.Gone.Hold > 0 && n.seen.secure() {
			n.mem.Gone.Since = n.now
		}
		return false
	}
	n.mem.Gone = Gone{Hold: max(n.mem.Gone.Hold, n.seen.ttl()), Replay: later(n.mem.Gone.Replay, n.seen.signedUntil())}
	return n.withdraw(remove)
}

// unseen is the record of a revoked key that may be there and cannot be seen, because answers are
// bogus or missing: it is withdrawn all the same, and that again after a while.
func (n *round) unseen(g *Generation) []dane.Record {
	s := n.mem.Shown[RecordID(g.Want)]
	if !g.Revoked || n.seen.secure() || n.seen.somewhere(g.Want) || !n.mem.Gone.Since.IsZero() || n.now.Sub(s.Removed) <= resend || n.needed(g.Want, g) {
		return nil
	}
	return []dane.Record{g.Want}
}

// goneUnknown reports whether nobody has seen yet that the records are gone.
func (n *round) goneUnknown() bool { return n.mem.Gone.Since.IsZero() && !n.seen.secure() }

// only are the published records of g that no other key needs.
func (n *round) only(g *Generation) (found []dane.Record) {
	for _, r := range n.published(g) {
		switch {
		case n.needed(r, g):
		case n.byWildcard(r):
			n.troubleOnce(Trouble{CodeWildcard, "a record that would have to go is that of a wildcard, and is for many names", "withdraw the wildcard by hand, or publish another record at this name", false})
		default:
			found = append(found, r)
		}
	}
	return found
}

// byWildcard reports whether every server that shows r says that it is at no name itself.
func (n *round) byWildcard(r dane.Record) bool {
	for _, s := range n.seen {
		if contains(s.Records, r) && !s.Wildcard {
			return false
		}
	}
	return true
}

// needed reports whether a generation other than g, neither revoked nor withdrawn, has the record
// r.
func (n *round) needed(r dane.Record, g *Generation) bool {
	for _, other := range n.generations() {
		if other.ID != g.ID && !other.Revoked && !n.mem.Withdrawn[other.ID] && other.Publishes(r) {
			return true
		}
	}
	return false
}

// withdraw removes records, or waits for the servers that still show them.
func (n *round) withdraw(remove []dane.Record) bool {
	var send []dane.Record
	for _, r := range remove {
		if s := n.mem.Shown[RecordID(r)]; n.now.Sub(s.Removed) > resend || n.seen.everywhere(r) {
			n.mem.Shown[RecordID(r)] = Shown{Removed: n.now, Hold: s.Hold}
			send = append(send, r)
		}
	}
	if len(send) == 0 {
		n.wait(n.now.Add(again), "a name server still shows the withdrawn record: "+names(n.showing(remove[0])))
		return true
	}
	n.step.Do, n.step.Remove, n.step.Expect = Remove, send, n.seen.expect()
	n.step.Why = "withdraw the record"
	return true
}

// showing are the servers that show r, missing those that do not.
func (n *round) showing(r dane.Record) (found []string) {
	for _, s := range n.seen {
		if contains(s.Records, r) {
			found = append(found, s.Name)
		}
	}
	return found
}

func (n *round) missing(r dane.Record) (found []string) {
	for _, s := range n.seen {
		if !s.known() || !contains(s.Records, r) {
			found = append(found, s.Name)
		}
	}
	return found
}

// revoked is the end of a revoked identity.
func (n *round) revoked() {
	if n.byCA(n.Active) || n.userUnclear() {
		n.nothing("the key signs no more here, and no record of its own can be withdrawn")
		return
	}
	if n.goneUnknown() {
		n.wait(n.now.Add(again), "not every name server has said that the record is gone")
		return
	}
	if until := n.mem.Gone.until(); n.now.Before(until) {
		n.wait(until, "caches may still have the withdrawn record")
		return
	}
	n.nothing("revoked")
}

// until is when no cache has the withdrawn records any more; zero: not known.
func (g Gone) until() time.Time {
	if g.Since.IsZero() {
		return time.Time{}
	}
	return g.Since.Add(g.Hold + Margin(g.Hold))
}

// unsettled is the first earlier generation of which it is not decided what becomes of its record.
func (n *round) unsettled() *Old {
	for i := range n.Old {
		if !n.Old[i].Settled && n.Old[i].ID != n.Active.ID {
			return &n.Old[i]
		}
	}
	return nil
}

// retire keeps or withdraws the record of an earlier key.
func (n *round) retire() bool {
	old := n.unsettled()
	if old == nil || !n.seen.secure() {
		return false
	}
	records := n.only(&old.Generation)
	switch {
	case len(records) == 0, n.mem.Retention == Keep:
		n.step.Do, n.step.Settle = SettleOld, old.ID
		n.step.Why = n.ends()
	case n.mem.Retention != Withdraw:
		n.trouble(Trouble{CodeUndecided, "the record of an earlier key is still there, and nobody said whether it is kept", n.rollover() + " with --keep-old or --withdraw-old", false})
		return false
	default:
		n.retireAt(old, records)
	}
	return true
}

// retireAt withdraws the record of an earlier key when mail that it signed has arrived.
func (n *round) retireAt(old *Old, records []dane.Record) {
	if n.mem.Switched.IsZero() {
		n.mem.Switched = n.now
	}
	hold := n.seen.hold()
	due := later(n.mem.Switched.Add(max(n.mem.OldFor, hold+Margin(hold))), n.activeDue())
	if n.now.Before(due) {
		n.wait(due, n.lasts())
		return
	}
	n.mem.Withdrawn[old.ID] = true
	n.mem.Gone = Gone{Hold: n.seen.ttl(), Replay: n.seen.signedUntil()}
	n.withdraw(records)
}
