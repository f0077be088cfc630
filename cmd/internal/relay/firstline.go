package relay

import (
	"errors"
	"io"

	"dnseal/smime/message"
)

// mailboxField is the name Postfix gives to the first line of a mailbox in mbox form (RFC 4155),
// which some clients send along.
const mailboxField = "Mailbox-Line: "

// firstLine keeps the first line of the content what it is below our trace field, as MTAs do: one
// that begins with white space is text after an empty header, not a part of the trace field, and
// the first line of a mailbox becomes a field of its own. What the spool or the system returned is
// an error.
func (in *intake) firstLine() error {
	line := make([]byte, 1024)
	n, err := in.spool.ReadAt(line, in.trace)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	line = line[:n]
	switch {
	// RFC 5322, Section 2.2.3: such a line would continue our field.
	case n > 0 && (line[0] == ' ' || line[0] == '\t'):
		return in.insert("\r\n")
	case message.IsMailboxLine(line):
		return in.insert(mailboxField)
	}
	return nil
}

// insert writes the spool again with text between our trace field and the content.
func (in *intake) insert(text string) error {
	whole := message.NewSpool(0)
	_, err := in.spool.WriteRange(whole, 0, in.trace)
	if err == nil {
		_, err = whole.WriteString(text)
	}
	if err == nil {
		_, err = in.spool.WriteRange(whole, in.trace, in.spool.Size()-in.trace)
	}
	if err != nil {
		return errors.Join(err, whole.Close())
	}
	err = in.spool.Close()
	in.spool = whole
	return err
}
