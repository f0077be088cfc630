package smime

import (
	"context"
	"errors"
	"io"
	"mime/quotedprintable"

	"dnseal/smime/cms"
)

// readCMS reads the SignedData in the body of p, whatever its transfer encoding, and writes attached content to content (nil: nowhere). tail
// says that something follows it in the part. Errors: as cms.Read, and what the source returned.
func readCMS(ctx context.Context, src io.ReaderAt, p *part, content io.Writer) (sd *cms.SignedData, tail bool, err error) {
	encoding, err := cmsEncoding(src, p)
	if err != nil {
		return nil, false, err
	}
	switch encoding {
	case "base64":
		lines := newLineReader(ctx, src, p.body, max(p.body, p.end))
		defer lines.close()
		b := newBase64Reader(lines)
		defer b.close()
		if sd, err = cms.Read(b, content); err != nil {
			return nil, false, err
		}
		tail, err = b.tailed()
		return sd, tail, err
	case "quoted-printable":
		sd, err = cms.Read(quotedprintable.NewReader(section(ctx, src, p)), content)
	default:
		sd, err = cms.Read(section(ctx, src, p), content)
	}
	return sd, false, err
}

// cmsEncoding is the transfer encoding of a CMS object. Some senders leave the label out: then the first octet tells the DER
// of a SEQUENCE from its base64.
func cmsEncoding(src io.ReaderAt, p *part) (string, error) {
	if !identityEncoding(p.cte) {
		return p.cte, nil
	}
	var first [1]byte
	if _, err := src.ReadAt(first[:], p.body); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if first[0] == '0' {
		return "binary", nil // 0x30, which no base64 of DER begins with
	}
	return "base64", nil
}

// section reads the body of p.
func section(ctx context.Context, src io.ReaderAt, p *part) io.Reader {
	return &rangeReader{ctx: ctx, src: src, off: p.body, left: p.bodySize()}
}

// copyRange writes a range of src to w.
func copyRange(ctx context.Context, w io.Writer, src io.ReaderAt, off, n int64) error {
	_, err := (&rangeReader{ctx: ctx, src: src, off: off, left: n}).WriteTo(w)
	return err
}

// rangeReader reads a range of a source in large pieces, until nobody waits any more. That the source ends before the range does is an error.
type rangeReader struct {
	ctx       context.Context
	src       io.ReaderAt
	off, left int64
}

func (r *rangeReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.src.ReadAt(p[:min(r.left, int64(len(p)))], r.off)
	r.off += int64(n)
	r.left -= int64(n)
	switch {
	case n > 0:
		err = nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// WriteTo spares io.Copy a buffer of its own.
func (r *rangeReader) WriteTo(w io.Writer) (int64, error) {
	p := lineBuffers.Get().(*[lineBuffer]byte)
	defer lineBuffers.Put(p)
	total := int64(0)
	for {
		n, err := r.Read(p[:])
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err == nil {
			_, err = w.Write(p[:n])
		}
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}
