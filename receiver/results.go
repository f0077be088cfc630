package receiver

import (
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/receiver/internal/authres"
	"dnseal/smime/message"
)

// resultField is our Authentication-Results field: one result per signature (RFC 8601, Section 2.2,
// allows any number), those of DKIM last. Where the message as a whole could not be judged, no
// signature of it has a result of its own.
func resultField(id string, r *Report) message.Change {
	if len(r.Signatures) == 0 || r.unjudged {
		whole := authres.Result{Verdict: string(r.Verdict), Comment: withOpened(string(r.Code), r)}
		return authres.Field(id, append([]authres.Result{whole}, r.dkimResults()...)...)
	}
	var results []authres.Result
	for _, s := range r.inOrder() {
		results = append(results, r.resultOf(s))
	}
	return authres.Field(id, append(results, r.dkimResults()...)...)
}

// dkimResults are the results of DKIM, which stand behind those of S/MIME.
// RFC 8601, Section 2.7.1: the properties.
func (r *Report) dkimResults() []authres.Result {
	var out []authres.Result
	for _, d := range r.DKIM {
		out = append(out, authres.Result{
			Method: authres.DKIM, Verdict: string(d.Result), Comment: d.comment(),
			Domain: d.Domain, Selector: d.Selector, Signature: d.Signature,
		})
	}
	return out
}

// comment is why a signature does not pass, and the state of its key in the DNS.
func (d *DKIM) comment() string {
	var parts []string
	if d.Code != "" {
		parts = append(parts, d.Code)
	}
	if d.DNS != "" {
		parts = append(parts, "DNSSEC "+d.DNS)
	}
	if d.Testing {
		parts = append(parts, "test mode")
	}
	return strings.Join(parts, ", ")
}

// withOpened adds to a comment how the message was decrypted here.
func withOpened(comment string, r *Report) string {
	for _, e := range r.Encryption {
		if e.Error != "" {
			continue
		}
		text := "decrypted " + e.Algorithm
		if !e.Authenticated {
			text += " without authentication"
		}
		comment = strings.TrimPrefix(comment+", "+text, ", ")
	}
	return comment
}

// Decisive returns the signature that gave the message its verdict; nil where none did: the message
// has none, or was not judged as a whole.
func (r *Report) Decisive() *SignatureReport {
	if len(r.Signatures) == 0 || r.unjudged {
		return nil
	}
	return r.inOrder()[0]
}

// inOrder returns the signatures in the order of their results: first the one that gave the message
// its verdict, because some readers look at one result only, then the others that decided, then
// others of the author, then those of strangers.
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

// resultOf is the result of one signature. In a message that does not pass no result is a pass: a
// signature that holds does not make the message acceptable where another one is wrong.
// RFC 7281, Section 3.2: the properties.
func (r *Report) resultOf(s *SignatureReport) authres.Result {
	out := authres.Result{Verdict: string(s.Verdict), Comment: withOpened(comment(s), r), Identifier: s.Identity, Part: s.Part}
	if s.Verdict == Pass && r.Verdict != Pass {
		out.Verdict, out.Comment = string(Policy), "with another signature"
	}
	if c := s.Certificate; c != nil {
		out.Serial, out.Issuer = c.Serial, c.Issuer
	}
	return out
}

// comment says what makes the signature pass, or why it does not.
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
	if s.Binding == BindingRule {
		parts = append(parts, "by rule")
	}
	if s.Verdict == Pass && !s.NameBound {
		parts = append(parts, nameNotBound)
	}
	switch {
	case s.Verdict == Pass && s.Code == CodePQMissing:
		parts = append(parts, string(CodePQMissing))
	case s.Verdict == Pass && s.PostQuantum != nil && s.PostQuantum.Verdict == Pass:
		parts = append(parts, "with "+s.PostQuantum.Algorithm)
	}
	parts = append(parts, "header "+string(s.header()))
	return strings.Join(parts, ", ")
}

// matchWords names the record that matched, e.g. "DANE-EE 3 1 1" (RFC 7218).
func matchWords(s *SignatureReport) string {
	usages := map[uint8]string{dane.PKIXTA: "PKIX-TA", dane.PKIXEE: "PKIX-EE", dane.DANETA: "DANE-TA", dane.DANEEE: "DANE-EE"}
	if s.DNS != nil {
		for _, r := range s.DNS.Records {
			if r.Result == "match" {
				return fmt.Sprintf("%s %d %d %d", usages[r.Usage], r.Usage, r.Selector, r.Matching)
			}
		}
	}
	return "DANE"
}
