package transit

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Some systems take a message apart and write all of it again: lists, fetchers and filters in
// Python among them, Courier, and mail clients that fetch a message part by part. They keep what is
// signed only where it has the form already that they write. A part that may not be changed for
// them, or of which no form is theirs, is called fragile: the rest of the way keeps it.

// maxFragile is how many fragile parts are named.
const maxFragile = 8

func (pl *Planner) fragile(p *entity.Part, reason string) {
	if len(pl.Fragile) < maxFragile {
		pl.Fragile = append(pl.Fragile, &ContentError{ErrNotTransitProof, p.Subject(), reason})
	}
}

// rebuiltHeader says what of a header that may not be changed is written otherwise, or "".
func rebuiltHeader(p *entity.Part) string {
	if p.Headless {
		return "a header that no empty line ends"
	}
	for _, f := range p.Fields {
		if f.Name() == "" || !bytes.Equal(oneSpace(f).Raw, f.Raw) || rewritten(f.Raw) {
			return "a header field without exactly one space after its colon"
		}
	}
	return ""
}

// rebuiltFrame says what of the lines around the parts of a multipart is written otherwise, or "".
func rebuiltFrame(p *entity.Part) string {
	switch {
	case !p.Type.Multipart():
		return ""
	case p.Delimiter == nil:
		return "a multipart without boundary"
	case len(p.Kids) == 0:
		return "a multipart without parts"
	case p.Closed < 0:
		return "a multipart without its last boundary"
	}
	return ""
}

// messageLeaf adds the line ends that a part of a type message/* needs which is no whole message:
// programs take the beginning of its body for a header, and write it so, with an empty line after
// it.
func (pl *Planner) messageLeaf(p *entity.Part, s *step) {
	if !strings.HasPrefix(p.Type.Name, "message/") || pl.Blocked != nil {
		return
	}
	// RFC 3464, Section 2.1: one header after the other
	status := p.Type.Name == "message/delivery-status"
	switch {
	case p.CTE == "quoted-printable" || p.CTE == "base64" && status:
		pl.fragile(p, entity.Quoted(p.Type.Name)+" in a transfer encoding")
	case p.CTE == "base64" && (s.todo != keep || !pl.beginsEmpty(p)):
		s.before = "\r\n" // RFC 2045, Section 6.8: decoders pass over it
	case p.CTE == "base64":
	case s.todo == keep, s.todo == descend:
		pl.headerEnd(p, s, status)
	}
}

// beginsEmpty reports whether an empty line is the first of the body.
func (pl *Planner) beginsEmpty(p *entity.Part) bool {
	var start [2]byte
	if p.BodySize() < int64(len(start)) {
		return false
	}
	if _, err := pl.Src.ReadAt(start[:], p.Body); err != nil {
		pl.Err = err
	}
	return string(start[:]) == "\r\n"
}

// headerEnd finds the end of the header that the body of p begins with.
func (pl *Planner) headerEnd(p *entity.Part, s *step, several bool) {
	lines := entity.NewLineReader(pl.Ctx, pl.Src, p.Body, max(p.Body, p.End))
	defer lines.Close()
	eol, empty := 2, true // as of a line before
	for {
		l, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			s.after = missingEnd(eol, several)
			return
		case err != nil:
			pl.Err = err
			return
		case len(l.Data) == 0 && !several:
			return
		case len(l.Data) > 0 && !soundLine(l, empty):
			pl.fragile(p, "a line that is no header field with one space after its colon in "+entity.Quoted(p.Type.Name))
			return
		}
		eol, empty = l.Eol, len(l.Data) == 0
	}
}

// missingEnd is what ends a header whose last line has a line end of eol octets.
func missingEnd(eol int, several bool) string {
	switch {
	case eol > 0 && several:
		return ""
	case eol > 0 || several:
		return "\r\n"
	}
	return "\r\n\r\n"
}

// soundLine reports whether a line of a header is written again as it is. first says that a header
// begins with it.
func soundLine(l entity.Line, first bool) bool {
	if l.Data[0] == ' ' || l.Data[0] == '\t' {
		return !first && !rewritten(l.Data)
	}
	f := message.Field{Raw: append(bytes.Clone(l.Data), '\r', '\n')}
	return l.First && l.Last && f.Name() != "" && bytes.Equal(oneSpace(f).Raw, f.Raw) && !rewritten(f.Raw)
}
