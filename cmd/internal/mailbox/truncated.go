package mailbox

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"strings"
)

// truncated says, of the last message of a file, how the file shows that it ends in the middle of
// it, or "". cut says that more of the file cannot be read. Of a message before the last, e.cut is
// in doubt: what looks like the next one may be a part of its text.
func truncated(at section, e entry, cut bool) string {
	why := e.cut
	switch {
	case why != "":
	case cut:
		why = "what follows cannot be read"
	default:
		why = unended(io.NewSectionReader(at, e.start, e.end-e.start))
	}
	switch {
	case why == "":
		return ""
	case !e.last:
		return "the file ends in the middle of this message, or its Content-Length is wrong: " + why
	}
	return "the file ends in the middle of this message: " + why
}

// maxBoundary is how much of a header is looked at for the boundary.
const maxBoundary = 64 << 10

// unended says what is missing at the end of a message.
func unended(text *io.SectionReader) string {
	if text.Size() == 0 {
		return "nothing of it is there"
	}
	buf := make([]byte, min(maxBoundary, text.Size()))
	if _, err := text.ReadAt(buf, 0); err != nil && !errors.Is(err, io.EOF) {
		return "" // said when it is read
	}
	head := bytes.ReplaceAll(buf, []byte("\r\n"), []byte("\n"))
	header, _, ended := bytes.Cut(head, []byte("\n\n"))
	if !ended {
		if len(buf) == maxBoundary || bytes.HasPrefix(head, []byte("\n")) {
			return ""
		}
		return "its header has no end"
	}
	boundary := boundaryOf(string(header))
	if boundary == "" {
		return ""
	}
	w := newWindow(text, windowSize)
	if _, err := w.find(0, "\n--"+boundary+"--"); errors.Is(err, io.EOF) {
		return "its last boundary is missing"
	}
	return ""
}

// boundaryOf is the boundary of a multipart header with LF as line ends, or "".
func boundaryOf(header string) string {
	unfolded := strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(header)
	for line := range strings.Lines(unfolded) {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(strings.TrimRight(name, " \t"), "Content-Type") {
			continue
		}
		kind, params, err := mime.ParseMediaType(strings.TrimSpace(value))
		if err == nil && strings.HasPrefix(kind, "multipart/") {
			return params["boundary"]
		}
		return ""
	}
	return ""
}
