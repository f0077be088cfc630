package receiver

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"dnseal/smime/message"
)

// misleading returns an address that the value of a From field shows in addition to its own, in a
// display name, a group name, a comment or its local part, or "". Many readers show nothing but the
// display name, which a person then believes to be the author. An @ between two words makes an
// address, also without a dot; so does one before the name of a host, also without a local part.
// Text that cannot be decoded may say anything: it is returned unchanged.
func misleading(value string, from message.Address) string {
	if _, undecoded := message.DecodeWords(value); undecoded != "" {
		return undecoded
	}
	for a := range message.AddressesIn(value) {
		if !isShownAs(a, from) {
			return a.Local + "@" + a.Domain
		}
	}
	return ""
}

// isShownAs reports whether what is shown is the address, or its domain, or no address at all. What
// precedes the local part may be punctuation around it.
func isShownAs(a, from message.Address) bool {
	if a.Local == "" {
		return a.Domain == from.Domain || !strings.Contains(a.Domain, ".")
	}
	return a.Domain == from.Domain && strings.EqualFold(withoutPunctuation(a.Local), withoutPunctuation(norm.NFKC.String(from.Local)))
}

func withoutPunctuation(local string) string {
	return strings.TrimLeftFunc(local, func(r rune) bool { return !unicode.In(r, unicode.Letter, unicode.Digit, unicode.Mark) })
}
