package message

import (
	"bytes"
	"cmp"
	"strings"
)

// Field is one header field as raw bytes.
//
// A line of a header that is no header field (RFC 5322, Section 2.2: it has no colon,
// or something other than printable ASCII before it) is a Field as well, with an
// empty name and value.
type Field struct {
	// Raw is the whole field with its line ends.
	Raw []byte
	// colon is where the value begins, less one; 0 when it is not known yet or there is none.
	colon int
}

// nameEnd returns the length of the field's name and where its colon stands, or 0, 0 when the line
// is no field.
func (f Field) nameEnd() (name, colon int) {
	c := f.colon
	if c == 0 {
		if c = fieldColon(f.Raw); c <= 0 {
			return 0, 0
		}
	}
	n := c
	for n > 0 && isWSP(f.Raw[n-1]) {
		n-- // RFC 5322, Section 4.5.1: obsolete white space before the colon
	}
	return n, c
}

// fieldColon returns the place of the colon after a field's name, or 0 when raw is no header field.
// RFC 5322, Section 2.2.
func fieldColon(raw []byte) int {
	c := bytes.IndexByte(raw, ':')
	if c <= 0 {
		return 0
	}
	n := c
	// RFC 5322, Section 4.5.1.
	for n > 0 && isWSP(raw[n-1]) {
		n--
	}
	for _, b := range raw[:n] {
		// RFC 5322, Section 3.6.8: ftext.
		if b <= ' ' || b >= 0x7f {
			return 0
		}
	}
	if n == 0 {
		return 0
	}
	return c
}

// isWSP: RFC 5234, Appendix B.1.
func isWSP(b byte) bool { return b == ' ' || b == '\t' }

// Name returns the field's name as it stands, without trailing white space; "" for a line that is
// no field.
func (f Field) Name() string {
	n, _ := f.nameEnd()
	return string(f.Raw[:n])
}

// Is reports whether the field is called one of names (ASCII case-insensitive).
func (f Field) Is(names ...string) bool {
	n, _ := f.nameEnd()
	for _, name := range names {
		if n == len(name) && n > 0 && hasPrefix(f.Raw, name) {
			return true
		}
	}
	return false
}

// Begins reports whether the field's name begins with prefix (ASCII case-insensitive).
func (f Field) Begins(prefix string) bool {
	n, _ := f.nameEnd()
	return n >= len(prefix) && hasPrefix(f.Raw, prefix)
}

func hasPrefix(b []byte, prefix string) bool {
	for i := range len(prefix) {
		if lower(b[i]) != lower(prefix[i]) {
			return false
		}
	}
	return true
}

// CompareNames orders fields by their names (ASCII case-insensitive), lines that are no field
// first.
func CompareNames(f, g Field) int {
	n, _ := f.nameEnd()
	m, _ := g.nameEnd()
	for i := range min(n, m) {
		if c := cmp.Compare(lower(f.Raw[i]), lower(g.Raw[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(n, m)
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// Value returns what stands after the colon, raw, without the final line end.
func (f Field) Value() string { return string(f.RawValue()) }

// RawValue is Value without a copy; the bytes must not be changed.
func (f Field) RawValue() []byte {
	_, c := f.nameEnd()
	if c == 0 {
		return nil
	}
	v := bytes.TrimSuffix(f.Raw[c+1:], []byte("\n"))
	return bytes.TrimSuffix(v, []byte("\r"))
}

// Unfolded returns the value unfolded (RFC 5322, Section 2.2.3) and trimmed.
func (f Field) Unfolded() string {
	v := bytes.Trim(f.RawValue(), " \t\r\n")
	if bytes.IndexByte(v, '\n') < 0 {
		return string(v)
	}
	// Every line end inside a field stands before white space: that is what made it one field.
	return strings.ReplaceAll(strings.ReplaceAll(string(v), "\r\n", ""), "\n", "")
}

// ParseHeader splits the header at the start of b into its fields and returns
// where the body after it begins. The fields point into b. A header that ends with b,
// without an empty line, has its body at len(b).
// Lines end in LF, with or without a CR before it.
// RFC 5322, Section 2.1.
func ParseHeader(b []byte) (fields []Field, body int) {
	end, body, _ := headerEnd(b)
	return splitFields(b[:end]), body
}

// headerEnd finds the empty line: end is where it begins, body where it ends.
// RFC 5322, Section 2.1.
func headerEnd(b []byte) (end, body int, found bool) {
	for i := 0; i < len(b); {
		switch {
		case b[i] == '\n':
			return i, i + 1, true
		case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
			return i, i + 2, true
		}
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			break
		}
		i += j + 1
	}
	return len(b), len(b), false
}

// splitFields cuts a header before each line that does not begin with white space.
// RFC 5322, Section 2.2.3: a line that begins with white space continues the field.
func splitFields(b []byte) []Field {
	if len(b) == 0 {
		return nil
	}
	fields := make([]Field, 0, min(bytes.Count(b, []byte("\n"))+1, 1024))
	start := 0
	for i := 0; i < len(b); {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			j = len(b) - i - 1
		}
		i += j + 1
		if i == len(b) || !isWSP(b[i]) {
			raw := b[start:i:i]
			fields = append(fields, Field{Raw: raw, colon: fieldColon(raw)})
			start = i
		}
	}
	return fields
}
