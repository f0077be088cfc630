package page

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"dnseal/receiver"
	"dnseal/smime"
)

// summary is the verdict, and the facts that a person wants first.
func (d *document) summary(p *writer) {
	r := d.report
	l := lookOfReport(r)
	p.put(`<section class="verdict `, l.class, `" aria-labelledby="verdict">`)
	p.sign(l)
	p.put(`<div><h1 id="verdict">`, l.word, `</h1><p class="lead">`)
	d.lead(p)
	p.put(`</p>`)
	if r.Reason != "" && (r.Verdict != receiver.None || r.Code != "" || len(r.Encryption) > 0) {
		p.put(`<p class="why"><b>Why:</b> `)
		p.said(sentence(r.Reason))
		p.put(`</p>`)
	}
	p.put(`<p class="word">Verdict `)
	p.wrap(`<code>`, string(r.Verdict), `</code>`)
	if basis := r.Basis(); basis != "" {
		p.wrap(`, <b>`, basis, `</b>`)
	}
	if r.Code != "" {
		p.wrap(`, code <code>`, string(r.Code), `</code>`)
	}
	p.put(`</p></div></section>`)
	d.facts(p)
	d.warnings(p)
}

// lead is the verdict in one sentence.
func (d *document) lead(p *writer) {
	r, s := d.report, d.decider()
	switch r.Verdict {
	case receiver.Pass:
		p.put(`<b>`)
		p.said(s.Identity)
		switch {
		case len(r.HeaderRestored) > 0:
			p.put(`</b> signed this message. Its text is as it was signed; its header was changed since, and is put back.`)
		case r.HeaderState == smime.HeaderProtected:
			p.put(`</b> signed this message. Its text and header are as they were signed.`)
		default:
			p.put(`</b> signed this message. Its text is as it was signed; its header is not covered.`)
		}
	case receiver.None:
		if closed(r) {
			p.put(`Nothing shows who wrote this message, or whether it is signed inside.`)
			return
		}
		p.put(`Nothing shows who wrote this message, or whether it was changed.`)
	case receiver.Fail:
		if r.Code == receiver.CodeNotPublishedNow || r.Code == receiver.CodeKeyReplaced {
			d.unprovenLead(p)
			return
		}
		p.put(`Checked, and wrong. Do not take this for a message of `)
		d.author(p)
	case receiver.Policy:
		d.policyLead(p, s)
	case receiver.Neutral:
		p.put(`Nothing here proves who signed this message, and nothing disproves it.`)
	case receiver.TempError:
		if r.Code == receiver.CodeNoEvidence || strings.HasPrefix(string(r.Code), "evidence-") {
			p.put(`The evidence that was given does not decide this, and nothing else was asked.`)
			return
		}
		p.put(`This could not be decided now. Another attempt later may help.`)
	default:
		p.put(`This message cannot be judged.`)
	}
}

// unprovenLead is the lead where another key, or none, is published.
func (d *document) unprovenLead(p *writer) {
	if d.report.AsOf != nil {
		p.put(`Nothing that was published then proves this message. Only evidence of another time could show what was when it came.`)
		return
	}
	p.put(`Nothing that is published now proves this message. Only evidence that was kept could show what was when it came.`)
}

// policyLead is the lead of what is intact, and yet no message of its author as it stands.
func (d *document) policyLead(p *writer, s *receiver.SignatureReport) {
	but := markup(``)
	switch {
	case s == nil || s.Integrity != receiver.Good:
	case d.report.Code == receiver.CodeHeaderChanged:
		but = `</b> signed the text of this message, but its header was changed since.`
	case d.report.Code == receiver.CodePartial && s.Covers == smime.CoversMessage:
		but = `</b> signed a part of what readers may show, and not all of it.`
	case d.report.Code == receiver.CodePartial:
		but = `</b> signed a part of this message, and not the whole.`
	}
	if but == `` {
		p.put(`Not acceptable, as it is, as a message of `)
		d.author(p)
		return
	}
	p.put(`<b>`)
	p.said(s.Identity)
	p.put(but)
}

func (d *document) author(p *writer) {
	if d.report.From == "" {
		p.put(`the author it names.`)
		return
	}
	p.put(`<b>`)
	p.said(d.report.From)
	p.put(`</b>.`)
}

// sentence is a reason as a sentence of its own, with the hashes of owner names cut short.
func sentence(s string) string {
	s = hashes.ReplaceAllString(s, "$1….")
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return strings.TrimSuffix(s, ".") + "."
}

// hashes are the first labels of RFC 8162, Section 3.
var hashes = regexp.MustCompile(`\b([0-9a-f]{8})[0-9a-f]{48}\.`)

// facts are who, when and what, in short.
func (d *document) facts(p *writer) {
	r := d.report
	p.put(`<dl class="facts">`)
	if s := d.decider(); s != nil {
		p.put(`<div><dt>Signer</dt><dd>`)
		d.signer(p, s)
		p.put(`</dd></div>`)
	}
	d.shown(p, `From`, cmp.Or(r.From, "none that can be read"))
	if r.ProtectedFrom != "" && r.ProtectedFrom != r.From {
		d.fact(p, `Signed From`, r.ProtectedFrom)
	}
	if len(r.To) > 0 {
		const shown = 10
		to := strings.Join(r.To[:min(shown, len(r.To))], ", ")
		if len(r.To) > shown {
			to += ", …"
		}
		d.shown(p, `To`, to)
	}
	d.subject(p)
	date := "none that can be read"
	if r.Date != nil {
		date = stamp(*r.Date)
	}
	d.shown(p, `Date`, date)
	d.shown(p, `Message-ID`, cmp.Or(r.MessageID, "none"))
	d.times(p)
	p.put(`<div><dt>Covers</dt><dd>`)
	d.covers(p)
	p.put(`</dd></div><div><dt>Header</dt><dd>`)
	d.headerState(p)
	p.put(`</dd></div>`)
	d.encryption(p)
	d.dkim(p)
	if r.Action != "" {
		d.fact(p, `Action`, r.Action+", by the policy given")
	}
	if r.File != "" {
		d.fact(p, `File`, r.File)
	}
	p.put(`</dl>`)
}

