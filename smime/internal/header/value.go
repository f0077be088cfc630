package header

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"dnseal/smime/message"
)

// MaxWords is how many encoded words of a header are decoded to compare it; further ones are
// compared as they stand. Hops leave most fields as they are, and these are not decoded at all.
const MaxWords = 8192

// Comparer compares fields with their signed copies.
type Comparer struct {
	Words int // that may still be decoded
}

// SameValue is for one field alone.
func SameValue(signed, outer message.Field) bool {
	return (&Comparer{Words: MaxWords}).Value(signed, outer)
}

// Value compares a field with its signed copy as a reader is shown them: what hops do to a field
// without changing its text (folding, white space, encoding) does not count.
func (c *Comparer) Value(signed, outer message.Field) bool {
	if bytes.Equal(signed.RawValue(), outer.RawValue()) {
		return true
	}
	if c.stretched(signed, outer) {
		return false
	}
	if AddressField(signed.Name()) {
		return inCharsets(signed, outer, c.mailboxes)
	}
	if signed.Is("Date") {
		return inCharsets(signed, outer, c.date)
	}
	return inCharsets(signed, outer, c.text)
}

// date compares dates (RFC 5322, Section 3.3): where white space stands within a number, or an
// encoded word outside of comments, there are readers who see another date.
func (c *Comparer) date(was, is, charset string) bool {
	was, wasComment, _ := strings.Cut(was, "(")
	is, isComment, _ := strings.Cut(is, "(")
	return slices.Equal(dateToken.FindAllString(was, -1), dateToken.FindAllString(is, -1)) && c.text(wasComment, isComment, charset)
}

var dateToken = regexp.MustCompile(`[^\s,]+|,`)

// usualGap is as much white space as folding and unfolding leave between two words, in columns (RFC
// 5322, Section 2.2.3, keeps it; some systems make one space of it, or add a tab).
const usualGap = 16

// stretched reports whether more white space than that stands somewhere in a field: it moves what
// follows out of sight.
func (c *Comparer) stretched(signed, outer message.Field) bool {
	n := longestGap(outer.Unfolded())
	if e := c.decodedGap(outer); e > n {
		n = e
	}
	return n > usualGap && n > max(longestGap(signed.Unfolded()), c.decodedGap(signed))
}

// decodedGap is the longest gap that encoded words make.
func (c *Comparer) decodedGap(f message.Field) int {
	if v := f.Unfolded(); strings.Contains(v, "=?") {
		return longestGap(c.decoded(v, ""))
	}
	return 0
}

// longestGap is how wide the longest run of white space in a text is shown.
func longestGap(s string) int {
	longest, n := 0, 0
	for i := range len(s) {
		switch s[i] {
		case ' ':
			n++
		case '\t':
			n += 8
		default:
			n = 0
		}
		longest = max(longest, n)
	}
	return longest
}

// inCharsets compares two values, with octets of the outer one that are not UTF-8 as they are, and
// in the charset of the copy: some programs decode encoded words that far.
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
func (c *Comparer) text(was, is, charset string) bool {
	return c.plain(was, "") == c.plain(is, charset)
}

// encodedWord is RFC 2047, Section 2, with a language (RFC 2231, Section 5). It may stand anywhere,
// as readers have it.
var encodedWord = regexp.MustCompile(`=\?([^?*]+)(?:\*[^?]*)?(\?[bBqQ]\?[^?]*\?=)`)

// plain is a text with its encoded words decoded and without white space: also without that which
// an MTA put into one.
func (c *Comparer) plain(v, charset string) string {
	return WithoutSpace(c.decoded(WithoutSpace(v), charset))
}

// decoded is a text with its encoded words decoded, and without the white space between two of them
// (RFC 2047, Section 6.2). What cannot be decoded strictly stays as it is, because readers differ
// in what they make of it. charset is of 8-bit octets that are not UTF-8; "": they stay.
func (c *Comparer) decoded(v, charset string) string {
	var out strings.Builder
	end := 0
	for _, m := range encodedWord.FindAllStringSubmatchIndex(v, c.Words) {
		c.Words--
		if between := v[end:m[0]]; end == 0 || WithoutSpace(between) != "" {
			out.WriteString(decodeOctets(between, charset))
		}
		out.WriteString(decodeWord(v[m[0]:m[1]], WithoutSpace(v[m[2]:m[3]]), WithoutSpace(v[m[4]:m[5]])))
		end = m[1]
	}
	out.WriteString(decodeOctets(v[end:], charset))
	return out.String()
}

// WithoutSpace is s without white space.
func WithoutSpace(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
}

// decodeWord decodes one encoded word. RFC 1428, Section 3: unknown-8bit is octets of which nothing
// is known. One with octets that its charset does not have stays as it is: all of them would become
// the same character here, and not so with every reader. So does one with line ends, which are no
// white space of the header, and one with a space between the octets of a character.
func decodeWord(word, charset, rest string) string {
	d := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "unknown-8bit") {
			return in, nil
		}
		decode, _, err := agreedCharset(charset)
		if err != nil {
			return nil, err
		}
		octets, err := io.ReadAll(in) // of one word
		if err != nil {
			return nil, err
		}
		text, err := decode(string(octets))
		return strings.NewReader(text), err
	}}
	text, err := d.Decode("=?" + charset + rest)
	if err != nil || lossy(text) || strings.ContainsAny(text, "\r\n") || brokenByGap(charset, text) {
		return word
	}
	return text
}

// brokenByGap reports whether white space in a text may stand between the octets of one character.
func brokenByGap(charset, text string) bool {
	return strings.Contains(text, " ") && !utf8.ValidString(text) && !strings.EqualFold(charset, "unknown-8bit")
}

// lossy reports whether a decoder put its replacement for what it could not decode.
func lossy(text string) bool { return strings.Contains(text, "\ufffd") }

var errCharset = errors.New("a charset that readers know differently, or not at all")

// agreedCharset knows the charsets in which all readers see the same. Of UTF-16 they differ on the
// order of octets, and some are known only to be refused.
func agreedCharset(label string) (decode func(octets string) (string, error), name string, err error) {
	decode, name, err = message.Charset(label)
	switch {
	case err != nil:
		return nil, "", err
	case name == "replacement", name == "x-user-defined", strings.HasPrefix(name, "utf-16"):
		return nil, "", errCharset
	}
	return decode, name, nil
}

// decodeOctets decodes octets that stand in a header as they are.
func decodeOctets(s, charset string) string {
	if charset == "" || utf8.ValidString(s) {
		return s
	}
	decode, _, err := agreedCharset(charset)
	if err != nil {
		return s
	}
	text, err := decode(s)
	if err != nil || lossy(text) {
		return s
	}
	return text
}

// firstCharset is that of the first encoded word, where it is one in which ASCII is ASCII: only
// such octets stand in a header as they are.
func firstCharset(v string) string {
	m := encodedWord.FindStringSubmatch(WithoutSpace(v))
	if m == nil {
		return ""
	}
	_, name, err := agreedCharset(m[1])
	if err != nil || name == "iso-2022-jp" || name == "utf-8" {
		return ""
	}
	return name
}

// Shown are the fields that readers show, or answer to: where the header is protected, one that
// stands only outside is not the author's word (RFC 9788, Section 4.2).
var Shown = []string{
	"From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject", "In-Reply-To", "References",
	"Mail-Followup-To", "Disposition-Notification-To",
}
