package lifecycle

import (
	"time"

	"dnseal/lookup/dane"
)

// wantedBeside are the other keys of the name whose records are to be there: one that vanished is
// published again when somebody wants that, as that of the active key is.
func (n *round) wantedBeside() (wanted []*Generation) {
	for _, b := range n.Beside {
		g := b.Active
		if g == nil || g.Revoked || n.mem.Shown[RecordID(g.Want)].Once && !n.anywhere(g) {
			continue
		}
		wanted = append(wanted, g)
	}
	return wanted
}

// besideToSend are the records of other keys that not every server shows.
func (n *round) besideToSend() (add []dane.Record) {
	for _, g := range n.wantedBeside() {
		add = append(add, n.toSend(g)...)
	}
	return add
}

// publishBeside publishes the records of other keys, and waits for the servers.
func (n *round) publishBeside() bool {
	if add := n.besideToSend(); len(add) > 0 {
		n.publish(add, "publish the record of another key of the name")
		return true
	}
	for _, g := range n.wantedBeside() {
		if n.due(g.Want).IsZero() {
			n.trouble(Trouble{CodeNotShown, "not every name server shows the record of another key of the name", "", true})
			n.wait(n.now.Add(again), "not every name server shows the record of another key of the name: "+names(n.missing(g.Want)))
			return true
		}
	}
	return false
}

// besideTroubles says which other keys of a published name have no record, or none any more.
func (n *round) besideTroubles() {
	if n.Active == nil || n.Active.Revoked || !n.anywhere(n.Active) || !n.seen.secure() {
		return
	}
	for _, b := range n.Beside {
		g := b.Active
		switch {
		case g == nil || g.Revoked || n.anywhere(g):
		case n.mem.Shown[RecordID(g.Want)].Once:
			n.troubleOnce(Trouble{CodeVanished, "the record of the key in " + b.Folder + " was there, and is gone", "if nobody withdrew it on purpose, publish it again: dnseal identity publish NAME", false})
		default:
			n.troubleOnce(Trouble{CodeNotShown, "the key in " + b.Folder + " has no record", "publish it: dnseal identity publish NAME", false})
		}
	}
}

// besideDue is when every cache has the records of the other keys that are to be there.
func (n *round) besideDue() (last time.Time) {
	if !n.mem.Publish {
		return last
	}
	for _, g := range n.wantedBeside() {
		last = later(last, n.due(g.Want))
	}
	return last
}

// encrypts names the folder of a key that others encrypt to: nothing signs by it.
const encrypts = "encrypt"

// of decides about the keys in a folder: of the memory, that of their rollover counts meanwhile.
func (n *round) of(folder string, decide func()) {
	mine := n.mem.Rollover("")
	n.mem.SetRollover("", n.mem.Rollover(folder))
	n.Folder = folder
	decide()
	if n.step.Folder = folder; folder != "" {
		n.mem.SetRollover(folder, n.mem.Rollover(""))
		n.mem.SetRollover("", mine)
	}
}

// rollOverBeside carries on the rollovers of the other keys, where nothing else is to be done now.
func (n *round) rollOverBeside() {
	published := n.mem.Publish || n.Active != nil && n.anywhere(n.Active) && !n.byCA(n.Active)
	for _, b := range n.Beside {
		if n.step.Do != Nothing && n.step.Do != Wait {
			return
		}
		other := *n
		other.State = State{Active: b.Active, Next: b.Next, Old: b.Old}
		other.step = Step{Troubles: n.step.Troubles}
		other.of(b.Folder, func() { other.rollOverOther(published) })
		n.mem, n.step.Troubles = other.mem, other.step.Troubles
		n.either(other.step)
	}
}

// rollOverOther decides about a key that is not the one that signs; published says that somebody
// wants records of the name, and that they hide no record of a CA.
func (n *round) rollOverOther(published bool) {
	rolls := n.Next != nil && !n.Next.Revoked
	switch {
	case !n.seen.reached() || n.Active == nil && !rolls:
		n.nothing("")
	case rolls && !published && !n.anywhere(n.Active) && !n.anywhere(n.Next):
		n.trouble(Trouble{CodeNotShown, "the next key in " + n.Folder + " waits: the name is not published", "publish it: dnseal identity publish NAME", false})
		n.nothing("the name is not published")
	case rolls:
		n.rollOver()
	case n.Active.Revoked || !n.retire():
		n.nothing("")
	}
}

// either takes the step of another key where that comes first: an action, else the earlier wait.
func (n *round) either(other Step) {
	switch {
	case other.Do == Nothing:
		return
	case other.Do == Wait && n.step.Do == Wait && !other.Until.Before(n.step.Until):
		return
	}
	other.Condition, other.Troubles = n.step.Condition, n.step.Troubles
	other.Why = other.Folder + ": " + other.Why
	n.step = other
}

// begins says what the switch means.
func (n *round) begins() string {
	if n.Folder == encrypts {
		return "it is the one in use from now on, and the earlier one opens the mail that is encrypted to it"
	}
	return "it signs from now on"
}

// ends says what has come to an end for an earlier key.
func (n *round) ends() string {
	if n.Folder == encrypts {
		return "the earlier key opens old mail"
	}
	return "the earlier key signs no more"
}

// lasts says why the record of an earlier key stays for a while.
func (n *round) lasts() string {
	if n.Folder == encrypts {
		return "caches may have answers from before the switch"
	}
	return "mail that the earlier key signed may still be under way"
}

// rollover is the command for the rollover of these keys.
func (n *round) rollover() string {
	if n.Folder == "" {
		return "dnseal identity rollover"
	}
	return "dnseal identity rollover --which " + n.Folder
}
