package pkcs11

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Scheme is what the URIs begin with.
const Scheme = "pkcs11:"

// maxURI is the most octets of a URI.
const maxURI = 4096

// URI names a key on a token (RFC 7512). The zero value names no key.
type URI struct {
	text  string
	attrs map[string]string // decoded
}

// Attributes of RFC 7512, Section 2.3, that are understood.
const (
	attrToken        = "token"
	attrManufacturer = "manufacturer"
	attrSerial       = "serial"
	attrModel        = "model"
	attrSlotID       = "slot-id"
	attrObject       = "object"
	attrID           = "id"
	attrType         = "type"
	attrModulePath   = "module-path"
	attrModuleName   = "module-name"
	attrPINSource    = "pin-source"
	attrPINValue     = "pin-value"
)

// pathAttributes and queryAttributes say what may stand before and after the question mark.
var (
	pathAttributes = map[string]bool{
		attrToken: true, attrManufacturer: true, attrSerial: true, attrModel: true, attrSlotID: true,
		attrObject: true, attrID: true, attrType: true,
		"library-manufacturer": true, "library-description": true, "library-version": true,
		"slot-manufacturer": true, "slot-description": true,
	}
	queryAttributes = map[string]bool{attrModulePath: true, attrModuleName: true, attrPINSource: true}
)

// ParseURI reads a URI of at most 4096 octets:
//
//	pkcs11:token=NAME;object=LABEL;id=%01%02?module-path=FILE&pin-source=FILE
//
// It knows the attributes of RFC 7512: token, manufacturer, serial, model, slot-id,
// slot-description, slot-manufacturer, library-description, library-manufacturer, library-version,
// object, id and type (private only), and in the query module-path, module-name and pin-source.
// Attributes of vendors (x-…) are passed over. Errors have a Hint(): no URI of this scheme, an
// attribute that is unknown or stands twice, a pin-value (a secret has no place in a name, and it
// is not repeated in the error), a pin-source that is a command.
func ParseURI(s string) (URI, error) {
	rest, ok := strings.CutPrefix(s, Scheme)
	switch {
	case len(s) > maxURI:
		return URI{}, fmt.Errorf("pkcs11: a URI of more than %d octets", maxURI)
	case !ok:
		return URI{}, withHint(errors.New("pkcs11: it does not begin with the scheme pkcs11"), "write it as %stoken=NAME;object=LABEL", Scheme)
	}
	u := URI{s, map[string]string{}}
	path, query, _ := strings.Cut(rest, "?")
	if err := u.read(path, ";", pathAttributes); err != nil {
		return URI{}, err
	}
	if err := u.read(query, "&", queryAttributes); err != nil {
		return URI{}, err
	}
	return u, u.check()
}

// read reads one of the two parts. RFC 7512, Section 2.3.
func (u URI) read(part, separator string, known map[string]bool) error {
	if part == "" {
		return nil
	}
	for attribute := range strings.SplitSeq(part, separator) {
		name, encoded, ok := strings.Cut(attribute, "=")
		_, twice := u.attrs[name]
		switch {
		case name == attrPINValue:
			return withHint(errors.New("pkcs11: a URI with pin-value: a PIN has no place in the name of a key"),
				`write the PIN into the file "password" beside the key (chmod 600), or name a file with pin-source`)
		case !ok || !isName(name):
			return errors.New("pkcs11: a URI with a part that is no NAME=VALUE")
		case twice:
			return fmt.Errorf("pkcs11: a URI with the attribute %s twice", name)
		case strings.HasPrefix(name, "x-"):
			continue
		case !known[name]:
			return withHint(fmt.Errorf("pkcs11: a URI with the unknown attribute %s", name),
				"token, serial, object and id name a key; module-path and pin-source stand after a question mark")
		}
		value, err := decode(encoded)
		if err != nil {
			return fmt.Errorf("pkcs11: a URI whose attribute %s has %w", name, err)
		}
		u.attrs[name] = value
	}
	return nil
}

func isName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// decode undoes the percent encoding (RFC 3986, Section 2.1).
func decode(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			if s[i] <= ' ' || s[i] >= 0x7f {
				return "", errors.New("a character that must be percent-encoded")
			}
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("a broken percent encoding")
		}
		octet, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errors.New("a broken percent encoding")
		}
		b.WriteByte(byte(octet))
		i += 2
	}
	return b.String(), nil
}

// check refuses values that no key can have.
func (u URI) check() error {
	if t, ok := u.attrs[attrType]; ok && t != "private" {
		return withHint(errors.New("pkcs11: a URI of another type than private"), "write type=private, or leave it out")
	}
	if slot, ok := u.attrs[attrSlotID]; ok {
		if _, err := strconv.ParseUint(slot, 10, 32); err != nil {
			return errors.New("pkcs11: a URI with a slot-id that is no number")
		}
	}
	for name, value := range u.attrs {
		if name != attrID && strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("pkcs11: a URI with a control character in %s", name)
		}
	}
	if strings.HasPrefix(u.attrs[attrPINSource], "|") {
		return withHint(errors.New("pkcs11: a URI whose pin-source is a command"), "name a file: pin-source=FILE")
	}
	return nil
}

// String is the URI as it was given, without secrets: none can stand in it.
func (u URI) String() string { return u.text }

// Object returns the label of the key, or "".
func (u URI) Object() string { return u.attrs[attrObject] }

// HasPINSource reports whether the URI says where the PIN is.
func (u URI) HasPINSource() bool { return u.attrs[attrPINSource] != "" }

// Tool returns the options by which pkcs11-tool (OpenSC) finds the key, apart from --login and what
// is to be done.
func (u URI) Tool() []string {
	module := u.attrs[attrModulePath]
	if module == "" {
		module = "MODULE"
	}
	options := []string{"--module", module}
	if label := u.attrs[attrToken]; label != "" {
		options = append(options, "--token-label", label)
	}
	if id := u.attrs[attrID]; id != "" {
		return append(options, "--id", hex.EncodeToString([]byte(id)))
	}
	return append(options, "--label", u.Object())
}

// WithObject returns the URI of another key on the same token: with this label and without id.
func (u URI) WithObject(label string) URI {
	return u.with(attrObject, label).with(attrID, "")
}

// with returns the URI with an attribute of its path, in place of one that it has; an empty value
// removes it.
func (u URI) with(name, value string) URI {
	path, query, hasQuery := strings.Cut(strings.TrimPrefix(u.text, Scheme), "?")
	var parts []string
	for part := range strings.SplitSeq(path, ";") {
		if part != "" && !strings.HasPrefix(part, name+"=") {
			parts = append(parts, part)
		}
	}
	attrs := maps.Clone(u.attrs)
	if attrs == nil {
		attrs = map[string]string{}
	}
	delete(attrs, name)
	if value != "" {
		parts, attrs[name] = append(parts, name+"="+percentEncoded([]byte(value), name != attrID)), value
	}
	text := Scheme + strings.Join(parts, ";")
	if hasQuery {
		text += "?" + query
	}
	return URI{text, attrs}
}

// percentEncoded encodes all octets, or all but the unreserved characters of RFC 3986, Section 2.3.
func percentEncoded(value []byte, isText bool) string {
	var b strings.Builder
	for _, octet := range value {
		if isText && isUnreserved(octet) {
			b.WriteByte(octet)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", octet)
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
