package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"dnseal/lookup/dane"
)

// resend is after how long a change that some servers still do not show is sent once more.
const resend = 10 * time.Minute

// again is how soon the servers are looked at again while one of them is not there yet.
const again = 10 * time.Second

// round is one call of Next.
type round struct {
	State
	seen Seen
	now  time.Time
	mem  Memory
	step Step
	keys []*Generation // all of the identity
}

// Next returns what is to be done. seen is what all name servers showed after the last step, and
// now the time when the last of them was read. It never fails: what is wrong is in Step.Troubles.
func Next(state State, seen Seen, now time.Time) Step {
	n := &round{State: state, seen: seen, now: now, mem: state.Memory.clone()}
	n.keys = n.generations()
	if n.mem.notInFuture(now, seen.secure()) {
		n.trouble(Trouble{CodeClock, "the memory of this identity has times that lie in the future", "see whether the clock of this machine is right; waits begin again", false})
	}
	n.observe()
	n.troubles()
	n.of(state.Folder, n.decide)
	if n.step.Condition == "" {
		n.step.Condition = n.condition()
	}
	n.rollOverBeside()
	n.step.Memory = n.mem
	return n.step
}

// observe brings the memory up to what is seen.
func (n *round) observe() {
	switch last := n.mem.SeenTTL; {
	case n.seen.ttl() >= last:
		n.mem.SeenTTL = n.seen.ttl()
	case n.seen.secure(): // of other answers the TTL is not known
		n.mem.Caches = later(n.mem.Caches, n.now.Add(last+Margin(last)))
		n.mem.SeenTTL = n.seen.ttl()
	}
	for _, g := range n.generations() {
		for _, r := range append([]dane.Record{g.Want}, g.Also...) {
			// One that was there counts also when it is gone: it can come back.
			was := !n.mem.Shown[RecordID(r)].Since.IsZero()
			if r.Data != nil && (was || n.seen.somewhere(r) || Same(r, g.Want)) {
				n.observeRecord(r)
			}
		}
	}
}

// observeRecord notes since when a record is everywhere, and how long answers without it live.
func (n *round) observeRecord(r dane.Record) {
	id := RecordID(r)
	s := n.mem.Shown[id]
	switch {
	case n.seen.everywhere(r) && s.Since.IsZero():
		s.Since, s.Once = n.now, true
		if s.Hold == 0 { // it was never seen to be missing
			s.Hold = n.seen.hold()
		}
	case n.seen.denied(r):
		s.Since = time.Time{}
		s.Hold = max(s.Hold, n.seen.hold())
		if !n.seen.secure() { // what the others say is not known
			s.Hold = max(s.Hold, n.ttl())
		}
	}
	n.mem.Shown[id] = s
}

// generations are all keys of the identity.
func (n *round) generations() []*Generation {
	if n.keys != nil {
		return n.keys
	}
	all := generationsOf(n.Active, n.Next, n.Old)
	for _, b := range n.Beside {
		all = append(all, generationsOf(b.Active, b.Next, b.Old)...)
	}
	return all
}

func generationsOf(active, next *Generation, old []Old) (all []*Generation) {
	for _, g := range []*Generation{active, next} {
		if g != nil {
			all = append(all, g)
		}
	}
	for i := range old {
		all = append(all, &old[i].Generation)
	}
	return all
}

// decide sets the step.
func (n *round) decide() {
	switch {
	case n.Active == nil && n.Next == nil:
		n.nothing("there is no key")
	case !n.seen.reached():
		n.step.Condition = Unclear
		n.wait(n.now.Add(again), "no name server answers")
	case n.revoke():
	case n.Next != nil && !n.Next.Revoked:
		n.rollOver()
	case n.Active == nil:
		n.nothing("there is no key")
	case n.Active.Revoked:
		n.revoked()
	case n.publishActive(), n.retire(), n.changeTTL():
	default:
		n.rest()
	}
}

