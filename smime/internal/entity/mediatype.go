package entity

import (
	"iter"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// MediaType is a Content-Type or Content-Disposition value taken apart
// (RFC 2045, 5.1).
type MediaType struct {
	Name   string // "type/subtype", lower case; "" when the value could not be read
	Params []Param
	// Ambiguous is set when readers may disagree on what the field says: a parameter twice, or
	// bytes that are no parameter.
	Ambiguous bool
	// odd is set when the field says one thing, in a form that not all readers understand.
	odd bool
}

// Param is one parameter, its name in lower case.
type Param struct{ Name, Value string }

// Get returns the value of a parameter, its name in lower case, or "".
func (t MediaType) Get(name string) string {
	value, _ := t.lookup(name)
	return value
}

// Has reports whether there is a parameter of that name, in lower case.
func (t MediaType) Has(name string) bool {
	_, found := t.lookup(name)
	return found
}

func (t MediaType) lookup(name string) (string, bool) {
	for _, p := range t.Params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// Is reports whether the type is one of names.
func (t MediaType) Is(names ...string) bool {
	return slices.Contains(names, t.Name)
}

// Multipart reports whether the type is a multipart (RFC 2046, Section 5.1).
func (t MediaType) Multipart() bool { return strings.HasPrefix(t.Name, "multipart/") }

// ParseMediaType reads the value of a Content-Type (RFC 2045, Section 5.1) or Content-Disposition
// field (RFC 2183, Section 2), unfolded. It is lenient: what can be read is, and Ambiguous says
// that some could not.
func ParseMediaType(value string) MediaType {
	p := scanner{s: value}
	p.space()
	name, odd := p.mediaTypeName()
	if name == "" {
		return MediaType{Ambiguous: true}
	}
	t := MediaType{Name: strings.ToLower(name), odd: odd}
	for p.consume(';') {
		p.space()
		name := strings.ToLower(p.token())
		p.space()
		if name == "" {
			continue // a semicolon at the end, or two
		}
		if len(t.Params) == maxParameters || !p.consume('=') {
			t.Ambiguous = true
			break
		}
		p.space()
		raw := p.s
		v, ok := p.value()
		if !ok {
			t.Ambiguous = true
			break
		}
		t.odd = t.odd || name == "boundary" && !commonBoundary(raw[:len(raw)-len(p.s)], v)
		p.space()
		if t.Has(name) {
			t.Ambiguous = true
			continue
		}
		if t.Params == nil {
			t.Params = make([]Param, 0, 4)
		}
		t.Params = append(t.Params, Param{name, v})
	}
	if p.s != "" {
		t.Ambiguous = true
	}
	t.odd = t.odd || p.comment || t.secondBoundary()
	t.joinContinuations()
	return t
}

// secondBoundary reports whether a reader that looks for "boundary=" finds one inside a value, or
// in the name of another parameter.
func (t MediaType) secondBoundary() bool {
	for _, p := range t.Params {
		base, _, _ := strings.Cut(p.Name, "*")
		if base != "boundary" && strings.HasSuffix(base, "boundary") || holdsBoundary(p.Value) {
			return true
		}
	}
	return false
}

// holdsBoundary looks for the name of the parameter in a value, in any of its forms.
func holdsBoundary(value string) bool {
	if !strings.Contains(value, "=") {
		return false
	}
	for rest := strings.ToLower(value); ; {
		_, after, ok := strings.Cut(rest, "boundary")
		if !ok {
			return false
		}
		if strings.HasPrefix(strings.TrimLeft(after, "*0123456789 \t"), "=") {
			return true
		}
		rest = after
	}
}

// Field returns the unfolded value of the first field called name, and how many there are.
func Field(fields []message.Field, name string) (string, int) {
	value, n := "", 0
	for _, f := range fields {
		if f.Is(name) {
			if n == 0 {
				value = f.Unfolded()
			}
			n++
		}
	}
	return value, n
}

// String writes the type with its parameters, 8-bit values in the form of RFC 2231, Section 4.
func (t MediaType) String() string {
	var b strings.Builder
	b.WriteString(t.Name)
	for _, p := range t.Params {
		if base, _, star := strings.Cut(p.Name, "*"); star && t.Has(base) {
			continue // joined already
		}
		b.WriteString("; ")
		switch {
		case IsASCII(p.Value):
			b.WriteString(p.Name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.Value) + `"`)
		default:
			b.WriteString(p.Name + "*=" + extendedValue(p.Value))
		}
	}
	return b.String()
}

// Without returns the type without the parameters called names.
func (t MediaType) Without(names ...string) MediaType {
	kept := MediaType{Name: t.Name, Ambiguous: t.Ambiguous}
	for _, p := range t.Params {
		if base, _, _ := strings.Cut(p.Name, "*"); !slices.Contains(names, base) {
			kept.Params = append(kept.Params, p)
		}
	}
	return kept
}

// IsASCII reports whether s holds no octet above 127.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Values are what a parameter may be read as: as it stands, and put together from its pieces (RFC
// 2231, Section 3).
func (t MediaType) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		pieces := false
		for _, p := range t.Params {
			base, _, star := strings.Cut(p.Name, "*")
			pieces = pieces || base == name && star
			if base == name && !star && !yield(p.Value) {
				return
			}
		}
		if pieces {
			yield(t.extended(name))
		}
	}
}

// Readable reports whether the extended form of a parameter, if there is one, is in a charset in
// which ASCII is ASCII.
func (t MediaType) Readable(name string) bool {
	for _, p := range t.Params {
		if p.Name != name+"*" && p.Name != name+"*0*" {
			continue
		}
		charset, _, ok := strings.Cut(p.Value, "'")
		if ok && !slices.Contains([]string{"", "us-ascii", "utf-8", "iso-8859-1"}, strings.ToLower(charset)) {
			return false
		}
	}
	return true
}

// HP marks a payload with protected header fields (RFC 9788, Section 2.1.1).
const HP = "hp"
