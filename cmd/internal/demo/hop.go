package demo

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"mime/quotedprintable"
	"strings"

	"dnseal/smime/message"
)

// hop changes a message as store-and-forward systems do, in addition to the Received field of its
// relay: the top Content-Type field is folded another way, and 8-bit parts are converted as for a
// next hop without 8BITMIME (RFC 6152, Section 3).
type hop struct {
	name string
	// onWay, when set, changes the body after that: an attacker on the way.
	onWay func([]byte) []byte
	// converted counts the lines that had to be changed for 7 bits.
	converted int
}

// Handle implements message.Handler.
func (h *hop) Handle(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
	body, err := io.ReadAll(m.Body())
	if err != nil {
		return &message.Outcome{}
	}
	body, h.converted = downgrade(m.First("Content-Type"), m.First("Content-Transfer-Encoding"), body)
	if h.onWay != nil {
		body = h.onWay(body)
	}
	spool := message.NewSpool(0)
	if _, err := spool.Write(body); err != nil {
		return &message.Outcome{}
	}
	edit := &message.Edit{Body: spool}
	// RFC 5322, Section 2.2.3.
	if ct := m.First("Content-Type"); ct != "" {
		edit.Changes = append(edit.Changes,
			message.Change{Op: message.Delete, Name: "Content-Type", Index: 1},
			message.Change{Op: message.Append, Name: "Content-Type", Value: " " + strings.ReplaceAll(ct, "; ", ";\r\n ")})
	}
	if h.converted > 0 && strings.EqualFold(m.First("Content-Transfer-Encoding"), "8bit") {
		edit.Changes = append(edit.Changes,
			message.Change{Op: message.Delete, Name: "Content-Transfer-Encoding", Index: 1},
			message.Change{Op: message.Append, Name: "Content-Transfer-Encoding", Value: " quoted-printable"})
	}
	return &message.Outcome{Action: message.Accept, Edit: edit, Result: "relayed"}
}

// downgrade rewrites 8-bit parts as quoted-printable, in single messages and in multiparts, and
// counts the lines it changed. It reads MIME as loosely as a demo may.
func downgrade(contentType, encoding string, body []byte) ([]byte, int) {
	var out bytes.Buffer
	changed := 0
	eightBit := strings.EqualFold(encoding, "8bit") // in the current part
	header := false                                 // inside a part's header
	multipart := strings.HasPrefix(strings.ToLower(contentType), "multipart/")
	lines := bufio.NewReader(bytes.NewReader(body))
	for {
		line, err := lines.ReadBytes('\n')
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		// RFC 2046, Section 5.1.1: a boundary.
		case multipart && strings.HasPrefix(text, "--"):
			header, eightBit = true, false
		case header && text == "":
			header = false
		case header && strings.EqualFold(text, "Content-Transfer-Encoding: 8bit"):
			eightBit = true
			line = []byte("Content-Transfer-Encoding: quoted-printable\r\n")
			changed++
		case !header && eightBit:
			quoted := quote(text)
			if quoted != text {
				changed++
			}
			line = append([]byte(quoted), line[len(text):]...)
		}
		out.Write(line)
		if err != nil {
			return out.Bytes(), changed
		}
	}
}

// quote encodes one line (RFC 2045, Section 6.7).
func quote(text string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}
