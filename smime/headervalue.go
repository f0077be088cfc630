package smime

import (
	"bytes"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"dnseal/smime/message"
)

// maxWords is how many encoded words of a header are decoded to compare it; further ones are compared as they stand. Hops leave most
// fields as they are, and these are not decoded at all.
const maxWords = 8192

// comparer compares fields with their signed copies.
type comparer struct {
	words int // that may still be decoded
}

// sameValue is for one field alone.
func sameValue(signed, outer message.Field) bool {
	return (&comparer{words: maxWords}).value(signed, outer)
}

// value compares a field with its signed copy as a reader is shown them: what hops do to a field without changing its
// text (folding, white space, encoding) does not count.
func (c *comparer) value(signed, outer message.Field) bool {
	if bytes.Equal(signed.RawValue(), outer.RawValue()) {
		return true
	}
	if addressField(signed.Name()) {
		return inCharsets(signed, outer, c.mailboxes)
	}
	return inCharsets(signed, outer, c.text)
}

// inCharsets compares two values, with octets of the outer one that are not UTF-8 as they are, and in the charset of the copy: some
// programs decode encoded words that far.
func inCharsets(signed, outer message.Field, same func(was, is, charset string) bool) bool {
	was, is := signed.Unfolded(), outer.Unfolded()
	if same(was, is, "") {
		return true
	}
	if utf8.ValidString(is) {
		return false
	}
	charset := firstCharset(was)
	return charset != "" && same(was, is, charset)
}

// text compares values that are text.
func (c *comparer) text(was, is, charset string) bool {
	return c.plain(was, "") == c.plain(is, charset)
}

// encodedWord is RFC 2047, Section 2, with a language (RFC 2231, Section 5). It may stand anywhere, as readers have it.
var encodedWord = regexp.MustCompile(`=\?([^?*]+)(?:\*[^?]*)?(\?[bBqQ]\?[^?]*\?=)`)

// plain is a text with its encoded words decoded and without white space. What cannot be decoded strictly stays as it is, because
// readers differ in what they make of it. charset is of 8-bit octets that are not UTF-8; "": they stay.
func (c *comparer) plain(v, charset string) string {
	v = withoutSpace(v)
	var out strings.Builder
	end := 0
	for _, m := range encodedWord.FindAllStringSubmatchIndex(v, c.words) {
		c.words--
		out.WriteString(decodeOctets(v[end:m[0]], charset))
		out.WriteString(decodeWord(v[m[0]:m[1]], v[m[2]:m[3]], v[m[4]:m[5]]))
		end = m[1]
	}
	out.WriteString(decodeOctets(v[end:], charset))
	return withoutSpace(out.String())
}

func withoutSpace(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
}

// decodeWord decodes one encoded word. RFC 1428, Section 3: unknown-8bit is octets of which nothing is known.
func decodeWord(word, charset, rest string) string {
	d := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "unknown-8bit") {
			return in, nil
		}
		e, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(in), nil
	}}
	text, err := d.Decode("=?" + charset + rest)
	if err != nil {
		return word
	}
	return text
}

// decodeOctets decodes octets that stand in a header as they are.
func decodeOctets(s, charset string) string {
	if charset == "" || utf8.ValidString(s) {
		return s
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return s
	}
	text, err := e.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return text
}

// firstCharset is that of the first encoded word, where it is one in which ASCII is ASCII: only such octets stand in a header as
// they are.
func firstCharset(v string) string {
	m := encodedWord.FindStringSubmatch(withoutSpace(v))
	if m == nil {
		return ""
	}
	e, err := htmlindex.Get(m[1])
	if err != nil {
		return ""
	}
	switch name, err := htmlindex.Name(e); {
	case err != nil, name == "replacement", name == "iso-2022-jp", strings.HasPrefix(name, "utf-"):
		return ""
	default:
		return name
	}
}
