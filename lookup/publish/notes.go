package publish

import (
	"fmt"
	"time"
)

// Notes are sentences about what ReadBack saw that is not wrong, but not as asked either: another
// TTL than that of the change, and a TTL that changed for records of others. seen is what ReadBack
// returned for these changes.
func Notes(seen []Seen, changes ...Change) (out []string) {
	changes, err := Normal(changes)
	if err != nil {
		return nil
	}
	for i := range changes {
		c := &changes[i]
		for j := range seen {
			s := &seen[j]
			if s.Owner != c.Owner || s.Type != c.Type || len(c.Add) == 0 || len(s.Records) == 0 || s.Wildcard {
				continue
			}
			if note := c.note(s); note != "" {
				out = append(out, note)
				break // once for all servers
			}
		}
	}
	return out
}

// note is the sentence about one name on one server.
func (c *Change) note(s *Seen) string {
	switch {
	case s.TTL == 0 && c.TTL != 0:
		// RFC 2181, Section 8.
		return fmt.Sprintf("the TTL of %s %s on %s is 0 s, or 2^31 s and more, which counts as 0, not %s as asked: the server keeps that of records which are there",
			c.Owner, c.Type, s.Server, seconds(c.TTL))
	case s.TTL != c.TTL:
		return fmt.Sprintf("the TTL of %s %s is %s on %s, not %s as asked: the server bounds it (max-zone-ttl of the dnssec-policy in BIND, 86400 s by default), or keeps that of records which are there (Knot, YADIFA)",
			c.Owner, c.Type, seconds(s.TTL), s.Server, seconds(c.TTL))
	}
	others := 0
	for _, r := range s.Records {
		if !contains(c.Add, r) {
			others++
		}
	}
	if others > 0 {
		// RFC 2181, Section 5.2.
		return fmt.Sprintf("the TTL of %s %s is %s now, also for %d other records there: all records of a name and type have one",
			c.Owner, c.Type, seconds(s.TTL), others)
	}
	return ""
}

// seconds is a TTL as zone files have it.
func seconds(d time.Duration) string { return fmt.Sprintf("%d s", int64(d/time.Second)) }
