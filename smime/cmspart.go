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
	return &contextReader{ctx: ctx, r: io.NewSectionReader(src, p.body, p.bodySize())}
}

// hashRange writes a range of src to digests.
func hashRange(ctx context.Context, digests io.Writer, src io.ReaderAt, off, n int64) error {
	r := &contextReader{ctx: ctx, r: io.NewSectionReader(src, off, n)}
	p := lineBuffers.Get().(*[lineBuffer]byte)
	defer lineBuffers.Put(p)
	got, err := io.CopyBuffer(digests, r, p[:])
	if err == nil && got < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// contextReader stops reading when nobody waits any more.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