// factRoom is for one fact, fieldRoom for one value of a field.
const (
	factRoom  = 700
	fieldRoom = 2 << 10
)

func (d *document) fact(p *writer, name markup, value string) {
	p.put(`<div><dt>`, name, `</dt><dd>`)
	p.factValue(value)
	p.put(`</dd></div>`)
}

// shown is a fact from the header as it came; it says where that is not what was signed.
func (d *document) shown(p *writer, name markup, value string) {
	p.put(`<div><dt>`, name, `</dt><dd>`)
	p.factValue(value)
	d.changed(p, name)
	p.put(`</dd></div>`)
}

// changed marks a field that is not what was signed.
func (d *document) changed(p *writer, name markup) {
	s := d.decider()
	if s != nil && s.HeaderState == smime.HeaderChanged && slices.ContainsFunc(s.Differences, func(field string) bool { return strings.EqualFold(field, string(name)) }) {
		p.put(` <span class="flag">changed</span>`)
	}
}

func (p *writer) factValue(value string) {
	p.put(`<bdi>`)
	if p.cut(value, len(p.buf)+factRoom) > 0 {
		p.put(`… (cut)`)
	}
	p.put(`</bdi>`)
}

func (d *document) signer(p *writer, s *receiver.SignatureReport) {
	switch {
	case s.Identity == "":
		p.put(`no name is stated`)
		return
	case s.Integrity != receiver.Good:
		p.said(s.Identity)
		p.put(`, by the word of a signature that was not found right`)
		return
	}
	p.said(s.Identity)
	switch s.Binding {
	case receiver.BindingFrom:
		p.put(`, the author in From`)
	case receiver.BindingRule:
		p.put(`, whom a rule here lets write as this From`)
	case receiver.BindingNone:
		p.put(`, who is not the author in From`)
	}
	if !s.NameBound {
		p.put(`; the name is not bound: nothing that was signed holds it`)
	}
}

// times are when the message was checked, and as of when.
func (d *document) times(p *writer) {
	r := d.report
	if !r.CheckedAt.IsZero() {
		p.put(`<div><dt>Checked</dt><dd>`)
		p.moment(r.CheckedAt)
		p.put(`</dd></div>`)
	}
	e := r.Evidence
	if r.AsOf == nil && e == nil {
		return
	}
	p.put(`<div><dt>As of</dt><dd>`)
	if r.AsOf != nil {
		p.moment(*r.AsOf)
		p.put(`, by what was kept then`)
	} else {
		p.put(`nothing is known of then`)
	}
	if e != nil && e.File != "" {
		p.put(`: line `)
		p.number(e.Line)
		p.put(` of `)
		p.factValue(e.File)
	}
	d.witness(p)
	p.put(`</dd></div>`)
}

// witness says who else says that it was then.
func (d *document) witness(p *writer) {
	e := d.report.Evidence
	switch {
	case d.report.AsOf == nil:
		return
	case e == nil || e.Witness == "":
		p.put(`; the time is not witnessed`)
		return
	}
	p.put(`; the time is witnessed by `)
	p.factValue(e.Witness)
	if e.WitnessedAt != nil {
		p.put(` at `)
		p.moment(*e.WitnessedAt)
	}
}

// covers says what the signature that decided covers.
func (d *document) covers(p *writer) {
	s := d.decider()
	switch {
	case s == nil:
		p.put(`nothing`)
	case s.Integrity != receiver.Good:
		p.said(coverage(s.Covers))
		p.put(`, by its own word`)
	case s.Covers == smime.CoversMessage && len(d.report.Uncovered) > 0:
		p.put(`the message, but not all that readers may show`)
	default:
		p.said(coverage(s.Covers))
	}
}

// headerState says what is known about the header, with who sent the message on.
func (d *document) headerState(p *writer) {
	r := d.report
	switch {
	case len(r.HeaderRestored) > 0:
		p.put(`restored, as it was signed: `)
		p.said(strings.Join(r.HeaderRestored, ", "))
	case r.HeaderState == smime.HeaderProtected:
		p.put(`protected: as it was signed`)
	case r.HeaderState == smime.HeaderChanged:
		p.put(`changed since it was signed`)
	default:
		p.put(`unprotected: nothing signs From, Subject and Date`)
	}
	if len(r.ResentBy) > 0 {
		p.put(`; resent by `)
		p.said(strings.Join(r.ResentBy, ", "))
	}
}

// warnings are what is not covered, and what decides nothing.
func (d *document) warnings(p *writer) {
	remarks := d.report.Remarks
	if d.report.Evidence != nil {
		remarks = slices.Concat(remarks, d.report.Evidence.Notes)
	}
	if len(d.report.Uncovered)+len(remarks) == 0 {
		return
	}
	p.put(`<ul class="notes">`)
	for _, u := range d.report.Uncovered {
		p.put(`<li><b>Not signed:</b> `)
		p.said(u)
		p.put(`</li>`)
	}
	for _, remark := range remarks {
		p.put(`<li>`)
		p.said(sentence(remark))
		p.put(`</li>`)
	}
	p.put(`</ul>`)
}
