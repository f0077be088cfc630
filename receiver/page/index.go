package page

import (
	"io"

	"dnseal/receiver"
	"dnseal/smime/message"
)

// Entry is a message in an index.
type Entry struct {
	// Link is the address of its page, relative or absolute; empty: it has none.
	Link string
	// File is what the message is called where it was found.
	File string

	Verdict             receiver.Verdict
	Code                receiver.Code
	Reason              string
	From, Date, Subject string
}

// EntryOf is the entry of a report on m, which may be nil.
func EntryOf(r *receiver.Report, m *message.Message, link string) Entry {
	e := Entry{Link: link, File: r.File, Verdict: r.Verdict, Code: r.Code, Reason: r.Reason, From: r.From}
	if m != nil {
		e.Date, e.Subject = m.First("Date"), m.First("Subject")
	}
	return e
}

// WriteIndex writes the page that lists messages, with how many have which verdict. Errors: those
// of w.
func WriteIndex(w io.Writer, entries []Entry, opts Options) error {
	p := newWriter()
	p.begin("Verified messages")
	p.up(opts.Up)
	p.put(`<h1>Verified messages</h1><table>`)
	for _, e := range entries {
		p.put(`<tr><td>`)
		p.text(string(e.Verdict))
		p.put(`</td><td>`)
		p.link(e.Link, e.Subject)
		p.put(`</td></tr>`)
	}
	p.put(`</table>`)
	p.end()
	_, err := w.Write(p.buf)
	return err
}
