package smime

import (
	"encoding/binary"
	"math/bits"
)

// hazard is a set of properties for which content does not survive transit
// unchanged (RFC 8551, 3.1.3; RFC 5321, 4.5.3.1.6; the mbox format).
type hazard uint16

const (
	has8bit     hazard = 1 << iota // octets above 127
	hasNUL                         // NUL octets
	hasLong                        // a line of more than 76 columns
	hasTooLong                     // a line of more than 998 octets
	hasTrailing                    // white space before a line end
	hasFromLine                    // a line that begins with "From "
	hasDotLine                     // a line that is a single dot
	hasBareCR                      // a CR that is not before an LF
	hasBareLF                      // an LF that is not behind a CR
	// Content-Transfer-Encoding 8bit or binary, whatever the content is
	has8bitLabel
)

// everything but the length that only asks for tidiness: what breaks a signature on the way.
const breaking = has8bit | hasNUL | hasTooLong | hasTrailing | hasFromLine | hasDotLine | hasBareCR | hasBareLF | has8bitLabel

const (
	maxColumns = 76
	maxOctets  = 998
)

// meter collects the hazards of lines, in constant memory.
type meter struct {
	hazards hazard
	high    int64 // octets above 127
	length  int   // of the line so far
	tail    byte  // its last byte
}

func (m *meter) add(l line) {
	if l.first {
		m.length, m.tail = 0, 0
		if len(l.data) >= 5 && string(l.data[:5]) == "From " {
			m.hazards |= hasFromLine
		}
		if len(l.data) == 1 && l.data[0] == '.' && l.last {
			m.hazards |= hasDotLine
		}
	}
	m.length += len(l.data)
	if m.length > maxColumns {
		m.hazards |= hasLong
		if m.length > maxOctets {
			m.hazards |= hasTooLong
		}
	}
	m.octets(l.data)
	if n := len(l.data); n > 0 {
		m.tail = l.data[n-1]
	}
	if l.last {
		if m.tail == ' ' || m.tail == '\t' {
			m.hazards |= hasTrailing
		}
		if l.eol == 1 {
			m.hazards |= hasBareLF
		}
	}
}

// octets looks for octets above 127, NUL and CR, eight bytes at a time.
func (m *meter) octets(b []byte) {
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

func (m *meter) slow(b []byte) {
	for _, c := range b {
		switch {
		case c >= 0x80:
			m.hazards |= has8bit
		case c == 0:
			m.hazards |= hasNUL
		case c == '\r':
			m.hazards |= hasBareCR
		}
	}
}

// hazards are those that break a signature, in p and in the parts in it.
func (p *part) hazards() hazard {
	found := (p.header | p.content | p.frame) & breaking
	for _, k := range p.kids {
		found |= k.hazards()
	}
	return found
}

// String names the first hazard of the set, for people.
func (h hazard) String() string {
	for _, n := range hazardNames {
		if h&n.hazard != 0 {
			return n.name
		}
	}
	return "nothing"
}

var hazardNames = []struct {
	hazard
	name string
}{
	{hasNUL, "NUL octets"},
	{has8bit, "8-bit octets"},
	{hasBareCR, "a CR without LF"},
	{hasBareLF, "an LF without CR"},
	{hasTooLong, "a line of more than 998 octets"},
	{hasFromLine, `a line that begins with "From "`},
	{hasDotLine, "a line of a single dot"},
	{hasTrailing, "white space at the end of a line"},
	{has8bitLabel, "8bit as transfer encoding"},
	{hasLong, "a line of more than 76 columns"},
}
