package verify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// text is a sink that writes reports for people. Whether there are several is known with the second
// one: the first waits for it.
type text struct {
	w     io.Writer
	style receiver.TextStyle
	long  bool
	first *receiver.Report
	// seen counts reports, also the first.
	seen int
}

// Text returns a sink that writes reports for people: one in full, several in a line or two each,
// unless long asks for all in full, with an empty line between them.
func Text(w io.Writer, style receiver.TextStyle, long bool) Sink {
	return &text{w: w, style: style, long: long}
}

func (t *text) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

func (t *text) Write(r *receiver.Report) error {
	t.seen++
	switch {
	case t.long:
		return t.print(r, t.seen > 1, t.style.Write)
	case t.seen == 1:
		t.first = r
		return nil
	case t.seen == 2:
		if err := t.print(t.first, false, t.style.WriteBrief); err != nil {
			return err
		}
		t.first = nil
	}
	return t.print(r, false, t.style.WriteBrief)
}

func (t *text) Close() error {
	if t.first == nil {
		return nil
	}
	return t.print(t.first, false, t.style.Write)
}

// print writes a report at once, so that a reader of the output has it whole.
func (t *text) print(r *receiver.Report, apart bool, write func(io.Writer, *receiver.Report) error) error {
	var b bytes.Buffer
	if apart {
		b.WriteByte('\n')
	}
	err := write(&b, r)
	if err == nil {
		_, err = t.w.Write(b.Bytes())
	}
	return err
}

// lines is a sink that writes each report as one line, or record, of a form for programs.
type lines struct{ write func(*receiver.Report) error }

// JSON returns a sink that writes one JSON object a line.
func JSON(w io.Writer) Sink {
	return lines{func(r *receiver.Report) error { return cli.WriteJSON(w, r) }}
}

func (l lines) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

func (l lines) Write(r *receiver.Report) error { return l.write(r) }

func (l lines) Close() error { return nil }

// printer writes until something fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) table(t *columns.Table, width int) {
	if p.err == nil {
		p.err = t.Write(p.w, width)
	}
}

// left says what a table of the largest groups leaves out.
func (p *printer) left(what string, t *tally, most int) {
	if n := len(t.groups) - most; n > 0 {
		p.printf("and %s other %s\n", number(n), what)
	}
	if t.left.total > 0 {
		p.printf("and %s of still other %s: only the first %s are counted apart\n", messages(t.left.total), what, number(maxGroups))
	}
}

func upper[T ~string](word T) string { return strings.ToUpper(string(word)) }
