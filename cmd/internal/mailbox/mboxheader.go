package mailbox

import (
	"bytes"
	"strconv"
	"strings"
)

// header is what the header of a message in an mbox says about the file.
type header struct {
	body   int64 // where the text begins
	length int64 // Content-Length; -1: none
	next   int64 // of a separator that ends the header; -1: none
	// what marks data of the folder
	mailSystem, doNotDelete, imap bool
}

// maxLength is the most digits of a Content-Length.
const maxLength = 15

// header reads the header of the message at off.
func (b *mbox) header(off int64) (header, error) {
	h := header{length: -1, next: -1}
	for start := off; off < b.w.size; {
		// A longer line is none of those looked for.
		line, err := b.w.from(off, maxSeparator)
		if err != nil {
			return h, err
		}
		end := off + int64(bytes.IndexByte(line, '\n')) + 1
		if end == off {
			if end, err = b.w.lineEnd(off); err != nil || end == off {
				return h, err
			}
			if line, err = b.w.from(off, 1); err != nil {
				return h, err
			}
		}
		line = line[:min(int64(len(line)), end-off, maxSeparator)]
		if emptyLine(line) > 0 {
			h.body = end
			return h, nil
		}
		if off > start && bytes.HasPrefix(line, []byte(fromLine)) {
			if ok, err := b.separates(b.w, off, false); err != nil || ok {
				h.next = off
				return h, err
			}
		}
		h.field(line)
		off = end
	}
	h.body = b.w.size
	return h, nil
}

// field notes what the line of a field says.
func (h *header) field(line []byte) {
	switch line[0] {
	case 'C', 'c':
		// The last one counts: the program that wrote the file adds it at the end.
		if value, ok := valueOf(line, "Content-Length:"); ok {
			h.length = -1
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && len(value) <= maxLength {
				h.length = n
			}
		}
	case 'F', 'f':
		if value, ok := valueOf(line, "From:"); ok {
			h.mailSystem = strings.HasPrefix(value, "Mail System Internal Data <")
		}
	case 'S', 's':
		if value, ok := valueOf(line, "Subject:"); ok {
			h.doNotDelete = value == "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"
		}
	case 'X', 'x':
		_, imap := valueOf(line, "X-IMAP:")
		_, base := valueOf(line, "X-IMAPbase:")
		h.imap = h.imap || imap || base
	}
}

// valueOf returns the value of a field whose line begins with name.
func valueOf(line []byte, name string) (string, bool) {
	if len(line) < len(name) || !strings.EqualFold(string(line[:len(name)]), name) {
		return "", false
	}
	return strings.TrimSpace(string(line[len(name):])), true
}

// internal reports whether the message is what UW IMAP, Alpine and Dovecot write as the first one
// of an mbox, to keep the state of the folder.
func (h *header) internal() bool { return h.mailSystem && h.doNotDelete && h.imap }
