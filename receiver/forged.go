package receiver

import (
	"errors"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// resultsName is the field's name (RFC 8601, Section 2.2).
const resultsName = "Authentication-Results"

// forgedResults returns the changes that remove every Authentication-Results field that claims to be by our
// authserv-id (RFC 8601, Section 5), from the highest index down. Fields of other names are kept as they are, unless
// one stands behind a CR in them, which some take for a line end.
func forgedResults(m *message.Message, id string) []message.Change {
	var out []message.Change
	index := map[string]int{}
	for _, f := range m.Header() {
		name := strings.ToLower(f.Name())
		index[name]++
		if f.Is(resultsName) && claimsOur(f.Value(), id) || name != "" && hidesResults(f.Value(), id) {
			out = append(out, message.Change{Op: message.Delete, Name: f.Name(), Index: index[name]})
		}
	}
	slices.Reverse(out)
	return out
}

// maxHidden is as far as the authserv-id of a field is looked for.
const maxHidden = 1 << 10

// hidesResults reports whether a field of our name stands inside the value of another, behind a CR alone.
func hidesResults(value, id string) bool {
	for {
		_, behind, found := strings.Cut(value, "\r")
		if !found {
			return false
		}
		value = behind
		line := strings.ToLower(stripped(behind[:min(len(behind), maxHidden)]))
		if !strings.HasPrefix(behind, "\n") && strings.HasPrefix(line, strings.ToLower(resultsName)+":") && strings.Contains(line, strings.ToLower(id)) {
			return true
		}
	}
}

// claimsOur reports whether a reader could take the field for one of ours. Where the authserv-id cannot be read, or is
// a quoted one that no host has, the field goes if our name stands anywhere in it, also with comments between its labels:
// readers differ in what they leave out of such a field.
func claimsOur(value, id string) bool {
	ours := strings.ToLower(strings.TrimSuffix(id, "."))
	found, err := authservID(value)
	// A quoted name may have white space at its ends, which readers trim.
	if found = strings.TrimSpace(found); err == nil && isToken(found) {
		return strings.TrimSuffix(strings.ToLower(found), ".") == ours
	}
	bare := strings.ToLower(stripped(value))
	return strings.Contains(bare, ours) || strings.Contains(withoutComments(bare), ours)
}

// stripped is the value without what readers leave out differently: white space, quotes, backslashes, control characters.
func stripped(value string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '"' || r == '\\' || r == 0x7f {
			return -1
		}
		return r
	}, value)
}

// withoutComments is a stripped value without its comments.
func withoutComments(value string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			return r
		}
		return -1
	}, value)
}

var errNoID = errors.New("receiver: no authserv-id")

// authservID reads the first word of an Authentication-Results field.
//
//	authres-payload = [CFWS] authserv-id [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS]
//
// RFC 8601, Section 2.2. The id is a token or a quoted-string (RFC 2045, Section 5.1).
func authservID(value string) (string, error) {
	rest, err := skipCFWS(value)
	if err != nil || rest == "" {
		return "", errNoID
	}
	var id string
	if rest[0] == '"' {
		id, rest, err = quotedString(rest)
	} else {
		n := 0
		for n < len(rest) && isTokenByte(rest[n]) {
			n++
		}
		id, rest = rest[:n], rest[n:]
	}
	if err != nil || id == "" {
		return "", errNoID
	}
	if rest, err = skipCFWS(rest); err != nil {
		return "", errNoID
	}
	rest = strings.TrimLeft(rest, "0123456789") // authres-version
	if rest, err = skipCFWS(rest); err != nil || rest != "" && rest[0] != ';' {
		return "", errNoID
	}
	return id, nil
}

// skipCFWS skips white space, line ends and comments (RFC 5322, Section 3.2.2).
func skipCFWS(s string) (string, error) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && depth > 0:
			i++
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return s[i:], nil
		}
	}
	if depth > 0 {
		return "", errNoID
	}
	return "", nil
}

// quotedString reads one at the start of s.
func quotedString(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '\r' || c == '\n':
			// Line ends of folding are not part of the value.
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errNoID
}

// isTokenByte: RFC 2045, Section 5.1.
func isTokenByte(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`()<>@,;:\"/[]?=`, rune(c))
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isAuthservID accepts names as hosts have them, so that nothing in them needs quoting.
func isAuthservID(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
	})
}
