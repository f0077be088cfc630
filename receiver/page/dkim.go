package page

import (
	"dnseal/receiver"
)

// dkim has a fact for each DKIM signature that was checked. None of them decides.
func (d *document) dkim(p *writer) {
	const most = 6
	all := d.report.DKIM
	for i := range all[:min(len(all), most)] {
		p.put(`<div><dt>DKIM</dt><dd>`)
		p.dkim(&all[i])
		p.put(`</dd></div>`)
	}
}

// dkim says what a DKIM signature proves: who passed the message on, and not who wrote it.
func (p *writer) dkim(s *receiver.DKIM) {
	p.wrap(`<code>`, string(s.Result), `</code>`)
	if s.Domain != "" {
		p.put(`, by `)
		p.factValue(s.Domain)
	}
	if s.DNS != "" {
		p.put(`, its key `)
		p.factValue(s.DNS)
	}
	if s.Testing {
		p.put(`, in test mode`)
	}
	if s.Reason != "" {
		p.put(`<div>`)
		p.factValue(sentence(s.Reason))
		p.put(`</div>`)
	}
	switch {
	case s.Domain == "":
	case s.OfFrom:
		p.put(`<div>It is the domain of From. DKIM is that of a server, and decides nothing here.</div>`)
	default:
		p.put(`<div>It is not the domain of From, and decides nothing here.</div>`)
	}
}
