package fleet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
)

// What says what a line of an inventory tells. The words never change; new ones can come.
type What string

// What lines tell.
const (
	Enrolled  What = "enrolled"  // an identity has its key, and its record is known
	KeysIn    What = "key-file"  // the keys of lines below are in this file
	MadeBy    What = "template"  // names of lines below are made by this template and name key
	ZoneIn    What = "zone-file" // this zone file is the inventory's, and has its mark
	Written   What = "written"   // the zone file has all enrolled above, and none retired
	Published What = "published" // the server, or the database, has accepted the record
	Served    What = "served"    // name servers show it: a sample of what lines above did
	Retire    What = "retired"   // the key signs no more
	Vouched   What = "vouched"   // as retired, but others accept it: the record of its CA is there
	Withdrawn What = "withdrawn" // the server, or the database, has removed the record
	Ran       What = "run"       // an enrolment ended: Count are new, Failed were told
)

// Event is one line of an inventory: a JSON object. What does not belong to an event is left out.
type Event struct {
	Time time.Time `json:"time"`
	What What      `json:"event"`
	// Name is the identity, as [identity.ParseName] returns it.
	Name string `json:"name,omitempty"`
	// Line and Row are those of the table: the values by column, without the public key.
	Line int               `json:"line,omitempty"`
	Row  map[string]string `json:"row,omitempty"`
	// Key is the [identity.Identity.KeyID].
	Key string `json:"key,omitempty"`
	// TTL of the record in seconds.
	TTL int64 `json:"ttl,omitempty"`
	// Record is its data in the form of a zone file.
	Record string `json:"record,omitempty"`
	// Others are the records of other keys of the name, which a retired identity has besides.
	Others []string `json:"others,omitempty"`
	// Algorithm is that of a key that was made here, and Days how long its certificate was asked to
	// be valid; none: the default, or not known.
	Algorithm string `json:"algorithm,omitempty"`
	Days      int    `json:"days,omitempty"`
	// Template makes the names, and NameKey is a digest of the name key, where it needs one.
	Template string `json:"template,omitempty"`
	NameKey  string `json:"name_key,omitempty"`
	// CA says that a CA issued the certificate: the record of the CA may vouch for the key.
	CA bool `json:"ca,omitempty"`
	// NotAfter is the end of the certificate; none: there is no certificate.
	NotAfter time.Time `json:"not_after,omitzero"`
	// Zone is the apex of the zone that the record was published in, or withdrawn from.
	Zone string `json:"zone,omitempty"`
	// At and Size are where the key stands in the file of keys, in octets.
	At   int64 `json:"at,omitempty"`
	Size int64 `json:"size,omitempty"`
	// File is the path of the zone file, or of the file of keys; Serial is that of the zone file,
	// and Count how many records it has; of Served how many names were read back.
	File   string `json:"file,omitempty"`
	Serial uint32 `json:"serial,omitempty"`
	// Mark is in the first line of the zone files of this inventory.
	Mark   string `json:"mark,omitempty"`
	Count  int    `json:"count,omitempty"`
	Failed int    `json:"failed,omitempty"`
}

// isOut reports whether the records of the identity have to go.
func (e *Event) isOut() bool { return e.What == Retire || e.What == Vouched }

// append writes the line without its sum.
func (e *Event) append(to []byte) ([]byte, error) {
	b := bytes.NewBuffer(to)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false) // a person reads it
	err := enc.Encode(e)
	return b.Bytes(), err
}

// appendSealed writes the line.
func (e *Event) appendSealed(to []byte) ([]byte, error) {
	line, err := e.append(nil)
	return appendSeal(to, line), err
}

// A line ends with the CRC-32C of what stands before it, which finds what a disk or an editor
// changed; who changes a line on purpose takes it out. Lines of old have none.
const (
	sumBegin = `,"sum":"`
	sumEnd   = `"}`
	sumSize  = len(sumBegin) + 8 + len(sumEnd)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendSeal appends a line that append wrote, and its sum.
func appendSeal(to, line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("}\n"))
	to = append(to, line...)
	return fmt.Appendf(to, "%s%08x%s\n", sumBegin, crc32.Checksum(line, castagnoli), sumEnd)
}

