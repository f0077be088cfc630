package mailbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"dnseal/smime/message"
)

// source is a stream that may hold messages: a file, one inside an archive, or what is read once.
type source struct {
	name string
	// open returns the stream from its beginning; nil where it can be read only once.
	open func() (io.ReadCloser, error)
	once io.Reader
	// file is the stream as a file; nil: it is spooled where places in it are needed.
	file *os.File
	// depth counts the containers around it, and work is what they may expand to.
	depth int
	work  *budget
}

// maxDepth is how many containers may be around one another: an mbox, compressed, in an archive.
const maxDepth = 3

// headSize is how much of a stream is looked at to find out its form.
const headSize = 4 << 10

// section is a reader that can be read at any place, and its size.
type section interface {
	io.ReaderAt
	Size() int64
}

// file walks the file at path.
func (w *walker) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() { // a pipe: <(zcat box.gz)
		return w.source(source{name: path, once: f})
	}
	return w.source(source{name: path, file: f, work: &budget{}, open: func() (io.ReadCloser, error) { return os.Open(path) }})
}

// source finds out the form of s, and walks it.
func (w *walker) source(s source) error {
	if s.work == nil {
		s.work = &budget{}
	}
	in, err := s.reader()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read from
	r := bufio.NewReaderSize(in, headSize)
	head, _ := r.Peek(headSize) // an error comes again when the message is read
	form := formOf(head)
	switch {
	case form == formMessage, s.depth >= maxDepth:
		return w.emit(s.single(r))
	case form == formCompressed:
		return w.compressed(s, r)
	}
	at, err := s.at(r)
	if at == nil {
		return err
	}
	return errors.Join(w.container(form, s, at, err != nil), err)
}

func (s source) reader() (io.ReadCloser, error) {
	if s.open == nil {
		return io.NopCloser(s.once), nil
	}
	return s.open()
}

// single is the message that s is.
func (s source) single(r io.Reader) Message {
	open := s.open
	if open == nil {
		open = func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
	}
	return Message{Name: s.name, Open: open}
}

// at returns s as a section; with an error, what there is before it.
func (s source) at(r io.Reader) (section, error) {
	if s.file != nil {
		info, err := s.file.Stat()
		if err != nil {
			return nil, err
		}
		return io.NewSectionReader(s.file, 0, info.Size()), nil
	}
	// The file of a spool is unlinked; it is closed when no message refers to it any more.
	spool := message.NewSpool(0)
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if _, werr := spool.Write(buf[:n]); werr != nil {
			return nil, fmt.Errorf("mailbox: %w", errors.Join(werr, spool.Close()))
		}
		if errors.Is(err, io.EOF) {
			return spool.Open(), nil
		}
		if err != nil {
			return spool.Open(), fmt.Errorf("%s: %w", s.name, err)
		}
	}
}

// container walks what holds messages at places of its own. cut says that at is only its beginning.
func (w *walker) container(form form, s source, at section, cut bool) error {
	switch form {
	case formZip:
		return w.zip(s, at)
	case formEmlx:
		return w.emlx(s, at)
	case formMMDF:
		return w.mbox(s, at, &mmdf{}, cut)
	case formMbox, formMessage, formCompressed:
	}
	return w.mbox(s, at, &mbox{}, cut)
}

// part is the message in the bytes [start, end) of s.
func (s source) part(at section, start, end int64) func() (io.ReadCloser, error) {
	if s.file == nil {
		return func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(at, start, end-start)), nil }
	}
	path := s.file.Name()
	return func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(f, start, end-start), f}, nil
	}
}

// form is what a file is, as far as this package reads it.
type form int

const (
	formMessage form = iota // or what is named by NotMail
	formMbox
	formMMDF
	formEmlx
	formZip
	formCompressed
)

// byteOrderMark is written before the text of a file by editors and some exports (RFC 3629,
// Section 6).
const byteOrderMark = "\ufeff"

// formOf finds out the form by the first octets, at most headSize.
func formOf(head []byte) form {
	switch {
	case compression(head) != nil:
		return formCompressed
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formZip
	case bytes.HasPrefix(head, []byte(mmdfLine+"\n")), bytes.HasPrefix(head, []byte(mmdfLine+"\r\n")):
		return formMMDF
	}
	if _, ok := mboxStart(head); ok {
		return formMbox
	}
	if _, _, ok := emlxStart(head); ok {
		return formEmlx
	}
	return formMessage
}

// IsMbox reports whether the file begins as an mbox does. Errors: those of the file system.
func IsMbox(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // only read from
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return formOf(head[:n]) == formMbox, nil
}
