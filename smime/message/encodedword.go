package message

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// encodedWord is RFC 2047, Section 2, as lenient as readers are: with a language (RFC 2231, Section
// 5), inside other words, and with white space and whatever else in its text.
var encodedWord = regexp.MustCompile(`=\?([^?*\s]+)(?:\*[^?]*)?\?([bBqQ])\?([^?]*)\?=`)

// maxNesting is how often a text that holds encoded words once they are decoded is decoded again.
const maxNesting = 4

// DecodeWords decodes the encoded words of a value, also those that appear once others are decoded.
// undecoded is the first in a charset that is not known here, or "".
func DecodeWords(value string) (text, undecoded string) { return wordReading{}.decode(value) }

// wordReadings are the ways in which readers decode, for what is no RFC 2047 or may be taken for
// more than one thing.
var wordReadings = []wordReading{{}, {joined: true}, {apart: true}}

// wordReading is a way to decode encoded words. The zero value decodes each by itself (RFC 2047,
// Section 2).
type wordReading struct {
	joined bool // the encoded texts of a run first become one, and padding inside is left out
	apart  bool // an encoded word is a word of its own, also where other text touches it
}

func (r wordReading) decode(value string) (text, undecoded string) {
	text = value
	for range maxNesting {
		decoded, bad := r.once(text)
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

// wordRun is a run of encoded words in one charset: their octets count together, because a
// character may be cut in two by them, against RFC 2047, Section 5.
type wordRun struct {
	charset, source string
	encoding        byte
	octets          []byte // decoded, or as they stand where they are joined
}

// once decodes the encoded words of a value. White space between two of them does not count (RFC
// 2047, Section 6.2).
func (r wordReading) once(value string) (text, undecoded string) {
	var out strings.Builder
	var run wordRun
	flush := func() {
		word, ok := r.word(run)
		if !ok && undecoded == "" {
			undecoded = run.source
		}
		out.WriteString(word)
		run = wordRun{}
	}
	end := 0
	for _, m := range encodedWord.FindAllStringSubmatchIndex(value, -1) {
		gap, charset, encoding := value[end:m[0]], strings.ToLower(value[m[2]:m[3]]), value[m[4]]|0x20
		apart := end == 0 || strings.TrimSpace(gap) != ""
		if apart || r.apart || charset != run.charset || r.joined && encoding != run.encoding {
			flush()
		}
		if apart {
			out.WriteString(gap)
		}
		if run.charset == "" {
			run.charset, run.source, run.encoding = charset, value[m[0]:m[1]], encoding
		}
		run.octets = append(run.octets, r.octets(encoding, value[m[6]:m[7]])...)
		end = m[1]
	}
	flush()
	return out.String() + value[end:], undecoded
}

func (r wordReading) octets(encoding byte, text string) string {
	switch {
	case r.joined:
		return text
	case encoding == 'b':
		return decodePadded(text)
	}
	return decodeQ(text)
}

// word is what a run says.
// RFC 2047, Section 5: no character may be cut in two, and some are.
func (r wordReading) word(run wordRun) (string, bool) {
	octets := string(run.octets)
	switch {
	case r.joined && run.encoding == 'b':
		octets = decodeB(octets)
	case r.joined:
		octets = decodeQ(octets)
	}
	word, ok := decodeCharset(run.charset, octets)
	if r.apart && word != "" {
		word = " " + word + " "
	}
	return word, ok
}

// decodePadded undoes base64 (RFC 2047, Section 4.1) in which more may follow the padding.
func decodePadded(text string) string {
	var out strings.Builder
	for piece := range strings.SplitSeq(text, "=") {
		out.WriteString(decodeB(piece))
	}
	return out.String()
}

// decodeB undoes base64 as far as it goes. What is no base64 does not count, padding neither.
// RFC 2047, Section 4.1.
func decodeB(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x80 && isBase64(byte(r)) {
			return r
		}
		return -1
	}, text)
	octets, _ := base64.RawStdEncoding.DecodeString(text) // an error comes after the rest
	return string(octets)
}

// decodeQ undoes RFC 2047, Section 4.2, as far as it goes.
func decodeQ(text string) string { return Unescape(strings.ReplaceAll(text, "_", " "), '=') }

// Unescape puts the octet in the place of each escape and its two hexadecimal digits, in either
// case: "=41" (RFC 2047, Section 4.2), "%41" (RFC 2231, Section 4; RFC 3986, Section 2.1). What is
// no such triple stays.
func Unescape(text string, escape byte) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == escape && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]) {
			out.WriteByte(unhex(text[i+1])<<4 | unhex(text[i+2]))
			i += 2
			continue
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// decodeCharset knows what browsers know, and so most readers.
func decodeCharset(charset, octets string) (string, bool) {
	// RFC 1428, Section 3: octets as they came
	if octets == "" || strings.EqualFold(charset, "unknown-8bit") {
		return octets, true
	}
	decode, name, err := Charset(charset)
	if err != nil || name == "replacement" { // known only to be refused
		return octets, false
	}
	text, err := decode(octets)
	return text, err == nil
}

// isBase64: RFC 2045, Section 6.8.
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
