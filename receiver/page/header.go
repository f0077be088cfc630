package page

import (
	"slices"
	"strings"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// shownFields are those of an unsigned header that a person wants to see.
var shownFields = []string{"From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject", "Message-ID", "In-Reply-To", "References"}

// header shows the fields as they were signed next to those outside.
func (d *document) header(p *writer) {
	p.put(`<section aria-labelledby="header"><h2 id="header">The header</h2>`)
	defer p.put(`</section>`)
	rows, s := d.headerRows()
	signed := slices.ContainsFunc(rows, func(f smime.HeaderField) bool { return len(f.Signed) > 0 })
	switch {
	case len(rows) == 0:
		p.put(`<p>There is no header that can be read.</p>`)
		return
	case signed && s.Integrity != receiver.Good:
		p.put(`<p>The signature is not right, so what stands as signed is proven by nothing.</p>`)
	case signed && s.HeaderState == smime.HeaderChanged:
		p.put(`<p>Fields that readers show were changed since they were signed. They are marked.</p>`)
	case signed:
		p.put(`<p>Every field that readers show is as it was signed.</p>`)
	default:
		p.put(`<p>No signature covers these fields: anyone on the way may have written them.</p>`)
	}
	d.headerTable(p, rows, signed, s)
}

// headerRows are the fields, what differs first, and the signature that they are of.
func (d *document) headerRows() ([]smime.HeaderField, *receiver.SignatureReport) {
	by := d.decider()
	for i, s := range d.report.Signatures {
		if i >= len(d.signatures) || s.Covers != smime.CoversMessage || by != nil && by != s && by.Covers == smime.CoversMessage {
			continue
		}
		if rows := d.signatures[i].Header(); len(rows) > 0 {
			slices.SortStableFunc(rows, func(a, b smime.HeaderField) int { return rank(a) - rank(b) })
			return rows, s
		}
	}
	if d.message == nil {
		return nil, nil
	}
	var rows []smime.HeaderField
	for _, name := range shownFields {
		if fields := d.message.Fields(name); len(fields) > 0 {
			rows = append(rows, smime.HeaderField{Name: name, Outer: fields})
		}
	}
	return rows, nil
}

func rank(f smime.HeaderField) int {
	switch {
	case f.Changed:
		return 0
	case f.Differs:
		return 1
	}
	return 2
}

func (d *document) headerTable(p *writer, rows []smime.HeaderField, signed bool, s *receiver.SignatureReport) {
	limit := len(p.buf) + headerRoom
	p.put(`<table class="header"><thead><tr><th scope="col">Field</th>`)
	if signed {
		p.put(`<th scope="col">As it was signed</th><th scope="col">As it came</th>`)
	} else {
		p.put(`<th scope="col">As it came</th>`)
	}
	p.put(`</tr></thead><tbody>`)
	for i, f := range rows {
		if len(p.buf) > limit {
			p.more(rows[i:], signed)
			break
		}
		if f.Differs {
			p.put(`<tr class="differs"><th scope="row"><bdi>`)
		} else {
			p.put(`<tr><th scope="row"><bdi>`)
		}
		p.cut(f.Name, len(p.buf)+200)
		p.put(`</bdi>`)
		p.differing(f)
		hidden := signed && hiddenOutside(f, s)
		if hidden {
			p.put(`<span class="flag mild">hidden outside</span>`)
		}
		p.put(`</th>`)
		if signed {
			p.field(f.Signed, `As it was signed`, `not signed`)
		}
		if signed && len(f.Signed) > 0 && !f.Differs && !hidden {
			p.put(`<td class="same" data-label="As it came">the same</td>`)
		} else {
			p.field(f.Outer, `As it came`, `missing`)
		}
		p.put(`</tr>`)
	}
	p.put(`</tbody></table>`)
}

// differing marks a field that is not as it was signed.
func (p *writer) differing(f smime.HeaderField) {
	switch {
	case f.Changed && len(f.Signed) == 0:
		p.put(`<span class="flag">added</span>`)
	case f.Changed:
		p.put(`<span class="flag">changed</span>`)
	case f.Differs:
		p.put(`<span class="flag mild">differs</span>`)
	}
}

// maxField is how much of a field is decoded.
const maxField = 16 << 10

// field writes the values of all fields of a name.
func (p *writer) field(fields []message.Field, label, none markup) {
	p.put(`<td data-label="`, label, `">`)
	defer p.put(`</td>`)
	if len(fields) == 0 {
		p.put(`<span class="none">`, none, `</span>`)
		return
	}
	limit := len(p.buf) + fieldRoom
	for i, f := range fields {
		if len(p.buf) > limit {
			p.put(`<div>… (`)
			p.count(len(fields)-i, `more`, `more`)
			p.put(`)</div>`)
			return
		}
		p.put(`<div dir="auto">`)
		raw := f.Unfolded()
		value, _ := message.DecodeWords(raw[:min(len(raw), maxField)])
		if left := p.cut(value, len(p.buf)+fieldRoom); left > 0 || len(raw) > maxField {
			p.put(`… <span class="none">(of `)
			p.count(len(raw), `octet`, `octets`)
			p.put(`)</span>`)
		}
		p.put(`</div>`)
	}
}

// more sums up the fields that there is no room for.
func (p *writer) more(rows []smime.HeaderField, signed bool) {
	differ := 0
	for _, f := range rows {
		if f.Differs {
			differ++
		}
	}
	p.put(`<tr><td colspan="3">… and `)
	p.count(len(rows), `more field`, `more fields`)
	if signed {
		p.put(`, `)
		p.count(differ, `of which differs`, `of which differ`)
	}
	p.put(`</td></tr>`)
}

// value is the unfolded value of the first field of a name.
func value(fields []message.Field, name string) string {
	for _, f := range fields {
		if f.Is(name) {
			return strings.TrimSpace(f.Unfolded())
		}
	}
	return ""
}
