package powerdns

import (
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

// labelsOf are the labels of a name as octets, without the root.
func labelsOf(name string) (out []string) {
	wire := make([]byte, 256)
	n, err := dns.PackDomainName(name, wire, 0, nil, false)
	if err != nil {
		return nil
	}
	for at := 0; at < n && wire[at] != 0; at += 1 + int(wire[at]) {
		out = append(out, string(wire[at+1:at+1+int(wire[at])]))
	}
	return out
}

// stored is a name as PowerDNS keeps it: no dot at the end, and its own escapes.
func stored(name string) string { return join(labelsOf(name), ".") }

// join writes labels as PowerDNS does: \. and \\, and octets that are no printable ASCII in
// decimal.
func join(labels []string, separator string) string {
	var b strings.Builder
	for i, label := range labels {
		if i > 0 {
			b.WriteString(separator)
		}
		for _, c := range []byte(label) {
			switch {
			case c == '.' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c > 0x20 && c < 0x7f:
				b.WriteByte(c)
			default:
				b.WriteByte('\\')
				b.WriteString(strconv.Itoa(1000 + int(c))[1:])
			}
		}
	}
	return b.String()
}

// parents are the names between a name and its zone, both left out, the nearest first. The zone
// itself has none.
func parents(name, zone string) (out []string) {
	if name == zone {
		return nil
	}
	for at := above(name); at != zone && at != "."; at = above(at) {
		out = append(out, at)
	}
	return out
}

func above(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

// denial is how a zone proves that something is not there.
type denial struct {
	signed         bool
	nsec3          bool
	optOut, narrow bool
	iterations     uint16
	salt           string // in hexadecimal
}

// parseDenial reads NSEC3PARAM of domainmetadata: "1 0 0 -" (RFC 5155, Section 4.3).
func parseDenial(text string) (denial, bool) {
	f := strings.Fields(text)
	if len(f) != 4 || f[0] != "1" {
		return denial{}, false
	}
	flags, err := strconv.ParseUint(f[1], 10, 8)
	iterations, err2 := strconv.ParseUint(f[2], 10, 16)
	salt := strings.ToLower(f[3])
	if salt == "-" {
		salt = ""
	}
	if err != nil || err2 != nil || len(salt)%2 != 0 || len(salt) > 510 || strings.Trim(salt, "0123456789abcdef") != "" {
		return denial{}, false
	}
	return denial{nsec3: true, optOut: flags != 0, iterations: uint16(iterations), salt: salt}, true
}

// hashed reports whether empty non-terminals have an ordername.
func (d *denial) hashed() bool { return d.signed && d.nsec3 && !d.narrow }

// order is the ordername of records at a name, by which PowerDNS finds the one before it: the
// labels in reverse, relative to the zone (NSEC), or the hash (RFC 5155, Section 5); nil where it
// is found without.
func (d *denial) order(name, zone string) *string {
	var out string
	switch {
	case !d.signed || d.nsec3 && d.narrow:
		return nil
	case d.nsec3:
		out = strings.ToLower(dns.HashName(name, dns.SHA1, d.iterations, d.salt))
	default:
		labels := labelsOf(name)
		labels = labels[:max(len(labels)-dns.CountLabel(zone), 0)]
		slices.Reverse(labels)
		out = join(labels, " ")
	}
	return &out
}

// normal is [publish.Normal], which refuses TXT too: their form in the database is another.
func normal(changes []publish.Change) ([]publish.Change, error) {
	for _, c := range changes {
		if c.Type == dane.TXT {
			return nil, &publish.Refusal{
				Code: publish.OtherError, Name: c.Owner, Text: "TXT records are not written into PowerDNS's database; nothing was changed",
				Advice: "publish them by a dynamic update, or by pdnsutil add-record",
			}
		}
	}
	return publish.Normal(changes)
}
