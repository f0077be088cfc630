package header

import (
	"slices"
	"strings"

	"dnseal/smime/message"
)

// WordsDecoded reports whether a field is its signed copy but for encoded words that were decoded
// and not quoted: a comma in a name then ends an address (RFC 5322, Section 3.4), to which
// fetchmail adds its host.
func WordsDecoded(signed, outer message.Field) bool {
	was, is := signed.Unfolded(), outer.Unfolded()
	if !encodedWord.MatchString(was) || encodedWord.MatchString(is) {
		return false
	}
	c := &Comparer{Words: MaxWords}
	return slices.EqualFunc(c.items(was, ""), c.items(is, firstCharset(was)), func(was, is string) bool {
		rest, same := strings.CutPrefix(is, was)
		return same && (rest == "" || rest[0] == '@' && !strings.Contains(was, "@"))
	})
}

// items are what stands between the commas of a value.
func (c *Comparer) items(v, charset string) []string {
	return strings.Split(strings.ReplaceAll(c.plain(v, charset), `"`, ""), ",")
}
