package enveloped

import (
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
	"io"
	"sync"
)

// buffers hold content on its way through CBC: a multiple of every block size.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// encryptCBC writes size octets of content to w, encrypted, with the padding of RFC 5652, Section
// 6.3.
func encryptCBC(w io.Writer, content io.Reader, size int64, block cipher.Block, iv []byte) error {
	mode := cipher.NewCBCEncrypter(block, iv)
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	for last := false; !last; {
		n := int64(len(buf))
		if last = size < n; last {
			n = size
		}
		if err := readFull(content, buf[:n]); err != nil {
			return err
		}
		size -= n
		p := buf[:n]
		if last {
			p = pad(p, block.BlockSize())
		}
		mode.CryptBlocks(p, p)
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// pad appends octets that all say how many they are, 1 to a whole block.
func pad(p []byte, blockSize int) []byte {
	n := blockSize - len(p)%blockSize
	for range n {
		p = append(p, byte(n))
	}
	return p
}

// paddedSize is the length of the ciphertext of size octets.
func paddedSize(size int64, blockSize int) int64 {
	return (size/int64(blockSize) + 1) * int64(blockSize)
}

func readFull(content io.Reader, p []byte) error {
	switch _, err := io.ReadFull(content, p); err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		return fmt.Errorf("enveloped: the content is shorter than it was said to be: %w", io.ErrUnexpectedEOF)
	default:
		return fmt.Errorf("enveloped: reading the content: %w", err)
	}
}

// cbcDecrypter decrypts what is written to it, in any pieces, and writes it on without the last
// block, which may be padding: close does that.
type cbcDecrypter struct {
	w    io.Writer
	mode cipher.BlockMode
	buf  *[32 << 10]byte
	used int   // of buf: ciphertext that was not decrypted yet
	n    int64 // content written
}

func newCBCDecrypter(w io.Writer, block cipher.Block, iv []byte) *cbcDecrypter {
	return &cbcDecrypter{w: w, mode: cipher.NewCBCDecrypter(block, iv), buf: buffers.Get().(*[32 << 10]byte)}
}

func (d *cbcDecrypter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		// A full buffer has another octet behind it: its last block is not the last.
		if d.used == len(d.buf) {
			if err := d.flush(d.used); err != nil {
				return 0, err
			}
		}
		n := copy(d.buf[d.used:], p)
		d.used += n
		p = p[n:]
	}
	return total, nil
}

// flush decrypts all of the buffer and writes size octets of it.
func (d *cbcDecrypter) flush(size int) error {
	d.mode.CryptBlocks(d.buf[:d.used], d.buf[:d.used])
	d.used = 0
	d.n += int64(size)
	_, err := d.w.Write(d.buf[:size])
	return err
}

// close writes the rest without its padding. The error is ErrDecrypt, also for what is no whole
// number of blocks, or what w returned.
func (d *cbcDecrypter) close() error {
	blockSize := d.mode.BlockSize()
	if d.used == 0 || d.used%blockSize != 0 {
		return ErrDecrypt
	}
	p := d.buf[:d.used]
	d.mode.CryptBlocks(p, p)
	size, ok := unpad(p, blockSize)
	if !ok {
		return ErrDecrypt
	}
	d.n += int64(size)
	_, err := d.w.Write(p[:size])
	return err
}

// release gives the buffer back, without what was in it.
func (d *cbcDecrypter) release() {
	clear(d.buf[:])
	buffers.Put(d.buf)
	d.buf = nil
}

// unpad returns how much of p, of at least one block, is before its padding; it takes the same time
// whatever is wrong with that.
func unpad(p []byte, blockSize int) (int, bool) {
	n := int(p[len(p)-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, blockSize)
	for i := 1; i <= blockSize; i++ {
		counts := subtle.ConstantTimeLessOrEq(i, n)
		same := subtle.ConstantTimeByteEq(p[len(p)-i], byte(n))
		good &= same | (counts ^ 1)
	}
	return len(p) - n&(-good), good == 1
}
