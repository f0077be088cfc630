package receiver

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"dnseal/smime"
)

// WriteText writes the report for people: the verdict first, then for each signature the five
// answers it rests on. What strangers wrote is reduced to printable characters. Errors: what w
// returned.
func (r *Report) WriteText(w io.Writer) error {
	t := &textWriter{}
	t.headline(r)
	t.line("From", r.fromText())
	t.line("Header", r.headerText())
	for _, u := range r.Uncovered {
		t.line("Unsigned", u)
	}
	for _, s := range r.Remarks {
		t.line("Remark", s)
	}
	for _, s := range r.Signatures {
		t.signature(s, r)
	}
	t.hops(r.Hops)
	_, err := w.Write(t.buf.Bytes())
	return err
}

// textWriter lays a report out in two columns.
type textWriter struct {
	buf    bytes.Buffer
	indent string
}

const labelWidth = 11

func (t *textWriter) line(label, text string) {
	fmt.Fprintf(&t.buf, "%s%-*s %s\n", t.indent, labelWidth, label, printable(text))
}

func (t *textWriter) headline(r *Report) {
	if r.File != "" {
		fmt.Fprintf(&t.buf, "%s: ", printable(r.File))
	}
	fmt.Fprintf(&t.buf, "%s%s\n", r.Verdict, because(r.Code, r.Reason))
}

// because is ": reason (code)", with what there is.
func because(code Code, reason string) string {
	switch {
	case code == "" && reason == "":
		return ""
	case reason == "":
		return ": " + printable(string(code))
	case code == "":
		return ": " + printable(reason)
	}
	return fmt.Sprintf(": %s (%s)", printable(reason), printable(string(code)))
}

func (r *Report) fromText() string {
	switch {
	case r.fromErr != nil:
		return "cannot be read"
	case len(r.from) > 1:
		all := make([]string, len(r.from))
		for i, a := range r.from {
			all[i] = a.String()
		}
		return strings.Join(all, ", ")
	case r.From == "":
		return "none"
	case r.ProtectedFrom == r.From:
		return r.From + " (protected)"
	case r.ProtectedFrom != "":
		return r.From + " (the protected From says " + r.ProtectedFrom + ")"
	}
	return r.From
}

// signature writes one signature, its answers in the order of the questions. It does not repeat the
// headline.
func (t *textWriter) signature(s *SignatureReport, r *Report) {
	covers := "the whole message"
	if s.Covers != smime.CoversMessage {
		covers = string(s.Covers) + " only"
	}
	why := because(s.Code, s.Reason)
	if s.Code == r.Code && s.Reason == r.Reason {
		why = ""
	}
	t.line("Signature", fmt.Sprintf("in part %s, over %s: %s%s", s.Part, covers, s.Verdict, why))
	t.indent = "  "
	defer func() { t.indent = "" }()
	t.line("integrity", s.integrityText())
	t.line("identity", s.identityText())
	t.dns(s.DNS)
	t.line("binding", s.bindingText())
	t.line("freshness", s.freshnessText())
	t.line("header", s.protectionText())
}

func (s *SignatureReport) integrityText() string {
	if s.Algorithm == "" {
		return string(s.Integrity) // nothing was there to be read
	}
	text := string(s.Integrity) + ": " + s.Algorithm
	if s.SigningTime != nil {
		text += ", signing time " + stamp(*s.SigningTime) + " (claimed)"
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
		return s.statedText() + "; " + nameNotBound + ": nothing that was signed holds it"
	}
	return s.statedText()
}

// statedText is the identity with its source.
func (s *SignatureReport) statedText() string {
	switch {
	case s.Certificate == nil:
		return s.Identity + ", by From; the message holds no certificate"
	case s.Certificate.Issuer == s.Certificate.Subject:
		return s.Identity + ", by a self-issued certificate"
	}
	return fmt.Sprintf("%s, by a certificate that %s issued", s.Identity, s.Certificate.Issuer)
}

func (t *textWriter) dns(d *DNSReport) {
	if d == nil {
		t.line("DNS", "no lookup was made")
		return
	}
	text := fmt.Sprintf("%s, %s: %s %s", d.Status, d.Presence, d.Type, shortOwner(d.Name))
	if d.TTL > 0 {
		text += fmt.Sprintf(", for %d s", d.TTL)
	}
	t.line("DNS", text)
	for _, r := range d.Records {
		t.line("", fmt.Sprintf("%d %d %d  %s", r.Usage, r.Selector, r.Matching, r.Result))
	}
	for _, w := range d.Warnings {
		t.line("", "warning: "+w)
	}
}

// shortOwner cuts the hash at the start of an owner name short (RFC 8162, Section 3), so that the
// line fits a terminal; the JSON form has all of it.
func shortOwner(name string) string {
	const hash, shown = 56, 8
	label, rest, ok := strings.Cut(name, ".")
	if !ok || len(label) != hash || strings.Trim(label, "0123456789abcdef") != "" {
		return name
	}
	return label[:shown] + "…." + rest
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

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

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

func (t *textWriter) hops(hops []Hop) {
	for i, h := range hops {
		label := ""
		if i == 0 {
			label = "Path"
		}
		text := "an unknown host"
		if h.By != "" {
			text = h.By
		}
		if h.At != nil {
			text += " at " + stamp(*h.At)
		}
		if i == 0 {
			text += " (unproven)"
		}
		t.line(label, text)
	}
}

// printable replaces what could steer a terminal or turn the direction of writing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}
