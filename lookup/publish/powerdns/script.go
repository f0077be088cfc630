package powerdns

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dnseal/lookup/publish"
)

// Script is what Apply would change, as text: a line for each zone, then the records that it would
// remove (-) and add (+), and the TTLs that it would set, with the empty non-terminals left out.
// The database is read, and its zones are locked meanwhile; nothing is changed. What would be
// refused is a line that begins with "!".
func (c *Client) Script(ctx context.Context, changes ...publish.Change) (string, error) {
	changes, err := normal(changes)
	if err != nil || len(changes) == 0 {
		return "", err
	}
	s := session{Client: c}
	defer s.close()
	p := progress{total: len(changes)}
	zones, err := s.byZone(ctx, changes, &p)
	if err != nil {
		return "", err
	}
	if p.err != nil {
		return "", p.err
	}
	var out strings.Builder
	for _, z := range zones {
		fmt.Fprintf(&out, "zone %s\n", z.name)
		for _, names := range z.batches(c.opts.Batch) {
			if err := s.script(ctx, z, names, &out); err != nil {
				return "", s.server.refusal(ctx, z.name, err, false)
			}
		}
	}
	return out.String(), nil
}

// script plans one transaction, writes what it would do, and gives it up.
func (s *session) script(ctx context.Context, z *zone, names [][]publish.Change, out *strings.Builder) error {
	limited, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	if err := s.begin(limited); err != nil {
		return err
	}
	p, err := s.plan(limited, z, names)
	if rollback := s.rollback(ctx); err != nil || rollback != nil {
		return err
	}
	p.write(out)
	return nil
}

// write writes a plan.
func (p *plan) write(out *strings.Builder) {
	for _, r := range p.refused {
		fmt.Fprintf(out, "! %s\n", strings.TrimPrefix(r.err.Error(), "publish: "))
	}
	ttl := map[int64]int64{}
	for t, ids := range p.ttl {
		for _, id := range ids {
			ttl[id] = t
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.nodes)) {
		for _, r := range p.nodes[name].rows {
			if slices.Contains(p.remove, r.id) {
				fmt.Fprintf(out, "- %s %d %s %s\n", name, r.ttl, r.kind, r.content)
			} else if t, ok := ttl[r.id]; ok {
				fmt.Fprintf(out, "- %s %d %s %s\n+ %[1]s %[5]d %[3]s %[4]s\n", name, r.ttl, r.kind, r.content, t)
			}
		}
	}
	for i := range p.add {
		fmt.Fprintf(out, "+ %s %d %s %s\n", p.add[i].name, p.add[i].ttl, p.add[i].kind, p.add[i].content)
	}
}
