package receiver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime"
)

// signature writes one signature, its answers in the order of the questions. It does not repeat
// what the lines about the message say.
func (t *textWriter) signature(s *SignatureReport, r *Report) {
	why := because(s.Code, s.Reason)
	if s.Code == r.Code && s.Reason == r.Reason {
		why = ""
	}
	t.line("Signature", fmt.Sprintf("in part %s, over %s: %s%s", s.Part, coverage(s.Covers), s.Verdict, why))
	t.indent = "  "
	defer func() { t.indent = "" }()
	t.line("integrity", s.integrityText())
	if s != r.Decisive() {
		t.line("identity", s.identityText())
	}
	t.dns(s.DNS)
	if s.Lookup != nil {
		t.line("trust", s.trust())
	}
	t.line("binding", s.bindingText())
	t.line("freshness", s.freshnessText())
	t.line("header", s.protectionText())
	if b := s.PostQuantum; b != nil {
		t.line("beside", fmt.Sprintf("%s, by %s: %s%s", b.integrityText(), cmp.Or(b.Identity, "nobody"), b.Verdict, because(b.Code, b.Reason)))
	}
}

func (s *SignatureReport) integrityText() string {
	if s.Algorithm == "" {
		return string(s.Integrity) // nothing was there to be read
	}
	text := string(s.Integrity) + ": " + s.Algorithm
	if s.SigningTime != nil {
		text += "; signed " + stamp(*s.SigningTime) + " (claimed)"
	}
	return text
}

// nameNotBound is the note on a name that nothing binds to the signature.
const nameNotBound = "name not bound"

func (s *SignatureReport) identityText() string {
	switch {
	case s.Identity == "":
		return "none is stated"
	case s.Integrity != Good:
		return s.Identity + " is claimed"
	case !s.NameBound:
		return s.Identity + s.statedBy() + "; " + nameNotBound + ": nothing that was signed holds it"
	}
	return s.Identity + " (name bound)" + s.statedBy()
}

// statedBy is the source of the identity.
func (s *SignatureReport) statedBy() string {
	switch {
	case s.Certificate == nil:
		return ", by From; the message holds no certificate"
	case s.Certificate.Issuer == s.Certificate.Subject:
		return ", by a self-issued certificate"
	}
	return fmt.Sprintf(", by a certificate that %s issued", s.Certificate.Issuer)
}

func (t *textWriter) dns(d *DNSReport) {
	if d == nil {
		t.line("DNS", "no lookup was made")
		return
	}
	text := fmt.Sprintf("%s, %s: %s %s", d.Status, d.Presence, d.Type, shortOwners(d.Name))
	if d.TTL > 0 {
		text += fmt.Sprintf(", TTL %d", d.TTL)
	}
	switch d.Source {
	case SourceEvidence:
		text += ", by what was kept then"
	case SourceStaple:
		text += ", by what the signer sent"
	}
	t.line("DNS", text)
	t.records(d.Records)
	for _, w := range d.Warnings {
		t.line("", "warning: "+w)
	}
}

// records writes how the first few records matched.
func (t *textWriter) records(records []RecordReport) {
	const most = 4
	for i, r := range records {
		if i == most && len(records) > most+1 {
			t.line("", fmt.Sprintf("%d more", len(records)-most))
			return
		}
		t.line("", fmt.Sprintf("%d %d %d  %s", r.Usage, r.Selector, r.Matching, r.Result))
	}
}

func (s *SignatureReport) bindingText() string {
	signer := "the signer"
	if s.Integrity != Good {
		signer = "the one claimed"
	}
	switch s.Binding {
	case BindingFrom:
		return signer + " is the author in From"
	case BindingRule:
		return "a rule here lets " + signer + " use this From"
	case BindingNone:
	}
	return "none: " + signer + " does not speak for From"
}

func (s *SignatureReport) freshnessText() string {
	switch {
	case s.Certificate == nil:
		return string(s.Freshness)
	case s.Certificate.NotAfter.IsZero():
		return string(s.Freshness) + "; certificate with dates that cannot be read"
	}
	return fmt.Sprintf("%s; certificate from %s to %s", s.Freshness, day(s.Certificate.NotBefore), day(s.Certificate.NotAfter))
}

