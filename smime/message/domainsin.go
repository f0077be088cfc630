package message

import "strings"

// DomainsIn returns the domains that some reader may take an author from in the value of a From
// field, be it well-formed or not, without repetitions: those of [AddressesIn], also where white
// space stands around their dots, the address literals, and those of routes (RFC 5322, Section 4.4;
// user%domain and domain!user). complete is false for a value of more than 16 KiB, which is not
// looked at: any domain may be in it.
func DomainsIn(value string) (domains []string, complete bool) {
	if len(value) > maxReading {
		return nil, false
	}
	texts, _ := Readings(value)
	seen := map[string]bool{}
	for _, text := range texts {
		for i := range len(text) {
			for _, d := range domainsAt(text, i) {
				if d != "" && !seen[d] {
					seen[d] = true
					domains = append(domains, d)
				}
			}
		}
	}
	return domains, true
}

// domainsAt are the domains that the character at i, an @ or the sign of a route, may introduce.
func domainsAt(text string, i int) []string {
	switch text[i] {
	case '!':
		return []string{hostName(tail(text[:i], isHostSign))}
	case '%':
		return []string{hostName(hostRun(text[i+1:]))}
	case '@':
		rest := strings.TrimLeft(text[i+1:], " ")
		atom := atomRun(rest)
		return []string{hostName(hostRun(rest)), hostName(spacedRun(rest)), hostName(atom), atom}
	}
	return nil
}

func isHostSign(r rune) bool { return r == '.' || r == '-' || r == '_' || isHostRune(r) }

// spacedRun is the name of a host at the start of s with white space around its dots (RFC 5322,
// Section 4.4).
func spacedRun(s string) string {
	var name strings.Builder
	for dot := true; ; {
		word := hostRun(s)
		if word == "" || !dot && word[0] != '.' {
			return name.String()
		}
		name.WriteString(word)
		s = strings.TrimLeft(s[strings.Index(s, word)+len(word):], " ")
		dot = word[len(word)-1] == '.'
	}
}

// atomRun is what a parser that takes any atom for a domain finds at the start of s (RFC 5322,
// Section 3.4.1), or an address literal.
func atomRun(s string) string {
	if literal := literalRun(s); literal != "" {
		return literal
	}
	if end := strings.IndexAny(s, " \t()<>[]:;@\\,\""); end >= 0 {
		s = s[:end]
	}
	return strings.ToLower(s)
}
