package certificate

import (
	"crypto/x509"
	"errors"
	"maps"
	"slices"
)

var errPolicy = errors.New("the path is valid under none of the policies it demands")

const anyPolicy = "2.5.29.32.0"

// policySet is what is left of the policies at one place of a path. RFC 5280, Section 6.1, keeps a
// tree of them, whose size the certificates choose; here any policy is acceptable, so that only
// the policies at its leaves count (RFC 9618).
type policySet map[string]bool

// counters are explicit_policy, policy_mapping and inhibit_anyPolicy (RFC 5280, Section 6.1.2).
type counters struct{ explicit, mapping, any int }

// checkPolicies checks the policies of a path without its anchor, leaf first (RFC 5280, Section
// 6.1.3, (d) to (f)). Where no certificate demands one, all are
// acceptable.
func (w *Work) checkPolicies(path []*x509.Certificate) error {
	demanded := false
	for _, c := range path {
		demanded = demanded || c.RequireExplicitPolicy > 0 || c.RequireExplicitPolicyZero
	}
	if !demanded {
		return nil
	}
	for _, c := range path {
		if err := w.compare(64 * (len(c.Policies) + len(c.PolicyMappings))); err != nil {
			return err
		}
	}
	valid := policySet{anyPolicy: true}
	n := counters{len(path) + 1, len(path) + 1, len(path) + 1}
	for i, c := range slices.Backward(path) {
		last := i == 0
		selfIssued := w.factsOf(c).selfIssued
		valid = valid.under(c, n.any > 0 || !last && selfIssued)
		// RFC 5280, Section 6.1.3, (f).
		if len(valid) == 0 && n.explicit == 0 {
			return errPolicy
		}
		if last {
			// RFC 5280, Section 6.1.5, (a) and (b).
			n.explicit = tighten(n.explicit-1, c.RequireExplicitPolicy, c.RequireExplicitPolicyZero)
			if len(valid) == 0 && n.explicit <= 0 {
				return errPolicy
			}
			return nil
		}
		// RFC 5280, Section 6.1.4, (a) and (b).
		var ok bool
		if valid, ok = valid.mapped(c, n.mapping > 0); !ok {
			return errPolicy
		}
		n.prepare(c, selfIssued)
	}
	return nil
}

// under leaves the policies of the certificate (RFC 5280, Section 6.1.3, (d)).
func (p policySet) under(c *x509.Certificate, anyCounts bool) policySet {
	out := policySet{}
	for _, id := range c.Policies {
		switch policy := id.String(); {
		case policy == anyPolicy && anyCounts:
			maps.Copy(out, p)
		case policy != anyPolicy && (p[policy] || p[anyPolicy]):
			out[policy] = true
		}
	}
	return out
}

// mapped replaces policies by those that the authority declares equal (RFC 5280, Section 6.1.4, (a)
// and (b)).
func (p policySet) mapped(c *x509.Certificate, allowed bool) (policySet, bool) {
	out := maps.Clone(p)
	for _, m := range c.PolicyMappings {
		if m.IssuerDomainPolicy.String() == anyPolicy || m.SubjectDomainPolicy.String() == anyPolicy {
			return nil, false
		}
		delete(out, m.IssuerDomainPolicy.String())
	}
	for _, m := range c.PolicyMappings {
		if from := m.IssuerDomainPolicy.String(); allowed && (p[from] || p[anyPolicy]) {
			out[m.SubjectDomainPolicy.String()] = true
		}
	}
	return out, true
}

// prepare is RFC 5280, Section 6.1.4, (h) to (j).
func (n *counters) prepare(c *x509.Certificate, selfIssued bool) {
	if !selfIssued {
		n.explicit, n.mapping, n.any = max(n.explicit-1, 0), max(n.mapping-1, 0), max(n.any-1, 0)
	}
	// RFC 5280, Section 6.1.4, (i).
	n.explicit = tighten(n.explicit, c.RequireExplicitPolicy, c.RequireExplicitPolicyZero)
	n.mapping = tighten(n.mapping, c.InhibitPolicyMapping, c.InhibitPolicyMappingZero)
	// RFC 5280, Section 6.1.4, (j).
	n.any = tighten(n.any, c.InhibitAnyPolicy, c.InhibitAnyPolicyZero)
}

// tighten applies the value of an extension where it is present and smaller; zero says that a value
// of 0 is present.
func tighten(counter, value int, zero bool) int {
	if zero || value > 0 {
		return min(counter, value)
	}
	return counter
}
