package powerdns

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

// row is a record as the database has it. One without a type is an empty non-terminal.
type row struct {
	id            int64
	kind, content string
	ttl           int64
	order         *string
	auth          bool
}

// node is a name, with what is there.
type node struct {
	rows []row
}

// has is the first record of a type; nil: none.
func (n *node) has(kind string) *row {
	for i := range n.rows {
		if n.rows[i].kind == kind {
			return &n.rows[i]
		}
	}
	return nil
}

// real is how many records are there.
func (n *node) real() (count int) {
	for i := range n.rows {
		if n.rows[i].kind != "" {
			count++
		}
	}
	return count
}

// refused are changes that are not made.
type refused struct {
	changes []publish.Change
	err     error
}

// outcome is what one transaction did.
type outcome struct {
	done       []publish.Change
	refused    []refused
	committing bool // it came as far as its end
}

// plan is what one transaction does.
type plan struct {
	zone   *zone
	domain *domain
	nodes  map[string]*node // by absolute name

	remove []int64           // records
	ttl    map[int64][]int64 // records that get another TTL
	add    []addition
	after  map[string]int // how many records each changed name has then
	leaves []string       // names that had records, and have none then
	outcome
}

// addition is a record to add, or an empty non-terminal.
type addition struct {
	name          string // absolute
	kind, content string
	ttl           int64

	nonterminal, auth bool
	order             *string
}

// make plans all changes of a batch.
func (p *plan) make(server string, names [][]publish.Change) {
	for _, changes := range names {
		if err := p.name(server, changes); err != nil {
			p.refused = append(p.refused, refused{changes, err})
			continue
		}
		p.done = append(p.done, changes...)
	}
}

// name plans the changes of one name: all of them or none.
func (p *plan) name(server string, changes []publish.Change) error {
	owner := changes[0].Owner
	if err := p.inTheWay(server, owner, changes); err != nil {
		return err
	}
	var todo []difference
	for i := range changes {
		d, err := p.difference(server, &changes[i])
		if err != nil {
			return err
		}
		todo = append(todo, d)
	}
	count := p.nodes[owner].real()
	before := count
	for _, d := range todo {
		count += len(d.add) - len(d.remove)
		p.add, p.remove = append(p.add, d.add...), append(p.remove, d.remove...)
		if len(d.retime) > 0 {
			p.ttl[d.ttl] = append(p.ttl[d.ttl], d.retime...)
		}
	}
	p.after[owner] = count
	if before > 0 && count == 0 {
		p.leaves = append(p.leaves, owner)
	}
	return nil
}

// inTheWay looks at the name and above it.
func (p *plan) inTheWay(server, owner string, changes []publish.Change) error {
	r := &publish.Refusal{Server: server, Zone: p.zone.name, Name: owner}
	// PowerDNS keeps names of 255 characters, with their escapes.
	if len(stored(owner)) > 255 {
		r.Code, r.Text, r.Advice = publish.TooLong, fmt.Sprintf("%.60s… is longer than the database can keep", owner), "choose a shorter name"
		return r
	}
	for _, at := range append([]string{owner}, parents(owner, p.zone.name)...) {
		n := p.nodes[at]
		if at != p.zone.name && n.has("NS") != nil {
			r.Code, r.Text = publish.OutsideZone, fmt.Sprintf("%s is not in the zone %s: %s is delegated", owner, p.zone.name, at)
			r.Advice = "publish in the zone " + at + ", where that is served"
			return r
		}
		if alias := n.has("DNAME"); alias != nil && at != owner {
			return publish.AliasRefusal(server, p.zone.name, at, alias.content)
		}
	}
	if alias := p.nodes[owner].has("CNAME"); alias != nil && slices.ContainsFunc(changes, func(c publish.Change) bool { return len(c.Add) > 0 }) {
		return publish.AliasRefusal(server, p.zone.name, owner, dns.CanonicalName(alias.content))
	}
	return nil
}

// difference is what one change makes of the records of its type.
type difference struct {
	add    []addition
	remove []int64
	retime []int64
	ttl    int64
}

