package page

import (
	"fmt"
	"strconv"
	"strings"

	"dnseal/receiver"
	"dnseal/smime"
)

// evidence is what the verdict rests on: every signature with its five answers, certificate and
// records.
func (d *document) evidence(p *writer) {
	if len(d.report.Signatures) == 0 {
		return
	}
	p.put(`<section aria-labelledby="signatures"><h2 id="signatures">The signatures</h2>`)
	limit := len(p.buf) + signatureRoom
	for i, s := range d.report.Signatures {
		if len(p.buf) > limit {
			p.put(`<p class="cutoff">… and `)
			p.count(len(d.report.Signatures)-i, `more signature`, `more signatures`)
			p.put(`, none of which decided.</p>`)
			break
		}
		d.signature(p, i, s)
	}
	p.put(`</section>`)
}

// answer is the answer to one question.
type answer struct {
	question markup
	state    state
	text     string
}

func (d *document) signature(p *writer, i int, s *receiver.SignatureReport) {
	if i == d.decided {
		p.put(`<details class="signature" open><summary>`)
	} else {
		p.put(`<details class="signature"><summary>`)
	}
	p.badge(s.Verdict)
	p.put(`<span>Signature `)
	p.number(i + 1)
	p.put(`, over `)
	p.said(coverage(s.Covers))
	if i == d.decided && len(d.report.Signatures) > 1 {
		p.put(` (this one decided)`)
	}
	p.put(`</span></summary>`)
	if s.Reason != "" {
		p.wrap(`<p class="why"><bdi>`, sentence(s.Reason), `</bdi>`)
		if s.Code != "" {
			p.wrap(` <code>`, string(s.Code), `</code>`)
		}
		p.put(`</p>`)
	}
	p.put(`<table class="answers"><tbody>`)
	for _, a := range d.answers(s) {
		p.put(`<tr class="`, classes[a.state], `"><th scope="row"><svg class="sign" viewBox="-9 -9 18 18" aria-hidden="true" focusable="false">`, marks[a.state].form, `</svg>`, a.question, `</th><td><bdi>`)
		p.cut(a.text, len(p.buf)+factRoom)
		p.put(`</bdi></td></tr>`)
	}
	p.put(`</tbody></table>`)
	d.certificate(p, s)
	d.records(p, s)
	d.chainText(p, s)
	p.put(`</details>`)
}

// answers are those to the five questions, and what stands beside the signature.
func (d *document) answers(s *receiver.SignatureReport) []answer {
	all := []answer{
		{`Integrity`, answerState(s.Integrity), integrityText(s)},
		{`Identity`, identityState(s), identityText(s)},
		{`DNS`, dnsState(s), dnsText(s)},
		{`Binding`, authorStop(d.report, s).state, authorStop(d.report, s).note},
		{`Freshness`, answerState(s.Freshness), freshnessText(s)},
	}
	if b := s.PostQuantum; b != nil {
		all = append(all, answer{`Beside`, besideState(b), besideText(b)})
	}
	return all
}

// besideState is about the post-quantum signature beside one.
func besideState(b *receiver.SignatureReport) state {
	switch {
	case b.Verdict == receiver.Pass:
		return goodState
	case b.Integrity == receiver.Bad:
		return badState
	}
	return openState
}

func besideText(b *receiver.SignatureReport) string {
	if b.Verdict == receiver.Pass {
		return "a signature by " + b.Algorithm + " of the same name, with a published key"
	}
	return fmt.Sprintf("a signature by %s, which does not count: %s", b.Algorithm, b.Reason)
}

func answerState(a receiver.Answer) state {
	switch a {
	case receiver.Good:
		return goodState
	case receiver.Bad:
		return badState
	case receiver.Unknown:
	}
	return openState
}

func integrityText(s *receiver.SignatureReport) string {
	text := signatureStop(s).note
	if s.Algorithm != "" {
		text += "; " + s.Algorithm
	}
	if s.SigningTime != nil {
		text += "; made at " + stamp(*s.SigningTime) + ", by the word of the signer"
	}
	return text
}

func identityState(s *receiver.SignatureReport) state {
	switch {
	case s.Identity == "":
		return badState
	case s.Integrity == receiver.Good && s.NameBound:
		return goodState
	}
	return openState
}

func identityText(s *receiver.SignatureReport) string {
	var text string
	switch {
	case s.Identity == "":
		return "no name is stated"
	case s.Certificate == nil:
		text = s.Identity + ", by From: the message holds no certificate"
	case s.Certificate.Issuer == s.Certificate.Subject:
		text = s.Identity + ", by a certificate that names itself as issuer"
	default:
		text = s.Identity + ", by a certificate of " + s.Certificate.Issuer
	}
	switch {
	case s.Integrity != receiver.Good:
		text += "; only claimed"
	case !s.NameBound:
		text += "; not bound: nothing that was signed holds the name"
	}
	return text
}

