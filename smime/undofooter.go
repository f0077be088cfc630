package smime

import (
	"bytes"
	"slices"
)

// undoFooter takes lines off the ends of the text parts.
func undoFooter(x *suspect) bool {
	texts := x.parts(func(p *part) bool { return p.leaf() && isText(p) })
	return slices.ContainsFunc(texts, x.footer)
}

func (x *suspect) footer(p *part) bool {
	sentence := "Text was appended to " + x.called(p) + ", as lists and gateways do."
	rest := x.text[max(p.body, p.end):]
	for body := x.body(p); len(body) > 0 && x.spent < maxWork; {
		i := bytes.LastIndexByte(body[:len(body)-1], '\n') + 1
		body = body[:i]
		bare := bytes.TrimSuffix(body, crlfBytes)
		if x.is(ChangeFooter, sentence, x.text[:p.body], body, rest) || x.is(ChangeFooter, sentence, x.text[:p.body], bare, rest) {
			return true
		}
	}
	return false
}

// called is how a part is called in a sentence.
func (x *suspect) called(p *part) string {
	if p == x.root {
		return "the signed text"
	}
	return "part " + p.number + " of the signed content"
}
