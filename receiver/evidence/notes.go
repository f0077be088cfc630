package evidence

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"dnseal/receiver"
)

// policy is what the message was judged by then; none where the file does not say.
func (p *past) policy() Policy {
	r, err := p.archive.answers.record(p.file, p.message.Policy)
	if err != nil || r.Policy == nil {
		return Policy{Saved: true}
	}
	return *r.Policy
}

// witness notes who proves the time of a file, and what is wrong with that.
func (a *Archive) witness(f *file, e *receiver.EvidenceReport) {
	if f.seal == nil {
		e.Notes = append(e.Notes, "the file of evidence is not sealed: its writer is still at work, or was stopped")
		return
	}
	f.witnessed.Do(func() { f.by, f.when, f.doubt = a.ask(f) })
	late := f.when.Sub(e.CheckedAt)
	switch {
	case f.by == "" && f.doubt == nil:
		return
	case f.by == "":
		e.Notes = append(e.Notes, "nothing proves its time: "+f.doubt.Error())
		return
	// What was there at a time cannot know of a later one.
	case late < -maxSkew:
		e.Notes = append(e.Notes, fmt.Sprintf("nothing proves its time: %s is of %s, and by the word of the file the message was checked after that, on %s", f.by, stamp(f.when), stamp(e.CheckedAt)))
	default:
		e.Witness, e.WitnessedAt = f.by, &f.when
	}
	if late > maxLate {
		e.Notes = append(e.Notes, fmt.Sprintf("the time is witnessed only from %s on, %s after the message was checked by the word of the file", stamp(f.when), howLong(late)))
	}
	if f.doubt != nil {
		e.Notes = append(e.Notes, fmt.Sprintf("of its seal %s alone holds: %s", f.by, f.doubt))
	}
}

// maxLate is how long after a check its file is usually sealed: a day, and a night.
const maxLate = 48 * time.Hour

// apart says that a verdict as of one time rests on what the DNS said at another; "" where it is
// the same. A record can be withdrawn at any moment: that its signatures still held says nothing of
// it.
func (p *past) apart() string {
	d, side := p.at.Sub(p.message.CheckedAt), "before"
	if d < 0 {
		d, side = d.Abs(), "after"
	}
	if d <= maxSkew {
		return ""
	}
	return fmt.Sprintf("what the DNS said was kept on %s, %s %s the time asked for: what was published or withdrawn in between is not known", stamp(p.message.CheckedAt), howLong(d), side)
}

// differs says that what was kept is of another time than is asked for, or that another verdict was
// recorded, and what is different now.
func (p *past) differs(r *receiver.Report, e *receiver.EvidenceReport, then Policy) []string {
	var out []string
	if apart := p.apart(); apart != "" {
		out = append(out, apart)
	}
	if r.Verdict == e.Verdict && r.Code == e.Code {
		return out
	}
	var why []string
	now := p.archive.opts.Policy
	if !reflect.DeepEqual(domainsOf(then), domainsOf(now)) {
		why = append(why, "its policy was another one than is given here"+named(then))
	}
	if !slices.Equal(then.Roots, now.Roots) {
		why = append(why, "it had "+rootsText(len(then.Roots))+", and others are given here")
	}
	if p.other {
		why = append(why, "another time is asked for")
	}
	if !e.Identical {
		why = append(why, "the message is not the same octet for octet")
	}
	if len(why) == 0 {
		why = []string{"the record of it is wrong, or was made by another version of the program"}
	}
	verdict := string(e.Verdict)
	if e.Code != "" {
		verdict += " (" + string(e.Code) + ")"
	}
	return append(out, fmt.Sprintf("the verdict of then was %s: %s", verdict, strings.Join(why, "; ")))
}

func rootsText(n int) string {
	switch n {
	case 0:
		return "no PKIX roots"
	case 1:
		return "1 PKIX root"
	}
	return fmt.Sprintf("%d PKIX roots", n)
}

// howLong writes a time for people in its largest whole unit.
func howLong(d time.Duration) string {
	unit, n := "minute", int(d/time.Minute)
	switch {
	case d >= 24*time.Hour:
		unit, n = "day", int(d/(24*time.Hour))
	case d >= time.Hour:
		unit, n = "hour", int(d/time.Hour)
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

func domainsOf(p Policy) []Domain {
	if len(p.Domains) == 0 {
		return nil
	}
	return p.Domains
}

// named names the security domains of a policy.
func named(p Policy) string {
	var names []string
	for _, d := range p.Domains {
		names = append(names, d.Names...)
	}
	if len(names) == 0 {
		return ": it had no security domains"
	}
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	return ", with the security domains " + strings.Join(names, ", ")
}
