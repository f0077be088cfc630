package receiver

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"dnseal/smime/message"
)

// misleading returns an address that the value of a From field shows beside its own, in a display name or a comment, or "".
// Many readers show nothing but the display name, so that it is what a person takes for the author.
// Text that cannot be decoded may say anything: then it is returned as it stands.
func misleading(value string, from message.Address) string {
	text, undecoded := shownText(value)
	if undecoded != "" {
		return undecoded
	}
	for i := range len(text) {
		if text[i] != '@' {
			continue
		}
		local, domain := beforeAt(text[:i]), behindAt(text[i+1:])
		if local != "" && strings.Contains(domain, ".") && !isShownAs(local, domain, from) {
			return local + "@" + domain
		}
	}
	return ""
}

// shownText is a value as a person sees it: decoded, compatible forms of characters as the plain ones, and without those that
// are not seen. undecoded is the first encoded word that nobody here can read.
func shownText(value string) (text, undecoded string) {
	decoded, undecoded := decodeWords(value)
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '\u3002': // the ideographic full stop, which is a dot in a domain
			return '.'
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		}
		return r
	}, strings.ToValidUTF8(decoded, "?"))
	return norm.NFKC.String(plain), undecoded
}

// beforeAt is the longest local part (dots and all) at the end of s.
func beforeAt(s string) string {
	return s[strings.LastIndexFunc(s, func(r rune) bool { return r == '"' || r == '\\' || !inLocal(r) })+1:]
}

func inLocal(r rune) bool {
	return inDomain(r) || strings.ContainsRune("!#$%&'*+/=?^_`{|}~", r)
}

// behindAt is the longest domain at the start of s.
func behindAt(s string) string {
	if end := strings.IndexFunc(s, func(r rune) bool { return !inDomain(r) }); end >= 0 {
		s = s[:end]
	}
	return strings.Trim(s, ".-")
}

func inDomain(r rune) bool {
	return r == '.' || r == '-' || unicode.In(r, unicode.Letter, unicode.Digit, unicode.Mark)
}

// isShownAs reports whether the text is that of the address. What stands in front of it may be punctuation around it.
func isShownAs(local, domain string, from message.Address) bool {
	a, err := message.ParseAddress("x@" + domain)
	return err == nil && a.Domain == from.Domain && strings.EqualFold(withoutPunctuation(local), withoutPunctuation(norm.NFKC.String(from.Local)))
}

func withoutPunctuation(local string) string {
	return strings.TrimLeftFunc(local, func(r rune) bool { return !unicode.In(r, unicode.Letter, unicode.Digit, unicode.Mark) })
}
