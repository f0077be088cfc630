package zonecheck

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says how much a finding matters (stable).
type Severity string

// Severities, the worst first.
const (
	Wrong     Severity = "wrong"     // verification fails, or a withdrawal does not show in time
	Undecided Severity = "undecided" // could not be told
	Note      Severity = "note"      // a choice with consequences that should be known
	OK        Severity = "ok"
)

var severities = []Severity{Wrong, Undecided, Note, OK}

// Finding is one result of a check.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Name is the object: a zone, a name server or an owner name. Zone is the zone that it
	// belongs to.
	Name string `json:"name"`
	Zone string `json:"zone"`
	What string `json:"what"`
	// Why it matters, and what to do (Advice), where that is needed.
	Why    string `json:"why,omitempty"`
	Advice string `json:"advice,omitempty"`
	// Names are the objects where there are several, at most 20 of them.
	Names []string `json:"names,omitempty"`
}

// Group is the heading of a finding in the text for people.
func (f Finding) Group() string { return kindOf(f.Code).Group }

// maxNames is how many objects of a finding are kept.
const maxNames = 20

// Report is all findings about a domain.
type Report struct {
	Domain   string
	Zones    []string // that were checked
	Findings []Finding
}

// Count returns the number of findings of a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Worst returns the worst severity of all findings; without any it is Undecided.
func (r *Report) Worst() Severity {
	for _, s := range severities {
		if r.Count(s) > 0 {
			return s
		}
	}
	return Undecided
}

// add adds a finding about name.
func (z *zone) add(code Code, name, format string, args ...any) *Finding {
	return z.check.add(z.apex, code, name, format, args...)
}

func (c *check) add(zone string, code Code, name, format string, args ...any) *Finding {
	k := kindOf(code)
	c.report.Findings = append(c.report.Findings, Finding{
		Code: code, Severity: k.Severity, Zone: zone, Name: name,
		What: fmt.Sprintf(format, args...), Why: k.Why, Advice: k.Advice,
	})
	return &c.report.Findings[len(c.report.Findings)-1]
}

// addNames adds one finding about several objects, none when there are none. format has one verb
// for their number.
func (z *zone) addNames(code Code, names []string, format string, args ...any) {
	if len(names) == 0 {
		return
	}
	f := z.add(code, names[0], format, args...)
	f.Names = slices.Clone(names[:min(len(names), maxNames)])
}

// has reports whether the zone has a finding of a severity in a group.
func (z *zone) has(group string, severity Severity) bool {
	return slices.ContainsFunc(z.report.Findings, func(f Finding) bool {
		return f.Zone == z.apex && f.Severity == severity && f.Group() == group
	})
}

// hasCode reports whether the zone has a finding with one of the codes.
func (z *zone) hasCode(codes ...Code) bool {
	return slices.ContainsFunc(z.report.Findings, func(f Finding) bool {
		return f.Zone == z.apex && slices.Contains(codes, f.Code)
	})
}

// sortFindings orders them by zone, group and severity; else they stay in the order in which they
// were found.
func (r *Report) sortFindings() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			slices.Index(r.Zones, a.Zone)-slices.Index(r.Zones, b.Zone),
			slices.Index(groups, a.Group())-slices.Index(groups, b.Group()),
			slices.Index(severities, a.Severity)-slices.Index(severities, b.Severity),
		)
	})
}
