package powerdns

import (
	"context"
	"fmt"
)

// needed is an empty non-terminal (RFC 8499, Section 7) that must be there.
type needed struct {
	auth    bool // something authoritative is beneath it
	ordered bool // something with an ordername is beneath it
}

// nonterminals plans the rows without a type: each name between a record and its zone that has no
// records itself must have one, and no other may. Those above what is added are known to be needed.
// Above what is removed the zone has to be looked through.
func (s *session) nonterminals(ctx context.Context, p *plan) error {
	need := map[string]*needed{}
	for name, count := range p.after {
		if count == 0 {
			continue
		}
		for _, at := range parents(name, p.zone.name) {
			if p.count(at) == 0 {
				need[at] = &needed{true, true}
			}
		}
	}
	doubtful := map[string]*needed{}
	for _, name := range p.leaves {
		for _, at := range append([]string{name}, parents(name, p.zone.name)...) {
			if need[at] == nil && p.count(at) == 0 && at != p.zone.name {
				doubtful[at] = nil
			}
		}
	}
	if err := s.lookThrough(ctx, p, doubtful); err != nil {
		return err
	}
	for at, n := range doubtful {
		if n != nil {
			need[at] = n
			continue
		}
		p.removeNonterminals(at, nil)
	}
	for at, n := range need {
		p.nonterminal(at, n)
	}
	for name, count := range p.after {
		if count > 0 {
			p.removeNonterminals(name, nil)
		}
	}
	return nil
}

// count is how many records a name has then.
func (p *plan) count(name string) int {
	if n, ok := p.after[name]; ok {
		return n
	}
	return p.nodes[name].real()
}

// nonterminal plans the row of one that is needed.
func (p *plan) nonterminal(at string, n *needed) {
	d := &p.domain.denial
	auth, order := n.auth, (*string)(nil)
	if d.signed && d.nsec3 && !d.optOut {
		auth = true
	}
	if d.hashed() && (n.ordered || !d.optOut) {
		order = d.order(at, p.zone.name)
	}
	has := p.nodes[at].has("")
	if has != nil && has.auth == auth && same(has.order, order) {
		p.removeNonterminals(at, has)
		return
	}
	p.removeNonterminals(at, nil)
	p.add = append(p.add, addition{name: at, nonterminal: true, auth: auth, order: order})
}

func same(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// removeNonterminals plans to remove the rows without a type at a name, but for one.
func (p *plan) removeNonterminals(name string, but *row) {
	n := p.nodes[name]
	for i := range n.rows {
		if r := &n.rows[i]; r.kind == "" && r != but {
			p.remove = append(p.remove, r.id)
		}
	}
}

// lookThrough finds which names have records beneath them, once the planned ones are removed. It
// reads the names of the zone until all is known.
func (s *session) lookThrough(ctx context.Context, p *plan, doubtful map[string]*needed) error {
	if len(doubtful) == 0 {
		return nil
	}
	at := make(map[string]string, len(doubtful))
	for name := range doubtful {
		at[stored(name)] = name
	}
	const declare = `declare dnseal no scroll cursor for select name, auth and type <> 'DS', ordername is not null from records
		where domain_id = %s and type is not null and type <> '' and not disabled`
	if err := s.conn.Exec(ctx, fmt.Sprintf(declare, p.domain.id)).Close(); err != nil {
		return err
	}
	zone := p.zone.stored
	open, more := len(doubtful), true
	for more && open > 0 {
		more = false
		err := s.query(ctx, func(v [][]byte) error {
			more = true
			for name := storedAbove(string(v[0])); len(name) > len(zone); name = storedAbove(name) {
				absolute, ok := at[name]
				if !ok {
					continue
				}
				n := doubtful[absolute]
				if n == nil {
					n = new(needed)
					doubtful[absolute] = n
				}
				complete := n.auth && n.ordered
				n.auth, n.ordered = n.auth || yes(v[1]), n.ordered || yes(v[2]) || !p.domain.denial.hashed()
				if !complete && n.auth && n.ordered {
					open--
				}
			}
			return nil
		}, "fetch 20000 from dnseal")
		if err != nil {
			return err
		}
	}
	return s.exec(ctx, "close dnseal")
}

// storedAbove is the parent of a name in PowerDNS's form; "" above a top-level name.
func storedAbove(name string) string {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++ // an escaped dot, or the first of three digits
		case '.':
			return name[i+1:]
		}
	}
	return ""
}
