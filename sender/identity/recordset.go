package identity

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"dnseal/lookup/dane"
)

// RecordFormat is how records are written. The zero value is FormatZone.
type RecordFormat string

// Formats of records. Each writes a record as one line; none writes parentheses, which nsupdate
// refuses, or a class but IN, which Knot and PowerDNS refuse.
const (
	// FormatZone: OWNER TTL IN SMIMEA 3 1 1 HEX
	FormatZone RecordFormat = "zone"
	// FormatUnknown: OWNER TTL IN TYPE53 \# LENGTH HEX, for software that does not know the type
	// (yadifa); PowerDNS refuses a zone that writes a type it knows in this form
	FormatUnknown RecordFormat = "rfc3597"
	// FormatUpdate: update add OWNER TTL IN SMIMEA 3 1 1 HEX, for nsupdate and knsupdate
	FormatUpdate RecordFormat = "nsupdate"
	// FormatJSON: an object with name, type, ttl, usage, selector, matching, data (hex), rfc3597
	// (the data as FormatUnknown has it) and identity
	FormatJSON RecordFormat = "json"
)

// RecordFormats lists the formats, the default first.
func RecordFormats() []string {
	return []string{string(FormatZone), string(FormatUnknown), string(FormatUpdate), string(FormatJSON)}
}

// ResourceRecord is a record at its owner name.
type ResourceRecord struct {
	// Identity is the name that it publishes; empty for a CA's record that is for many.
	Identity string
	// Owner is absolute, as [Identity.OwnerName] returns it.
	Owner string
	Type  dane.Type
	TTL   time.Duration // 0: left out where the format can
	// Encrypts says that others encrypt to the key, and so need all of it: see Identity.Use.
	Encrypts bool
	Record   dane.Record
}

// FormatRecord writes a record as one line, without line end. A ttl of 0 is left out, where the
// format can. Errors: an unknown format or type.
func FormatRecord(owner string, t dane.Type, r dane.Record, ttl time.Duration, format RecordFormat) (string, error) {
	return ResourceRecord{Owner: owner, Type: t, Record: r, TTL: ttl}.Format(format)
}

// Format is [FormatRecord].
func (rr ResourceRecord) Format(format RecordFormat) (string, error) {
	if rr.Type != dane.TLSA && rr.Type != dane.SMIMEA {
		return "", fmt.Errorf("identity: type %d is neither TLSA nor SMIMEA", rr.Type)
	}
	switch format {
	case "", FormatZone:
		return fmt.Sprintf("%s %sIN %s %s", rr.Owner, rr.seconds(), rr.Type, rr.data()), nil
	case FormatUnknown:
		return fmt.Sprintf("%s %sIN TYPE%d %s", rr.Owner, rr.seconds(), uint16(rr.Type), rr.unknownData()), nil
	case FormatUpdate:
		// nsupdate wants a TTL.
		return fmt.Sprintf("update add %s %d IN %s %s", rr.Owner, int64(rr.TTL/time.Second), rr.Type, rr.data()), nil
	case FormatJSON:
		return rr.json()
	}
	return "", WithHint(fmt.Errorf("identity: unknown record format %q", clip(string(format))), "use one of %s", strings.Join(RecordFormats(), ", "))
}

func (rr ResourceRecord) seconds() string {
	if rr.TTL <= 0 {
		return ""
	}
	return fmt.Sprintf("%d ", int64(rr.TTL/time.Second))
}

// data is the presentation of RFC 6698, Section 2.2.
func (rr ResourceRecord) data() string {
	r := rr.Record
	return fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.MatchingType, hex.EncodeToString(r.Data))
}

// unknownData is the presentation of RFC 3597, Section 5.
func (rr ResourceRecord) unknownData() string {
	r := rr.Record
	data := append([]byte{r.Usage, r.Selector, r.MatchingType}, r.Data...)
	return fmt.Sprintf(`\# %d %s`, len(data), hex.EncodeToString(data))
}

func (rr ResourceRecord) json() (string, error) {
	r := rr.Record
	text, err := json.Marshal(struct {
		Identity string `json:"identity"`
		Name     string `json:"name"`
		Type     string `json:"type"`
		TTL      int64  `json:"ttl"`
		Usage    uint8  `json:"usage"`
		Selector uint8  `json:"selector"`
		Matching uint8  `json:"matching"`
		Data     string `json:"data"`
		RFC3597  string `json:"rfc3597"`
	}{
		rr.Identity, rr.Owner, rr.Type.String(), int64(rr.TTL / time.Second),
		r.Usage, r.Selector, r.MatchingType, hex.EncodeToString(r.Data), rr.unknownData(),
	})
	return string(text), err
}

// UpdateTarget says where nsupdate sends records. The zero value leaves it to nsupdate, which asks
// for the SOA record of the first owner name.
type UpdateTarget struct {
	// Server is HOST or HOST:PORT of the primary; empty: the one that the SOA record names.
	Server string
	// Zone is the zone of the records; empty: the one that has the SOA record. knsupdate takes the
	// root zone then.
	Zone string
}

// maxUpdate is how many records one message carries: at 640 nsupdate 9.18 has no room left in its
// 64 kB and sends nothing.
const maxUpdate = 500

// WriteRecords writes records as lines. In [FormatUpdate] they are a whole script, with the lines
// "server" and "zone" where target knows them, and "send" after at most 500 records. Errors: a
// target that is none, and a record that no DNS
// message can carry (with a [Hint]); those of [FormatRecord] and of w.
func WriteRecords(w io.Writer, records []ResourceRecord, format RecordFormat, target UpdateTarget) error {
	var b strings.Builder
	if format == FormatUpdate {
		head, err := target.lines()
		if err != nil {
			return err
		}
		b.WriteString(head)
	} else if target != (UpdateTarget{}) {
		return WithHint(fmt.Errorf("identity: server and zone are for the format %s", FormatUpdate), "add --format %s", FormatUpdate)
	}
	for i, rr := range records {
		if err := rr.checkSize(); err != nil {
			return err
		}
		line, err := rr.Format(format)
		if err != nil {
			return err
		}
		b.WriteString(line + "\n")
		if last := i == len(records)-1; format == FormatUpdate && (last || (i+1)%maxUpdate == 0) {
			b.WriteString("send\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// lines are the head of a script.
func (t UpdateTarget) lines() (string, error) {
	var b strings.Builder
	if t.Server != "" {
		host, port, err := splitServer(t.Server)
		if err != nil {
			return "", WithHint(fmt.Errorf("identity: %q is no name server: %w", clip(t.Server), err), "write HOST, HOST:PORT or [IPv6]:PORT")
		}
		b.WriteString(strings.TrimSpace("server "+host+" "+port) + "\n")
	}
	if t.Zone != "" {
		zone, err := dane.Domain(t.Zone)
		if err != nil {
			return "", WithHint(fmt.Errorf("identity: zone: %w", err), "write the zone as example.org")
		}
		b.WriteString("zone " + zone + "\n")
	}
	return b.String(), nil
}

// splitServer takes HOST[:PORT] apart; port is empty where there is none.
func splitServer(server string) (host, port string, err error) {
	host = server
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if strings.Contains(server, "]:") || strings.Count(server, ":") == 1 {
		if host, port, err = net.SplitHostPort(server); err != nil {
			return "", "", err
		}
		if _, err = strconv.ParseUint(port, 10, 16); err != nil {
			return "", "", err
		}
	}
	if net.ParseIP(host) != nil {
		return host, port, nil
	}
	host, err = dane.Domain(host)
	return strings.TrimSuffix(host, "."), port, err
}
