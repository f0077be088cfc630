package submit

import (
	"fmt"
	"strings"

	"dnseal/smime/message"
)

// recipients reads a list of addresses; those without a domain are for Admin, where that is set and
// asked for, and else completed.
func (def Defaults) recipients(value string, toAdmin bool) ([]string, error) {
	const local = "without-domain.invalid"
	admin := toAdmin && def.Admin != ""
	domain := def.Domain
	if admin {
		domain = local
	}
	as, err := message.ParseAddressList(completed(value, domain))
	if err != nil {
		if domain == "" && completed(value, local) != value {
			return nil, fmt.Errorf("%q has no domain; domain = \"…\" in the configuration completes it", strings.TrimSpace(value))
		}
		return nil, err
	}
	out := make([]string, len(as))
	for i, a := range as {
		out[i] = a.String()
		if admin && a.Domain == local {
			out[i] = def.Admin
		}
	}
	return out, nil
}

// completed puts the domain behind each address of a list that has none: root, root (Cron Daemon),
// Root <root>. Everything else stays as it is; so does all where domain is empty.
func completed(value, domain string) string {
	if domain == "" {
		return value
	}
	var out strings.Builder
	for rest := value; rest != ""; {
		end, local := element(rest)
		if local > 0 {
			out.WriteString(rest[:local] + "@" + domain + rest[local:end])
		} else {
			out.WriteString(rest[:end])
		}
		rest = rest[end:]
	}
	return out.String()
}

// element is the length of the first address of a list, with the comma behind it, and where its
// local part ends when it has no domain; 0: it has one, or is no address. It knows quoted strings
// and comments (RFC 5322, Sections 3.2.2 and 3.2.4).
func element(s string) (end, local int) {
	words, depth, angle, quoted, at := 0, 0, -1, false, false
	last, group := 0, false // the end of the last word outside of comments
	inWord := false
	i := 0
scan:
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && (quoted || depth > 0):
			i++
		case quoted:
			quoted = c != '"'
		case c == '(':
			depth++
			inWord = false
		case depth > 0:
			if c == ')' {
				depth--
			}
		case c == '"':
			quoted = true
			words++
		case c == ',', c == ';':
			break scan
		case c == ':':
			group = true
		case c == '@':
			at = true
		case c == '<':
			angle, inWord = i, false
		case c == '>' && angle >= 0:
			if w := strings.TrimSpace(s[angle+1 : i]); w != "" && !at && isLocal(w) {
				local = angle + 1 + strings.Index(s[angle+1:], w) + len(w)
			}
		case c == ' ', c == '\t', c == '\r', c == '\n':
			inWord = false
		default:
			if !inWord {
				words++
			}
			inWord, last = true, i+1
		}
	}
	end = min(i+1, len(s))
	if angle < 0 && !at && !group && words == 1 && last > 0 && isLocal(strings.TrimSpace(wordAt(s, last))) {
		local = last
	}
	if at || quoted || depth > 0 {
		local = 0
	}
	return end, local
}

// wordAt is the word of s that ends there.
func wordAt(s string, end int) string {
	start := strings.LastIndexAny(s[:end], " \t\r\n,;:()<>\"") + 1
	return s[start:end]
}

// isLocal: a dot-atom (RFC 5322, Section 3.2.3), which is what programs write without a domain.
func isLocal(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`()<>[]:;@\,"`, r) })
}
