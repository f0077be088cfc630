package powerdns

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/publish"
)

// zone is one of the database, with the changes in it, by name.
type zone struct {
	name   string // absolute
	stored string
	names  [][]publish.Change
}

// batches are the changes for each transaction: those of one name stay together.
func (z *zone) batches(most int) (out [][][]publish.Change) {
	var batch [][]publish.Change
	n := 0
	for _, name := range z.names {
		if n > 0 && n+len(name) > most {
			out, batch, n = append(out, batch), nil, 0
		}
		batch, n = append(batch, name), n+len(name)
	}
	return append(out, batch)
}

// byZone finds the zone of each name, the nearest that the database has.
func (s *session) byZone(ctx context.Context, changes []publish.Change, p *progress) (out []*zone, err error) {
	known, err := s.known(ctx, changes)
	if err != nil {
		return nil, s.server.refusal(ctx, "", err, false)
	}
	zones, at := map[string]*zone{}, map[string]int{}
	for i := range changes {
		name, refusal := s.zoneOf(known, changes[i].Owner)
		if refusal != nil {
			p.refuse(changes[i:i+1], refusal)
			continue
		}
		z := zones[name]
		if z == nil {
			z = &zone{name: name, stored: stored(name)}
			zones[name], out = z, append(out, z)
		}
		n, ok := at[changes[i].Owner]
		if !ok {
			n = len(z.names)
			at[changes[i].Owner], z.names = n, append(z.names, nil)
		}
		z.names[n] = append(z.names[n], changes[i])
	}
	return out, nil
}

