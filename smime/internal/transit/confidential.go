package transit

import (
	"bytes"
	"slices"

	"dnseal/smime/message"
)

// HiddenSubject is what stands outside in place of a Subject (RFC 9788, Section 3.2.1:
// hcp_baseline).
const HiddenSubject = "[...]"

// Confidential reports whether a field is not for the way: RFC 9788, Section 3.2.1 has Subject
// replaced, and Comments and Keywords left out; in Thread-Topic Outlook repeats the Subject.
func Confidential(f message.Field) bool {
	return f.Is("Subject", "Comments", "Keywords", "Thread-Topic")
}

// appendOuter adds what stands outside of the encryption (RFC 9788, Section 2.2: HP-Outer), so that
// a reader can tell what was hidden from what was changed on the way.
func appendOuter(h []byte, fields []message.Field) []byte {
	subject := false
	for _, f := range fields {
		switch {
		case f.Is("Subject"):
			if !subject {
				h = append(h, "HP-Outer: Subject: "+HiddenSubject+"\r\n"...)
			}
			subject = true
		case !Protectable(f), Confidential(f), WithoutValue(f):
		default:
			h = append(h, outerCopy(f)...)
		}
	}
	return h
}

// outerCopy is one field of them; nothing for a field that has no protected copy.
func outerCopy(f message.Field) []byte {
	raw, err := CopyOfField(f)
	if err != nil || len(raw) == 0 {
		return nil
	}
	const name = "HP-Outer:"
	if first, _, _ := bytes.Cut(raw, []byte("\n")); len(name)+1+len(first) > maxColumn {
		return slices.Concat([]byte(name+"\r\n "), raw)
	}
	return slices.Concat([]byte(name+" "), raw)
}

// maxColumn is the longest line that is made where it can be helped, with its CR.
const maxColumn = 77

// Outer returns the fields that stood outside according to the content, and whether it says so at
// all.
func Outer(fields []message.Field) ([]message.Field, bool) {
	var out []message.Field
	stated := false
	for _, f := range fields {
		if !f.Is("HP-Outer") {
			continue
		}
		stated = true
		outer, _ := message.ParseHeader(slices.Concat(bytes.TrimLeft(f.RawValue(), " \t\r\n"), []byte("\r\n")))
		if len(outer) == 1 {
			out = append(out, outer[0])
		}
	}
	return out, stated
}
