package chain

import (
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// Step is a zone or a set of records of a chain, in short: what a drawing shows of a [Node].
type Step struct {
	// Above is the place in the outline of the step that this one hangs on, -1 for an anchor.
	Above  int
	Status dnssec.Status
	// Zone is empty for a set of records; Set is its type: "SMIMEA", "CNAME", "NSEC3".
	Zone, Set string
	// Asked says that the set is what was asked for.
	Asked bool
	// Name is the zone or the owner of the set, Note a phrase on it: who vouches for its keys, what
	// is wrong, where an alias leads.
	Name, Note string
}

// Outline returns the chain in short, each step after the one that it hangs on. What was asked for
// comes last, where the answer has it. It is empty where no chain was walked.
func (r *Result) Outline(now time.Time) []Step {
	if r.Answer == nil {
		return nil
	}
	var out []Step
	for _, n := range r.Nodes(now) {
		if n.Anchored {
			out = r.outline(out, n, -1)
		}
	}
	return out
}

func (r *Result) outline(out []Step, n *Node, above int) []Step {
	s := Step{Above: above, Status: n.Status, Zone: n.Zone, Name: n.Zone, Note: n.note()}
	if n.Set != nil {
		h := n.Set.Records[0].Header()
		s.Name, s.Set, s.Asked = h.Name, dns.Type(h.Rrtype).String(), h.Rrtype == uint16(r.Type)
	}
	at := len(out)
	out = append(out, s)
	children := slices.Clone(n.Children)
	slices.SortStableFunc(children, func(a, b *Node) int { return r.weight(a) - r.weight(b) })
	for _, c := range children {
		out = r.outline(out, c, at)
	}
	return out
}

// weight puts what leads to the records asked for last.
func (r *Result) weight(n *Node) int {
	if n.Set != nil && n.Set.Records[0].Header().Rrtype == uint16(r.Type) {
		return 1
	}
	for _, c := range n.Children {
		if r.weight(c) > 0 {
			return 1
		}
	}
	return 0
}

// note is a phrase on the node.
func (n *Node) note() string {
	switch {
	case n.Fault != "":
		return n.Fault
	case n.Set != nil:
		return n.setNote()
	case n.Reason != "":
		return n.Reason
	case n.Status == dnssec.Insecure:
		return "not signed"
	case n.Status != dnssec.Secure:
		return n.Status.String()
	}
	by := "the zone above"
	if n.Anchored {
		by = "the trust anchor"
	}
	for _, k := range n.Keys {
		if k.Matched {
			return fmt.Sprintf("key %d, named by %s", k.Tag, by)
		}
	}
	return "keys named by " + by
}

// setNote says what a set of records is for.
func (n *Node) setNote() string {
	switch rr := n.Set.Records[0].(type) {
	case *dns.CNAME:
		return "leads to " + rr.Target
	case *dns.DNAME:
		return "leads to " + rr.Target
	case *dns.NSEC, *dns.NSEC3:
		return "proof of what does not exist"
	}
	if len(n.Set.Records) == 1 {
		if record, ok := recordOf(n.Set.Records[0]); ok {
			return describe(record)
		}
		if text, ok := textOf(n.Set.Records[0]); ok {
			return shortText(text)
		}
	}
	return fmt.Sprintf("%d %s records", len(n.Set.Records), dane.Type(n.Set.Records[0].Header().Rrtype))
}
