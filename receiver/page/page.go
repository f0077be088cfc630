// Package page writes verdicts as pages for people: [Write] one message, [WriteIndex] a list of
// many.
//
// A page is one HTML document that needs nothing else: no script, no image, no font, no style sheet
// from outside. It can be kept as a file, mailed, printed, or served ([Policy] is its
// Content-Security-Policy, which is also in the page).
//
//	summary.go     the verdict first, in words, a colour and a sign (sign.go), and the facts
//	chain.go       how trust runs from the root to the author, drawn by rail.go; hops.go the way
//	encryption.go  what the message was encrypted with
//	header.go      fields as they were signed, next to those outside
//	parts.go       what is in the message, and what signs it; text.go and reduce.go decode texts
//	signatures.go  the answers on every signature, its certificate and records
//	index.go       many messages
//
// # Hostile messages
//
// Everything in a message comes from strangers. What they wrote is text in a page, never markup,
// style or address: only constants of this package can become markup (writer.go), and every link
// is one that the caller named. Characters that do not show, or that change the direction of what
// follows, are shown by their names (hidden.go), and what strangers wrote is isolated from the
// direction of the text around it. HTML parts are shown as text; nothing in a message is fetched,
// rendered or run.
//
// What is signed, and by what, is never found out here: the parts are those that the verifier read
// ([smime.Report.Contents]).
//
// # Limitations
//
// A page shows what package receiver decided, and judges nothing itself. It is as good as the
// report, at the time of the report. It is not signed: who can change the file can change what it
// says. Long texts and lists are cut and say so, so that a page has at most 120,000 octets;
// attachments are described, not held. Compressed parts are not opened, and of encrypted ones only
// what the verifier opened: a message that is encrypted as a whole, for a key at hand. A page of
// that holds its text in clear.
package page

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Options of a page. The zero value is that of a page on its own.
type Options struct {
	// Up is the address of the page that lists this one, relative or absolute; empty: none.
	Up string
}

// Write writes the page of a report on m; nil stands for a message that could not be read. The
// report must be of m, and m be open. Errors: those of ctx, of reading m, and of w.
func Write(ctx context.Context, w io.Writer, r *receiver.Report, m *message.Message, opts Options) error {
	d := &document{report: r, message: m, decided: deciding(r)}
	if r.Found() != nil && m != nil {
		c, err := r.Found().Contents(ctx, m)
		if err != nil {
			return fmt.Errorf("page: %w", err)
		}
		defer c.Close() //nolint:errcheck // it never fails
		d.root, d.signatures = c.Root, r.Found().Signatures
	}
	p := newWriter(string(lookOfReport(r).word) + ": " + cmp.Or(r.InnerSubject(), r.Subject, "no subject"))
	p.top(opts.Up)
	d.summary(p)
	d.drawings(p)
	if err := d.contents(ctx, p); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	d.header(p)
	d.evidence(p)
	p.end()
	return p.done(w)
}

// document is one page on its way.
type document struct {
	report  *receiver.Report
	message *message.Message
	root    *smime.Part // nil where the parts are not known
	// signatures are those of the report, as package smime found them.
	signatures []*smime.Signature
	decided    int // which of the signatures gave the verdict; -1: none
}

// deciding is the place of the signature that the verdict is taken from; -1: there is none.
func deciding(r *receiver.Report) int {
	s := r.Decisive()
	return slices.Index(r.Signatures, s)
}

// judgedAt is the time of the verdict.
func (d *document) judgedAt() time.Time {
	if d.report.AsOf != nil {
		return *d.report.AsOf
	}
	return d.report.CheckedAt
}

// decider is the signature that the verdict is taken from; nil where there is none.
func (d *document) decider() *receiver.SignatureReport {
	if d.decided < 0 {
		return nil
	}
	return d.report.Signatures[d.decided]
}

// drawings are the chain of trust and the way of the message.
func (d *document) drawings(p *writer) {
	if d.message == nil {
		return
	}
	p.put(`<div class="pair">`)
	if s := d.decider(); s != nil {
		p.put(`<section aria-labelledby="chain"><h2 id="chain">How trust runs</h2>`)
		d.chain(p, s)
		p.put(`</section>`)
	}
	p.put(`<section aria-labelledby="way"><h2 id="way">The way of the message</h2>`)
	p.hops(d.report)
	said := markup(`The hosts say this in Received fields, which nothing proves.`)
	if len(d.report.Hops) == 0 {
		said = `There is no Received field: no host says that the message went through it.`
	}
	p.put(`<p class="small">`, said, `</p></section></div>`)
}

// textOnly writes what it gets as text, up to a size of the page.
type textOnly struct {
	p     *writer
	limit int
}

func (t *textOnly) Write(b []byte) (int, error) {
	if t.p.cut(string(b), t.limit) > 0 {
		t.p.put("\n", `… (cut)`)
	}
	return len(b), nil
}

// The most that the sections may take of a page, in octets of it, so that all together stay below
// 120,000.
const (
	chainRoom     = 8 << 10
	headerRoom    = 14 << 10
	partsRoom     = 24 << 10
	textRoom      = 40 << 10
	signatureRoom = 16 << 10
)
