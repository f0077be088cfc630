package page

import (
	"cmp"
	"io"
	"strings"

	"dnseal/receiver"
)

// Entry is a message in an index.
type Entry struct {
	// Link is the address of its page, relative or absolute; empty: it has none.
	Link string
	// File is what the message is called where it was found.
	File string

	Verdict receiver.Verdict
	// Closed says that the message is encrypted as a whole, and was not opened.
	Closed bool
	Code   receiver.Code
	Reason string
	// Date is in UTC, and empty where there is none that can be read.
	From, Date, Subject string
}

// EntryOf is the entry of a report, whose page is at link.
func EntryOf(r *receiver.Report, link string) Entry {
	e := Entry{
		Link: link, File: visible(r.File, 200), Verdict: r.Verdict, Closed: closed(r), Code: r.Code, Reason: visible(sentence(r.Reason), 300),
		From: visible(r.From, 200), Subject: visible(cmp.Or(r.InnerSubject(), r.Subject), 200),
	}
	if r.Reason == "" {
		e.Reason = ""
	}
	if basis := r.Basis(); basis != "" {
		e.Reason = strings.TrimSpace(sentence(basis) + " " + e.Reason)
	}
	if r.Date != nil {
		e.Date = stamp(*r.Date)
	}
	return e
}

// WriteIndex writes the page that lists messages in the order given, with how many have which
// verdict. Errors: those of w.
func WriteIndex(w io.Writer, entries []Entry, opts Options) error {
	p := newWriter("Verified messages")
	p.top(opts.Up)
	p.put(`<h1>Verified messages</h1>`)
	p.totals(entries)
	p.put(listHead)
	for i := range entries {
		p.entry(&entries[i])
		if len(p.buf) > 64<<10 {
			if _, err := w.Write(p.buf); err != nil {
				return err
			}
			p.buf = p.buf[:0]
		}
	}
	p.put(listEnd)
	p.end()
	return p.done(w)
}

// The table around the entries.
const (
	listHead markup = `<table class="index"><thead><tr><th scope="col">Verdict</th><th scope="col">Message</th><th scope="col">From</th><th scope="col">Date</th></tr></thead><tbody>`
	listEnd  markup = `</tbody></table>`
)

// List is the table of [WriteIndex] as HTML, for other pages with [Style].
func List(entries []Entry) string {
	var p writer
	p.put(listHead)
	for i := range entries {
		p.entry(&entries[i])
	}
	p.put(listEnd)
	return string(p.buf)
}

// Totals is how many messages have which verdict, as HTML, for other pages with [Style].
func Totals(entries []Entry) string {
	var p writer
	p.totals(entries)
	return string(p.buf)
}

// Text is what a stranger wrote as HTML, with the names of characters that do not show or that
// change the direction of what follows, for other pages with [Style].
func Text(s string) string {
	var p writer
	p.said(s)
	return string(p.buf)
}

// totals counts the verdicts.
func (p *writer) totals(entries []Entry) {
	counts := map[look]int{}
	for i := range entries {
		counts[entries[i].look()]++
	}
	p.put(`<p class="lead">`)
	p.count(len(entries), `message`, `messages`)
	p.put(`</p><ul class="totals">`)
	for _, l := range lookOrder() {
		if counts[l] == 0 {
			continue
		}
		p.put(`<li>`)
		p.small(l)
		p.put(` <b>`)
		p.grouped(int64(counts[l]))
		p.put(`</b></li>`)
	}
	p.put(`</ul>`)
}

// lookOrder is order, with closed messages before those without a signature.
func lookOrder() (all []look) {
	for _, v := range order {
		if v == receiver.None {
			all = append(all, closedLook)
		}
		all = append(all, lookOf(v))
	}
	return all
}

func (e *Entry) look() look {
	if e.Closed {
		return closedLook
	}
	return lookOf(e.Verdict)
}

func (p *writer) entry(e *Entry) {
	p.put(`<tr><td>`)
	p.small(e.look())
	p.put(`</td><td>`)
	subject := e.Subject
	if subject == "" {
		subject = "(no subject)"
	}
	p.link(e.Link, subject)
	if e.Reason != "" {
		p.wrap(`<div class="small"><bdi>`, e.Reason, `</bdi></div>`)
	}
	if e.File != "" {
		p.wrap(`<div class="small"><bdi>`, e.File, `</bdi></div>`)
	}
	p.put(`</td><td data-label="From">`)
	p.said(e.From)
	p.put(`</td><td data-label="Date">`)
	p.text(e.Date)
	p.put(`</td></tr>`)
}
