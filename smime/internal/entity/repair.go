package entity

import (
	"slices"
	"strings"

	"dnseal/smime/message"
)

// The signer decides what a message says. Where a header is only careless, and all readers
// understand it alike, that meaning is signed, written as RFC 2045, Section 5.1, requires. Verify
// repairs nothing.

// repair replaces a careless Content-Type or Content-Transfer-Encoding with what all readers
// understand by it. What is still malformed then stays in doubt.
func (p *Part) repair() {
	if p.Malformed == "" && hasSubtype(p.Type.Name) && (IdentityEncoding(p.CTE) || p.CTE == "quoted-printable" || p.CTE == "base64") {
		return
	}
	fields, ok := repairType(p.Fields)
	if ok {
		fields, ok = repairEncoding(fields)
	}
	if ok {
		p.Fields, p.Malformed = fields, ""
		p.Describe()
	}
	if p.Malformed == "" && !hasSubtype(p.Type.Name) {
		p.Malformed = "a Content-Type without a subtype"
	}
}

// hasSubtype reports whether a type is whole, or there is none.
//
// RFC 2045, Section 5.1: a subtype is mandatory, there are no defaults.
func hasSubtype(name string) bool {
	kind, subtype, _ := strings.Cut(name, "/")
	return name == "" || kind != "" && subtype != ""
}

// repairType leaves one Content-Type field, or none where it is empty (RFC 2045, Section 5.2: then
// it is text).
func repairType(fields []message.Field) ([]message.Field, bool) {
	value, n := Field(fields, "Content-Type")
	if t := ParseMediaType(value); n == 0 || n == 1 && value != "" && !t.Ambiguous && hasSubtype(t.Name) {
		return fields, true
	}
	var types []MediaType
	for _, f := range fields {
		if !f.Is("Content-Type") {
			continue
		}
		t, ok := carelessType(f.Unfolded())
		if !ok || len(types) > 0 && !t.equal(types[0]) {
			return nil, false
		}
		types = append(types, t)
	}
	raw := []byte(nil)
	if types[0].Name != "" {
		var err error
		if raw, err = Fold("Content-Type", types[0].String()); err != nil {
			return nil, false
		}
	}
	return oneField(fields, "Content-Type", raw), true
}

// oneField puts raw in place of the first field called name, and removes the others.
func oneField(fields []message.Field, name string, raw []byte) []message.Field {
	out := make([]message.Field, 0, len(fields))
	for _, f := range fields {
		switch {
		case !f.Is(name):
			out = append(out, f)
		case raw != nil:
			out = append(out, message.Field{Raw: raw})
			raw = nil
		}
	}
	return out
}

// equal reports whether two types say the same.
func (t MediaType) equal(other MediaType) bool {
	return t.Name == other.Name && slices.EqualFunc(t.Params, other.Params, func(a, b Param) bool { return a.Name == b.Name && sameParam(a.Name, a.Value, b.Value) })
}

// sameParam compares two values of a parameter; the names of charsets do not depend on case (RFC
// 2046, Section 4.1.2).
func sameParam(name, a, b string) bool {
	return a == b || name == "charset" && strings.EqualFold(a, b)
}

// repairEncoding leaves one Content-Transfer-Encoding field, which RFC 2045, Section 6.1, gives one
// word.
func repairEncoding(fields []message.Field) ([]message.Field, bool) {
	var first *message.Field
	encoding := ""
	for _, f := range fields {
		if !f.Is("Content-Transfer-Encoding") {
			continue
		}
		e := assumedEncoding(f.Unfolded())
		if first != nil && e != encoding {
			return nil, false
		}
		first, encoding = &f, e
	}
	switch encoding {
	case "":
		return fields, true
	case "8bit":
		return oneField(fields, "Content-Transfer-Encoding", []byte("Content-Transfer-Encoding: 8bit\r\n")), true
	}
	return oneField(fields, "Content-Transfer-Encoding", first.Raw), true
}

// unencoded are the beginnings, in letters and digits alone, of what some write into
// Content-Transfer-Encoding although the body stands as it is: "8bits", "utf-8", "text/plain".
var unencoded = []string{
	"7bit", "8bit", "16bit", "32bit", "binary", "utf", "ucs", "unicode", "iso8859", "iso2022", "usascii", "ascii", "ansi", "windows", "cp12", "latin",
	"koi8", "gb2312", "gbk", "gb18030", "big5", "euc", "shiftjis", "none", "no", "plain", "text", "identity", "raw", "default", "unknown",
}

// assumedEncoding is how readers understand a Content-Transfer-Encoding: "8bit" for all that leave
// the body as it is. RFC 2045, Section 6.4, has them treat an unknown one as octets, but they show
// it as it is; where another encoding may be meant the value stays.
func assumedEncoding(value string) string {
	value = strings.ToLower(value)
	bare := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, value)
	if slices.ContainsFunc(unencoded, func(start string) bool { return strings.HasPrefix(bare, start) }) {
		return "8bit"
	}
	return value
}
