package transit

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/header"
	"dnseal/smime/message"
)

var (
	errControl  = errors.New("control characters")
	errEightBit = errors.New("8-bit octets where none can be encoded")
	errNoField  = errors.New("a line that is no header field")
	errNotSame  = errors.New("8-bit octets or a fold where readers do not expect them")
)

// SafeField returns f in a form that survives transit: as it stands where it does already, else
// with one space after the colon, its line ends made CRLF, folded, and with 8-bit text as encoded
// words (RFC 2047) or parameter values (RFC 2231). It is nothing for a field without a value, which
// no form keeps from all systems: some add a space after the colon, others take it away. The error
// says what cannot be helped.
func SafeField(f message.Field) ([]byte, error) {
	f = oneSpace(f)
	if fieldHazards(f.Raw)&entity.Breaking == 0 && !rewritten(f.Raw) {
		return f.Raw, nil
	}
	return foldField(f)
}

// oneSpace returns f with its colon directly after the name, and one space after it: systems that
// take a message apart write that. The rest stays as it is. Without a value nothing is left of it.
func oneSpace(f message.Field) message.Field {
	raw := f.Raw
	c := bytes.IndexByte(raw, ':')
	if c > 0 && c+2 < len(raw) && !isSpace(raw[c-1]) && raw[c+1] == ' ' && !isSpace(raw[c+2]) {
		return f
	}
	name := f.Name()
	if name == "" {
		return f
	}
	value := bytes.TrimLeft(raw[c+1:], " \t\r\n")
	if len(value) == 0 {
		return message.Field{}
	}
	return message.Field{Raw: slices.Concat([]byte(name), []byte(": "), value)}
}

// WithoutValue reports whether a field has nothing after its colon.
func WithoutValue(f message.Field) bool {
	return len(bytes.TrimLeft(f.RawValue(), " \t\r\n")) == 0 && f.Name() != ""
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// lineBreaks are controls at which some systems end a line of the header.
const lineBreaks = "\v\f\x1c\x1d\x1e"

// rewritten reports whether a field holds one of them.
func rewritten(raw []byte) bool { return bytes.ContainsAny(raw, lineBreaks) }

// CopyOfField is SafeField for a field inside that repeats one outside: also folded to 76 columns,
// with spaces. One that could not be written so that readers take it for the same is an error too.
func CopyOfField(f message.Field) ([]byte, error) {
	one := oneSpace(f)
	if !bytes.Contains(one.Raw, []byte("\n\t")) && fieldHazards(one.Raw)&(entity.Breaking|entity.HasLong) == 0 && !rewritten(one.Raw) {
		return one.Raw, nil
	}
	raw, err := foldField(one)
	if err == nil && !header.SameValue(message.Field{Raw: raw}, f) {
		return nil, errNotSame
	}
	return raw, err
}

// fieldHazards is what stands against a field as it is.
func fieldHazards(raw []byte) entity.Hazard {
	var m entity.Meter
	for len(raw) > 0 {
		l := entity.Line{First: true, Last: true}
		l.Data, raw, _ = bytes.Cut(raw, []byte("\n"))
		l.Eol = 1
		if n := len(l.Data); n > 0 && l.Data[n-1] == '\r' {
			l.Data, l.Eol = l.Data[:n-1], 2
		}
		m.Add(l)
	}
	return m.Hazards
}

// foldField writes a field in lines of at most 998 octets (RFC 5322, Section 2.1.1), in ASCII where
// that can be.
func foldField(f message.Field) ([]byte, error) {
	name, value := f.Name(), f.Unfolded()
	switch {
	case len(f.Raw) == 0:
		return nil, nil
	case name == "":
		return nil, errNoField
	}
	// RFC 5322, Section 2.2: CR and LF in folds only; NUL is obsolete (Section 4.1).
	if strings.ContainsAny(value, "\x00\r\n") {
		return nil, errControl
	}
	if !entity.IsASCII(value) || strings.ContainsAny(value, lineBreaks) {
		encoded, err := encodeValue(name, value)
		if err != nil {
			return nil, err
		}
		value = encoded
	}
	if strings.ContainsAny(value, lineBreaks) {
		return nil, errControl
	}
	raw, err := entity.Fold(name, value)
	if errors.Is(err, entity.ErrNoFold) && strings.EqualFold(name, "Subject") {
		// RFC 2047, Section 2: several encoded words on lines of their own are one text.
		return entity.Fold(name, header.EncodeWords(value))
	}
	return raw, err
}

// encodeValue encodes the 8-bit text of a field's value, as the kind of field allows.
func encodeValue(name, value string) (string, error) {
	if header.AddressField(name) {
		// UTF-8 in an address has no other form, and a way that takes it in the outer
		// header takes it here (RFC 6531, Section 3.1, asks for 8BITMIME as well).
		if value = header.EncodePhrases(value); !utf8.ValidString(value) {
			return "", errEightBit
		}
		return value, nil
	}
	switch strings.ToLower(name) {
	case "content-type", "content-disposition":
		// RFC 2047, Section 5: no encoded words in parameters. RFC 2231, Section 4, has a
		// form for them.
		t := entity.ParseMediaType(value)
		if t.Ambiguous {
			return "", errEightBit
		}
		return t.String(), nil
	case "date", "message-id", "in-reply-to", "references", "content-id", "content-transfer-encoding":
		// RFC 2047, Section 5, rule 2: encoded words in their comments only.
		if value = header.EncodePhrases(value); !entity.IsASCII(value) {
			return "", errEightBit
		}
		return value, nil
	}
	// RFC 2047, Section 5, rule 1: anywhere in unstructured text.
	return header.EncodeWords(value), nil
}
