package mailbox

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// emlxStart returns where the message begins in a file of Apple Mail, and how long it is: a line
// with the number of its octets is before it, and a property list after it.
func emlxStart(head []byte) (start int, length int64, ok bool) {
	line, rest, found := bytes.Cut(head, []byte("\n"))
	digits := string(bytes.TrimRight(line, " \r"))
	if !found || !isDigits(digits, 1, 12) || !fieldFollows(rest, false) {
		return 0, 0, false
	}
	length, err := strconv.ParseInt(digits, 10, 64)
	return len(line) + 1, length, err == nil
}

// emlx is the message in a file of Apple Mail.
func (w *walker) emlx(s source, at section) error {
	if strings.HasSuffix(s.name, ".partial.emlx") {
		return &KindError{
			s.name, "an Apple Mail file without its attachments (.partial.emlx), which are kept in other files",
			"open the message in Mail until all of it is there, and save it as \"Raw Message Source\"",
		}
	}
	win := newWindow(at, headSize)
	head, err := win.from(0, headSize)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	start, length, _ := emlxStart(head)
	m := Message{Name: s.name, Container: Emlx}
	end := int64(start) + length
	if end > at.Size() {
		m.Remark = fmt.Sprintf("the file ends in the middle of this message: of the %d octets that its first line names, %d are there", length, at.Size()-int64(start))
		end = at.Size()
	}
	m.Open = s.part(at, int64(start), end)
	return w.emit(m)
}
