// Package authres writes the Authentication-Results field of a verifier, so that no reader finds
// another result in it than those that are meant. Start at [Field].
// The words of a result are chosen in package receiver (results.go).
//
// Standards: RFC 8601 (the field; the method "dkim", with RFC 6008), RFC 7281 (the method "smime"
// and its properties).
//
// # Limitations
//
// It only writes. [message.ForgedResults] removes the fields that claim to be by this verifier: the
// caller must do that before it adds one (RFC 8601, Section 5).
package authres

import (
	"cmp"
	"strings"

	"dnseal/smime/message"
)

// Methods (RFC 8601, Section 2.7).
const (
	SMIME = "smime" // RFC 7281
	DKIM  = "dkim"
)

// Result is one result. An empty field of it is left out.
type Result struct {
	Method  string // empty: SMIME
	Verdict string // a result word of RFC 8601, Section 2.7; required
	Comment string // for people, and of any characters
	// Identifier, Part, Serial (hexadecimal) and Issuer are properties: RFC 7281, Section 3.2. An
	// Identifier that cannot be written unchanged is left out. Serial and Issuer come together.
	Identifier, Part, Serial, Issuer string
	// Domain, Selector and Signature (the start of it) are properties of DKIM: RFC 8601, Section
	// 2.7.1, and RFC 6008. One that cannot be written unchanged is left out.
	Domain, Selector, Signature string
}

// Field returns the change that puts the field above all others (RFC 8601, Section 5), with its
// results in this order. id is the authserv-id, as [message.IsAuthservID] accepts it.
func Field(id string, results ...Result) message.Change {
	words := []string{id + ";"}
	for i, r := range results {
		words = append(words, r.words()...)
		if i < len(results)-1 {
			words[len(words)-1] += ";"
		}
	}
	return message.Change{Op: message.Insert, Name: message.ResultsField, Value: fold(len(message.ResultsField)+1, words)}
}

func (r Result) words() []string {
	words := []string{cmp.Or(r.Method, SMIME) + "=" + r.Verdict}
	if r.Comment != "" {
		words = append(words, "("+inComment(r.Comment)+")")
	}
	if isIdentifier(r.Identifier) {
		words = append(words, "body.smime-identifier="+r.Identifier)
	}
	if r.Part != "" {
		words = append(words, "body.smime-part="+pvalue(r.Part))
	}
	// RFC 7281, Section 3.2.3: each of the two only with the other.
	if r.Serial != "" || r.Issuer != "" {
		words = append(words, "body.smime-serial="+pvalue(r.Serial), "body.smime-issuer="+pvalue(r.Issuer))
	}
	return append(words, r.dkimWords()...)
}

func (r Result) dkimWords() []string {
	var words []string
	if isName(r.Domain) {
		words = append(words, "header.d="+r.Domain)
	}
	if isName(r.Selector) {
		words = append(words, "header.s="+r.Selector)
	}
	// It is base64, in which a slash has to be quoted.
	if isName(strings.ReplaceAll(r.Signature, "/", "x")) {
		words = append(words, "header.b="+quoted(r.Signature))
	}
	return words
}

// isName reports whether a name can be written unchanged.
func isName(s string) bool { return len(s) <= maxIdentifier && isToken(s) }

// quoted writes what holds no quotation mark as a token or a quoted-string.
func quoted(s string) string {
	if isToken(s) {
		return s
	}
	return `"` + s + `"`
}

// special is what ends a result, a property or a comment, for one reader or another.
const special = `;=()\`

// isIdentifier reports whether an identity can be written in the field unchanged: a name that is a
// token, or an address, which is a pvalue also with a quoted local part (RFC 8601, Section 2.2).
// Others are left out, because a changed identity could be that of another; so are those with a
// character at which some readers split results.
func isIdentifier(s string) bool {
	if len(s) > maxIdentifier || reduce(s) != s || strings.ContainsAny(s, special) {
		return false
	}
	a, err := message.ParseAddress(s)
	return isToken(s) || err == nil && a.String() == s
}

// maxIdentifier is the length of the longest address; no line of a field may pass 998 octets.
// RFC 5322, Section 2.1.1.
const maxIdentifier = 512

// maxValue is the longest value of a property: a certificate can hold any text.
const maxValue = 200

// harmless replaces what readers split results at: a certificate can hold any text, and not every
// reader knows that a quoted-string is one value.
var harmless = strings.NewReplacer(";", ",", "=", ":", "(", "[", ")", "]", `\`, "/", `"`, "'")

// pvalue writes a value as token or quoted-string, reduced to printable ASCII.
// RFC 8601, Section 2.2.
func pvalue(s string) string {
	if s = inComment(s); isToken(s) {
		return s
	}
	return `"` + s + `"`
}

// inComment writes a text so that nothing in it ends the comment or the result.
func inComment(s string) string { return Shorten(harmless.Replace(reduce(s))) }

// Shorten cuts a text of a stranger to the length of a property.
func Shorten(s string) string {
	if len(s) > maxValue {
		return s[:maxValue-3] + "..."
	}
	return s
}

// reduce replaces everything that is not printable ASCII with a question mark.
func reduce(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// fold joins words with spaces, and ends the line before each word that would pass column 76; col
// is where the first line begins. RFC 5322, Section 2.2.3.
func fold(col int, words []string) string {
	const width = 76
	var b strings.Builder
	for i, w := range words {
		if i > 0 && col+1+len(w) > width {
			b.WriteString("\r\n")
			col = 0
		}
		b.WriteString(" " + w)
		col += 1 + len(w)
	}
	return b.String()
}

// isToken reports whether s is a token.
// RFC 2045, Section 5.1.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?=`, r)
	})
}
