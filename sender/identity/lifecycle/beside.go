package lifecycle

import (
	"time"

	"dnseal/lookup/dane"
)

// wantedBeside are the other keys of the name whose records are to be there: one that vanished is
// published again when somebody wants that, as that of the active key is.
func (n *round) wantedBeside() (wanted []*Generation) {
	for i := range n.Beside {
		g := &n.Beside[i]
		vanished := n.mem.Shown[RecordID(g.Want)].Once && !n.anywhere(g)
		if !g.Revoked && !vanished {
			wanted = append(wanted, g)
		}
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
	for i := range n.Beside {
		g := &n.Beside[i]
		switch {
		case g.Revoked || n.anywhere(g):
		case n.mem.Shown[RecordID(g.Want)].Once:
			n.troubleOnce(Trouble{CodeVanished, "the record of another key of the name was there, and is gone", "if nobody withdrew it on purpose, publish it again: dnseal identity publish NAME", false})
		default:
			n.troubleOnce(Trouble{CodeNotShown, "another key of the name has no record", "publish it: dnseal identity publish NAME", false})
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