func (p *plan) difference(server string, c *publish.Change) (d difference, err error) {
	n, kind := p.nodes[c.Owner], c.Type.String()
	has, own := map[string]bool{}, []dane.Record{}
	taken := set(c.Remove)
	wanted := set(c.Add)
	for _, r := range n.rows {
		if r.kind != kind {
			continue
		}
		record := parseContent(r.content)
		key := content(record)
		own = append(own, record)
		// A record stands there once (RFC 2181, Section 5).
		if double := has[key]; taken[key] && !wanted[key] || double {
			d.remove = append(d.remove, r.id)
		} else if len(c.Add) > 0 && r.ttl != int64(c.TTL.Seconds()) {
			d.retime = append(d.retime, r.id)
		}
		has[key] = true
	}
	d.ttl = int64(c.TTL.Seconds())
	for _, r := range c.Add {
		key := content(r)
		if has[key] {
			continue
		}
		// The column is of this length.
		if len(key) > 65535 {
			return d, &publish.Refusal{
				Code: publish.TooLong, Server: server, Zone: p.zone.name, Name: c.Owner, Advice: "publish digests (3 1 1) instead of whole certificates",
				Text: fmt.Sprintf("a record of %s is longer than the database can keep", c.Owner),
			}
		}
		has[key] = true
		d.add = append(d.add, addition{name: c.Owner, kind: kind, content: key, ttl: d.ttl})
	}
	differs := len(d.add)+len(d.remove) > 0
	if differs && c.Expect != nil && !sameSet(c.Expect, own) {
		return d, publish.ChangedRefusal(server, p.zone.name, c, own)
	}
	return d, nil
}

func set(list []dane.Record) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, r := range list {
		out[content(r)] = true
	}
	return out
}

func sameSet(a, b []dane.Record) bool {
	x, y := set(a), set(b)
	for key := range x {
		if !y[key] {
			return false
		}
	}
	return len(x) == len(y)
}

// content is a record as PowerDNS writes it.
func content(r dane.Record) string {
	b := make([]byte, 0, 12+2*len(r.Data))
	for _, n := range []uint8{r.Usage, r.Selector, r.MatchingType} {
		b = append(strconv.AppendUint(b, uint64(n), 10), ' ')
	}
	return string(hex.AppendEncode(b, r.Data))
}

// parseContent reads what somebody else may have written: capitals, spaces in the data (RFC 6698,
// Section 2.2). What cannot be read is a record that equals no right one.
func parseContent(text string) dane.Record {
	f := strings.Fields(text)
	wrong := dane.Record{Usage: 255, Selector: 255, MatchingType: 255, Data: []byte(text)}
	if len(f) < 3 {
		return wrong
	}
	var n [3]uint8
	for i := range n {
		v, err := strconv.ParseUint(f[i], 10, 8)
		if err != nil {
			return wrong
		}
		n[i] = uint8(v)
	}
	data, err := hex.DecodeString(strings.Join(f[3:], ""))
	if err != nil {
		return wrong
	}
	return dane.Record{Usage: n[0], Selector: n[1], MatchingType: n[2], Data: data}
}

// read reads what is at the names and above them.
func (s *session) read(ctx context.Context, p *plan, names [][]publish.Change) error {
	absolute := map[string]string{}
	note := func(name string) bool {
		if p.nodes[name] != nil {
			return false
		}
		p.nodes[name] = new(node)
		absolute[stored(name)] = name
		return true
	}
	for _, changes := range names {
		note(changes[0].Owner)
		for _, at := range parents(changes[0].Owner, p.zone.name) {
			if !note(at) {
				break
			}
		}
	}
	list := make([]string, 0, len(absolute))
	for name := range absolute {
		list = append(list, name)
	}
	return s.query(ctx, func(v [][]byte) error {
		r := row{id: number(v[1]), kind: string(v[2]), content: string(v[3]), ttl: number(v[4]), auth: yes(v[6])}
		if v[5] != nil {
			order := string(v[5])
			r.order = &order
		}
		n := p.nodes[absolute[string(v[0])]]
		n.rows = append(n.rows, r)
		return nil
	}, `select r.name, r.id, coalesce(r.type, ''), coalesce(r.content, ''), coalesce(r.ttl, 0), r.ordername, coalesce(r.auth, true)
		from unnest($2::text[]) as n(name) join records r on r.name = n.name
		where r.domain_id = $1::int and not r.disabled order by r.id`, p.domain.id, array(list))
}
