package dnssec

import (
	"slices"
	"time"

	"github.com/miekg/dns"
)

// lookup is one call of Resolve.
type lookup struct {
	v       *Validator
	anchors *Anchors
	now     time.Time
	skew    time.Duration
	qtype   uint16
	spent   spending
	asker   *asker
	zones   map[name]zoneResult
	hashes  map[hashed]hash
	answer  *Answer
	leaf    proof   // of the answer itself
	passed  proof   // of names that were walked over
	links   []*Zone // the zones that answered, in order
}

// follow answers the question, along aliases. The worst link decides (RFC 4035, Section 5.4 says
// nothing of chains; RFC 6840, Section 5.10 leaves it to policy, and ours is the strict one).
func (l *lookup) follow(target name) verdict {
	total := secure
	seen := []name{target}
	var r *reply
	for {
		if v, ok := l.depth(target); !ok {
			return worse(total, v)
		}
		if r == nil || !r.answers(target, l.qtype) {
			r = l.ask(target, l.qtype)
			l.answer.AD = r.ad && (l.answer.AD || len(seen) == 1)
		}
		if r.failed {
			return worse(total, r.failure)
		}
		next, v := l.answerName(r, target)
		total = worse(total, v)
		if next == "" || total.status == Bogus || total.status == Indeterminate {
			return total
		}
		l.answer.Aliases = append(l.answer.Aliases, next.String())
		if v, ok := l.mayFollow(next); !ok {
			return worse(total, v)
		}
		if slices.Contains(seen, next) {
			return worse(total, indeterminate(noEDE, CodeAliasLoop, "the aliases of %s lead back to %s", seen[0], next))
		}
		if len(seen) > l.spent.limits.Aliases {
			return overBudget("aliases", l.spent.limits.Aliases)
		}
		seen = append(seen, next)
		target = next
		l.prefetch(target, !r.answers(target, l.qtype))
	}
}

// mayFollow asks the caller before an alias is followed.
func (l *lookup) mayFollow(target name) (verdict, bool) {
	if l.v.MayFollow == nil {
		return verdict{}, true
	}
	if err := l.v.MayFollow(target.String()); err != nil {
		return unreachable(question{target, l.qtype}, err), false
	}
	return verdict{}, true
}

// depth bounds the labels below the anchor.
func (l *lookup) depth(n name) (verdict, bool) {
	top, ok := l.anchors.closest(n)
	if !ok {
		_, v := l.startingZone(n)
		return v, false
	}
	if n.labels()-top.labels() > l.spent.limits.Labels {
		return overBudget("labels", l.spent.limits.Labels), false
	}
	return verdict{}, true
}

// answers reports whether the reply holds the answer for a name that an alias in it leads to.
func (r *reply) answers(n name, qtype uint16) bool {
	if r.rrset(n, qtype, true) != nil || r.rrset(n, dns.TypeCNAME, true) != nil || r.dnameAbove(n) != nil {
		return true
	}
	if r.msg.Rcode == dns.RcodeNameError {
		return true
	}
	return slices.ContainsFunc(r.sets, func(s *rrset) bool { return s.typ == dns.TypeSOA && !s.answer && n.within(s.owner) })
}

// answerName validates what the reply holds about one name; next is the target of an alias.
func (l *lookup) answerName(r *reply, n name) (next name, v verdict) {
	if s := r.rrset(n, l.qtype, true); s != nil {
		return "", l.records(r, s, n)
	}
	// RFC 1034, Section 3.6.2; RFC 6672, Section 3.1.
	if l.qtype != dns.TypeCNAME {
		s := r.rrset(n, dns.TypeCNAME, true)
		if s != nil && len(s.sigs) > 0 {
			return l.cname(r, s)
		}
		if d := r.dnameAbove(n); d != nil {
			return l.dname(r, d, s, n)
		}
		if s != nil {
			return l.cname(r, s)
		}
	}
	return "", l.absent(r, n)
}

// records validates the RRset asked for.
func (l *lookup) records(r *reply, s *rrset, n name) verdict {
	v, ok := l.leafSize(s)
	if !ok {
		return v
	}
	if d := r.dnameAbove(n); d != nil && s.typ == dns.TypeCNAME && len(s.sigs) == 0 {
		// A question for the CNAME that a DNAME makes.
		_, v = l.dname(r, d, s, n)
	} else {
		v = l.positive(r, s)
	}
	l.answer.Exists = true
	l.answer.Rcode = r.msg.Rcode
	l.answer.Records = s.rrs
	return v
}

// leafSize bounds what is handed to the caller, before any signature is looked at.
func (l *lookup) leafSize(s *rrset) (verdict, bool) {
	limits, total := l.spent.limits, 0
	if len(s.rrs) > limits.LeafRecords {
		return overBudget("leaf-records", limits.LeafRecords), false
	}
	datas, err := s.canonical()
	if err != nil {
		return indeterminate(int(dns.ExtendedErrorCodeInvalidData), CodeMalformed, "%s %s holds data that cannot be", s.owner, typeName(s.typ)), false
	}
	for _, d := range datas {
		if len(d) > limits.LeafRecordSize {
			return overBudget("leaf-record-size", limits.LeafRecordSize), false
		}
		total += len(d)
	}
	if total > limits.LeafSize {
		return overBudget("leaf-size", limits.LeafSize), false
	}
	return verdict{}, true
}