// known are the zones that the database has of all that the names may be in.
func (s *session) known(ctx context.Context, changes []publish.Change) (map[string]bool, error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	absolute := map[string]string{}
	if s.opts.Zone != "" {
		absolute[stored(s.opts.Zone)] = dns.CanonicalName(s.opts.Zone)
	} else {
		seen := map[string]bool{}
		for i := range changes {
			for at := above(changes[i].Owner); at != "." && !seen[at]; at = above(at) {
				seen[at] = true
				absolute[stored(at)] = at
			}
			absolute[stored(changes[i].Owner)] = changes[i].Owner
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	known := map[string]bool{}
	names := make([]string, 0, len(absolute))
	for name := range absolute {
		names = append(names, name)
	}
	for part := range slices.Chunk(names, defaultBatch) {
		err := s.query(ctx, func(row [][]byte) error {
			known[absolute[string(row[0])]] = true
			return nil
		}, "select name from domains where name = any($1::text[])", array(part))
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// zoneOf is the nearest zone above a name that is known.
func (s *session) zoneOf(known map[string]bool, owner string) (string, *publish.Refusal) {
	r := &publish.Refusal{Server: s.server.String(), Name: owner, Advice: "make the zone there first (pdnsutil create-zone), or name the database that has it"}
	if s.opts.Zone != "" {
		r.Zone = dns.CanonicalName(s.opts.Zone)
		switch {
		case !dns.IsSubDomain(r.Zone, owner):
			r.Code, r.Text = publish.OutsideZone, fmt.Sprintf("%s is not in the zone %s", owner, r.Zone)
			r.Advice = "name the zone that holds it, or leave the zone out"
		case !known[r.Zone]:
			r.Code, r.Text = publish.NotHere, fmt.Sprintf("%s does not have the zone %s", s.server, r.Zone)
		default:
			return r.Zone, nil
		}
		return "", r
	}
	for at := owner; at != "."; at = above(at) {
		if known[at] {
			return at, nil
		}
	}
	r.Code, r.Text = publish.NoZone, fmt.Sprintf("%s has no zone for %s", s.server, owner)
	return "", r
}

// domain is a zone as it stands, locked.
type domain struct {
	id     string
	soaID  int64
	soa    string
	denial denial
}

// lock takes the zone for this transaction. PowerDNS and others that add records refer to this row,
// so that they wait too.
func (s *session) lock(ctx context.Context, z *zone) (*domain, error) {
	var d domain
	kind := ""
	err := s.query(ctx, func(row [][]byte) error {
		d.id, kind = string(row[0]), string(row[1])
		return nil
	}, "select id, upper(type) from domains where name = $1 for update", z.stored)
	if err != nil {
		return nil, err
	}
	r := &publish.Refusal{Server: s.server.String(), Zone: z.name, Code: publish.NoUpdates}
	switch kind {
	case "NATIVE", "MASTER", "PRIMARY":
	case "":
		r.Code, r.Text = publish.NotHere, fmt.Sprintf("%s does not have the zone %s any more", s.server, z.name)
		return nil, r
	case "SLAVE", "SECONDARY":
		r.Code, r.Text = publish.Secondary, fmt.Sprintf("%s has %s as a secondary: what is written there the next transfer undoes", s.server, z.name)
		r.Advice = "publish at the primary of the zone"
		return nil, r
	default:
		r.Text = fmt.Sprintf("%s is a zone of type %s, which has no records of keys", z.name, kind)
		return nil, r
	}
	return &d, s.settings(ctx, z, &d, r)
}

// settings reads how the zone is signed, and its SOA.
func (s *session) settings(ctx context.Context, z *zone, d *domain, r *publish.Refusal) error {
	param, presigned := "", false
	err := s.query(ctx, func(row [][]byte) error {
		switch content := strings.TrimSpace(string(row[1])); string(row[0]) {
		case "NSEC3PARAM":
			param = content
		case "NSEC3NARROW":
			d.denial.narrow = content == "1"
		case "PRESIGNED":
			presigned = presigned || content == "1"
		case "KEY":
			d.denial.signed = true
		case "SOA":
			d.soaID, d.soa = number(row[2]), content
		}
		return nil
	}, `select kind, content, 0::bigint from domainmetadata where domain_id = $1::int
		union all select 'KEY', '', 0 from cryptokeys where domain_id = $1::int and active
		union all select 'SOA', content, id from records where domain_id = $1::int and type = 'SOA' and name = $2 and not disabled`, d.id, z.stored)
	if err != nil {
		return err
	}
	if param != "" {
		p, ok := parseDenial(param)
		if !ok {
			r.Code, r.Text = publish.ServerFailure, fmt.Sprintf("the NSEC3PARAM %.40q of %s cannot be read", param, z.name)
			r.Advice = "set it anew (pdnsutil set-nsec3)"
			return r
		}
		p.signed, p.narrow = d.denial.signed, d.denial.narrow
		d.denial = p
	}
	switch {
	case presigned:
		r.Text = fmt.Sprintf("%s is presigned (PRESIGNED): its signatures come from elsewhere", z.name)
		r.Advice = "publish where the zone is signed"
		return r
	case d.soaID == 0:
		r.Code, r.Text = publish.NotHere, fmt.Sprintf("%s has no SOA of %s", s.server, z.name)
		r.Advice = "make the zone with pdnsutil create-zone"
		return r
	}
	next, ok := nextSerial(d.soa)
	if !ok {
		r.Code, r.Text, r.Advice = publish.ServerFailure, fmt.Sprintf("the SOA %.80q of %s cannot be read", d.soa, z.name), "see pdnsutil check-zone"
		return r
	}
	d.soa = next
	return nil
}

// nextSerial is the data of an SOA with the next serial (RFC 1982, Section 3.1). 0 is left out:
// PowerDNS takes it for none.
func nextSerial(soa string) (string, bool) {
	f := strings.Fields(soa)
	if len(f) != 7 {
		return "", false
	}
	serial, err := strconv.ParseUint(f[2], 10, 32)
	if err != nil {
		return "", false
	}
	next := uint32(serial) + 1
	if next == 0 {
		next = 1
	}
	f[2] = strconv.FormatUint(uint64(next), 10)
	return strings.Join(f, " "), true
}

// begin starts a transaction. What one that hangs or was cut off holds is free again in time.
func (s *session) begin(ctx context.Context) error {
	ms := func(d time.Duration) int64 { return max(d.Milliseconds(), 1) }
	sql := fmt.Sprintf("begin; set local lock_timeout = %d; set local statement_timeout = %d; set local idle_in_transaction_session_timeout = %d; set local standard_conforming_strings = on",
		ms(s.opts.Timeout/6), ms(s.opts.Timeout), ms(s.opts.Timeout))
	return s.conn.Exec(ctx, sql).Close()
}
