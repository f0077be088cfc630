package entity

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// base64Reader decodes a base64 body (RFC 2045, Section 6.8), until padding, an empty line or a
// line with other characters: lists append their footers to it.
type base64Reader struct {
	lines *lineReader
	text  []byte // characters not decoded yet
	data  []byte // what is decoded and not read yet
	end   bool
	// buf holds text, and after that what it decodes to.
	buf *[LineBuffer]byte
	// tail is set when something follows what was decoded.
	tail  bool
	width int  // of the first line
	begun bool // something was decoded
}

// newBase64Reader returns a reader that is to be closed.
func newBase64Reader(lines *lineReader) *base64Reader {
	buf := LineBuffers.Get().(*[LineBuffer]byte)
	return &base64Reader{lines: lines, buf: buf, text: buf[:0:textRoom]}
}

// textRoom is the part of the buffer for text; three quarters of it are enough for what it decodes
// to.
const textRoom = LineBuffer / 2

func (r *base64Reader) Close() {
	LineBuffers.Put(r.buf)
	r.buf, r.text, r.data = nil, nil, nil
}

func (r *base64Reader) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		if r.end && len(r.text) == 0 {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// fill decodes the next lines.
func (r *base64Reader) fill() error {
	if r.wholeLines(); len(r.data) > 0 {
		return nil
	}
	for !r.end && len(r.text) < FlushSize && !r.quick() {
		l, err := r.lines.Next()
		if errors.Is(err, io.EOF) {
			r.end = true
			break
		}
		if err != nil {
			return err
		}
		r.add(l)
	}
	return r.decode()
}

// quick reports whether the buffer holds a line like the first, with no text of other lines before
// it.
func (r *base64Reader) quick() bool {
	return r.width > 0 && r.width%4 == 0 && len(r.text)%4 == 0 && len(r.text) > 0 && len(r.lines.ahead()) >= r.width+2
}

// wholeLines decodes lines that are as long as the first straight from the buffer. One that is
// anything but base64 is left alone.
func (r *base64Reader) wholeLines() {
	if r.width == 0 || r.width%4 != 0 || len(r.text) > 0 || r.end {
		return
	}
	out := r.buf[textRoom:]
	line, octets, n := r.width+2, r.width/4*3, 0
	for ahead := r.lines.ahead(); len(ahead) >= line && len(out)-n >= octets; ahead = ahead[line:] {
		if ahead[r.width] != '\r' || ahead[r.width+1] != '\n' {
			break
		}
		if k, err := base64.RawStdEncoding.Decode(out[n:], ahead[:r.width]); err != nil || k < octets {
			break
		}
		n += octets
		r.lines.pass(line)
	}
	r.data, r.begun = out[:n], r.begun || n > 0
}

func (r *base64Reader) add(l Line) {
	data := bytes.Trim(l.Data, " \t")
	if len(data) == 0 {
		r.end = r.width > 0 && l.First && l.Last
		return
	}
	// Whole groups in a line as long as the first are taken for what they are; the decoder would
	// notice.
	groups := len(data) == r.width && (len(data)|len(r.text))%4 == 0
	if !groups && !alphabetic(data) {
		r.end, r.tail = true, true
		return
	}
	if r.width == 0 {
		r.width = len(data)
	}
	if i := bytes.IndexByte(data, '='); i >= 0 {
		// RFC 2045, Section 6.8: padding occurs at the end of the data only.
		r.end = true
		r.tail = len(bytes.TrimLeft(data[i:], "=")) > 0
		data = data[:i]
	}
	r.text = append(r.text, data...)
}

func alphabetic(data []byte) bool {
	for _, c := range data {
		if !Base64Char[c] {
			return false
		}
	}
	return true
}

// decode turns as much text as there is room for into octets: whole groups of four, and at the end
// the rest.
func (r *base64Reader) decode() error {
	n := min(len(r.text), textRoom)
	if !r.end || n < len(r.text) {
		n = n / 4 * 4
	}
	k, err := base64.RawStdEncoding.Decode(r.buf[textRoom:], r.text[:n])
	r.data = r.buf[textRoom : textRoom+k]
	r.text = append(r.text[:0], r.text[n:]...)
	if err != nil {
		r.end, r.tail, r.text = true, true, nil
		if k == 0 && !r.begun {
			return ErrBase64
		}
	}
	r.begun = r.begun || k > 0
	return nil
}

// ErrBase64 says that a body is not base64.
var ErrBase64 = errors.New("smime: base64 cannot be decoded")

// tailed reports whether more than empty lines and padding follows what was decoded. The reader
// cannot be used after it.
func (r *base64Reader) tailed() (bool, error) {
	for !r.tail {
		l, err := r.lines.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		r.tail = len(bytes.Trim(l.Data, " \t\r\n=")) > 0
	}
	return true, nil
}

// FlushSize is how many bytes are gathered before they are decoded or written.
const FlushSize = 16 << 10

// Base64Char says which octets are of the alphabet or padding (RFC 2045, Section 6.8).
var Base64Char = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") {
		t[c] = true
	}
	return t
}()
