package undo

import (
	"iter"

	"dnseal/smime/internal/entity"
)

const (
	preambleRemoved = "The text before the first part of a multipart inside the signed content (the preamble) was removed."
	preambleAdded   = "Text was added before the first part of a multipart inside the signed content (a preamble)."
	epilogueAdded   = "Text was added after the last part of a multipart inside the signed content (an epilogue)."
)

// usualPreambles are what most programs write there.
var usualPreambles = []string{
	"",
	"This is a multi-part message in MIME format.",
	"This is a multipart message in MIME format.",
}

// preambles puts the usual preambles back, and takes away what is there (RFC 2046, Section 5.1.1:
// readers are to ignore it).
func preambles(x *suspect) iter.Seq[candidate] { return x.withPreambles(usualPreambles) }

func otherPreambles(x *suspect) iter.Seq[candidate] { return x.withPreambles(entity.UsualTexts()) }

func (x *suspect) withPreambles(texts []string) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, p := range x.parts(func(p *entity.Part) bool { return p.Delimiter != nil && p.First >= p.Body }) {
			if !x.preambles(p, texts, yield) {
				return
			}
			if p.Closed < 0 {
				continue
			}
			end := x.closingEnd(p)
			if end >= p.End || isBlank(x.text[end:p.End]) {
				continue
			}
			for _, with := range [][]byte{nil, crlfBytes} {
				if !yield(candidate{change: ChangePreamble, sentence: epilogueAdded, splices: []splice{{end, p.End, with}}}) {
					return
				}
			}
		}
	}
}

// preambles of one multipart; false when no more is wanted.
func (x *suspect) preambles(p *entity.Part, texts []string, yield func(candidate) bool) bool {
	now := x.text[p.Body:p.First]
	for _, with := range []string{"", "\r\n"} {
		if len(now) > 0 && !yield(candidate{change: ChangePreamble, sentence: preambleAdded, splices: []splice{{p.Body, p.First, []byte(with)}}}) {
			return false
		}
	}
	if !isBlank(now) {
		return true
	}
	for _, text := range texts {
		for _, form := range []string{text + "\r\n", text + "\r\n\r\n", "\r\n" + text + "\r\n", "\r\n" + text + "\r\n\r\n"} {
			if !x.open() || !yield(candidate{change: ChangePreamble, sentence: preambleRemoved, splices: []splice{{p.Body, p.First, []byte(form)}}}) {
				return false
			}
		}
	}
	return true
}