// due is when every cache has the record r; zero: not every server shows it.
func (n *round) due(r dane.Record) time.Time {
	s := n.mem.Shown[RecordID(r)]
	if s.Since.IsZero() || !n.seen.everywhere(r) {
		return time.Time{}
	}
	due := s.Since.Add(s.Hold + Margin(s.Hold))
	if n.mem.Caches.After(due) {
		due = n.mem.Caches
	}
	return due
}

// condition is where the identity stands before the step.
func (n *round) condition() Condition {
	a := n.Active
	switch {
	case a == nil:
		return NoKey
	case a.Revoked && (n.anywhere(a) || n.goneUnknown() || n.now.Before(n.mem.Gone.until())):
		return Revoking
	case a.Revoked && (n.byCA(a) || n.userUnclear()):
		return Revoking
	case a.Revoked:
		return Revoked
	case n.stays(a):
		return ByCA
	case !n.anywhere(a) && n.userUnclear():
		return Unclear
	case !n.anywhere(a) && n.mem.Shown[RecordID(a.Want)].Once:
		return Missing
	case !n.anywhere(a):
		return New
	case n.Next != nil && n.anywhere(n.Next):
		return NextPublished
	case n.unsettled() != nil:
		return Switched
	}
	if due := n.activeDue(); due.IsZero() || n.now.Before(due) {
		return Published
	}
	return Active
}

// activeDue is when every cache has a record of the active key; zero: no record is everywhere.
func (n *round) activeDue() (first time.Time) {
	for _, r := range n.published(n.Active) {
		if due := n.due(r); !due.IsZero() && (first.IsZero() || due.Before(first)) {
			first = due
		}
	}
	return first
}

// published are the records of a generation that some server shows.
func (n *round) published(g *Generation) (found []dane.Record) {
	for _, r := range n.seen.records() {
		if g.Publishes(r) {
			found = append(found, r)
		}
	}
	return found
}

func (n *round) anywhere(g *Generation) bool { return len(n.published(g)) > 0 }

// rollOver publishes the next key beside the active one, waits, and switches.
func (n *round) rollOver() {
	next, active := n.Next, n.Active
	add := n.toSend(next)
	if active != nil && !active.Revoked && n.mem.Publish && !n.anywhere(active) && !n.byCA(active) && !n.mem.Shown[RecordID(active.Want)].Once {
		add = append(add, n.toSend(active)...)
	}
	// What is at the name hides the record of the CA.
	if len(add) > 0 && n.byCA(active) && !active.Revoked {
		add = append(add, active.Want)
	}
	due := n.dueNext()
	switch {
	case n.step.has(CodeAlias):
		n.nothing("nothing can be published at the name")
	case n.rollOverByCA():
	case n.userUnclear():
		n.wait(n.now.Add(again), "it is not known whether a CA at _user of the domain vouches for the keys")
	case len(add) > 0:
		n.publish(add, "publish the next key beside the active one")
	case due.IsZero():
		n.wait(n.now.Add(again), "not every name server shows the next key: "+names(n.missing(next.Want)))
	case n.now.Before(due):
		n.wait(due, "caches may have answers without the next key")
	default:
		n.mem.Switched = n.now
		n.step.Do, n.step.Why = Switch, "every cache has the next key: "+n.begins()
	}
}

// dueNext is when every cache has the next key. Where the active one was revoked, the answers from
// before its record was withdrawn may be forgotten: they live no longer than the next record does.
func (n *round) dueNext() time.Time {
	due := n.due(n.Next.Want)
	if due.IsZero() || n.Active == nil || !n.Active.Revoked {
		return due
	}
	ttl := n.seen.ttl()
	return later(due, n.mem.Shown[RecordID(n.Next.Want)].Since.Add(ttl+Margin(ttl)))
}

// toSend is the record of g, unless every server shows it, or it was sent a moment ago and some
// show it.
func (n *round) toSend(g *Generation) []dane.Record {
	s := n.mem.Shown[RecordID(g.Want)]
	// What a bogus answer hides is not known to be missing.
	under := n.seen.somewhere(g.Want) || !n.seen.denied(g.Want)
	if n.shownByAll(g.Want) || under && n.now.Sub(s.Sent) <= resend {
		return nil
	}
	return []dane.Record{g.Want}
}

