package undo

import (
	"bytes"
	"slices"

	"dnseal/smime/internal/entity"
)

// undoFooter removes lines from the end of the content, and from the ends of its text parts.
//
// RFC 6377, Section 3.3: lists append a few lines to each message.
func undoFooter(x *suspect) bool {
	texts := x.parts(func(p *entity.Part) bool { return p.Leaf() && entity.IsText(p) })
	return x.tryEpilogue() || slices.ContainsFunc(texts, x.tryFooter)
}

// tryEpilogue is for programs that append text to the message, whatever that is. RFC 2046, Section
// 5.1.1: after the last part of a multipart it is an epilogue, which readers are to ignore.
func (x *suspect) tryEpilogue() bool {
	end := int64(0)
	for _, p := range x.root.Kids {
		end = max(end, p.End)
	}
	text := x.text
	for range maxSingles {
		i := bytes.LastIndexByte(text[:max(0, len(text)-1)], '\n') + 1
		if int64(i) <= end || x.root.Leaf() {
			return false
		}
		text = text[:i]
		const sentence = "Text was appended after the last part of the signed content, as mailing lists and gateways do."
		if x.tryOriginal(ChangeFooter, sentence, text) || x.tryOriginal(ChangeFooter, sentence, bytes.TrimSuffix(text, crlfBytes)) {
			return true
		}
	}
	return false
}

func (x *suspect) tryFooter(p *entity.Part) bool {
	sentence := "Text was appended to " + x.called(p) + ", as mailing lists and gateways do."
	rest := x.text[max(p.Body, p.End):]
	for body := x.body(p); len(body) > 0 && x.spent < maxWork; {
		i := bytes.LastIndexByte(body[:len(body)-1], '\n') + 1
		body = body[:i]
		bare := bytes.TrimSuffix(body, crlfBytes)
		if x.tryOriginal(ChangeFooter, sentence, x.text[:p.Body], body, rest) || x.tryOriginal(ChangeFooter, sentence, x.text[:p.Body], bare, rest) {
			return true
		}
	}
	return false
}

// called is how a part is called in a sentence.
func (x *suspect) called(p *entity.Part) string {
	if p == x.root {
		return "the signed text"
	}
	return "part " + p.Number + " of the signed content"
}
