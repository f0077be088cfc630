package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// Authority tells the outcome of publishing or withdrawing the record of a CA, and returns the exit
// status, as Print.
func (l *Lines) Authority(o *provision.AuthorityOutcome) (result cli.Exit) {
	if o.Note != "" {
		cli.Print(l.Err, "dnseal: warning: %s", o.Note)
	}
	if !l.Wrong {
		cli.Print(l.Out, "%s: %s", o.Domain, ofAuthority(o))
	}
	for _, t := range o.Step.Troubles {
		l.add("warning", o.Domain, t.Text, t.Hint)
	}
	status := ofTroubles(o.Step.Troubles)
	if err := o.Unwritten; err != nil {
		l.add("error", o.Domain, cli.Plain(err), identity.Hint(err))
		status = Worse(status, Code(err))
	}
	for _, c := range l.causes {
		c.print(l.Err)
	}
	return status
}

// Failed tells an error about one name, and returns the exit status for it.
func (l *Lines) Failed(name string, err error) cli.Exit {
	l.add("error", name, cli.Plain(err), identity.Hint(err))
	l.causes[len(l.causes)-1].print(l.Err)
	return Code(err)
}

// ofAuthority says where the record of a CA stands.
func ofAuthority(o *provision.AuthorityOutcome) string {
	where := form(o.Type, o.Record) + " at " + o.Owner
	shown := where + ", shown by " + serversOf(o.Seen)
	switch o.Step.Condition {
	case lifecycle.Published:
		due := o.InCaches()
		if due.IsZero() {
			return "published: " + where + "; not every name server shows it yet"
		}
		hold := o.Step.Memory.Shown[lifecycle.RecordID(o.Record)].Hold
		return fmt.Sprintf("published: %s; every cache has it from %s (an answer without it lives for %d s)", shown, stamp(due), hold/time.Second)
	case lifecycle.Active:
		if len(o.Did) == 0 {
			shown += "; it was there already"
		}
		return "active: " + shown
	case lifecycle.Switched:
		text := fmt.Sprintf("published: %s; beside it %d of an earlier certificate of the CA", shown, o.Earlier)
		if o.Step.Do == lifecycle.Wait {
			text += fmt.Sprintf(": run this again at %s, when mail with that one has arrived, and it is withdrawn", stamp(o.Step.Until))
		}
		return text
	case lifecycle.Revoking, lifecycle.Revoked:
		return withdrawn(o)
	case lifecycle.Unclear:
		return "it could not be looked up: " + o.Step.Why
	case lifecycle.New, lifecycle.Missing, lifecycle.NoKey, lifecycle.ByCA, lifecycle.NextPublished:
	}
	return "not published: " + where
}

// withdrawn says until when the record of a CA may still count.
func withdrawn(o *provision.AuthorityOutcome) string {
	gone := o.Step.Memory.Gone
	unknown := slices.ContainsFunc(o.Seen, func(s lifecycle.Server) bool { return s.Err != "" || s.Status != lifecycle.Secure })
	switch {
	case o.Step.Condition == lifecycle.Revoking && gone.Since.IsZero():
		return "not withdrawn from every name server yet: the records of the CA at " + o.Owner
	case gone.Since.IsZero() && unknown:
		return "not every name server has said that no record of the CA is at " + o.Owner
	case gone.Since.IsZero():
		return "no name server shows a record of the CA at " + o.Owner
	}
	until := gone.Since.Add(gone.Hold + lifecycle.Margin(gone.Hold))
	text := fmt.Sprintf("withdrawn: no name server shows a record of the CA at %s; caches may accept what it certified until %s (TTL %d s)", o.Owner, stamp(until), gone.Hold/time.Second)
	if !gone.Replay.IsZero() {
		text += fmt.Sprintf(", and somebody on the way can replay the old answer until %s, when its signatures end", stamp(gone.Replay))
	}
	if slices.ContainsFunc(o.Seen, func(s lifecycle.Server) bool { return s.OptOut }) {
		text += optOut
	}
	return text
}

const optOut = "; the zone denies by NSEC3 with opt-out, so that it is gone is never proven: sign it without opt-out"

// serversOf names the name servers.
func serversOf(seen lifecycle.Seen) string {
	var names []string
	for _, s := range seen {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ") + " (validated)"
}
