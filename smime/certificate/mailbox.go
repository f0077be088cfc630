package certificate

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mailbox is an address taken apart for comparison: local part unquoted, domain in the form of
// hostname.
type mailbox struct{ local, domain string }

// parseMailbox reads Mailbox of RFC 5321, Section 4.1.2, with the UTF-8 of RFC 6531, strictly: a
// dot-string or a quoted-string, "@", a domain or an address literal. An address in
// another form cannot be compared.
func parseMailbox(s string) (mailbox, bool) {
	local, rest, ok := cutLocal(s)
	if !ok {
		return mailbox{}, false
	}
	// RFC 5321, Section 4.1.3: an address literal.
	if strings.HasPrefix(rest, "[") {
		return mailbox{local, strings.ToLower(rest)}, strings.IndexByte(rest, ']') == len(rest)-1
	}
	domain, ok := hostname(rest)
	return mailbox{local, domain}, ok && !strings.HasPrefix(domain, "*")
}

// cutLocal splits at the "@" after the local part.
func cutLocal(s string) (local, domain string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		return cutQuoted(s[1:])
	}
	local, domain, ok = strings.Cut(s, "@")
	if !ok {
		return "", "", false
	}
	// RFC 5321, Section 4.1.2: Dot-string; RFC 6531, Section 3.3: with UTF-8.
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, notInAtom) {
			return "", "", false
		}
	}
	return local, domain, true
}

// cutQuoted reads the rest of a quoted-string, and returns the text after it.
func cutQuoted(s string) (local, domain string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '"' {
			domain, ok = strings.CutPrefix(s[i+1:], "@")
			return b.String(), domain, ok && b.Len() > 0
		}
		// RFC 5321, Section 4.1.2: quoted-pairSMTP.
		if s[i] == '\\' {
			i++
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 || unicode.IsControl(r) {
			return "", "", false
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return "", "", false
}

func notInAtom(r rune) bool {
	return r <= ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || strings.ContainsRune(`()<>[]:;@\,."`, r)
}

// mailWithin compares an address with an rfc822Name constraint (RFC 5280, Section 4.2.1.10): a
// mailbox, a host, or with a leading dot a domain. excluding says that a doubt is a match.
func mailWithin(name, constraint string, excluding bool) (bool, error) {
	m, ok := parseMailbox(name)
	switch {
	case constraint == "":
		// RFC 5280, Section 4.2.1.10, has no such constraint. Readers disagree on whether this is
		// every address or none.
		return excluding, nil
	case !ok:
		return false, errUnreadableName
	}
	// RFC 5280, Section 4.2.1.10: a host, or with a leading dot all mailboxes in a domain.
	if !strings.Contains(constraint, "@") {
		b, readable := base(constraint)
		if !readable {
			return false, errUnreadableConstraint
		}
		return m.domain == b || strings.HasPrefix(b, ".") && strings.HasSuffix(m.domain, b), nil
	}
	b, ok := parseMailbox(constraint)
	if !ok {
		return false, errUnreadableConstraint
	}
	// RFC 9598, Section 6: a constraint has no way to name another local part than an ASCII
	// one.
	doubt := excluding && !isASCII(m.local)
	return m.domain == b.domain && (m.local == b.local || doubt), nil
}
