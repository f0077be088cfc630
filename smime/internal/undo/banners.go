package undo

import (
	"bytes"
	"iter"

	"dnseal/smime/internal/entity"
)

// banners cuts text parts after their first paragraphs, and HTML after the first elements of its
// body, where gateways put warnings about mail from outside.
func banners(x *suspect) iter.Seq[candidate] {
	return x.edited(ChangeBanner, x.prefixedTo, paragraphBanners)
}

// otherBanners cuts line by line, and HTML at any tag.
func otherBanners(x *suspect) iter.Seq[candidate] {
	return x.edited(ChangeBanner, x.prefixedTo, lineBanners)
}

func (x *suspect) prefixedTo(p *entity.Part) string {
	return "Text was put at the start of " + x.called(p) + ", as gateways do that warn of mail from outside."
}

// paragraphBanners cuts after each of the first empty lines.
func paragraphBanners(text []byte, html bool) iter.Seq[edit] {
	return func(yield func(edit) bool) {
		if html && !htmlBanners(text, yield) {
			return
		}
		const most = 3
		for n := range most {
			if !cutParagraphs(text, n+1, yield) {
				return
			}
		}
	}
}

// cutParagraphs cuts after the n-th run of empty lines.
func cutParagraphs(text []byte, n int, yield func(edit) bool) bool {
	at := 0
	for range n {
		i := bytes.Index(text[at:], []byte("\r\n\r\n"))
		if i < 0 {
			return true
		}
		at += i + 4
		for bytes.HasPrefix(text[at:], crlfBytes) {
			at += 2
		}
	}
	return isBlank(text[:at]) || yield(edit{{0, int64(at), nil}})
}

// maxMark is the longest mark such as "[EXTERNAL] " at the start of the first line.
const maxMark = 80

// lineBanners cuts after a mark in the first line, and after each of the first lines.
func lineBanners(text []byte, html bool) iter.Seq[edit] {
	return func(yield func(edit) bool) {
		if html && !htmlHeads(text, yield) {
			return
		}
		if i := bytes.Index(text[:min(len(text), maxMark)], []byte("] ")); i > 0 && text[0] == '[' && !yield(edit{{0, int64(i + 2), nil}}) {
			return
		}
		const most = 60
		for n, at := 0, 0; n < most; n++ {
			i := bytes.IndexByte(text[at:], '\n')
			if i < 0 {
				return
			}
			at += i + 1
			if !isBlank(text[:at]) && !yield(edit{{0, int64(at), nil}}) {
				return
			}
		}
	}
}
