package verify

import (
	"bytes"
	"context"
	"io"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// printer is a sink that only prints.
type printer struct {
	w       io.Writer
	printed int
	write   func(p *printer, r *receiver.Report, w io.Writer) error
}

// Text returns a sink that prints reports for people, with an empty line between them.
func Text(w io.Writer) Sink {
	return &printer{w: w, write: func(p *printer, r *receiver.Report, w io.Writer) error {
		if p.printed++; p.printed > 1 {
			cli.Print(w, "")
		}
		return r.WriteText(w)
	}}
}

// JSON returns a sink that prints one JSON object a line.
func JSON(w io.Writer) Sink {
	return &printer{w: w, write: func(_ *printer, r *receiver.Report, w io.Writer) error { return cli.WriteJSON(w, r) }}
}

func (p *printer) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

// Write prints a report at once, so that a reader of the output has each when it is known.
func (p *printer) Write(r *receiver.Report) error {
	var b bytes.Buffer
	if err := p.write(p, r, &b); err != nil {
		return err
	}
	_, err := p.w.Write(b.Bytes())
	return err
}

func (p *printer) Close() error { return nil }
