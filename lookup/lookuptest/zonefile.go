package lookuptest

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// ErrNoOrigin means that a zone file does not hold the zone's name.
var ErrNoOrigin = errors.New("put $ORIGIN and the zone's name first, such as $ORIGIN example.org., or write the owner of the SOA in full")

// defaultTTL is for records before any $TTL and without one of their own.
const defaultTTL = 300

// record is one record of a zone file and the line it ended on.
type record struct {
	rr   dns.RR
	line int
}

// lineCounter gives the parser one byte at a time, so that the line of each record is known.
type lineCounter struct {
	r    *strings.Reader
	line int
}

func (c *lineCounter) Read(p []byte) (int, error) { return 0, io.ErrNoProgress }

func (c *lineCounter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if b == '\n' {
		c.line++
	}
	return b, err
}

// parseZone reads the text of a zone and returns its name and its records.
func parseZone(spec Zone) (string, []record, error) {
	file := spec.File
	if file == "" {
		file = "zone"
	}
	origin := ""
	if spec.Origin != "" {
		origin = dns.CanonicalName(spec.Origin)
	}
	// a byte order mark, as editors on Windows write it
	text := strings.TrimPrefix(spec.Text, "\ufeff")
	records, err := parseRecords(file, text, origin)
	if err != nil && origin == "" {
		// A server knows the name of the zone from its configuration, and relative names
		// need no $ORIGIN there.
		if owner := ownerOfSOA(text); owner != "" {
			records, err = parseRecords(file, text, owner)
		} else if _, other := parseRecords(file, text, "invalid."); other == nil {
			err = fmt.Errorf("%w; %w", err, ErrNoOrigin)
		}
	}
	if err != nil {
		return "", nil, err
	}
	name, err := zoneName(file, origin, records)
	if err != nil {
		return "", nil, err
	}
	return name, records, checkRecords(file, name, records)
}

// parseRecords reads the records of a zone file; without an origin relative names are an error.
func parseRecords(file, text, origin string) ([]record, error) {
	in := &lineCounter{r: strings.NewReader(text + "\n")}
	zp := dns.NewZoneParser(in, origin, "")
	zp.SetDefaultTTL(defaultTTL)
	var records []record
	for parsed, ok := zp.Next(); ok; parsed, ok = zp.Next() {
		if slices.Contains(ownTypes, parsed.Header().Rrtype) {
			continue
		}
		rr, err := normalise(parsed)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, in.line, err)
		}
		records = append(records, record{rr, in.line})
	}
	if err := zp.Err(); err != nil {
		return nil, syntaxError(file, in.line, err)
	}
	return records, nil
}

// ownerOfSOA returns the owner of the first SOA where it is written in full, "" else.
func ownerOfSOA(text string) string {
	zp := dns.NewZoneParser(strings.NewReader(text+"\n"), ".", "")
	zp.SetDefaultTTL(defaultTTL)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		// Relative to the root is relative: "@" and "example" are no zone.
		if name := rr.Header().Name; rr.Header().Rrtype == dns.TypeSOA && dns.CountLabel(name) > 1 {
			return dns.CanonicalName(name)
		}
	}
	return ""
}

// ownTypes are those of the records that the server makes itself.
var ownTypes = []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY}

// normalise brings a record to the form it has after a trip over the wire: lower-case owner, one
// way of escaping, data of RFC 3597 in its own type.
func normalise(rr dns.RR) (dns.RR, error) {
	if rr.Header().Class != dns.ClassINET {
		return nil, fmt.Errorf("%s: class %s, want IN", rr.Header().Name, dns.ClassToString[rr.Header().Class])
	}
	buf := make([]byte, dns.MaxMsgSize)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", rr.Header().Name, dns.Type(rr.Header().Rrtype), err)
	}
	out, _, err := dns.UnpackRR(buf[:n], 0)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", rr.Header().Name, dns.Type(rr.Header().Rrtype), err)
	}
	out.Header().Name = dns.CanonicalName(out.Header().Name)
	return out, nil
}

var errorPlace = regexp.MustCompile(`^(?:dns: )?(.*) at line: (\d+):(\d+)$`)

// syntaxError is "file:line: what".
func syntaxError(file string, line int, err error) error {
	var pe *dns.ParseError
	if m := errorPlace.FindStringSubmatch(err.Error()); errors.As(err, &pe) && m != nil {
		return fmt.Errorf("%s:%s: %s", file, m[2], strings.ReplaceAll(m[1], `"\n"`, "end of line"))
	}
	return fmt.Errorf("%s:%d: %w", file, line, err)
}

// zoneName returns the owner of the SOA, or origin when there is none.
func zoneName(file, origin string, records []record) (string, error) {
	name := ""
	for _, r := range records {
		if r.rr.Header().Rrtype != dns.TypeSOA {
			continue
		}
		if name != "" {
			// RFC 1035, Section 5.2.
			return "", fmt.Errorf("%s:%d: a second SOA (a zone has exactly one)", file, r.line)
		}
		name = r.rr.Header().Name
	}
	if name == "" {
		name = origin
	}
	if name == "" {
		return "", fmt.Errorf("%s:1: no SOA record: the owner of the SOA is the zone's name", file)
	}
	return name, nil
}

// checkRecords refuses what a name server would refuse or silently repair.
func checkRecords(file, zone string, records []record) error {
	seen := map[string]int{}
	kinds := map[string]map[uint16]bool{}
	for _, r := range records {
		h := r.rr.Header()
		if !dns.IsSubDomain(zone, h.Name) {
			return fmt.Errorf("%s:%d: %s is outside the zone %s", file, r.line, h.Name, zone)
		}
		key := recordKey(r.rr)
		if first, ok := seen[key]; ok {
			return fmt.Errorf("%s:%d: duplicate of the %s record of %s in line %d", file, r.line, dns.Type(h.Rrtype), h.Name, first)
		}
		seen[key] = r.line
		if kinds[h.Name] == nil {
			kinds[h.Name] = map[uint16]bool{}
		}
		if kinds[h.Name][h.Rrtype] && (h.Rrtype == dns.TypeCNAME || h.Rrtype == dns.TypeDNAME) {
			return fmt.Errorf("%s:%d: a second %s at %s", file, r.line, dns.Type(h.Rrtype), h.Name)
		}
		kinds[h.Name][h.Rrtype] = true
		// RFC 1034, Section 3.6.2.
		if kinds[h.Name][dns.TypeCNAME] && len(kinds[h.Name]) > 1 {
			return fmt.Errorf("%s:%d: %s has a CNAME and other records", file, r.line, h.Name)
		}
	}
	return checkBelowDNAME(file, zone, records, kinds)
}

// checkBelowDNAME refuses names below a DNAME (RFC 6672, Section 2.4).
func checkBelowDNAME(file, zone string, records []record, kinds map[string]map[uint16]bool) error {
	for _, r := range records {
		for name := r.rr.Header().Name; name != zone; {
			name = parent(name)
			if kinds[name][dns.TypeDNAME] {
				return fmt.Errorf("%s:%d: %s is below the DNAME at %s", file, r.line, r.rr.Header().Name, name)
			}
		}
	}
	return nil
}

// recordKey is the record without its TTL.
func recordKey(rr dns.RR) string {
	c := dns.Copy(rr)
	c.Header().Ttl = 0
	return c.String()
}
