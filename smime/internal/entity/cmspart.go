package entity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
)

// ErrEncoding is for a CMS object in a form that programs decode differently, so that two readers
// may see two objects.
var ErrEncoding = errors.New("a CMS object in transfer encoding")

// cmsBody is the decoded body of a part that holds a CMS object, whatever its kind: signed or
// encrypted, opaque or a signature of its own.
type cmsBody struct {
	io.Reader
	base64 *base64Reader // nil where the object stands as it is
	lines  *lineReader
}

// openCMS finds out the form of the object in p. Errors: ErrEncoding, and what the source returned.
func openCMS(ctx context.Context, src io.ReaderAt, p *Part) (*cmsBody, error) {
	plain, err := bareCMS(src, p)
	switch {
	case err != nil:
		return nil, err
	case plain:
		return &cmsBody{Reader: &RangeReader{Ctx: ctx, Src: src, Off: p.Body, Left: p.BodySize()}}, nil
	}
	b := &cmsBody{lines: NewLineReader(ctx, src, p.Body, max(p.Body, p.End))}
	b.base64 = newBase64Reader(b.lines)
	b.Reader = b.base64
	return b, nil
}

// bareCMS says that the object stands as it is, and not in base64. RFC 8551, Section 3.1.2, knows
// no other form that all read alike. Some senders leave the label out, or it is lost: then the
// first octet tells the two apart.
func bareCMS(src io.ReaderAt, p *Part) (bool, error) {
	label, _ := Field(p.Fields, "Content-Transfer-Encoding")
	switch encoding := strings.ToLower(strings.Trim(label, " \t")); encoding {
	case "base64":
		return false, nil
	case "", "7bit", "8bit", "binary":
		var first [1]byte
		if _, err := src.ReadAt(first[:], p.Body); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		// RFC 5652, Section 3: ContentInfo is a SEQUENCE, 0x30. No base64 of one begins with it.
		return first[0] == '0', nil
	default:
		return false, fmt.Errorf("%w %s", ErrEncoding, Quoted(encoding))
	}
}

// tailed reports whether text follows the object in its part. The body cannot be read after it.
func (b *cmsBody) tailed() (bool, error) {
	if b.base64 == nil {
		return false, nil // what is read as it stands is read to its end
	}
	return b.base64.tailed()
}

func (b *cmsBody) close() {
	if b.base64 != nil {
		b.base64.Close()
		b.lines.Close()
	}
}

// ReadCMS reads the SignedData in the body of p, and writes attached content to content (nil:
// nowhere). tail says that something follows it in the part. Errors: as cms.Read, a [MIMEError],
// ErrEncoding, and what the source returned.
func ReadCMS(ctx context.Context, src io.ReaderAt, p *Part, content io.Writer) (sd *cms.SignedData, tail bool, err error) {
	return ReadCMSTo(ctx, src, p, content, nil)
}

// ReadCMSTo is ReadCMS that also writes the object, as decoded, to object (nil: nowhere).
func ReadCMSTo(ctx context.Context, src io.ReaderAt, p *Part, content, object io.Writer) (sd *cms.SignedData, tail bool, err error) {
	b, err := openCMS(ctx, src, p)
	if err != nil {
		return nil, false, err
	}
	defer b.close()
	from := io.Reader(b)
	if object != nil {
		from = io.TeeReader(b, object)
	}
	if sd, err = cms.Read(from, content); err != nil {
		return nil, false, notCMS(ctx, src, p, err)
	}
	tail, err = b.tailed()
	return sd, tail, err
}

// Decrypt opens the encrypted object in the body of p, and writes its content to w. tail says that
// something follows it in the part. Errors: as enveloped.Decrypt, a [MIMEError], ErrEncoding, and
// what the source returned.
func Decrypt(ctx context.Context, src io.ReaderAt, p *Part, w io.Writer, opts enveloped.DecryptOptions) (content *enveloped.Content, tail bool, err error) {
	b, err := openCMS(ctx, src, p)
	if err != nil {
		return nil, false, err
	}
	defer b.close()
	if content, err = enveloped.Decrypt(b, w, opts); err != nil {
		return nil, false, notCMS(ctx, src, p, err)
	}
	tail, err = b.tailed()
	return content, tail, err
}

// CopyRange writes a range of src to w.
func CopyRange(ctx context.Context, w io.Writer, src io.ReaderAt, off, n int64) error {
	_, err := (&RangeReader{Ctx: ctx, Src: src, Off: off, Left: n}).WriteTo(w)
	return err
}

// RangeReader reads a range of a source in large pieces, until Ctx is done. That the source ends
// before the range does is an error.
type RangeReader struct {
	Ctx       context.Context
	Src       io.ReaderAt
	Off, Left int64
}

func (r *RangeReader) Read(p []byte) (int, error) {
	if r.Left <= 0 {
		return 0, io.EOF
	}
	if err := r.Ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.Src.ReadAt(p[:min(r.Left, int64(len(p)))], r.Off)
	r.Off += int64(n)
	r.Left -= int64(n)
	switch {
	case n > 0:
		err = nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// WriteTo spares io.Copy a buffer of its own.
func (r *RangeReader) WriteTo(w io.Writer) (int64, error) {
	p := LineBuffers.Get().(*[LineBuffer]byte)
	defer LineBuffers.Put(p)
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
