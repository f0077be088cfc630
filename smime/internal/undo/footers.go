package undo

import (
	"bytes"
	"iter"

	"dnseal/smime/internal/entity"
)

// footers cuts text parts, decoded where they are encoded, and the end of the content, before lines
// that look like the beginning of a footer, and HTML before the last elements.
//
// RFC 6377, Section 3.3: lists append a few lines to each message.
func footers(x *suspect) iter.Seq[candidate] {
	return all(func(x *suspect) iter.Seq[candidate] { return x.epilogues(2) }, func(x *suspect) iter.Seq[candidate] {
		return x.edited(ChangeFooter, x.appendedTo, ruledFooters)
	})(x)
}

// otherFooters cuts line by line, and HTML at any tag.
func otherFooters(x *suspect) iter.Seq[candidate] {
	return all(func(x *suspect) iter.Seq[candidate] { return x.epilogues(maxSingles) }, func(x *suspect) iter.Seq[candidate] {
		return x.edited(ChangeFooter, x.appendedTo, lineFooters)
	})(x)
}

func (x *suspect) appendedTo(p *entity.Part) string {
	return "Text was appended to " + x.called(p) + ", as mailing lists and gateways do."
}

// epilogues is for programs that append text to the message, whatever that is. RFC 2046, Section
// 5.1.1: after the last part of a multipart it is an epilogue, which readers are to ignore.
func (x *suspect) epilogues(lines int) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		end := int64(0)
		for _, p := range x.root.Kids {
			end = max(end, p.End)
		}
		size := int64(len(x.text))
		at := size
		for range lines {
			at = int64(bytes.LastIndexByte(x.text[:max(0, at-1)], '\n') + 1)
			if at <= end || x.root.Leaf() {
				return
			}
			const sentence = "Text was appended after the last part of the signed content, as mailing lists and gateways do."
			bare := int64(len(bytes.TrimSuffix(x.text[:at], crlfBytes)))
			for _, cut := range []int64{at, bare} {
				if !isBlank(x.text[cut:]) && !yield(candidate{change: ChangeFooter, sentence: sentence, splices: []splice{{cut, size, nil}}}) {
					return
				}
			}
		}
	}
}

// isBlank reports whether a text holds nothing but white space.
func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// ruledFooters cuts before each of the last lines that hold nothing but a rule, with and without
// the empty lines before.
func ruledFooters(text []byte, html bool) iter.Seq[edit] {
	return func(yield func(edit) bool) {
		if html && !htmlFooters(text, yield) {
			return
		}
		const most, furthest = 4, 200
		size, end, rules := int64(len(text)), len(text), 0
		for n := 0; n < furthest && rules < most && end > 0; n++ {
			start := bytes.LastIndexByte(text[:end-1], '\n') + 1
			if isRule(text[start:end]) {
				rules++
				for cut, more := text[:start], true; more; cut, more = bytes.CutSuffix(cut, crlfBytes) {
					if !yield(edit{{int64(len(cut)), size, nil}}) {
						return
					}
				}
			}
			end = start
		}
	}
}

// isRule reports whether a line is "____" or another of one character repeated, or "-- " (RFC 3676,
// Section 4.3).
func isRule(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r\n")
	return len(line) > 1 && bytes.IndexByte([]byte("-_=*#~"), line[0]) >= 0 && len(bytes.Trim(line, string(line[0]))) == 0
}

// lineFooters cuts before each of the last lines, with and without the line end before.
func lineFooters(text []byte, html bool) iter.Seq[edit] {
	return func(yield func(edit) bool) {
		if html && !htmlTails(text, yield) {
			return
		}
		const most = 400
		size := int64(len(text))
		for n, end := 0, len(text); n < most && end > 0; n++ {
			end = bytes.LastIndexByte(text[:end-1], '\n') + 1
			bare := len(bytes.TrimSuffix(text[:end], crlfBytes))
			if isBlank(text[end:]) {
				continue
			}
			if !yield(edit{{int64(end), size, nil}}) || !yield(edit{{int64(bare), size, nil}}) {
				return
			}
		}
	}
}
