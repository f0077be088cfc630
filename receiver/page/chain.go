package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/smime"
)

// chain draws how trust runs to a signature: from the root to the record, and from there over the
// key and the signature to the author.
func (d *document) chain(p *writer, s *receiver.SignatureReport) {
	stops := dnsStops(s, d.judgedAt())
	last := len(stops) - 1
	key, author := keyStop(s), authorStop(d.report, s)
	if key.state != goodState && author.state == goodState {
		author.state, author.note = openState, author.note+"; that the key is theirs is not proven"
	}
	for _, next := range []stop{key, signatureStop(s), author} {
		next.above = last
		stops = append(stops, next)
		last++
	}
	p.rail(`Chain of trust`, stops)
}

// dnsStops are the zones and records of the lookup.
func dnsStops(s *receiver.SignatureReport, now time.Time) []stop {
	if s.Lookup == nil || s.DNS == nil {
		return []stop{{above: -1, state: openState, title: "DNS", note: "nothing was looked up"}}
	}
	steps := s.Lookup.Outline(now)
	if len(steps) > maxStops {
		steps = thin(steps)
	}
	out := make([]stop, 0, len(steps)+4)
	for _, step := range steps {
		out = append(out, stop{above: step.Above, state: stateOf(step.Status), title: titleOf(step), note: hashes.ReplaceAllString(step.Note, "$1….")})
	}
	if slices.ContainsFunc(steps, func(s chain.Step) bool { return s.Asked }) {
		return out
	}
	return append(out, missingStop(s, len(out)-1))
}

// thin leaves out steps in the middle of a long chain.
func thin(steps []chain.Step) []chain.Step {
	cut := len(steps) - maxStops
	from := maxStops / 2
	out := slices.Concat(steps[:from], steps[from+cut:])
	out[from].Note = fmt.Sprintf("(%d steps before it are left out) %s", cut, out[from].Note)
	for i := from; i < len(out); i++ {
		switch {
		case out[i].Above >= from+cut:
			out[i].Above -= cut
		case out[i].Above >= from:
			out[i].Above = from - 1
		}
	}
	return out
}

func stateOf(s dnssec.Status) state {
	switch s {
	case dnssec.Secure:
		return goodState
	case dnssec.Bogus:
		return badState
	case dnssec.Insecure:
		return offState
	case dnssec.Indeterminate:
	}
	return openState
}

func titleOf(s chain.Step) string {
	switch {
	case s.Zone == ".":
		return "The root zone"
	case s.Zone != "":
		return s.Zone
	}
	return shortOwner(s.Name) + " " + s.Set
}

// shortOwner cuts the hash of a name short (RFC 8162, Section 3; RFC 5155, Section 3).
func shortOwner(name string) string {
	const long, shown = 30, 8
	label, rest, ok := strings.Cut(name, ".")
	if !ok || len(label) < long || strings.Trim(strings.ToLower(label), "0123456789abcdefghijklmnopqrstuv") != "" {
		return name
	}
	return label[:shown] + "…." + rest
}

// missingStop stands for records that are not in the answer.
func missingStop(s *receiver.SignatureReport, above int) stop {
	out := stop{above: above, state: openState, title: shortOwner(s.DNS.Name) + " " + s.DNS.Type, note: hashes.ReplaceAllString(s.Lookup.Reason, "$1….")}
	switch {
	case s.Lookup.Presence == dane.Absent && s.Lookup.Status == dnssec.Secure:
		out.state, out.note = offState, "proven: there is no such record"
	case s.Lookup.Presence == dane.Absent:
		out.state, out.note = offState, "no such record"
	case s.Lookup.Presence == dane.Present:
		out.state, out.note = stateOf(s.Lookup.Status), fmt.Sprintf("%d records", len(s.Lookup.Records))
		if s.Lookup.Believed {
			out.note += ", by the word of the resolver"
		}
	case s.Lookup.Status == dnssec.Bogus:
		out.state = badState
	}
	return out
}

// keyStop says what the records say about the key.
func keyStop(s *receiver.SignatureReport) stop {
	out := stop{state: openState, title: "Key of the signer", note: "there is no record to compare it with"}
	if s.Algorithm != "" {
		out.title = "Key of the signer: " + s.Algorithm
	}
	switch {
	case s.Code == receiver.CodePKIX && s.Verdict == receiver.Pass:
		out.state, out.note = goodState, "certified by a trusted root (PKIX)"
	case s.DNS == nil || len(s.DNS.Records) == 0:
	case slices.ContainsFunc(s.DNS.Records, func(r receiver.RecordReport) bool { return r.Result == "match" }):
		out.state, out.note = goodState, "the one in the record"
		if s.Certificate == nil {
			out.note = "from the record"
		}
	case slices.ContainsFunc(s.DNS.Records, func(r receiver.RecordReport) bool { return r.Result == "no-match" }):
		out.state, out.note = badState, "not the one in any record"
	default:
		out.note = "no record can be used"
	}
	return out
}

// signatureStop is the answer on integrity.
func signatureStop(s *receiver.SignatureReport) stop {
	out := stop{state: openState, title: "Signature over " + coverage(s.Covers), note: "could not be checked"}
	switch s.Integrity {
	case receiver.Good:
		out.state, out.note = goodState, "right: these octets were signed with this key"
	case receiver.Bad:
		out.state, out.note = badState, "wrong: these octets are not what was signed"
		if s.Code == receiver.CodeMalformed {
			out.note = "cannot be read"
		}
	case receiver.Unknown:
	}
	return out
}

// authorStop is the answer on the binding to From.
func authorStop(r *receiver.Report, s *receiver.SignatureReport) stop {
	out := stop{state: badState, title: s.Identity, note: "not the author in From: " + r.From}
	if s.Identity == "" {
		out.title = "No name is stated"
	}
	if r.From == "" {
		out.note = "there is no author in From"
	}
	switch s.Binding {
	case receiver.BindingFrom:
		out.state, out.note = goodState, "the author in From"
	case receiver.BindingRule:
		out.state, out.note = goodState, "may write as "+r.From+", by a rule here"
	case receiver.BindingNone:
	}
	if out.state == goodState && s.Integrity != receiver.Good {
		out.state, out.note = openState, out.note+" (claimed)"
	}
	return out
}

// coverage is what a signature covers, for people.
func coverage(c smime.Coverage) string {
	if c == smime.CoversMessage {
		return "the whole message"
	}
	return string(c) + " only"
}
