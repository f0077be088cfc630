package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"dnseal/lookup/dane"
)

// Code says what is wrong. The words never change.
type Code string

// Codes.
const (
	CodeUnreachable Code = "unreachable"   // no name server answers
	CodeSilent      Code = "server-silent" // one name server does not answer
	CodeBehind      Code = "server-behind" // a name server shows fewer records than another
	// CodeNotSecure: the answers prove nothing; no DNSSEC, no DS, or a wrong signature
	CodeNotSecure Code = "not-secure"
	CodeForeign   Code = "foreign-record"  // a record publishes none of the identity's keys
	CodeVanished  Code = "record-vanished" // a record was there, and is not
	CodeAlias     Code = "alias"           // a CNAME is at the name
	CodeClock     Code = "clock"           // a time in the memory lies in the future
	// CodeUndecided: nobody said what becomes of the record of an old key
	CodeUndecided Code = "old-undecided"
	// CodeWildcard: a record that would have to go is that of a wildcard, for many names
	CodeWildcard Code = "wildcard"
	CodeNotShown Code = "record-missing" // the record of the active key is not everywhere
	CodeSigned   Code = "signature-ends" // signatures of the zone are near their end
)

// Trouble is something wrong: what, and what to do.
type Trouble struct {
	Code Code
	// Text is a sentence without capital and period; Hint is what to do, "": nothing.
	Text, Hint string
	// Undecided says that it could not be told whether something is wrong.
	Undecided bool
}

// troubles says what is wrong with what is seen.
func (n *round) troubles() {
	if !n.seen.reached() {
		n.trouble(Trouble{CodeUnreachable, "no name server of the zone answers" + n.firstError(), "see whether the servers run, and whether a firewall is between: dnseal zone check", true})
		return
	}
	for _, s := range n.seen {
		switch {
		case s.Err != "":
			n.trouble(Trouble{CodeSilent, fmt.Sprintf("%s does not answer: %s", s.Name, s.Err), "mend that server, or take it out of the NS records of the zone", true})
		case s.Alias != "":
			n.trouble(Trouble{CodeAlias, fmt.Sprintf("%s has a CNAME to %s at the name, where no other record can be", s.Name, s.Alias), "remove the CNAME, or publish at its target by hand", false})
		case s.Status != Secure:
			n.trouble(Trouble{CodeNotSecure, fmt.Sprintf("the answer of %s is %s: %s", s.Name, s.Status, s.Reason), "nobody can rely on the record until that is mended: dnseal zone check" + byClock(s.Reason), s.Status == "indeterminate"})
		case !s.SignedUntil.IsZero() && s.SignedUntil.Sub(n.now) < signatureSoon && !s.OptOut:
			n.trouble(Trouble{CodeSigned, fmt.Sprintf("the signatures of %s end at %s", s.Name, stamp(s.SignedUntil)), "see why the zone is not signed anew", false})
		}
	}
	n.behind()
	n.foreign()
	n.besideTroubles()
	n.userTroubles()
	n.vouched()
}

// byClock adds what can be wrong where a signature is not valid now.
func byClock(reason string) string {
	if !strings.Contains(reason, "expired at") && !strings.Contains(reason, "not valid before") {
		return ""
	}
	return "; see whether the clock of this machine is right, too"
}

// signatureSoon is how long before their end signatures are worth a word: online signers can make
// them for a day.
const signatureSoon = 6 * time.Hour

// behind says which servers differ.
func (n *round) behind() {
	all := n.seen.records()
	for _, s := range n.seen {
		if s.known() && len(s.Records) != len(all) {
			n.trouble(Trouble{CodeBehind, fmt.Sprintf("%s shows %d of %d records that the name servers show", s.Name, len(s.Records), len(all)), "wait for its transfer of the zone; if it stays so, see why NOTIFY or transfer fail", false})
		}
	}
}

// foreign says which records publish none of the keys.
func (n *round) foreign() {
	for _, r := range n.foreigners() {
		data := fmt.Sprintf("%x", r.Data[:min(len(r.Data), 8)])
		n.trouble(Trouble{CodeForeign, fmt.Sprintf("the record %d %d %d %s… publishes no key of this identity", r.Usage, r.Selector, r.MatchingType, data), "who holds its key can sign as this name: find out who published it, and remove it by hand if nobody of yours did", false})
	}
}

func (n *round) foreigners() (found []dane.Record) {
	for _, r := range n.seen.records() {
		if !n.ours(r) {
			found = append(found, r)
		}
	}
	return found
}

// ours reports whether a generation of the identity is published by r.
func (n *round) ours(r dane.Record) bool {
	for _, g := range n.generations() {
		if g.Publishes(r) {
			return true
		}
	}
	return false
}

func (n *round) trouble(t Trouble) { n.step.Troubles = append(n.step.Troubles, t) }

func (n *round) troubleOnce(t Trouble) {
	if !n.step.has(t.Code) {
		n.trouble(t)
	}
}

func (n *round) firstError() string {
	for _, s := range n.seen {
		if s.Err != "" {
			return ": " + s.Name + ": " + s.Err
		}
	}
	return ""
}

// has reports whether a trouble of this code was found.
func (s *Step) has(code Code) bool {
	for _, t := range s.Troubles {
		if t.Code == code {
			return true
		}
	}
	return false
}

// stamp writes a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func names(list []string) string { return strings.Join(list, ", ") }