// shownByAll is Seen.everywhere without DNSSEC, for what is to be sent.
func (n *round) shownByAll(r dane.Record) bool {
	for _, s := range n.seen {
		if s.Err == "" && !contains(s.Records, r) {
			return false
		}
	}
	return true
}

// publish adds records; the TTL of what is there is never made shorter by that.
func (n *round) publish(add []dane.Record, why string) {
	for _, r := range add {
		s := n.mem.Shown[RecordID(r)]
		s.Sent, s.Removed = n.now, time.Time{}
		n.mem.Shown[RecordID(r)] = s
	}
	n.step.Do, n.step.Add, n.step.Expect, n.step.Why = Publish, add, n.seen.expect(), why
	n.step.TTL = max(n.ttl(), n.seen.ttl())
}

// ttl is the TTL wanted.
func (n *round) ttl() time.Duration {
	if n.mem.TTL > 0 {
		return n.mem.TTL
	}
	if seen := n.seen.ttl(); seen > 0 {
		return seen
	}
	return DefaultTTL
}

// publishActive publishes the active key where somebody wants that, and waits for the servers.
func (n *round) publishActive() bool {
	a := n.Active
	switch {
	case n.mem.Publish && n.mem.Shown[RecordID(a.Want)].Once && !n.anywhere(a) && n.seen.secure():
		n.trouble(Trouble{CodeVanished, "the record of the active key was there, and is gone", "if nobody withdrew it on purpose, publish it again: dnseal identity publish NAME", false})
		n.nothing("the record of the active key is gone")
	case !n.mem.Publish && n.byUser(a):
		return false
	case !n.anywhere(a) && n.userUnclear():
		n.wait(n.now.Add(again), "it is not known whether a CA at _user of the domain vouches for the key")
	case !n.mem.Publish && !n.anywhere(a):
		n.nothing("not published")
	case n.step.has(CodeAlias):
		n.nothing("nothing can be published at the name")
	case n.mem.Publish && len(n.foreigners()) > 0 && !n.mem.Beside && !n.anyOfOurs():
		n.nothing("nothing is published beside the record of somebody else")
	case n.mem.Publish && len(n.toSend(a)) > 0:
		n.publish(append(n.toSend(a), n.besideToSend()...), "publish the record")
	case n.activeDue().IsZero():
		n.trouble(Trouble{CodeNotShown, "not every name server shows the record of the active key", "", true})
		n.wait(n.now.Add(again), "not every name server shows the record: "+names(n.missing(a.Want)))
	default:
		return n.mem.Publish && n.publishBeside()
	}
	return true
}

// anyOfOurs reports whether a record of some generation is at the name.
func (n *round) anyOfOurs() bool { return slices.ContainsFunc(n.generations(), n.anywhere) }

// changeTTL gives the records the TTL that is wanted.
func (n *round) changeTTL() bool {
	if n.mem.TTL == 0 || n.stays(n.Active) || n.seen.ttl() == n.mem.TTL || !n.seen.secure() || n.step.has(CodeForeign) {
		return false
	}
	if n.now.Sub(n.mem.TTLSent) <= resend { // a server can have a limit of its own
		return false
	}
	n.mem.TTLSent = n.now
	n.publish([]dane.Record{n.Active.Want}, fmt.Sprintf("change the TTL to %d s", n.mem.TTL/time.Second))
	n.step.TTL = n.mem.TTL
	return true
}

// rest is the step of an identity with which all is well.
func (n *round) rest() {
	due := later(n.activeDue(), n.besideDue())
	if n.now.Before(due) && !n.stays(n.Active) {
		n.wait(due, "caches may have answers without the record")
		return
	}
	n.nothing("")
}

func (n *round) nothing(why string) { n.step.Do, n.step.Why = Nothing, why }

func (n *round) wait(until time.Time, why string) {
	n.step.Do, n.step.Until, n.step.Why = Wait, until, why
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
