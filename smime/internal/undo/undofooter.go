package undo

import (
	"bytes"
	"slices"

	"dnseal/smime/internal/entity"
)

// undoFooter takes lines off the end behind the last part, and off the ends of the text parts.
func undoFooter(x *suspect) bool {
	texts := x.parts(func(p *entity.Part) bool { return p.Leaf() && entity.IsText(p) })
	return x.epilogue() || slices.ContainsFunc(texts, x.footer)
}

// epilogue knows programs that append text to whatever there is.
func (x *suspect) epilogue() bool {
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
		const sentence = "Text was appended after the last part of the signed content, as lists and gateways do."
		if x.is(ChangeFooter, sentence, text) || x.is(ChangeFooter, sentence, bytes.TrimSuffix(text, crlfBytes)) {
			return true
		}
	}
	return false
}

func (x *suspect) footer(p *entity.Part) bool {
	sentence := "Text was appended to " + x.called(p) + ", as lists and gateways do."
	rest := x.text[max(p.Body, p.End):]
	for body := x.body(p); len(body) > 0 && x.spent < maxWork; {
		i := bytes.LastIndexByte(body[:len(body)-1], '\n') + 1
		body = body[:i]
		bare := bytes.TrimSuffix(body, crlfBytes)
		if x.is(ChangeFooter, sentence, x.text[:p.Body], body, rest) || x.is(ChangeFooter, sentence, x.text[:p.Body], bare, rest) {
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
