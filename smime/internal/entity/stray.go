package entity

import (
	"errors"
	"fmt"
	"io"

	"dnseal/smime/message"
)

// maxStrayHeader is as much of a body as is read like a header.
const maxStrayHeader = 64 << 10

// StrayReason says which line ends the header of m in place of the empty line of RFC 5322, Section
// 2.1, or "". MTAs end it there, and so does this package; there are readers who go on.
func StrayReason(m *message.Message) string {
	if m.Stray() == "" {
		return ""
	}
	return fmt.Sprintf("the header line %+q is no header field", m.Stray())
}

// ClaimsBehind reports whether m is S/MIME or PGP for those who go on after that line.
func ClaimsBehind(m *message.Message) (bool, error) {
	off := m.BodyOffset()
	head := make([]byte, min(maxStrayHeader, m.Size()-off))
	if _, err := m.Open().ReadAt(head, off); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	p := &Part{}
	p.Fields, _ = message.ParseHeader(head)
	p.Describe()
	return KindOf(p) != Plain, nil
}
