package status

import (
	"io"
	"slices"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// Table writes a line for each identity: name, key, record, state, next step and when; on a
// terminal of this width (0: none) as wide as that is. What is wrong follows below. Errors: those
// of w.
func Table(w io.Writer, outcomes []*provision.Outcome, width int) error {
	t := columns.Table{
		Header: []string{"NAME", "KEY", "RECORD", "STATE", "NEXT STEP", "WHEN"},
		Least:  []int{24, 0, 14, 0, 0, 0}, Gives: 2, GivesTo: 14, Fold: 2,
	}
	row := func(cells ...string) { t.Rows = append(t.Rows, cells) }
	for _, o := range outcomes {
		if o.Err != nil {
			row(o.Name, keyID(o), "-", "error", "-", "-")
			continue
		}
		what, when := nextStep(o)
		row(o.Name, keyID(o), record(o), string(o.Step.Condition), what, when)
	}
	if err := t.Write(w, width); err != nil {
		return err
	}
	for _, o := range outcomes {
		if err := o.Err; err != nil {
			cli.Print(w, "%s: %s", o.Name, cli.Plain(err))
			if hint := identity.Hint(err); hint != "" {
				cli.Print(w, "  hint: %s", hint)
			}
		}
		for _, trouble := range Troubles(o, time.Now()) {
			cli.Print(w, "%s: %s", o.Name, trouble.Text)
			if trouble.Hint != "" {
				cli.Print(w, "  hint: %s", trouble.Hint)
			}
		}
	}
	return nil
}

// nextStep is what comes next, and when: "-" where nothing does.
func nextStep(o *provision.Outcome) (what, when string) {
	s := o.Step
	words := map[lifecycle.Action]string{
		lifecycle.Publish: "publish", lifecycle.Remove: "withdraw", lifecycle.Switch: "switch", lifecycle.SettleOld: "forget the old key",
	}
	of := ""
	if s.Folder != o.Keys.Folder {
		of = " (" + s.Folder + ")"
	}
	switch {
	case s.Do == lifecycle.Nothing:
		return "-", "-"
	case s.Do != lifecycle.Wait:
		return words[s.Do] + of, "now"
	case of != "" && o.Keys.In(s.Folder).Next != nil:
		return "switch" + of, stamp(s.Until)
	case of != "":
		return "withdraw the old record" + of, stamp(s.Until)
	}
	what = map[lifecycle.Condition]string{
		lifecycle.Published: "active", lifecycle.NextPublished: "switch", lifecycle.Switched: "withdraw the old record", lifecycle.Revoking: "revoked",
	}[s.Condition]
	if what == "" {
		what = "look again"
	}
	return what, stamp(s.Until)
}

// object is the JSON of an identity. The names never change; new ones can come.
type object struct {
	Name      string    `json:"name"`
	Key       string    `json:"key,omitempty"`
	NextKey   string    `json:"next_key,omitempty"`
	Record    string    `json:"record,omitempty"`
	Owner     string    `json:"owner,omitempty"`
	Type      string    `json:"type,omitempty"`
	State     string    `json:"state"`
	Step      string    `json:"step,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	Why       string    `json:"why,omitempty"`
	InCaches  time.Time `json:"in_caches,omitzero"`
	Signed    time.Time `json:"signed_until,omitzero"`
	Old       []oldKey  `json:"old,omitempty"`
	Beside    []other   `json:"beside,omitempty"`
	Servers   []server  `json:"servers,omitempty"`
	Troubles  []trouble `json:"troubles,omitempty"`
	Error     string    `json:"error,omitempty"`
	CheckedAt time.Time `json:"checked_at"`
}

type oldKey struct {
	Key       string `json:"key"`
	Published bool   `json:"published"`
	Settled   bool   `json:"settled"`
}

// other is another key of the name.
type other struct {
	Folder  string   `json:"folder"`
	Key     string   `json:"key,omitempty"`
	NextKey string   `json:"next_key,omitempty"`
	Old     []oldKey `json:"old,omitempty"`
}

func otherKey(o *provision.Outcome, g provision.Generations) other {
	out := other{Folder: g.Folder, Old: oldKeys(o, g.Old)}
	if g.Active != nil {
		out.Key = g.Active.KeyID()
	}
	if g.Next != nil {
		out.NextKey = g.Next.KeyID()
	}
	return out
}

func oldKeys(o *provision.Outcome, keys []provision.OldKey) (out []oldKey) {
	for _, old := range keys {
		out = append(out, oldKey{old.KeyID(), o.Published(old.Identity), old.Settled})
	}
	return out
}

type server struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Records int    `json:"records"`
	TTL     int64  `json:"ttl"`
	Error   string `json:"error,omitempty"`
}

type trouble struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// JSON writes an object a line. Errors: those of w.
func JSON(w io.Writer, outcomes []*provision.Outcome, now time.Time) error {
	for _, o := range outcomes {
		if err := cli.WriteJSON(w, objectOf(o, now)); err != nil {
			return err
		}
	}
	return nil
}

func objectOf(o *provision.Outcome, now time.Time) object {
	out := object{Name: o.Name, State: string(o.Step.Condition), CheckedAt: now.UTC().Truncate(time.Second)}
	if owner, typ, err := o.Owner(); err == nil {
		out.Owner, out.Type = owner, typ.String()
	}
	if o.Err != nil {
		out.State, out.Error = "error", cli.Plain(o.Err)
		return out
	}
	if o.Keys.Active != nil {
		out.Key, out.Record = keyID(o), record(o)
	}
	if p, ok := o.ByCA(); ok {
		out.Owner, out.Type, out.Record = p.Owner, p.Type.String(), form(p.Type, p.Record)
	}
	if o.Keys.Next != nil {
		out.NextKey = o.Keys.Next.KeyID()
	}
	out.Step, out.Until, out.Why = string(o.Step.Do), whole(o.Step.Until), o.Step.Why
	out.InCaches, out.Signed = whole(o.InCaches()), signedUntil(o)
	out.Old = oldKeys(o, o.Keys.Old)
	for _, g := range o.Keys.Beside {
		out.Beside = append(out.Beside, otherKey(o, g))
	}
	for _, s := range o.Seen {
		out.Servers = append(out.Servers, server{s.Name, s.Status, len(s.Records), int64(s.TTL / time.Second), s.Err})
	}
	for _, t := range Troubles(o, now) {
		out.Troubles = append(out.Troubles, trouble{string(t.Code), t.Text, t.Hint})
	}
	return out
}

// whole leaves out parts of a second.
func whole(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// signedUntil is when the first signature of the name servers' answers ends; zero: not known.
func signedUntil(o *provision.Outcome) (first time.Time) {
	for _, s := range slices.Concat(o.Seen, o.Users) {
		if !s.SignedUntil.IsZero() && (first.IsZero() || s.SignedUntil.Before(first)) {
			first = s.SignedUntil
		}
	}
	return whole(first)
}
