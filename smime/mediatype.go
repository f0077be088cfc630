package smime

import (
	"iter"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// mediaType is a Content-Type or Content-Disposition value taken apart
// (RFC 2045, 5.1).
type mediaType struct {
	name   string // "type/subtype", lower case; "" when the value could not be read
	params []param
	// ambiguous is set when readers may disagree on what the field says: a parameter twice, or
	// bytes that are no parameter.
	ambiguous bool
	// odd is set when the field says one thing, in a form that not all readers understand.
	odd bool
}

type param struct{ name, value string }

// get returns the value of a parameter, or "".
func (t mediaType) get(name string) string {
	for _, p := range t.params {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// is reports whether the type is one of names.
func (t mediaType) is(names ...string) bool {
	return slices.Contains(names, t.name)
}

func (t mediaType) multipart() bool { return strings.HasPrefix(t.name, "multipart/") }

// parseMediaType reads a field's value. It is lenient: what can be read is, and ambiguous says that
// some could not.
func parseMediaType(value string) mediaType {
	p := scanner{s: value}
	p.space()
	name, odd := p.mediaTypeName()
	if name == "" {
		return mediaType{ambiguous: true}
	}
	t := mediaType{name: strings.ToLower(name), odd: odd}
	for p.take(';') {
		p.space()
		name := strings.ToLower(p.token())
		p.space()
		if name == "" {
			continue // a semicolon at the end, or two
		}
		if len(t.params) == maxParameters || !p.take('=') {
			t.ambiguous = true
			break
		}
		p.space()
		raw := p.s
		v, ok := p.value()
		if !ok {
			t.ambiguous = true
			break
		}
		t.odd = t.odd || name == "boundary" && !commonBoundary(raw[:len(raw)-len(p.s)], v)
		p.space()
		if t.has(name) {
			t.ambiguous = true
			continue
		}
		if t.params == nil {
			t.params = make([]param, 0, 4)
		}
		t.params = append(t.params, param{name, v})
	}
	if p.s != "" {
		t.ambiguous = true
	}
	t.odd = t.odd || p.comment || t.secondBoundary()
	t.joinContinuations()
	return t
}

// secondBoundary reports whether a reader that looks for "boundary=" finds one inside a value, or
// in the name of another parameter.
func (t mediaType) secondBoundary() bool {
	for _, p := range t.params {
		base, _, _ := strings.Cut(p.name, "*")
		if base != "boundary" && strings.HasSuffix(base, "boundary") || holdsBoundary(p.value) {
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

func (t mediaType) has(name string) bool {
	for _, p := range t.params {
		if p.name == name {
			return true
		}
	}
	return false
}

// field returns the unfolded value of the first field called name, and how many there are.
func field(fields []message.Field, name string) (string, int) {
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
func (t mediaType) String() string {
	var b strings.Builder
	b.WriteString(t.name)
	for _, p := range t.params {
		if base, _, star := strings.Cut(p.name, "*"); star && t.has(base) {
			continue // joined already
		}
		b.WriteString("; ")
		switch {
		case isASCII(p.value):
			b.WriteString(p.name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.value) + `"`)
		default:
			b.WriteString(p.name + "*=" + extendedValue(p.value))
		}
	}
	return b.String()
}

// without returns the type without the parameters called names.
func (t mediaType) without(names ...string) mediaType {
	kept := mediaType{name: t.name, ambiguous: t.ambiguous}
	for _, p := range t.params {
		if base, _, _ := strings.Cut(p.name, "*"); !slices.Contains(names, base) {
			kept.params = append(kept.params, p)
		}
	}
	return kept
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// values are what a parameter may be read as: as it stands, and put together from the pieces of RFC
// 2231.
func (t mediaType) values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		pieces := false
		for _, p := range t.params {
			base, _, star := strings.Cut(p.name, "*")
			pieces = pieces || base == name && star
			if base == name && !star && !yield(p.value) {
				return
			}
		}
		if pieces {
			yield(t.extended(name))
		}
	}
}

// readable reports whether the extended form of a parameter, if there is one, is in a charset in
// which ASCII is ASCII.
func (t mediaType) readable(name string) bool {
	for _, p := range t.params {
		if p.name != name+"*" && p.name != name+"*0*" {
			continue
		}
		charset, _, ok := strings.Cut(p.value, "'")
		if ok && !slices.Contains([]string{"", "us-ascii", "utf-8", "iso-8859-1"}, strings.ToLower(charset)) {
			return false
		}
	}
	return true
}

// hp marks a payload with protected header fields (RFC 9788, Section 2.1.1).
const hp = "hp"
