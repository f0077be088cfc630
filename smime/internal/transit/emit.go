package transit

import (
	"context"
	"errors"
	"io"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Emitter writes a prepared entity.
type Emitter struct {
	Ctx  context.Context
	Src  io.ReaderAt
	W    *message.Spool
	Plan Plan
	at   int64 // how far src is written
}

// Content writes the body of the root, which ends at end.
func (e *Emitter) Content(root *entity.Part, end int64) error {
	e.at = root.Body
	if err := e.body(root); err != nil {
		return err
	}
	return e.account(end, end)
}

// part writes p with its header, as planned.
func (e *Emitter) part(p *entity.Part) error {
	if e.Plan[p] == (step{}) {
		off, n := p.SignedRange()
		return e.copyTo(e.W, off, n)
	}
	if err := e.header(p); err != nil {
		return err
	}
	return e.body(p)
}

// header writes the header of a part that changes: fields that are safe byte for byte.
func (e *Emitter) header(p *entity.Part) error {
	h := make([]byte, 0, 512)
	global := e.Plan[p].todo == encodeMessage
	if global {
		h = append(h, globalType(p)...)
	}
	for _, f := range p.Fields {
		if f.Is("Content-Transfer-Encoding") && e.Plan.encoding(p) != p.CTE || global && f.Is("Content-Type") {
			continue
		}
		raw, err := SafeField(f)
		if err != nil {
			raw = f.Raw // only where the plan is blocked: the content is opaque then
		}
		h = append(h, raw...)
	}
	if err := e.account(p.Start, p.Body); err != nil {
		return err
	}
	_, err := e.W.Write(append(e.Plan.appendEncoding(h, p), '\r', '\n'))
	return err
}

// globalType is the Content-Type of an attached message that is sent as message/global.
func globalType(p *entity.Part) []byte {
	t := p.Type
	t.Name = "message/global"
	return contentType(t, ProtectNone)
}

func (e *Emitter) body(p *entity.Part) error {
	s := e.Plan[p]
	if _, err := e.W.WriteString(s.before); err != nil {
		return err
	}
	if err := e.content(p, s.todo); err != nil {
		return err
	}
	_, err := e.W.WriteString(s.after)
	return err
}

func (e *Emitter) content(p *entity.Part, what todo) error {
	switch what {
	case reframe:
		return e.frame(p)
	case descend:
		return e.descend(p)
	case encodeQP:
		q := QPWriter{W: e.W}
		return e.lines(p, q.Line, q.Close)
	case repairQP:
		q := QPWriter{W: e.W, Repair: true}
		return e.lines(p, q.Line, q.Close)
	case rewrapBase64:
		r := rewrapWriter{w: e.W}
		return e.lines(p, r.line, r.close)
	case encodeText, encodeMessage:
		b := NewBase64Writer(e.W)
		return e.lines(p, func(l entity.Line) error { return writeCanonical(b, l) }, b.Close)
	case encodeBase64:
		b := NewBase64Writer(e.W)
		if err := e.copyTo(b, p.Body, p.BodySize()); err != nil {
			return err
		}
		return b.Close()
	case keep:
	}
	return e.copyTo(e.W, p.Body, p.BodySize())
}

// frame writes a multipart that holds nothing but its parts: without the usual preamble, because
// some readers refuse a signature over one, and with a line end after the last delimiter, which
// systems that take a message apart and write it again add (RFC 2046, Section 5.1.1 leaves the
// choice).
func (e *Emitter) frame(p *entity.Part) error {
	for _, k := range p.Kids {
		if err := e.leaveOut(p, k.Start); err != nil {
			return err
		}
		if err := e.write(p.Delimiter, "\r\n"); err != nil {
			return err
		}
		if err := e.part(k); err != nil {
			return err
		}
		if err := e.write(nil, "\r\n"); err != nil {
			return err
		}
	}
	if err := e.leaveOut(p, p.End); err != nil {
		return err
	}
	return e.write(p.Delimiter, "--\r\n")
}

// descend copies what stands between the parts, and writes the parts as planned.
func (e *Emitter) descend(p *entity.Part) error {
	at := p.Body
	for _, k := range p.Kids {
		if err := e.copyTo(e.W, at, k.Start-at); err != nil {
			return err
		}
		if err := e.part(k); err != nil {
			return err
		}
		at = max(k.Start, k.End)
	}
	if err := e.copyTo(e.W, at, p.End-at); err != nil || !p.Unended {
		return err
	}
	// RFC 2046, Section 5.1.1, leaves the choice; some systems add it.
	return e.write(nil, "\r\n")
}

func (e *Emitter) write(b []byte, end string) error {
	if _, err := e.W.Write(b); err != nil {
		return err
	}
	_, err := e.W.WriteString(end)
	return err
}

// lines hands the lines of a body to an encoder.
func (e *Emitter) lines(p *entity.Part, encode func(entity.Line) error, done func() error) error {
	if err := e.account(p.Body, p.End); err != nil {
		return err
	}
	lines := entity.NewLineReader(e.Ctx, e.Src, p.Body, max(p.Body, p.End))
	defer lines.Close()
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return done()
		}
		if err == nil {
			err = encode(l)
		}
		if err != nil {
			return err
		}
	}
}

// writeCanonical writes a line of text with CRLF (RFC 8551, Section 3.1.1).
func writeCanonical(w io.Writer, l entity.Line) error {
	if _, err := w.Write(l.Data); err != nil || l.Eol == 0 {
		return err
	}
	_, err := io.WriteString(w, "\r\n")
	return err
}

// copyTo copies a range of the source as it is.
func (e *Emitter) copyTo(w io.Writer, off, n int64) error {
	if err := e.account(off, off+n); err != nil {
		return err
	}
	return entity.CopyRange(e.Ctx, w, e.Src, off, n)
}
