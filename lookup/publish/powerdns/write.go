package powerdns

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dnseal/lookup/publish"
)

// transact makes one transaction: all of it or nothing.
func (s *session) transact(ctx context.Context, z *zone, names [][]publish.Change) (outcome, error) {
	limited, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	if err := s.begin(limited); err != nil {
		return outcome{}, err
	}
	p, err := s.plan(limited, z, names)
	if err == nil {
		err = s.write(limited, p)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return outcome{}, errors.Join(err, s.rollback(ctx))
	}
	p.committing = true
	// What is asked for now is made, even if nobody waits for it any more.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Timeout)
	defer cancel()
	err = s.conn.Exec(end, "commit").Close()
	return p.outcome, err
}

// rollback gives the locks back. A connection that cannot is of no use any more.
func (s *session) rollback(ctx context.Context) error {
	if !s.connected() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Timeout)
	defer cancel()
	if err := s.conn.Exec(ctx, "rollback").Close(); err != nil {
		s.close()
	}
	return nil
}

// plan locks the zone, reads what is there, and plans the difference.
func (s *session) plan(ctx context.Context, z *zone, names [][]publish.Change) (*plan, error) {
	d, err := s.lock(ctx, z)
	if err != nil {
		return nil, err
	}
	p := &plan{zone: z, domain: d, nodes: map[string]*node{}, ttl: map[int64][]int64{}, after: map[string]int{}}
	if err := s.read(ctx, p, names); err != nil {
		return nil, err
	}
	p.make(s.server.String(), names)
	return p, nil
}

// write writes what is planned, and the next serial where that is something.
func (s *session) write(ctx context.Context, p *plan) error {
	removed := len(p.remove)
	if err := s.remove(ctx, p.remove); err != nil {
		return err
	}
	if err := s.nonterminals(ctx, p); err != nil {
		return err
	}
	if err := s.remove(ctx, p.remove[removed:]); err != nil {
		return err
	}
	for _, ttl := range slices.Sorted(maps.Keys(p.ttl)) {
		if err := s.exec(ctx, "update records set ttl = $1::int where id = any($2::bigint[])", strconv.FormatInt(ttl, 10), numbers(p.ttl[ttl])); err != nil {
			return err
		}
	}
	if err := s.copy(ctx, p); err != nil || len(p.remove)+len(p.ttl)+len(p.add) == 0 {
		return err
	}
	return s.exec(ctx, "update records set content = $1 where id = $2::bigint", p.domain.soa, strconv.FormatInt(p.domain.soaID, 10))
}

func (s *session) remove(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.exec(ctx, "delete from records where id = any($1::bigint[])", numbers(ids))
}

// copy adds the records.
func (s *session) copy(ctx context.Context, p *plan) error {
	if len(p.add) == 0 {
		return nil
	}
	var b strings.Builder
	yes, no, zero := "t", "f", "0"
	for i := range p.add {
		a := &p.add[i]
		name := stored(a.name)
		if a.nonterminal {
			auth := &no
			if a.auth {
				auth = &yes
			}
			line(&b, &p.domain.id, &name, nil, nil, nil, nil, &no, a.order, auth)
			continue
		}
		ttl := strconv.FormatInt(a.ttl, 10)
		line(&b, &p.domain.id, &name, &a.kind, &a.content, &ttl, &zero, &no, p.domain.denial.order(a.name, p.zone.name), &yes)
	}
	_, err := s.conn.CopyFrom(ctx, strings.NewReader(b.String()), "copy records (domain_id, name, type, content, ttl, prio, disabled, ordername, auth) from stdin")
	return err
}
