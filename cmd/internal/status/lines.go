package status

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// Lines tells the outcomes of a command: what holds on w, what is wrong on stderr, the same cause
// once with a count.
type Lines struct {
	Out, Err io.Writer
	// Resume is the command that carries on, without the name; Flags follow that.
	Resume, Flags string
	// Wrong tells only what is wrong.
	Wrong bool
	// Say adds what only one command says of an outcome; nil: nothing.
	Say func(*provision.Outcome) []string
	// Begun says what holds all the same where the command could not go on to its end; nil or "":
	// nothing.
	Begun func(provision.Keys) string

	causes []*cause
}

// cause is an error or a trouble of one identity or more.
type cause struct {
	level, text, hint string
	names             []string
}

// Print tells all outcomes and returns the exit status: 2, 1 and 3 as everywhere; 3 also where the
// command has to be run again later.
func (l *Lines) Print(outcomes []*provision.Outcome) (status cli.Exit) {
	for _, o := range outcomes {
		status = Worse(status, l.one(o))
	}
	for _, c := range l.causes {
		c.print(l.Err)
	}
	return status
}

func (l *Lines) one(o *provision.Outcome) cli.Exit {
	if o.Note != "" {
		cli.Print(l.Err, "dnseal: warning: %s", o.Note)
	}
	for _, note := range o.Notes {
		cli.Print(l.Err, "dnseal: note: %s", note)
	}
	if o.Err != nil {
		l.add("error", o.Name, cli.Plain(o.Err), identity.Hint(o.Err))
		l.begun(o)
		return l.unwritten(o, Code(o.Err))
	}
	for _, t := range o.Step.Troubles {
		l.add("warning", o.Name, t.Text, t.Hint)
	}
	status := l.unwritten(o, ofTroubles(o.Step.Troubles))
	if l.Wrong {
		return status
	}
	if o.Step.Condition == lifecycle.Unclear {
		l.begun(o)
	}
	lines := []string{Sentence(o)}
	lines = append(lines, others(o)...)
	if l.Say != nil {
		lines = append(lines, l.Say(o)...)
	}
	if o.Step.Do == lifecycle.Wait && l.Resume != "" {
		lines = append(lines, l.wait(o))
	}
	for _, line := range lines {
		if line != "" {
			cli.Print(l.Out, "%s: %s", o.Name, line)
		}
	}
	return status
}

// begun tells what holds all the same where the name servers could not be asked, or refused.
func (l *Lines) begun(o *provision.Outcome) {
	if l.Begun != nil && o.Keys.Active != nil && o.Unwritten == nil && !l.Wrong {
		l.note(o.Name, l.Begun(o.Keys))
	}
}

// unwritten tells what the folder does not say.
func (l *Lines) unwritten(o *provision.Outcome, status cli.Exit) cli.Exit {
	err := o.Unwritten
	if err == nil {
		return status
	}
	l.add("error", o.Name, cli.Plain(err), identity.Hint(err))
	return Worse(status, Code(err))
}

// wait says until when, for what, and what to do then.
func (l *Lines) wait(o *provision.Outcome) string {
	return fmt.Sprintf("next step at %s (%s): %s %s", stamp(o.Step.Until), o.Step.Why, l.Resume, identity.Quote(o.Name)+l.Flags)
}

// anyName stands for the name of an identity in a text of several; no text has it.
const anyName = "\x00"

func (l *Lines) add(level, name, text, hint string) {
	text = strings.ReplaceAll(text, name, anyName)
	i := slices.IndexFunc(l.causes, func(c *cause) bool { return c.level == level && c.text == text })
	if i < 0 {
		l.causes, i = append(l.causes, &cause{level: level, text: text, hint: hint}), len(l.causes)
	}
	l.causes[i].names = append(l.causes[i].names, name)
}

func (l *Lines) note(name, text string) {
	if text != "" {
		l.add("note", name, text, "")
	}
}

func (c *cause) print(w io.Writer) {
	text, hint := strings.ReplaceAll(c.text, anyName, c.names[0]), c.hint
	if !strings.Contains(text, c.names[0]) {
		text = c.names[0] + ": " + text
	}
	if more := len(c.names) - 1; more > 0 {
		text += fmt.Sprintf(" (and so for %d more)", more)
	}
	cli.Print(w, "dnseal: %s: %s", c.level, text)
	if hint != "" {
		cli.Print(w, "dnseal: hint: %s", hint)
	}
}

// Sentence says where an identity stands.
func Sentence(o *provision.Outcome) string {
	owner, _, err := o.Owner()
	if err != nil {
		return "there is no key"
	}
	where := fmt.Sprintf("%s%s at %s", record(o), beside(o), owner)
	switch o.Step.Condition {
	case lifecycle.New:
		return unpublished(o, where)
	case lifecycle.Published:
		return "published: " + where + ", shown by " + servers(o) + "; " + cached(o)
	case lifecycle.Active:
		return "active: " + where + ", shown by " + servers(o) + did(o, lifecycle.Publish, "", "; it was there already") + kept(o)
	case lifecycle.ByCA:
		return fmt.Sprintf("by-ca: key %s signs, and the record of its CA vouches for it: %s; nothing is published at its own name", keyID(o), record(o))
	case lifecycle.NextPublished:
		return fmt.Sprintf("key %s %s; the next one, %s, is published beside it at %s", keyID(o), does(o.Keys.Folder), o.Keys.Next.KeyID(), owner)
	case lifecycle.Switched:
		return fmt.Sprintf("key %s %s from now on; the record of the earlier one is still published", keyID(o), does(o.Keys.Folder))
	case lifecycle.Revoking, lifecycle.Revoked:
		return revoked(o)
	case lifecycle.Missing:
		return "the record of its key is gone: " + where
	case lifecycle.Unclear:
		return "it could not be looked up"
	case lifecycle.NoKey:
	}
	return "there is no key"
}

