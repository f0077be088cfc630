package message

import (
	"errors"
	"io"
)

// Errors of Read. Both are about the message, not about this machine.
var (
	ErrTooBig    = errors.New("message: too big")
	ErrMalformed = errors.New("message: malformed header")
)

// Message is one spooled message as it came.
type Message struct{}

// ReadOptions limit what Read takes. The zero value is safe.
type ReadOptions struct {
	// MaxBytes is the most bytes of message; 0 means no limit (it is spooled to disk, never held in memory).
	MaxBytes int64
	// MaxHeaderBytes is the most bytes of header; 0 means 1 MiB.
	MaxHeaderBytes int
}

// Read spools a message from r. A message whose first line ends in a bare LF is in Unix form (saved mail): its LFs become CRLF.
// Any other bare CR or LF stays as it is.
func Read(r io.Reader, opts ReadOptions) (*Message, error) { panic("unwritten") }

// FromSpool makes a message of an already filled spool (CRLF form); the message owns it from then on.
func FromSpool(s *Spool, opts ReadOptions) (*Message, error) { panic("unwritten") }

// Header returns the header fields in order. The slice must not be changed.
func (m *Message) Header() []Field { panic("unwritten") }

// Size is the whole message's size in bytes.
func (m *Message) Size() int64 { panic("unwritten") }

// BodyOffset is where the body begins: after the empty line.
func (m *Message) BodyOffset() int64 { panic("unwritten") }

// Section returns a reader over the bytes [off, off+n).
func (m *Message) Section(off, n int64) *io.SectionReader { panic("unwritten") }

// Body returns a reader over the body.
func (m *Message) Body() *io.SectionReader { panic("unwritten") }

// Open returns a reader over the whole message.
func (m *Message) Open() *io.SectionReader { panic("unwritten") }

// Close releases the spool.
func (m *Message) Close() error { panic("unwritten") }

// Field is one header field as raw bytes.
type Field struct {
	// Raw is the whole field with its line ends.
	Raw []byte
}

// Name returns the field's name as it stands, without trailing white space.
func (f Field) Name() string { panic("unwritten") }

// Is reports whether the field is called name (ASCII case-insensitive).
func (f Field) Is(name string) bool { panic("unwritten") }

// Value returns what stands after the colon, raw, without the final line end.
func (f Field) Value() string { panic("unwritten") }

// Unfolded returns the value unfolded (RFC 5322, 2.2.3) and trimmed.
func (f Field) Unfolded() string { panic("unwritten") }

// Fields returns the fields called name, in order.
func (m *Message) Fields(name string) []Field { panic("unwritten") }

// First returns the unfolded value of the first field called name, or "".
func (m *Message) First(name string) string { panic("unwritten") }

// From returns all addresses of all From fields. An error says that one could not be parsed.
func (m *Message) From() ([]Address, error) { panic("unwritten") }

// WriteTo writes the message with the edit applied, as a file or SMTP door sends it. A nil edit writes the message as it is.
func (m *Message) WriteEdited(w io.Writer, e *Edit) (int64, error) { panic("unwritten") }

// Close releases the edit's body. Safe on nil and more than once.
func (e *Edit) Close() error { panic("unwritten") }
