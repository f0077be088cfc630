package mailbox

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// decompressor returns what in expands to.
type decompressor func(in io.Reader) (io.ReadCloser, error)

// compression returns how to expand a file that begins with head; nil: it is not compressed.
func compression(head []byte) decompressor {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b\x08")): // RFC 1952, Section 2.3.1
		return func(in io.Reader) (io.ReadCloser, error) { return gzip.NewReader(in) }
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")): // RFC 8878, Section 3.1.1
		return expandZstd
	case bytes.HasPrefix(head, []byte("BZh")):
		return func(in io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(in)), nil }
	}
	return nil
}

// maxZstdWindow is the memory that a zstd file may ask for. RFC 8878, Section 3.1.1.1.2, recommends
// 8 MiB; levels up to 20 need no more than this.
const maxZstdWindow = 32 << 20

func expandZstd(in io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// errExpands ends the reading of what is made to fill disks.
var errExpands = errors.New("it expands to more than mail does")

// An argument may expand to expandFree octets and expandRatio times its size. Mail compresses to a
// fifth, many copies of one message to a hundredth.
const (
	expandFree  = 64 << 20
	expandRatio = 250
)

// budget bounds what one argument expands to, whatever is inside of what. The zero value is one for
// an argument whose size is counted as it is read.
type budget struct{ in, out atomic.Int64 }

// expand expands in by d, within the budget. known says that the size of in was counted already.
func (b *budget) expand(d decompressor, in io.ReadCloser, known bool) (io.ReadCloser, error) {
	var counted io.Reader = in
	if !known {
		counted = &counting{in, &b.in}
	}
	out, err := d(counted)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return &expanded{out, in, b}, nil
}

// counting adds what is read to n.
type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// expanded is what was compressed.
type expanded struct {
	io.ReadCloser
	in   io.Closer
	work *budget
}

func (e *expanded) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if e.work.out.Add(int64(n)) > expandFree+expandRatio*e.work.in.Load() {
		return 0, errExpands
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("what is compressed ends early: %w", err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		err = fmt.Errorf("%w: it needs more than %d MiB of memory; unpack it first: unzstd --long=31", err, maxZstdWindow>>20)
	}
	return n, err
}

func (e *expanded) Close() error { return errors.Join(e.ReadCloser.Close(), e.in.Close()) }

// compressed walks what s, whose beginning r is, expands to.
func (w *walker) compressed(s source, r *bufio.Reader) error {
	head, _ := r.Peek(headSize)
	d := compression(head)
	inner := source{name: s.name, depth: s.depth + 1, work: s.work}
	if s.open == nil {
		out, err := s.work.expand(d, io.NopCloser(r), s.depth > 0)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		inner.once = out
		return w.source(inner)
	}
	inner.open = func() (io.ReadCloser, error) {
		in, err := s.open()
		if err != nil {
			return nil, err
		}
		out, err := s.work.expand(d, in, s.depth > 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		return out, nil
	}
	return w.source(inner)
}

// openSaved opens the file of one message, which may be compressed, as Dovecot compresses those of
// a Maildir.
func openSaved(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var head [4]byte
	_, _ = f.ReadAt(head[:], 0) // an error comes again
	d := compression(head[:])
	if d == nil {
		return f, nil
	}
	out, err := new(budget).expand(d, f, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}