// checkSum checks the sum of a line without its end, where it has one.
func checkSum(line []byte) error {
	at := len(line) - sumSize
	if at < 0 || !bytes.HasPrefix(line[at:], []byte(sumBegin)) || !bytes.HasSuffix(line, []byte(sumEnd)) {
		return nil
	}
	has, want := line[at+len(sumBegin):len(line)-len(sumEnd)], fmt.Appendf(nil, "%08x", crc32.Checksum(line[:at], castagnoli))
	if !bytes.Equal(has, want) {
		return fmt.Errorf("its text has the sum %s, and it says %q", want, clip(string(has)))
	}
	return nil
}

// isWhole reports whether a last line without an end is whole: what was cut off is no JSON.
func isWhole(tail []byte) bool { return len(tail) > 0 && json.Valid(tail) }

// parseEvent reads a line. Words that are not known here are left out: a later version may have
// written them.
func parseEvent(line []byte) (e Event, err error) {
	line = bytes.TrimSpace(line)
	if err = checkSum(line); err != nil {
		return e, err
	}
	if err = json.Unmarshal(line, &e); err != nil {
		return e, errors.New("it is no JSON object of an event")
	}
	switch e.What {
	case Enrolled, Retire, Vouched:
		return e, e.check()
	case Published, Withdrawn:
		return e, e.checkName()
	case Written, Served, KeysIn, ZoneIn, MadeBy, Ran:
		return e, nil
	case "":
		return e, errors.New("it has no event")
	}
	return e, fmt.Errorf("it has the unknown event %q", clip(string(e.What)))
}

// check looks at what goes into zones: nothing but names and records may.
func (e *Event) check() error {
	if err := e.checkName(); err != nil {
		return err
	}
	for _, text := range append([]string{e.Record}, e.Others...) {
		if r, err := parseRecord(text); err != nil || recordText(r) != text {
			return fmt.Errorf("its record is %q, which is none", clip(text))
		}
	}
	if e.What == Enrolled && (e.TTL < 0 || e.TTL > math.MaxInt32) {
		return fmt.Errorf("its TTL is %d; it is 0 to %d seconds", e.TTL, math.MaxInt32)
	}
	return nil
}

func (e *Event) checkName() error {
	if e.Name == "" {
		return errors.New("it has no name")
	}
	if _, name, err := identity.ParseName(e.Name); err != nil || name != e.Name {
		return fmt.Errorf("its name is %q, which is none", clip(e.Name))
	}
	return nil
}

// recordText is the data of a record in a zone file (RFC 6698, Section 2.2).
func recordText(r dane.Record) string {
	return fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.MatchingType, hex.EncodeToString(r.Data))
}

// parseRecord reads what recordText wrote.
func parseRecord(text string) (r dane.Record, err error) {
	words := strings.Fields(text)
	if len(words) != 4 {
		return r, errors.New("it has no record")
	}
	var numbers [3]uint8
	for i := range numbers {
		n, e := strconv.ParseUint(words[i], 10, 8)
		err = errors.Join(err, e)
		numbers[i] = uint8(n)
	}
	data, e := hex.DecodeString(words[3])
	if err = errors.Join(err, e); err != nil {
		return r, errors.New("it has no record")
	}
	return dane.Record{Usage: numbers[0], Selector: numbers[1], MatchingType: numbers[2], Data: data}, nil
}

// owner is the owner name of the identity's record and its type.
func (e *Event) owner() (string, dane.Type, error) {
	kind, name, err := identity.ParseName(e.Name)
	if err != nil {
		return "", 0, err
	}
	return (&identity.Identity{Name: name, Kind: kind}).OwnerName()
}

// appendZoneLine writes the record as a line of a zone file.
func (e *Event) appendZoneLine(to []byte) ([]byte, error) {
	owner, kind, err := e.owner()
	if err != nil {
		return to, err
	}
	to = append(to, owner...)
	to = append(to, ' ')
	to = strconv.AppendInt(to, e.TTL, 10)
	to = append(to, " IN "...)
	to = append(to, kind.String()...)
	to = append(to, ' ')
	to = append(to, e.Record...)
	return append(to, '\n'), nil
}
