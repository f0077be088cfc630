package message

import (
	"encoding/base64"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// encodedWord is RFC 2047, Section 2, as lenient as readers are: with a language (RFC 2231, Section 5), inside other words, and
// with white space and whatever else in its text.
var encodedWord = regexp.MustCompile(`=\?([^?*\s]+)(?:\*[^?]*)?\?([bBqQ])\?([^?]*)\?=`)

// maxNesting is how often a text that holds encoded words once they are decoded is decoded again.
const maxNesting = 4

// DecodeWords decodes the encoded words of a value, also those that appear once others are decoded.
// undecoded is the first in a charset that is not known here, or "".
func DecodeWords(value string) (text, undecoded string) {
	text = value
	for range maxNesting {
		decoded, bad := decodeOnce(text)
		if undecoded == "" {
			undecoded = bad
		}
		if decoded == text {
			break
		}
		text = decoded
	}
	return text, undecoded
}

// wordRun is a run of encoded words in one charset: their octets count together, because a character may be cut in two by them.
type wordRun struct {
	charset, source string
	octets          []byte
}

// decodeOnce decodes the encoded words of a value. White space between two of them does not count (RFC 2047, Section 6.2).
func decodeOnce(value string) (text, undecoded string) {
	var out strings.Builder
	var run wordRun
	flush := func() {
		word, ok := decodeCharset(run.charset, string(run.octets))
		if !ok && undecoded == "" {
			undecoded = run.source
		}
		out.WriteString(word)
		run = wordRun{}
	}
	end := 0
	for _, m := range encodedWord.FindAllStringSubmatchIndex(value, -1) {
		gap, charset := value[end:m[0]], strings.ToLower(value[m[2]:m[3]])
		apart := end == 0 || strings.TrimSpace(gap) != ""
		if apart || charset != run.charset {
			flush()
		}
		if apart {
			out.WriteString(gap)
		}
		if run.charset == "" {
			run.charset, run.source = charset, value[m[0]:m[1]]
		}
		run.octets = append(run.octets, decodeText(value[m[4]], value[m[6]:m[7]])...)
		end = m[1]
	}
	flush()
	return out.String() + value[end:], undecoded
}

// decodeText undoes the encodings of RFC 2047, Section 4, as far as it goes.
func decodeText(encoding byte, text string) string {
	if encoding|0x20 == 'b' {
		text = strings.Map(func(r rune) rune {
			if r < 0x80 && isBase64(byte(r)) {
				return r
			}
			return -1 // padding among others
		}, text)
		octets, err := base64.RawStdEncoding.DecodeString(text)
		if err != nil && len(text)%4 == 1 { // a character too many
			octets, _ = base64.RawStdEncoding.DecodeString(text[:len(text)-1])
		}
		return string(octets)
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '_':
			out.WriteByte(' ')
		case c == '=' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			out.WriteByte(unhex(text[i+1])<<4 | unhex(text[i+2]))
			i += 2
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// decodeCharset knows what browsers know, and so most readers.
func decodeCharset(charset, octets string) (string, bool) {
	if octets == "" || strings.EqualFold(charset, "unknown-8bit") { // RFC 1428, Section 3: octets as they came
		return octets, true
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return octets, false
	}
	if name, unnamed := htmlindex.Name(e); unnamed != nil || name == "replacement" {
		return octets, false // known only to be refused
	}
	text, err := e.NewDecoder().String(octets)
	return text, err == nil
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
