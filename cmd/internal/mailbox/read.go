package mailbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// Read reads one message as it is saved, which name is the name of in errors. A byte order mark
// before it is left out, and so is the line that Outlook puts before a header that is copied out of
// it; remarks say so, for people. Errors: a [KindError] where it is another kind of file, an error
// with a hint where it begins with no header field, those of [message.Read], each with the name.
func Read(in io.Reader, name string) (m *message.Message, remarks []string, err error) {
	name = called(name)
	r := bufio.NewReaderSize(in, 64<<10)
	start, err := r.Peek(headSize) // an error after some bytes comes again below
	switch {
	case len(start) > 0:
	case errors.Is(err, io.EOF):
		return nil, nil, fmt.Errorf("%s is empty", name)
	default:
		return nil, nil, named(name, err)
	}
	if kind, advice := NotMail(start); kind != "" {
		return nil, nil, &KindError{name, kind, advice}
	}
	if len(start) == headSize && !bytes.ContainsAny(start, ":\n") {
		return nil, nil, noField(name)
	}
	if remark := leaveOut(r, start); remark != "" {
		remarks = append(remarks, remark)
	}
	m, err = message.Read(r, message.ReadOptions{})
	if err != nil {
		return nil, nil, named(name, err)
	}
	if err := notMessage(m, name); err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	return m, remarks, nil
}

// named adds the name, where it is not in the error already.
func named(name string, err error) error {
	if strings.HasPrefix(err.Error(), name+" ") || strings.HasPrefix(err.Error(), name+":") {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// banner is the first line of the header that Outlook and Exchange show, and that is saved with it.
const banner = "Microsoft Mail Internet Headers Version 2.0"

// leaveOut discards what programs write before the header of a saved message, and says what a
// person should know of.
func leaveOut(r *bufio.Reader, start []byte) (remark string) {
	n := 0
	if bytes.HasPrefix(start, []byte(byteOrderMark)) {
		n = len(byteOrderMark)
	}
	if rest := start[n:]; string(bytes.TrimRight(firstLine(rest), " ")) == banner {
		n += bytes.IndexByte(rest, '\n') + 1
		n += emptyLine(start[n:])
		remark = fmt.Sprintf("the line %q before the header was left out: a banner that Outlook and Exchange write before a header that is copied from them", banner)
	}
	_, _ = r.Discard(n) // it is in the buffer
	return remark
}

const advice = "a message begins with fields such as \"From: alice@example.org\" (RFC 5322)"

func noField(name string) error {
	return hinted{fmt.Errorf("%s is not a mail message: it begins with no header field", name), advice}
}

// notMessage says why m is no message, or one in a form of its own.
func notMessage(m *message.Message, name string) error {
	fields := m.Header()
	switch {
	case isTNEF(m):
		return &KindError{name, "one that Exchange put into a TNEF file (winmail.dat), its own form", fromServer + "; what is in TNEF is not the message as it was signed"}
	case !slices.ContainsFunc(fields, func(f message.Field) bool { return f.Name() != "" }):
		if line := headerAfter(m); line != "" {
			return hinted{fmt.Errorf("%s is not a mail message: the line %+q is before its header", name, line), "remove what is before the first header field"}
		}
		return noField(name)
	case !slices.ContainsFunc(fields, usual):
		return hinted{fmt.Errorf("%s is not a mail message: it begins with none of the fields of a message", name), advice}
	}
	return nil
}

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }

// isTNEF reports whether the whole content of m is a TNEF file. The name of a signed object makes
// it none.
func isTNEF(m *message.Message) bool {
	kind, params, err := mime.ParseMediaType(m.First("Content-Type"))
	if err != nil && kind == "" {
		return false
	}
	name := params["name"]
	if _, disposition, err := mime.ParseMediaType(m.First("Content-Disposition")); err == nil && name == "" {
		name = disposition["filename"]
	}
	return kind == "application/ms-tnef" || kind == "application/vnd.ms-tnef" || kind == "application/octet-stream" && strings.EqualFold(name, "winmail.dat")
}

// headerAfter returns the first line of m where a usual header field follows soon after it, as when
// the text of a window was saved; else "".
func headerAfter(m *message.Message) string {
	const lines = 5
	buf := make([]byte, 1<<10)
	n, _ := m.Open().ReadAt(buf, 0) // an error was one of reading m
	text := bytes.Split(buf[:n], []byte("\r\n"))
	for _, line := range text[min(1, len(text)):min(lines, len(text))] {
		if usual(message.Field{Raw: append(bytes.Clone(line), '\r', '\n')}) {
			return string(text[0][:min(80, len(text[0]))])
		}
	}
	return ""
}

// usual reports whether a field is one that messages usually have (RFC 5322, Section 3.6). Many
// files that are no messages begin with a word and a colon.
func usual(f message.Field) bool {
	return f.Begins("Resent-") || f.Is("From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject", "Message-ID", "Received", "Return-Path",
		"Delivered-To", "MIME-Version", "Content-Type", "Authentication-Results", "DKIM-Signature")
}