// does says what a key in a folder does.
func does(folder string) string {
	if folder == identity.EncryptFolder {
		return "is the one for encryption"
	}
	return "signs"
}

// others says of each other key of the name where its rollover stands.
func others(o *provision.Outcome) (lines []string) {
	for _, g := range o.Keys.Beside {
		switch {
		case g.Active == nil || !g.RollingOver():
		case g.Next == nil:
			lines = append(lines, fmt.Sprintf("%s: key %s %s from now on; the record of the earlier one is still published", g.Folder, g.Active.KeyID(), does(g.Folder)))
		case o.Published(g.Next):
			lines = append(lines, fmt.Sprintf("%s: key %s %s; the next one, %s, is published beside it", g.Folder, g.Active.KeyID(), does(g.Folder), g.Next.KeyID()))
		default:
			lines = append(lines, fmt.Sprintf("%s: key %s %s; the next one, %s, is made, and not published", g.Folder, g.Active.KeyID(), does(g.Folder), g.Next.KeyID()))
		}
	}
	return lines
}

// beside are the forms of the records of the other keys of the name.
func beside(o *provision.Outcome) string {
	var b strings.Builder
	for _, r := range o.WantedBeside() {
		fmt.Fprintf(&b, ", %d %d %d", r.Usage, r.Selector, r.MatchingType)
	}
	return b.String()
}

// unpublished says of a record that no name server is known to show whether it was sent.
func unpublished(o *provision.Outcome, where string) string {
	r, _ := o.Wanted()
	sent := o.Step.Memory.Shown[lifecycle.RecordID(r)].Sent
	if sent.IsZero() || o.Step.Do != lifecycle.Wait {
		return "not published"
	}
	return fmt.Sprintf("sent at %s, and shown by no name server in an answer that can be relied on: %s", stamp(sent), where)
}

func did(o *provision.Outcome, a lifecycle.Action, yes, no string) string {
	if len(o.Did) == 0 {
		return no
	}
	if slices.Contains(o.Did, a) {
		return yes
	}
	return ""
}

// servers names the name servers.
func servers(o *provision.Outcome) string {
	return serversOf(o.Seen)
}

// cached says from when every cache has the record.
func cached(o *provision.Outcome) string {
	due := o.InCaches()
	if due.IsZero() {
		return "not every name server shows it yet"
	}
	r, _ := o.Wanted()
	hold := o.Step.Memory.Shown[lifecycle.RecordID(r)].Hold
	return fmt.Sprintf("every cache has it from %s (an answer without it lives for %d s)", stamp(due), hold/time.Second)
}

// kept says which records of earlier keys still vouch.
func kept(o *provision.Outcome) string {
	return keptOf(o, o.Keys.In(""), "mail signed by such a key still verifies, and who has a copy of it can still sign") +
		keptOf(o, o.Keys.In(identity.PostQuantumFolder), "mail signed by such a key still verifies, and who has a copy of it can still sign") +
		keptOf(o, o.Keys.In(identity.EncryptFolder), "others still encrypt to such a key")
}

func keptOf(o *provision.Outcome, g provision.Generations, what string) string {
	var ids []string
	for _, old := range g.Old {
		if old.Settled && o.Published(old.Identity) {
			ids = append(ids, old.KeyID())
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d earlier %s still published (%s): %s, until identity revoke --key withdraws it", len(ids), plural(len(ids), "key is", "keys are"), strings.Join(ids, ", "), what)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// ofUsers says of a revoked key without a record what the answers for "_user" mean.
func ofUsers(o *provision.Outcome) string {
	for _, s := range o.Users {
		if s.Err != "" || s.Status != lifecycle.Secure {
			return "it is not known whether a CA at _user of its domain vouches for it"
		}
	}
	return "no name server shows a record of it, or of its CA"
}

// revoked says how long a revoked key may still be accepted.
func revoked(o *provision.Outcome) string {
	gone, signs := o.Step.Memory.Gone, "signs no more here"
	if o.StillSigns {
		signs = "still signs here"
	}
	if _, ok := o.ByCA(); ok {
		return fmt.Sprintf("revoked: key %s %s; others still accept it: the record of its CA vouches for it (%s)", keyID(o), signs, record(o))
	}
	if gone.Since.IsZero() && len(o.Users) > 0 {
		return fmt.Sprintf("revoked: key %s %s; %s", keyID(o), signs, ofUsers(o))
	}
	if gone.Since.IsZero() && o.Step.Condition == lifecycle.Revoked {
		text := fmt.Sprintf("revoked: key %s %s, and no name server shows its record", keyID(o), signs)
		if caches := o.Step.Memory.Caches; caches.After(time.Now()) {
			text += "; caches may accept it until " + stamp(caches)
		}
		return text
	}
	if gone.Since.IsZero() {
		return fmt.Sprintf("revoked: key %s %s; its record is not gone from every name server yet", keyID(o), signs)
	}
	until := gone.Since.Add(gone.Hold + lifecycle.Margin(gone.Hold))
	text := fmt.Sprintf("revoked: key %s %s, and no name server shows its record; caches may accept it until %s (TTL %d s)", keyID(o), signs, stamp(until), gone.Hold/time.Second)
	if !gone.Replay.IsZero() {
		text += fmt.Sprintf(", and somebody on the way can replay the old answer until %s, when its signatures end", stamp(gone.Replay))
	}
	if slices.ContainsFunc(o.Seen, func(s lifecycle.Server) bool { return s.OptOut }) {
		text += optOut
	}
	return text
}