func (s *SignatureReport) protectionText() string {
	if s.Integrity != Good {
		return "nothing is proven about it"
	}
	text := map[smime.HeaderProtection]string{
		smime.ProtectionNone: "not protected", smime.ProtectionLegacy: "protected in an older form",
		smime.ProtectionClear: "protected", smime.ProtectionCipher: "protected and encrypted",
	}[s.HeaderProtection]
	if len(s.Differences) > 0 {
		text += "; changed since: " + strings.Join(s.Differences, ", ")
	}
	return text
}

// Between the steps of a chain of trust: it holds, or it breaks.
const (
	holds  = " -> "
	breaks = " -x-> "
)

// trust is how trust runs from the anchor of the DNS to the signature, and where it breaks.
func (s *SignatureReport) trust() string {
	path, whole := zones(s.Lookup)
	if whole && s.Lookup.Presence == dane.Absent {
		path, whole = path+breaks+"no "+s.DNS.Type+" record (proven)", false
	}
	switch {
	case !whole && s.Code == CodePKIX && s.Verdict == Pass:
		return path + "; configured root" + holds + "certificate" + holds + "signature"
	case !whole:
		return path
	}
	i := slices.IndexFunc(s.DNS.Records, func(r RecordReport) bool { return r.Result == "match" })
	if i < 0 {
		return path + holds + s.DNS.Type + breaks + "key: no record matches it"
	}
	r := s.DNS.Records[i]
	path += fmt.Sprintf("%s%s %d %d %d%s", holds, s.DNS.Type, r.Usage, r.Selector, r.Matching, holds)
	switch {
	case r.Usage == dane.DANETA || r.Usage == dane.PKIXTA:
		path += "CA" + holds + "certificate"
	case r.Selector == dane.FullCertificate:
		path += "certificate"
	default:
		path += "key"
	}
	if s.Integrity != Good {
		return path + breaks + "signature"
	}
	return path + holds + "signature"
}

// zones is the path down to the records; whole is false where it breaks before them.
func zones(res *lookup.Result) (path string, whole bool) {
	if res.Believed {
		return "the resolver's word", res.Status == dnssec.Secure
	}
	var steps []string
	if res.Answer != nil {
		for _, l := range res.Answer.Links {
			if l.Status != dnssec.Secure {
				return chained(steps) + breaks + l.Zone + " (" + broken(l.Status, res.Code) + ")", false
			}
			if len(l.Keys) > 0 { // else it is proven to be no zone
				steps = append(steps, zoneName(l.Zone, len(steps) == 0))
			}
		}
		for _, a := range res.Answer.Aliases[:min(len(res.Answer.Aliases), 1)] {
			steps = append(steps, "alias to "+shortOwners(a))
		}
	}
	if res.Status != dnssec.Secure {
		return chained(steps) + breaks + res.Type.String() + " (" + broken(res.Status, res.Code) + ")", false
	}
	return chained(steps), true
}

// zoneName is a zone as a step: the first is that of the trust anchor.
func zoneName(zone string, first bool) string {
	switch {
	case zone == ".":
		return "root"
	case first:
		return "anchor of " + zone
	}
	return zone
}

// broken says why a step does not hold.
func broken(status dnssec.Status, code dnssec.Code) string {
	if status == dnssec.Insecure {
		return "not signed"
	}
	if code == "" {
		return status.String()
	}
	return status.String() + ": " + string(code)
}

// chained joins the steps, of many the first and the last ones.
func chained(steps []string) string {
	const most, ends = 8, 3
	if len(steps) > most {
		middle := fmt.Sprintf("(%d more zones)", len(steps)-2*ends)
		steps = slices.Concat(steps[:ends], []string{middle}, steps[len(steps)-ends:])
	}
	if len(steps) == 0 {
		return "resolver"
	}
	return strings.Join(steps, holds)
}

// text is the signature for people.
func (d *DKIM) text() string {
	text := string(d.Result)
	if d.Domain != "" {
		text += ", by " + d.Domain
		if d.Selector != "" {
			text += " (selector " + d.Selector + ")"
		}
	}
	if d.DNS != "" {
		text += ", key " + d.DNS
	}
	if d.Testing {
		text += ", test mode"
	}
	if d.Domain != "" && !d.OfFrom {
		text += ", not the domain of From"
	}
	return text + because(Code(d.Code), d.Reason)
}

// DKIMText is the results of DKIM in short: "pass example.org, fail example.net"; "" without any.
func (r *Report) DKIMText() string {
	var parts []string
	for _, d := range r.DKIM {
		parts = append(parts, strings.TrimSuffix(string(d.Result)+" "+d.Domain, " "))
	}
	return strings.Join(parts, ", ")
}
