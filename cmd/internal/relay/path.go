package relay

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// param is one ESMTP parameter (RFC 5321, Section 4.1.2), its keyword in upper case.
type param struct {
	key, value string
}

// String is the parameter as it goes on.
func (p param) String() string {
	if p.value == "" {
		return p.key
	}
	return p.key + "=" + p.value
}

// maxPath is the longest path accepted. RFC 5321, Section 4.5.3.1.3, demands 256 octets, and
// Sections 4.5.3.1.1 and 4.5.3.1.2 a local part of 64 and a domain of 255.
const maxPath = 322

// parsePath reads what follows "FROM:" or "TO:": a path in angle brackets and
// parameters. A source route is dropped. What it returns does not hold s,
// which may be long.
func parsePath(s string) (path string, params []param, ok bool) {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, "<") || !utf8.ValidString(s) {
		return "", nil, false
	}
	end := closingBracket(s)
	if end < 0 {
		return "", nil, false
	}
	path, rest := s[1:end], s[end+1:]
	if rest != "" && rest[0] != ' ' {
		return "", nil, false
	}
	// RFC 5321, Section 4.1.2: a source route is accepted and ignored.
	if strings.HasPrefix(path, "@") {
		_, path, ok = strings.Cut(path, ":")
		if !ok {
			return "", nil, false
		}
	}
	params, ok = parseParams(rest)
	return strings.Clone(path), params, ok && validPath(path)
}

// parseUnbracketed reads a path that stands without its angle brackets, as some devices write it,
// and parameters. It is not the empty path, and holds no quoted string: where it ends would be
// anybody's guess.
func parseUnbracketed(s string) (path string, params []param, ok bool) {
	path, rest, _ := strings.Cut(s, " ")
	if path == "" || !utf8.ValidString(s) || strings.ContainsAny(path, `"<>`) {
		return "", nil, false
	}
	params, ok = parseParams(rest)
	return strings.Clone(path), params, ok && validPath(path)
}

// closingBracket finds the ">" that ends the path, past quoted strings (RFC 5321, 4.1.2).
func closingBracket(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == '>':
			return i
		}
	}
	return -1
}

// validPath checks the shape of a mailbox: it goes to the next hop as it
// stands, so it must hold nothing that could be read as anything else.
func validPath(p string) bool {
	if p == "" {
		return true
	}
	if len(p) > maxPath || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	at := strings.LastIndexByte(p, '@')
	local, domain := p, ""
	if at >= 0 {
		local, domain = p[:at], p[at+1:]
	} else if !strings.EqualFold(p, "postmaster") {
		// RFC 5321, Section 4.5.1: only Postmaster goes without a domain.
		return false
	}
	return validLocal(local) && (at < 0 || validDomain(domain))
}

func validLocal(l string) bool {
	// RFC 5321, Section 4.1.2: a quoted string, or a dot-string.
	if strings.HasPrefix(l, `"`) {
		return len(l) >= 2 && closesQuote(l)
	}
	return l != "" && !strings.ContainsAny(l, " \t()<>[]:;@\\,\"")
}

// closesQuote reports whether the quoted string that l begins with ends exactly at its end.
func closesQuote(l string) bool {
	for i := 1; i < len(l); i++ {
		switch l[i] {
		// RFC 5321, Section 4.1.2: a quoted pair.
		case '\\':
			i++
		case '"':
			return i == len(l)-1
		}
	}
	return false
}

func validDomain(d string) bool {
	// RFC 5321, Section 4.1.3: an address literal.
	if strings.HasPrefix(d, "[") {
		return strings.HasSuffix(d, "]") && !strings.ContainsAny(d[1:len(d)-1], "[]\\ <>")
	}
	return d != "" && len(d) <= 255 && !strings.ContainsAny(d, " \t()<>[]:;@\\,\"")
}

func parseParams(s string) ([]param, bool) {
	var params []param
	for word := range strings.FieldsSeq(s) {
		key, value, hasValue := strings.Cut(word, "=")
		// RFC 5321, Section 4.1.2: a keyword, and a value that is not empty.
		if key == "" || (hasValue && value == "") || strings.ContainsFunc(word, func(r rune) bool { return r < '!' || r == 0x7f }) {
			return nil, false
		}
		// One that stands there twice says two things: which of them holds is anybody's guess.
		key = strings.ToUpper(key)
		if slices.ContainsFunc(params, func(p param) bool { return p.key == key }) {
			return nil, false
		}
		params = append(params, param{key: strings.Clone(key), value: strings.Clone(value)})
	}
	return params, true
}
