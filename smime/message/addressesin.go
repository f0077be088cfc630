package message

import (
	"iter"
	"strings"
	"unicode"
)

// AddressesIn yields all that some reader may see as an address in the value of an address field,
// be it well-formed or not: every name after an @ in any of its [Readings], with what stands
// directly before the @ as local part ("" where that is no plain word). Local parts are as they are
// shown, domains as in [Address] where they are names of hosts. An address may come more than once.
// It is for suspicion, never for permission.
func AddressesIn(value string) iter.Seq[Address] {
	return func(yield func(Address) bool) {
		texts, _ := Readings(value)
		for _, text := range texts {
			for i := range len(text) {
				if text[i] != '@' {
					continue
				}
				if a := addressAt(text, i); a.Domain != "" && !yield(a) {
					return
				}
			}
		}
	}
}

// addressAt is what stands around the @ at i. Two words with an @ and white space between them are
// no address, but may be one where the second has a dot.
func addressAt(text string, i int) Address {
	rest := strings.TrimLeft(text[i+1:], " ")
	a := Address{Local: wordBefore(text[:i]), Domain: literalRun(rest)}
	if a.Domain == "" {
		a.Domain = hostName(hostRun(afterComment(rest)))
	}
	if len(rest) < len(text)-i-1 {
		a.Local = ""
	}
	return a
}

// wordBefore is the longest local part (dots and all) at the end of s, without quotation marks
// around it.
func wordBefore(s string) string {
	s = beforeComment(s)
	word := tail(s, inWord)
	if strings.Contains(word, "=?") { // an encoded word that is decoded in another reading
		return ""
	}
	return strings.TrimLeft(word, "'`")
}

// tail is the longest end of s that consists of such characters.
func tail(s string, in func(rune) bool) string {
	return s[len(strings.TrimRightFunc(s, in)):]
}

// maxComment is the longest comment, in octets, that is looked for around an @ within text that may
// be a comment itself.
const maxComment = 256

// beforeComment cuts a comment off the end of s.
// RFC 5322, Section 3.4.1: CFWS can surround the @.
func beforeComment(s string) string {
	depth := 0
	for i := len(s) - 1; i >= max(0, len(s)-maxComment); i-- {
		switch {
		case s[i] == ')':
			depth++
		case depth == 0:
			return s
		case s[i] == '(':
			if depth--; depth == 0 {
				return s[:i]
			}
		}
	}
	return s
}

// afterComment cuts a comment off the start of s.
func afterComment(s string) string {
	depth := 0
	for i := range min(len(s), maxComment) {
		switch {
		case s[i] == '(':
			depth++
		case depth == 0:
			return s
		case s[i] == ')':
			if depth--; depth == 0 {
				return s[i+1:]
			}
		}
	}
	return s
}

// literalRun is the address literal at the start of s (RFC 5321, Section 4.1.3).
func literalRun(s string) string {
	if end := strings.IndexAny(s, " \t<>@]"); end > 0 && s[0] == '[' && s[end] == ']' {
		return strings.ToLower(s[:end+1])
	}
	return ""
}

func inWord(r rune) bool {
	return r == '.' || r == '-' || isHostRune(r) || strings.ContainsRune("!#$%&'*+/=?^_`{|}~", r)
}

func isHostRune(r rune) bool { return unicode.In(r, unicode.Letter, unicode.Digit, unicode.Mark) }

// hostRun is the longest name of a host at the start of s.
func hostRun(s string) string {
	s = strings.TrimLeft(s, "\"'([<!#$&*+/=?^`{|}~")
	end := strings.IndexFunc(s, func(r rune) bool { return !isHostSign(r) })
	if end >= 0 {
		s = s[:end]
	}
	return s
}

// hostName brings a name into the form of [Address] as far as it goes: empty labels and hyphens at
// the ends are left out.
func hostName(s string) string {
	labels := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ' ' })
	name := strings.Trim(strings.Join(labels, "."), "-.")
	if name == "" || !strings.Contains(name, ".") && len(name) > 4*maxLabel {
		return ""
	}
	if d, err := normalDomain(name); err == nil {
		return d
	}
	if !strings.Contains(name, ".") {
		return ""
	}
	return strings.ToLower(name)
}
