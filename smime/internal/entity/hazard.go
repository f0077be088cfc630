package entity

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Hazard is a set of properties for which content does not survive transit
// unchanged (RFC 8551, Section 3.1.3; RFC 5321, Section 4.5.3.1.6; RFC 4155).
type Hazard uint16

// Hazards.
const (
	Has8bit     Hazard = 1 << iota // octets above 127
	HasNUL                         // NUL octets
	HasLong                        // a line of more than 76 columns
	hasTooLong                     // a line of more than 998 octets
	hasTrailing                    // white space before a line end
	hasFromLine                    // a line that begins with "From ", or with ">From "
	hasDotLine                     // a line that is a single dot
	hasBareCR                      // a CR that is not before an LF
	HasBareLF                      // an LF that is not after a CR
	// Has8bitLabel: Content-Transfer-Encoding 8bit or binary, whatever the content is
	Has8bitLabel
	// HasDotStart: a line that begins with a dot, which careless systems double or take off
	HasDotStart
)

// Breaking are the hazards that break a signature in transit: all but HasLong and HasDotStart.
const Breaking = Has8bit | HasNUL | hasTooLong | hasTrailing | hasFromLine | hasDotLine | hasBareCR | HasBareLF | Has8bitLabel

// Limits of lines without their CRLF: columns that encoded text has (RFC 2045, Section 6.7, rule
// 5), octets that SMTP allows (RFC 5321, Section 4.5.3.1.6).
const (
	MaxColumns = 76
	MaxOctets  = 998
)

// Meter collects the hazards of lines, in constant memory.
type Meter struct {
	Hazards Hazard
	high    int64 // octets above 127
	length  int   // of the line so far
	tail    byte  // its last byte
}

// Add measures a line, or a piece of one.
func (m *Meter) Add(l Line) {
	if l.First {
		m.length, m.tail = 0, 0
		// RFC 2049, Section 3: lines that begin like this, and single dots, are commonly corrupted.
		if len(l.Data) > 0 && (l.Data[0] == 'F' || l.Data[0] == '>') && BeginsFrom(l.Data) {
			m.Hazards |= hasFromLine
		}
		// RFC 5321, Section 4.5.2: a dot alone ends the data.
		if len(l.Data) > 0 && l.Data[0] == '.' {
			m.Hazards |= HasDotStart
			if len(l.Data) == 1 && l.Last {
				m.Hazards |= hasDotLine
			}
		}
	}
	m.length += len(l.Data)
	if m.length > MaxColumns {
		m.Hazards |= HasLong
		if m.length > MaxOctets {
			m.Hazards |= hasTooLong
		}
	}
	m.octets(l.Data)
	if n := len(l.Data); n > 0 {
		m.tail = l.Data[n-1]
	}
	if l.Last {
		// RFC 2045, Section 6.7, rule 3: some systems remove it, others add some.
		if m.tail == ' ' || m.tail == '\t' {
			m.Hazards |= hasTrailing
		}
		if l.Eol == 1 {
			m.Hazards |= HasBareLF
		}
	}
}

// BeginsFrom reports whether mailboxes in mbox form change a line: all put ">" before "From " (RFC
// 4155), many also before lines that have one already, so that it can be taken off again.
func BeginsFrom(line []byte) bool {
	if len(line) < 5 || line[0] != '>' && line[0] != 'F' {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(line, ">"), fromSpace)
}

var fromSpace = []byte("From ")

// octets looks for octets above 127, NUL and CR, eight bytes at a time.
func (m *Meter) octets(b []byte) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		cr := w ^ ones*'\r'
		if (w|(w-ones)&^w|(cr-ones)&^cr)&highs != 0 {
			m.high += int64(bits.OnesCount64(w & highs))
			m.slow(b[:8])
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			m.high++
		}
	}
	m.slow(b)
}

func (m *Meter) slow(b []byte) {
	for _, c := range b {
		switch {
		case c >= 0x80:
			m.Hazards |= Has8bit
		case c == 0:
			m.Hazards |= HasNUL
		case c == '\r':
			m.Hazards |= hasBareCR
		}
	}
}

// Hazards are those that break a signature, in p and in the parts in it.
func (p *Part) Hazards() Hazard {
	found := (p.Header | p.Content | p.Frame) & Breaking
	for _, k := range p.Kids {
		found |= k.Hazards()
	}
	return found
}

// String names the first hazard of the set, for people.
func (h Hazard) String() string {
	for _, n := range hazardNames {
		if h&n.Hazard != 0 {
			return n.name
		}
	}
	return "nothing"
}

var hazardNames = []struct {
	Hazard
	name string
}{
	{HasNUL, "NUL octets"},
	{Has8bit, "8-bit octets"},
	{hasBareCR, "a CR without LF"},
	{HasBareLF, "an LF without CR"},
	{hasTooLong, "a line of more than 998 octets"},
	{hasFromLine, `a line that begins with "From "`},
	{hasDotLine, "a line of a single dot"},
	{hasTrailing, "white space at the end of a line"},
	{Has8bitLabel, "8bit as transfer encoding"},
	{HasLong, "a line of more than 76 columns"},
	{HasDotStart, "a line that begins with a dot"},
}
