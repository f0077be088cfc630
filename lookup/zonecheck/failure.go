package zonecheck

import (
	"fmt"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// failed is a cause for which answers were bogus or could not be told, with the names that it
// concerns: it is told once.
type failed struct {
	finding int // its index in the report
	names   []string
}

// failure notes an answer that is bogus or undecided.
func (z *zone) failure(name string, a *dnssec.Answer) {
	if z.failures == nil {
		z.failures = map[string]*failed{}
	}
	code, what := z.failureOf(name, a)
	key := fmt.Sprint(code, a.Code)
	f := z.failures[key]
	if f == nil {
		f = &failed{finding: len(z.report.Findings)}
		z.failures[key] = f
		z.add(code, name, "%s", what)
	}
	f.names = append(f.names, name)
}

// failureOf is the code and the sentence for an answer.
func (z *zone) failureOf(name string, a *dnssec.Answer) (Code, string) {
	switch {
	case a.Code == dnssec.CodeClock:
		return CodeClock, a.Reason
	case a.Code == dnssec.CodeExpired:
		return CodeExpired, a.Reason
	case a.Code == dnssec.CodeNotYetValid:
		return CodeFuture, a.Reason
	case a.Code == dnssec.CodeNoDenial, a.Code == dnssec.CodeBadDenial:
		return CodeDenialBogus, a.Reason
	case a.Status == dnssec.Bogus:
		return CodeBogus, a.Reason
	}
	return CodeUndecided, fmt.Sprintf("%s %s: %s", show(name), dns.Type(a.Type), a.Reason)
}

// countFailures adds to each cause how many names it concerns.
func (z *zone) countFailures() {
	for _, f := range z.failures {
		finding := &z.report.Findings[f.finding]
		if n := len(f.names); n > 1 {
			finding.What += fmt.Sprintf("; so %d more", n-1)
			finding.Names = f.names[:min(n, maxNames)]
		}
	}
}
