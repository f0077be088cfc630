package transit

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"dnseal/smime/internal/entity"
)

// QPWriter writes quoted-printable (RFC 2045, Section 6.7) that no mail system has a reason to
// touch: lines of at most 76 columns, of which none begins with "From ", ">From " or a dot or ends
// in white space.
type QPWriter struct {
	W io.Writer
	// Repair takes what is quoted-printable already: its escapes and soft line breaks stay.
	Repair bool
	out    []byte
	start  int    // where in out the line being written begins
	wsp    []byte // white space that may turn out to stand before a line end
	cut    []byte // repair: an escape cut off by the end of a piece
}

const (
	// qpColumns leaves room for the "=" of a soft break and the guard of the first character.
	qpColumns = entity.MaxColumns - 3
	// maxBlanks bounds the white space held back, in octets; more of it is written as it stands.
	maxBlanks = 1000
)

// qpLiteral says which octets stand for themselves, white space among them (RFC 2045, Section 6.7,
// rules 2 and 3).
var qpLiteral = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = c != '='
	}
	t[' '], t['\t'] = true, true
	return t
}()

// literalLength is how many octets at the start of b stand for themselves. Eight at a time are
// looked at where none is an "=", a control character or above "~"; a tab is left to the table.
func literalLength(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		equals := w ^ ones*'='
		if (w|(w+ones)|(w-ones*' ')|(equals-ones)&^equals)&highs != 0 {
			break
		}
	}
	for n < len(b) && qpLiteral[b[n]] {
		n++
	}
	return n
}

// Line encodes a line or a piece of one.
func (q *QPWriter) Line(l entity.Line) error {
	data := l.Data
	if len(q.cut) > 0 {
		data = append(q.cut, data...)
		q.cut = nil
	}
	soft := false
	for i := 0; i < len(data); {
		n := i + literalLength(data[i:])
		q.text(data[i:n])
		if i = n; i == len(data) {
			break
		}
		if q.Repair && data[i] == '=' {
			n, soft = q.escape(data[i:], l.Last)
			i += n
			continue
		}
		q.octet(data[i])
		i++
	}
	if l.Last {
		q.end(l.Eol > 0, soft)
	}
	if len(q.out) < entity.FlushSize {
		return nil
	}
	return q.flush()
}

// text writes octets that stand for themselves.
func (q *QPWriter) text(b []byte) {
	n := len(b)
	for n > 0 && (b[n-1] == ' ' || b[n-1] == '\t') {
		n--
	}
	if n > 0 {
		q.blanks()
		q.literal(b[:n])
	}
	q.wsp = append(q.wsp, b[n:]...)
	if len(q.wsp) > maxBlanks {
		q.blanks()
	}
}

// blanks writes the white space held back: no line end follows it.
func (q *QPWriter) blanks() {
	q.literal(q.wsp)
	q.wsp = q.wsp[:0]
}

func (q *QPWriter) literal(b []byte) {
	for len(b) > 0 {
		room := qpColumns - (len(q.out) - q.start)
		if room <= 0 {
			q.finish("=\r\n")
			continue
		}
		n := min(room, len(b))
		q.out = append(q.out, b[:n]...)
		b = b[n:]
	}
}

// octet writes an octet as an escape (RFC 2045, Section 6.7, rule 1).
func (q *QPWriter) octet(c byte) {
	q.blanks()
	q.triplet('=', entity.HexDigits[c>>4], entity.HexDigits[c&15])
}

// triplet writes an escape, which RFC 2045, Section 6.7, rule 5, does not let a soft break split.
func (q *QPWriter) triplet(b ...byte) {
	if len(q.out)-q.start+len(b) > qpColumns {
		q.finish("=\r\n")
	}
	q.out = append(q.out, b...)
}

// escape passes on the escape at the start of data, and returns its length and whether it is a soft
// line break.
func (q *QPWriter) escape(data []byte, last bool) (n int, soft bool) {
	if len(data) >= 3 && entity.IsHex(data[1]) && entity.IsHex(data[2]) {
		q.blanks()
		q.triplet(data[:3]...)
		return 3, false
	}
	if !last && len(data) < 3 {
		q.cut = bytes.Clone(data)
		return len(data), false
	}
	// RFC 2045, Section 6.7, rule 3: white space after the sign is padding.
	if last && len(bytes.TrimRight(data[1:], " \t")) == 0 {
		q.blanks()
		return len(data), true
	}
	q.octet('=') // the start of no escape
	return 1, false
}

// end ends a line of the input: hard where it has a line end of its own, soft where that was
// escaped.
func (q *QPWriter) end(hard, soft bool) {
	if soft {
		q.finish("=\r\n")
		return
	}
	// RFC 2045, Section 6.7, rule 3: white space before a line end has to be encoded; in what is
	// encoded already it is padding.
	if n := len(q.wsp); n > 0 && !q.Repair {
		c := q.wsp[n-1]
		q.literal(q.wsp[:n-1])
		q.triplet('=', entity.HexDigits[c>>4], entity.HexDigits[c&15])
	}
	q.wsp = q.wsp[:0]
	if hard {
		q.finish("\r\n")
	}
}

// finish ends a line of the output, and guards its first character: mailboxes in mbox form change
// "From " and ">From " (RFC 4155), and careless systems a dot (RFC 5321, Section 4.5.2).
func (q *QPWriter) finish(end string) {
	if l := q.out[q.start:]; len(l) > 0 && (l[0] == '.' || entity.BeginsFrom(l)) {
		c := l[0]
		q.out[q.start] = '='
		q.out = slices.Insert(q.out, q.start+1, entity.HexDigits[c>>4], entity.HexDigits[c&15])
	}
	q.out = append(q.out, end...)
	q.start = len(q.out)
}

func (q *QPWriter) flush() error {
	done := q.out[:q.start]
	if _, err := q.W.Write(done); err != nil {
		return err
	}
	q.out = append(q.out[:0], q.out[q.start:]...)
	q.start = 0
	return nil
}

// Close writes what is left.
func (q *QPWriter) Close() error {
	q.blanks()
	q.finish("")
	return q.flush()
}