func dnsState(s *receiver.SignatureReport) state {
	switch {
	case s.DNS == nil:
		return openState
	case s.DNS.Status == "secure" && s.DNS.Presence == "present":
		return keyStop(s).state
	case s.DNS.Status == "secure":
		return offState
	case s.DNS.Status == "bogus":
		return badState
	case s.DNS.Status == "insecure":
		return offState
	}
	return openState
}

func dnsText(s *receiver.SignatureReport) string {
	if s.DNS == nil {
		return "nothing was looked up"
	}
	text := fmt.Sprintf("%s, %s: %s %s", s.DNS.Status, s.DNS.Presence, s.DNS.Type, shortOwner(s.DNS.Name))
	switch s.DNS.Source {
	case receiver.SourceEvidence:
		text += ", by what was kept then"
	case receiver.SourceStaple:
		text += ", by what the signer sent along"
	}
	if len(s.DNS.Records) > 0 {
		text += "; key: " + keyStop(s).note
	}
	return text
}

func freshnessText(s *receiver.SignatureReport) string {
	text := map[receiver.Answer]string{receiver.Good: "good", receiver.Bad: "not good", receiver.Unknown: "not known"}[s.Freshness]
	if c := s.Certificate; c != nil && !c.NotAfter.IsZero() {
		text += fmt.Sprintf("; certificate from %s to %s", c.NotBefore.UTC().Format("2006-01-02"), c.NotAfter.UTC().Format("2006-01-02"))
	}
	return text
}

// certificate shows the signer's certificate.
func (d *document) certificate(p *writer, s *receiver.SignatureReport) {
	c := s.Certificate
	if c == nil {
		return
	}
	p.put(`<details><summary>Certificate</summary><dl class="facts">`)
	d.fact(p, `Subject`, c.Subject)
	d.fact(p, `Issuer`, c.Issuer)
	d.fact(p, `Serial number`, c.Serial)
	d.fact(p, `Not before`, stamp(c.NotBefore))
	d.fact(p, `Not after`, stamp(c.NotAfter))
	d.fact(p, `SHA-256`, c.SHA256)
	d.fact(p, `Signature part`, s.Part)
	d.fact(p, `Header protection`, protection(s))
	p.put(`</dl></details>`)
}

func protection(s *receiver.SignatureReport) string {
	text := map[smime.HeaderProtection]string{
		smime.ProtectionNone: "none", smime.ProtectionLegacy: "an older form",
		smime.ProtectionClear: "RFC 9788, clear", smime.ProtectionCipher: "RFC 9788, cipher",
	}[s.HeaderProtection]
	if len(s.Differences) > 0 {
		const shown = 20
		text += "; different outside: " + strings.Join(s.Differences[:min(shown, len(s.Differences))], ", ")
		if more := len(s.Differences) - shown; more > 0 {
			text += " and " + strconv.Itoa(more) + " more"
		}
	}
	return text
}

// records shows the DNS answer and how each record matched.
func (d *document) records(p *writer, s *receiver.SignatureReport) {
	if s.DNS == nil {
		return
	}
	p.put(`<details><summary>DNS records</summary><dl class="facts">`)
	d.fact(p, `Name`, s.DNS.Name)
	d.fact(p, `Type`, s.DNS.Type)
	d.fact(p, `Status`, s.DNS.Status+", "+s.DNS.Presence)
	if s.DNS.TTL > 0 {
		d.fact(p, `TTL`, strconv.Itoa(s.DNS.TTL)+" s")
	}
	for i, r := range s.DNS.Records {
		if i == 16 {
			d.fact(p, `Records`, fmt.Sprintf("and %d more", len(s.DNS.Records)-i))
			break
		}
		d.fact(p, `Record`, fmt.Sprintf("%d %d %d: %s", r.Usage, r.Selector, r.Matching, r.Result))
	}
	for i, w := range s.DNS.Warnings {
		if i < 8 {
			d.fact(p, `Warning`, w)
		}
	}
	p.put(`</dl></details>`)
}

// chainText is the chain with all its keys and times.
func (d *document) chainText(p *writer, s *receiver.SignatureReport) {
	if s.Lookup == nil || s.Lookup.Answer == nil {
		return
	}
	p.put(`<details><summary>The chain of trust with all keys and times</summary><pre>`)
	tree := &textOnly{p: p, limit: len(p.buf) + chainRoom}
	_ = s.Lookup.WriteTree(tree, d.judgedAt(), 76) // it cannot fail
	p.put(`</pre></details>`)
}
