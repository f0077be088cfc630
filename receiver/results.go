package receiver

import (
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup"
	"dnseal/smime/message"
)

// resultField is our Authentication-Results field, above all others (RFC 8601, Section 5; RFC 7281
// for the method "smime"): one result per signature.
func resultField(id string, r *Report) message.Change {
	words := []string{id + ";"}
	results := resultsOf(r)
	for i, result := range results {
		if i < len(results)-1 {
			result[len(result)-1] += ";"
		}
		words = append(words, result...)
	}
	return message.Change{Op: message.Insert, Name: message.ResultsField, Value: fold(len(message.ResultsField)+1, words)}
}

// resultsOf returns the words of each result. Where the message as a whole could not be judged no
// signature of it is given a word of its own.
func resultsOf(r *Report) [][]string {
	if len(r.Signatures) == 0 || r.unjudged {
		return [][]string{resultWords(r.Verdict, string(r.Code))}
	}
	var out [][]string
	for _, s := range r.inOrder() {
		out = append(out, r.signatureWords(s))
	}
	return out
}

// inOrder has the signatures with those first that decided, the one that gave the message its
// verdict before all others: there are readers who look at one result only. Then come others of the
// author, and then those of strangers.
func (r *Report) inOrder() []*SignatureReport {
	rank := func(s *SignatureReport) int {
		switch {
		case slices.Contains(r.deciding, s) && s.finding() == (finding{r.Verdict, r.Code, r.Reason}):
			return 0
		case slices.Contains(r.deciding, s):
			return 1
		case s.bound():
			return 2
		}
		return 3
	}
	return slices.SortedStableFunc(slices.Values(r.Signatures), func(a, b *SignatureReport) int { return rank(a) - rank(b) })
}

func resultWords(v Verdict, comment string) []string {
	words := []string{"smime=" + string(v)}
	if comment != "" {
		words = append(words, "("+inComment(comment)+")")
	}
	return words
}

// signatureWords is one result with its properties (RFC 7281, Section 3.2). Nothing in the field of
// a message that does not pass is called a pass: a signature that is right is not acceptable here,
// where another one is wrong.
func (r *Report) signatureWords(s *SignatureReport) []string {
	words := resultWords(s.Verdict, comment(s))
	if s.Verdict == Pass && r.Verdict != Pass {
		words = resultWords(Policy, "with another signature")
	}
	if isIdentifier(s.Identity) {
		words = append(words, "body.smime-identifier="+s.Identity)
	}
	if s.Part != "" {
		words = append(words, "body.smime-part="+pvalue(s.Part))
	}
	if c := s.Certificate; c != nil {
		// RFC 7281, Section 3.2.3: each of the two only with the other.
		words = append(words, "body.smime-serial="+pvalue(c.Serial), "body.smime-issuer="+pvalue(c.Issuer))
	}
	return words
}

// special is what ends a result, a property or a comment, for one reader or another.
const special = `;=()\`

// isIdentifier reports whether an identity can stand in the field as it is: a name that is a token,
// or an address, which is a pvalue also with a quoted local part (RFC 8601, Section 2.2). Others
// are left out rather than made to look like somebody else. So are those with what some readers
// split results at.
func isIdentifier(s string) bool {
	if len(s) > maxIdentifier || reduce(s) != s || strings.ContainsAny(s, special) {
		return false
	}
	a, err := message.ParseAddress(s)
	return isToken(s) || err == nil && a.String() == s
}

// comment says by what the signature passes, or why it does not.
func comment(s *SignatureReport) string {
	var parts []string
	switch {
	case s.Verdict != Pass:
		parts = append(parts, string(s.Code))
	case s.Code == CodePKIX:
		parts = append(parts, "PKIX")
	default:
		parts = append(parts, matchWords(s))
	}
	if s.DNS != nil {
		parts = append(parts, "DNSSEC "+s.DNS.Status)
	}
	if s.Lookup != nil && s.Lookup.Believed {
		parts = append(parts, "by the resolver") // mode ad-only: nothing was validated here
	}
	if s.Binding == bindingRule {
		parts = append(parts, "by rule")
	}
	if s.Verdict == Pass && !s.NameBound {
		parts = append(parts, nameNotBound)
	}
	parts = append(parts, "header "+s.header())
	return strings.Join(parts, ", ")
}

// matchWords names the record that matched, e.g. "DANE-EE 3 1 1" (RFC 7218).
func matchWords(s *SignatureReport) string {
	usages := map[uint8]string{lookup.PKIXTA: "PKIX-TA", lookup.PKIXEE: "PKIX-EE", lookup.DANETA: "DANE-TA", lookup.DANEEE: "DANE-EE"}
	if s.DNS != nil {
		for _, r := range s.DNS.Records {
			if r.Result == "match" {
				return fmt.Sprintf("%s %d %d %d", usages[r.Usage], r.Usage, r.Selector, r.Matching)
			}
		}
	}
	return "DANE"
}

// maxIdentifier is as long as an address can be that we take; no line of a field may pass 998
// octets (RFC 5322, Section 2.1.1).
const maxIdentifier = 512

// maxValue is the longest value of a property; certificates of strangers hold what they like.
const maxValue = 200

// harmless writes what readers find results by in another way: a certificate holds what its maker
// likes. Not every reader knows that nothing in a quoted-string counts.
var harmless = strings.NewReplacer(";", ",", "=", ":", "(", "[", ")", "]", `\`, "/", `"`, "'")

// pvalue writes a value as token or quoted-string, reduced to printable ASCII (RFC 8601, Section
// 2.2).
func pvalue(s string) string {
	s = shorten(harmless.Replace(reduce(s)))
	if isToken(s) {
		return s
	}
	return `"` + s + `"`
}

// inComment writes a text so that nothing in it ends the comment or the result.
func inComment(s string) string { return shorten(harmless.Replace(reduce(s))) }

func shorten(s string) string {
	if len(s) > maxValue {
		return s[:maxValue-3] + "..."
	}
	return s
}

// reduce replaces everything that is not printable ASCII by a question mark.
func reduce(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// fold joins words by spaces, with a line end before each that would pass column 76; col is where
// the first line begins.
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

// isToken: RFC 2045, Section 5.1.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?=`, r)
	})
}
