package certificate

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxHostname is as long as a name can be (RFC 1035, Section 3.1), in octets. Conversion takes time
// with the square of it.
const maxHostname = 255

// hostname brings a host name into the form in which it is compared: lower-case A-labels (RFC 5890,
// Section 2.3.2.1; RFC 9598, Section 5). ok is false for what is no host name. A first label "*"
// stays.
func hostname(s string) (string, bool) {
	if len(s) > maxHostname {
		return "", false
	}
	out := strings.ToLower(s)
	if !isASCII(s) || strings.Contains(out, "xn--") {
		// RFC 5891, Section 5.
		a, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", false
		}
		out = a
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(out, "*."), ".") {
		// RFC 1035, Section 2.3.4: labels of 1 to 63 octets.
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInLabel) {
			return "", false
		}
	}
	return out, true
}

// notInLabel allows the underscore, which names of services have (RFC 8552, Section 1).
func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// inDomain reports whether a name in the form of hostname is the base or below it. With a
// leading dot the base itself is excluded.
func inDomain(name, base string) bool {
	if strings.HasPrefix(base, ".") {
		return strings.HasSuffix(name, base)
	}
	return name == base || strings.HasSuffix(name, "."+base)
}

// base reads the host or domain of a constraint: ".example.org" keeps its dot.
func base(s string) (string, bool) {
	rest, dotted := strings.CutPrefix(s, ".")
	h, ok := hostname(rest)
	if dotted {
		h = "." + h
	}
	return h, ok && !strings.HasPrefix(rest, "*")
}
