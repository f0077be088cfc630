package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// entry is one message of a file that holds many.
type entry struct {
	start, end int64 // without the lines that separate messages
	last       bool
	cut        string // how the file shows that it ends in the middle of the message, or ""
	internal   bool   // it is data of the mail folder
}

// splitter finds the messages of a file, one after the other.
type splitter interface {
	// begin goes to the first message.
	begin(w *window) error
	// next returns the next message, and io.EOF after the last one.
	next() (entry, error)
	container() Container
}

// mbox walks the messages of at. cut says that more followed in the file.
func (w *walker) mbox(s source, at section, split splitter, cut bool) error {
	if err := split.begin(newWindow(at, windowSize)); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	for n := 1; ; n++ {
		e, err := split.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		name := s.name + "#" + strconv.Itoa(n)
		if e.internal {
			if err := w.notice(name, "data of the mail folder itself, written by its server or reader: not mail, and not judged"); err != nil {
				return err
			}
			continue
		}
		m := Message{Name: name, Container: split.container(), Open: s.part(at, e.start, e.end)}
		if e.last || e.cut != "" {
			m.Remark = truncated(at, e, cut)
		}
		if err := w.emit(m); err != nil {
			return err
		}
	}
}

// mbox is an mbox (RFC 4155) of any writer. A message begins at a separator: a "From " line that
// names a sender and a date, and that a header field follows. Where the Content-Length of a message
// points exactly to the next separator, or to the end of the file, it decides.
type mbox struct {
	w      *window
	near   *window // for looks elsewhere
	off    int64   // of the next separator
	writer writer
	first  bool // no message was returned yet
	form   Container
}

func (b *mbox) begin(w *window) error {
	head, err := w.from(0, headSize)
	if err != nil {
		return err
	}
	start, _ := mboxStart(head)
	b.w, b.near, b.off, b.first, b.form = w, newWindow(w.r, headSize), int64(start), true, Mbox
	line := firstLine(head[start:])
	b.writer = writerOf(line)
	// public-inbox writes this line, and "git am" reads it as the mark of the form.
	if string(line) == "From mboxrd@z Thu Jan  1 00:00:00 1970" {
		b.form = Mboxrd
	}
	return nil
}

func (b *mbox) container() Container { return b.form }

func (b *mbox) next() (entry, error) {
	if b.off >= b.w.size {
		return entry{}, io.EOF
	}
	start, err := b.w.lineEnd(b.off)
	if err != nil {
		return entry{}, err
	}
	e := entry{start: start}
	h, err := b.header(start)
	if err != nil {
		return entry{}, err
	}
	e.internal = b.first && h.internal()
	b.first = false
	switch {
	case h.next >= 0: // it has no text, and no empty line
		b.off, e.end = h.next, h.next
		return e, nil
	case h.length >= 0:
		next, ok, landErr := b.lands(h.body, h.length)
		if landErr != nil {
			return entry{}, landErr
		}
		if ok {
			b.off, e.end, e.last = next, h.body+h.length, next == b.w.size
			return e, nil
		}
	}
	err = b.search(&e, h.body)
	if there := b.w.size - h.body; h.length > there {
		e.cut = fmt.Sprintf("of the %d octets that its Content-Length names, %d are there", h.length, there)
	}
	return e, err
}

// fromLine begins every separator of an mbox (RFC 4155, Appendix A).
const fromLine = "From "

// search finds the separator that ends e, whose text begins at body.
func (b *mbox) search(e *entry, body int64) error {
	for off := body - 1; ; {
		at, err := b.w.find(off, "\n"+fromLine)
		if errors.Is(err, io.EOF) {
			empty, wrong := b.emptyLineBefore(b.w.size, e.start)
			b.off, e.end, e.last = b.w.size, max(b.w.size-int64(empty), body), true
			return wrong
		}
		if err != nil {
			return err
		}
		off = at + 1
		empty, err := b.emptyLineBefore(off, e.start)
		if err != nil {
			return err
		}
		if ok, err := b.separates(b.w, off, empty > 0); err != nil {
			return err
		} else if ok {
			// The line that ends the header is part of the message.
			b.off, e.end = off, max(off-int64(empty), body)
			return nil
		}
	}
}

// emptyLineBefore returns the length of the empty line before off, or 0. RFC 4155, Appendix A: an
// empty line ends each message; it is not part of it.
func (b *mbox) emptyLineBefore(off, start int64) (int, error) {
	from := max(start, off-4)
	text, err := b.w.from(from, int(off-from))
	if err != nil {
		return 0, err
	}
	text = text[:off-from]
	switch {
	case bytes.HasSuffix(text, []byte("\n\r\n")), string(text) == "\r\n":
		return 2, nil
	case bytes.HasSuffix(text, []byte("\n\n")), string(text) == "\n":
		return 1, nil
	}
	return 0, nil
}

// separates reports whether the line at off, which begins with "From ", begins a message.
func (b *mbox) separates(w *window, off int64, afterEmpty bool) (bool, error) {
	text, err := w.from(off, maxSeparator+maxFollowing)
	if err != nil {
		return false, err
	}
	if len(text) > maxSeparator+maxFollowing {
		text = text[:maxSeparator+maxFollowing]
	}
	ended := off+int64(len(text)) == w.size
	i := bytes.IndexByte(text, '\n')
	if i < 0 {
		i = len(text) - 1
		if !ended {
			return false, nil
		}
	}
	return i < maxSeparator && b.writer.begins(firstLine(text), text[i+1:], afterEmpty, ended), nil
}

// lands reports whether length octets from body end at a separator or the end of the file, with or
// without empty lines before it, and where that is.
func (b *mbox) lands(body, length int64) (next int64, ok bool, err error) {
	if length > b.w.size-body {
		return 0, false, nil
	}
	at := body + length
	w := b.w
	if !w.holds(at-1, maxSeparator+maxFollowing+8) {
		w = b.near
	}
	text, err := w.from(at-1, 8)
	if err != nil {
		return 0, false, err
	}
	lines := text[0] == '\n'
	text = text[1:]
	next = at
	for range 3 {
		n := emptyLine(text)
		text, next, lines = text[n:], next+int64(n), lines || n > 0
	}
	switch {
	case next == b.w.size:
		return next, true, nil
	case !lines:
		return 0, false, nil
	}
	if text, err = w.from(next, len(fromLine)); err != nil || !bytes.HasPrefix(text, []byte(fromLine)) {
		return 0, false, err
	}
	ok, err = b.separates(w, next, next > at)
	return next, ok, err
}

func emptyLine(text []byte) int {
	switch {
	case bytes.HasPrefix(text, []byte("\n")):
		return 1
	case bytes.HasPrefix(text, []byte("\r\n")):
		return 2
	}
	return 0
}

// firstLine is the first line of text without its end.
func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// mboxStart returns where the first separator of an mbox stands in head: after a byte order mark,
// and after empty lines where it is one beyond doubt.
func mboxStart(head []byte) (int, bool) {
	start := 0
	if bytes.HasPrefix(head, []byte(byteOrderMark)) {
		start = len(byteOrderMark)
	}
	if bytes.HasPrefix(head[start:], []byte(fromLine)) {
		return start, bytes.IndexByte(head, '\n') >= 0 || bytes.IndexByte(head, '\r') < 0
	}
	text := bytes.TrimLeft(head[start:], "\r\n")
	if !bytes.HasPrefix(text, []byte(fromLine)) {
		return 0, false
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	return len(head) - len(text), writer{bare: true}.begins(firstLine(text), rest, true, false)
}
