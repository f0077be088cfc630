package smime

import (
	"context"
	"errors"
	"io"

	"dnseal/smime/message"
)

// emitter writes a prepared entity.
type emitter struct {
	ctx  context.Context
	src  io.ReaderAt
	w    *message.Spool
	plan Plan
	at   int64 // how far src is written
}

// content writes the body of the root, which ends at end.
func (e *emitter) content(root *part, end int64) error {
	e.at = root.body
	if err := e.body(root); err != nil {
		return err
	}
	return e.account(end, end)
}

// part writes p with its header, as planned.
func (e *emitter) part(p *part) error {
	if e.plan[p] == (step{}) {
		off, n := p.signedRange()
		return e.copy(off, n)
	}
	if err := e.header(p); err != nil {
		return err
	}
	return e.body(p)
}

// header writes the header of a part that changes: fields that are safe byte for byte.
func (e *emitter) header(p *part) error {
	h := make([]byte, 0, 512)
	for _, f := range p.fields {
		if f.Is("Content-Transfer-Encoding") && e.plan.encoding(p) != p.cte {
			continue
		}
		raw, err := safeField(f)
		if err != nil {
			raw = f.Raw // only where the plan is blocked: the content is opaque then
		}
		h = append(h, raw...)
	}
	if err := e.account(p.start, p.body); err != nil {
		return err
	}
	_, err := e.w.Write(append(e.plan.appendEncoding(h, p), '\r', '\n'))
	return err
}

func (e *emitter) body(p *part) error {
	switch e.plan[p].todo {
	case reframe:
		return e.frame(p)
	case descend:
		return e.descend(p)
	case encodeQP:
		q := qpWriter{w: e.w}
		return e.lines(p, q.line, q.close)
	case repairQP:
		q := qpWriter{w: e.w, repair: true}
		return e.lines(p, q.line, q.close)
	case rewrapBase64:
		r := rewrapWriter{w: e.w}
		return e.lines(p, r.line, r.close)
	case encodeText:
		b := newBase64Writer(e.w)
		return e.lines(p, func(l line) error { return writeCanonical(b, l) }, b.Close)
	case encodeBase64:
		b := newBase64Writer(e.w)
		if err := e.copyTo(b, p.body, p.bodySize()); err != nil {
			return err
		}
		return b.Close()
	case keep:
	}
	return e.copy(p.body, p.bodySize())
}

// frame writes a multipart that holds nothing but its parts: without the usual preamble, because
// some readers refuse a signature over one, and with a line end after the last delimiter, which
// systems that take a message apart and write it again add (RFC 2046, Section 5.1.1 leaves the
// choice).
func (e *emitter) frame(p *part) error {
	for _, k := range p.kids {
		if err := e.leaveOut(p, k.start); err != nil {
			return err
		}
		if err := e.write(p.delimiter, "\r\n"); err != nil {
			return err
		}
		if err := e.part(k); err != nil {
			return err
		}
		if err := e.write(nil, "\r\n"); err != nil {
			return err
		}
	}
	if err := e.leaveOut(p, p.end); err != nil {
		return err
	}
	return e.write(p.delimiter, "--\r\n")
}

// descend copies what stands between the parts, and writes the parts as planned.
func (e *emitter) descend(p *part) error {
	at := p.body
	for _, k := range p.kids {
		if err := e.copy(at, k.start-at); err != nil {
			return err
		}
		if err := e.part(k); err != nil {
			return err
		}
		at = max(k.start, k.end)
	}
	if err := e.copy(at, p.end-at); err != nil || !p.unended {
		return err
	}
	return e.write(nil, "\r\n")
}

func (e *emitter) write(b []byte, end string) error {
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	_, err := e.w.WriteString(end)
	return err
}

// lines hands the lines of a body to an encoder.
func (e *emitter) lines(p *part, encode func(line) error, done func() error) error {
	if err := e.account(p.body, p.end); err != nil {
		return err
	}
	lines := newLineReader(e.ctx, e.src, p.body, max(p.body, p.end))
	defer lines.close()
	for {
		l, err := lines.next()
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
func writeCanonical(w io.Writer, l line) error {
	if _, err := w.Write(l.data); err != nil || l.eol == 0 {
		return err
	}
	_, err := io.WriteString(w, "\r\n")
	return err
}

func (e *emitter) copy(off, n int64) error { return e.copyTo(e.w, off, n) }

// copyTo copies a range of the source as it is.
func (e *emitter) copyTo(w io.Writer, off, n int64) error {
	if err := e.account(off, off+n); err != nil {
		return err
	}
	return copyRange(e.ctx, w, e.src, off, n)
}
