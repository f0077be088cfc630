package wire

import (
	"bytes"
	"io"
)

// Content is what was seen of a message while it came in.
type Content struct {
	size int64 // bytes, without the dots of transparency
	Bare bool  // it holds a CR or LF outside a CRLF
	// Normalize makes CRLF of an LF outside a CRLF, as smtpd_forbid_bare_newline = normalize of
	// Postfix does. Such an LF begins a line, and a part of what ends content it never is.
	Normalize bool
	cr        int // CRs so far, to find those outside a CRLF
	crlf      int
	last      byte
	Err       error // the first error of the writer; reading goes on
}

// longLine is how much of an unfinished line is waited for before it is passed on in pieces.
const longLine = 1024

// Data copies content that ends with a line of a single dot (RFC 5321,
// 4.1.1.4 and 4.5.2) to w, without that line and the dots of transparency; c is filled. It
// works by blocks, not by bytes. Only CRLF "." CRLF ends it, whatever else
// looks like an end; what is written after w failed is thrown away, so that the
// rest of a message never becomes commands.
// An error is one of the connection: the caller must close it then.
func (in *Input) Data(c *Content, w io.Writer) error {
	defer in.enlarge()()
	at := afterCRLF
	for {
		used, done := c.scan(in.buf[in.r:in.w], &at, w)
		in.r += used
		if done {
			c.Bare = c.Bare || c.cr != c.crlf
			return nil
		}
		if err := in.more(); err != nil {
			return err
		}
	}
}

// place is where in a line the next byte stands.
type place int

const (
	inLine    place = iota
	afterCRLF       // at the beginning of a line
	afterLF         // of a line, after an LF that is normalized
)

// scan uses complete lines, and the part of a very long one, from b, which begins at a place. It
// returns the bytes used and whether the end was among them.
func (c *Content) scan(b []byte, at *place, w io.Writer) (used int, done bool) {
	start, pos := 0, 0
	for pos < len(b) {
		n, whole := lineLength(b[pos:])
		if n == 0 {
			break
		}
		if *at != inLine && b[pos] == '.' {
			// RFC 5321, Section 4.1.1.4: CRLF "." CRLF, and nothing else, ends content.
			if *at == afterCRLF && whole && n == 3 && b[pos+1] == '\r' {
				c.emit(b[start:pos], w)
				return pos + 3, true
			}
			// RFC 5321, Section 4.5.2: the first dot of a line is removed.
			if !c.Normalize || !loneDot(b[pos:pos+n]) {
				c.emit(b[start:pos], w)
				start = pos + 1
			}
		}
		pos += n
		// RFC 5321, Section 2.3.8: a line begins only after CRLF.
		if *at = inLine; !whole {
			continue
		}
		if n > 1 && b[pos-2] == '\r' {
			*at = afterCRLF
			c.crlf++
			continue
		}
		if c.Bare = c.Bare || !c.Normalize; c.Normalize {
			*at = afterLF
			c.emit(b[start:pos-1], w)
			c.emit(crlf, w)
			c.crlf++
			start = pos
		}
	}
	c.emit(b[start:pos], w)
	return pos, false
}

var crlf = []byte("\r\n")

// loneDot reports whether a line is what a server that knows other line ends than CRLF would take
// for the end of content. Normalized, it stays what it is: text, whose dot is doubled again on the
// way to the next hop.
func loneDot(line []byte) bool {
	return string(line) == ".\n" || string(line) == ".\r\n"
}

// lineLength is the length of the line at the start of b and whether it is
// complete. 0 means: wait for more. A final CR is never passed on alone.
func lineLength(b []byte) (n int, whole bool) {
	if n = bytes.IndexByte(b, '\n') + 1; n > 0 {
		return n, true
	}
	if len(b) < longLine {
		return 0, false
	}
	if b[len(b)-1] == '\r' {
		return len(b) - 1, false
	}
	return len(b), false
}

func (c *Content) emit(b []byte, w io.Writer) {
	if len(b) == 0 {
		return
	}
	c.cr += bytes.Count(b, []byte{'\r'})
	c.write(b, w)
}

func (c *Content) write(b []byte, w io.Writer) {
	c.size += int64(len(b))
	c.last = b[len(b)-1]
	if c.Err == nil {
		_, c.Err = w.Write(b)
	}
}

// Chunk copies exactly n bytes of content to w (BDAT: RFC 3030, Section 2). c carries on from chunk
// to chunk.
func (in *Input) Chunk(n int64, c *Content, w io.Writer) error {
	defer in.enlarge()()
	for n > 0 {
		if in.Buffered() == 0 {
			if err := in.more(); err != nil {
				return err
			}
		}
		b := in.buf[in.r:in.w]
		if int64(len(b)) > n {
			// RFC 3030, Section 2: exactly the octets announced; dots mean nothing.
			b = b[:n]
		}
		c.count(b)
		c.write(b, w)
		in.r += len(b)
		n -= int64(len(b))
	}
	return nil
}

// count keeps the books on CR and LF of content without dot transparency.
func (c *Content) count(b []byte) {
	crlf := bytes.Count(b, []byte("\r\n"))
	if c.last == '\r' && b[0] == '\n' {
		crlf++
	}
	c.Bare = c.Bare || bytes.Count(b, []byte{'\n'}) != crlf
	c.cr += bytes.Count(b, []byte{'\r'})
	c.crlf += crlf
}

// Finish ends content that came in chunks.
func (c *Content) Finish() { c.Bare = c.Bare || c.cr != c.crlf }
