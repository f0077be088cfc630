package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Errors of Read. Both are about the message, not about this machine.
var (
	ErrTooBig    = errors.New("message: too big")
	ErrMalformed = errors.New("message: malformed header")
)

// Message is one spooled message as it came.
type Message struct {
	spool  *Spool
	fields []Field
	// headerEnd is where the fields end, body where the empty line after them ends, if there is
	// one.
	headerEnd, body int64
	stray           string
}

// defaultHeaderBytes limits the header where the caller does not.
const defaultHeaderBytes = 1 << 20

// ReadOptions limit what Read takes. The zero value is safe.
type ReadOptions struct {
	// MaxBytes is the most bytes of message; 0 means no limit (it is spooled to disk, never held in
	// memory).
	MaxBytes int64
	// MaxHeaderBytes is the most bytes of header; 0 means 1 MiB.
	MaxHeaderBytes int
}

// Read spools a message from r. A message whose first line ends in a bare LF
// is in Unix form (saved mail): its LFs become CRLF (those that follow a CR stay
// as they are). Any other bare CR or LF stays as it is.
//
// The header ends at the first empty line, or as MTAs have it at the first line that is no header
// field: that line and all that follows are the body (see [Message.Stray]). A first line that
// begins with "From " is that of a mailbox in mbox form (RFC 4155): a [Field] without a name.
//
// Errors: ErrTooBig when the message or its header is over the limit, ErrMalformed when it is
// empty, a [HeaderError] (which is an ErrMalformed) when the header holds a NUL, or a control octet
// where the name of a field stands, else what r or the spool's file returned.
func Read(r io.Reader, opts ReadOptions) (*Message, error) {
	s := NewSpool(opts.MaxBytes)
	if err := fill(s, r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return FromSpool(s, opts)
}

// FromSpool makes a message of an already filled spool (CRLF form); the
// message owns it from then on, and it is closed when FromSpool fails.
// Errors: as Read.
func FromSpool(s *Spool, opts ReadOptions) (*Message, error) {
	limit := opts.MaxHeaderBytes
	if limit <= 0 {
		limit = defaultHeaderBytes
	}
	m := &Message{spool: s}
	err := s.finish()
	if err == nil {
		err = m.readHeader(limit)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return m, nil
}

// readHeader reads the header in growing steps until its end is in sight.
func (m *Message) readHeader(limit int) error {
	size := m.spool.Size()
	if size == 0 {
		return fmt.Errorf("%w: empty message", ErrMalformed)
	}
	for step := int64(16 << 10); ; step *= 4 {
		n := min(step, size, int64(limit)+2)
		buf, err := m.spool.front(n)
		if err != nil {
			return err
		}
		l, found, err := findEnd(buf, n == size)
		switch {
		case err != nil:
			return err
		case !found && n < int64(limit)+2:
			continue
		case !found || l.end > limit:
			return fmt.Errorf("%w: header of more than %d bytes", ErrTooBig, limit)
		}
		m.headerEnd, m.body, m.stray = int64(l.end), int64(l.body), l.stray
		m.fields = splitFields(bytes.Clone(buf[:l.end]))
		return nil
	}
}

// fill copies r into s and turns Unix form into CRLF form.
func fill(s *Spool, r io.Reader) error {
	size := int64(16 << 10)
	if l, ok := r.(interface{ Len() int }); ok {
		s.Grow(int64(l.Len()))
		size = min(max(int64(l.Len())+1, 512), 64<<10)
	}
	conv := lineEnds{to: s}
	buf := make([]byte, size)
	for {
		n, err := r.Read(buf)
		if werr := conv.write(buf[:n]); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("message: %w", err)
		}
		if n == len(buf) && n < 64<<10 {
			buf = make([]byte, 64<<10)
		}
	}
}

// lineEnds passes bytes on, and from the first line end knows whether they are in Unix form.
type lineEnds struct {
	to            *Spool
	decided, unix bool
	last          byte // the last byte of the chunk before
}

func (c *lineEnds) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if !c.decided {
		if i := bytes.IndexByte(p, '\n'); i >= 0 {
			c.decided = true
			c.unix = c.before(p, i) != '\r'
		}
	}
	defer func() { c.last = p[len(p)-1] }()
	if !c.unix {
		_, err := c.to.Write(p)
		return err
	}
	start := 0
	for i := 0; ; {
		j := bytes.IndexByte(p[i:], '\n')
		if j < 0 {
			_, err := c.to.Write(p[start:])
			return err
		}
		i += j
		if c.before(p, i) != '\r' {
			if _, err := c.to.Write(p[start:i]); err != nil {
				return err
			}
			if _, err := c.to.WriteString("\r"); err != nil {
				return err
			}
			start = i
		}
		i++
	}
}

func (c *lineEnds) before(p []byte, i int) byte {
	if i == 0 {
		return c.last
	}
	return p[i-1]
}

// Header returns the header fields in order. The slice must not be changed.
// RFC 5322, Section 3.6: the order of trace fields counts.
func (m *Message) Header() []Field { return m.fields }

// Size is the whole message's size in bytes.
func (m *Message) Size() int64 { return m.spool.Size() }

// BodyOffset is where the body begins: after the empty line, or at the line that is no header
// field. Without either there is no body.
func (m *Message) BodyOffset() int64 { return m.body }

// Stray returns the line that ended the header in place of an empty line because it is no header
// field, or the first octets of it; else "". It is the first line of the body. WriteEdited writes
// the empty line that is missing before it, so that all who read the message later end its header
// there as well.
func (m *Message) Stray() string { return m.stray }

// Section returns a reader over the bytes [off, off+n).
func (m *Message) Section(off, n int64) *io.SectionReader {
	return io.NewSectionReader(m.spool, off, n)
}

// Body returns a reader over the body.
func (m *Message) Body() *io.SectionReader { return m.Section(m.body, m.Size()-m.body) }

// Open returns a reader over the whole message.
func (m *Message) Open() *io.SectionReader { return m.spool.Open() }

// Close releases the spool. Safe on nil and more than once.
func (m *Message) Close() error {
	if m == nil {
		return nil
	}
	return m.spool.Close()
}

// Fields returns the fields called name, in order.
func (m *Message) Fields(name string) []Field {
	var out []Field
	for _, f := range m.fields {
		if f.Is(name) {
			out = append(out, f)
		}
	}
	return out
}

// Has reports whether there is a field called name.
func (m *Message) Has(name string) bool {
	return slices.ContainsFunc(m.fields, func(f Field) bool { return f.Is(name) })
}

// First returns the unfolded value of the first field called name, or "".
func (m *Message) First(name string) string {
	for _, f := range m.fields {
		if f.Is(name) {
			return f.Unfolded()
		}
	}
	return ""
}
