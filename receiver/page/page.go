// Package page writes verdicts as pages for people: [Write] one message, [WriteIndex] a list of
// many.
//
// A page is one HTML document that needs nothing else: no script, no image, no font, no style sheet
// from outside. It can be kept as a file, mailed, printed, or served ([Policy] is its
// Content-Security-Policy, which is also in the page).
//
// Everything in a message comes from strangers. What they wrote is text in a page, never markup,
// style or address: only constants of this package can become markup (writer.go), and every link
// is one that the caller named. Characters that do not show, or that change the direction of what
// follows, are shown by their names. HTML parts are shown as text, and nothing in a message is
// fetched, rendered or run.
//
// # Limitations
//
// A page shows what package receiver decided, and judges nothing itself. It is as good as the
// report, at the time of the report. It is not signed: who can change the file can change what it
// says. Long texts are cut, and say so.
package page

import (
	"context"
	"io"

	"dnseal/receiver"
	"dnseal/smime/message"
)

// Options of a page. The zero value is that of a page on its own.
type Options struct {
	// Up is the address of the page that lists this one, relative or absolute; empty: none.
	Up string
}

// Write writes the page of a report on m; nil stands for a message that could not be read. The
// report must be of m: texts and attachments are shown as the verifier found them. Errors: those of
// ctx, of reading m, and of w.
func Write(ctx context.Context, w io.Writer, r *receiver.Report, m *message.Message, opts Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := newWriter()
	p.begin(title(r, m))
	p.up(opts.Up)
	p.put(`<h1>`)
	p.text(string(r.Verdict))
	p.put(`</h1>`)
	p.report(r)
	p.end()
	_, err := w.Write(p.buf)
	return err
}

func title(r *receiver.Report, m *message.Message) string {
	subject := ""
	if m != nil {
		subject = m.First("Subject")
	}
	return string(r.Verdict) + ": " + subject
}

// report is the text of the report.
func (p *writer) report(r *receiver.Report) {
	p.put(`<pre>`)
	_ = r.WriteText(textOnly{p})
	p.put(`</pre>`)
}

// textOnly writes what it gets as text.
type textOnly struct{ p *writer }

func (t textOnly) Write(b []byte) (int, error) {
	t.p.text(string(b))
	return len(b), nil
}
