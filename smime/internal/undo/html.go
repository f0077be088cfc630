package undo

import "bytes"

// maxHTML is how much HTML is looked at from where text may have been put; maxElements how many
// elements are cut.
const (
	maxHTML     = 64 << 10
	maxElements = 4
	maxTags     = 120
)

// htmlBody is the content of <body>, or the whole text where there are no such tags.
func htmlBody(text []byte) (start, end int) {
	lower := asciiLower(text)
	if i := bytes.Index(lower, []byte("<body")); i >= 0 {
		if j := bytes.IndexByte(text[i:], '>'); j >= 0 {
			start = i + j + 1
		}
	}
	if end = bytes.LastIndex(lower, []byte("</body")); end < start {
		if end = bytes.LastIndex(lower, []byte("</html")); end < start {
			end = len(text)
		}
	}
	return start, end
}

// asciiLower is text of the same length without capital letters of ASCII.
func asciiLower(text []byte) []byte {
	out := bytes.Clone(text)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c | 0x20
		}
	}
	return out
}

// htmlElement is an element with nothing around it.
type htmlElement struct{ start, end int }

// topElements are the elements of text that are in no other.
func topElements(text []byte) []htmlElement {
	var out []htmlElement
	depth, start := 0, 0
	for at := 0; at < len(text); {
		i := bytes.IndexByte(text[at:], '<')
		if i < 0 {
			break
		}
		tag := text[at+i:]
		n := tagLength(tag)
		if n == 0 {
			break
		}
		switch {
		case len(tag) > 1 && tag[1] == '/':
			if depth--; depth < 0 {
				return out
			}
		case tag[1] == '!' || tag[1] == '?':
		case isVoid(tag[:n]):
			if depth == 0 {
				out = append(out, htmlElement{at + i, at + i + n})
			}
		default:
			if depth == 0 {
				start = at + i
			}
			depth++
		}
		if at += i + n; depth == 0 && tag[1] == '/' {
			out = append(out, htmlElement{start, at})
		}
	}
	return out
}

// tagLength is the length of the tag or comment at the start of text, or 0 where it does not end.
func tagLength(text []byte) int {
	end := []byte(">")
	if bytes.HasPrefix(text, []byte("<!--")) {
		end = []byte("-->")
	}
	i := bytes.Index(text, end)
	if i < 0 || len(text) < 3 {
		return 0
	}
	return i + len(end)
}

// isVoid reports whether a tag begins nothing that has an end.
func isVoid(tag []byte) bool {
	if bytes.HasSuffix(tag, []byte("/>")) {
		return true
	}
	name := bytes.ToLower(tag[1 : len(tag)-1])
	if i := bytes.IndexAny(name, " \t\r\n"); i >= 0 {
		name = name[:i]
	}
	switch string(name) {
	case "br", "img", "hr", "meta", "link", "input", "area", "base", "col", "wbr":
		return true
	}
	return false
}

// htmlBanners cuts the first elements of the body.
func htmlBanners(text []byte, yield func(edit) bool) bool {
	if !beforeHTML(text, yield) {
		return false
	}
	start, end := htmlBody(text)
	body := text[start:min(end, start+maxHTML)]
	elements := topElements(body)
	for _, e := range elements[:min(len(elements), maxElements)] {
		if !cutHTML(text, start, start+e.end, yield) {
			return false
		}
	}
	return true
}

// htmlFooters cuts the last elements of the body.
func htmlFooters(text []byte, yield func(edit) bool) bool {
	if !afterHTML(text, yield) {
		return false
	}
	start, end := htmlBody(text)
	elements := topElements(text[start:end])
	for i := len(elements) - 1; i >= max(0, len(elements)-maxElements); i-- {
		if !cutHTML(text, start+elements[i].start, end, yield) {
			return false
		}
	}
	return true
}

// beforeHTML cuts what is before the document, which is where some gateways put their warning.
func beforeHTML(text []byte, yield func(edit) bool) bool {
	head := asciiLower(text[:min(len(text), maxHTML)])
	for _, tag := range []string{"<!doctype", "<html"} {
		if i := bytes.Index(head, []byte(tag)); i > 0 && !isBlank(text[:i]) && !yield(edit{{0, int64(i), nil}}) {
			return false
		}
	}
	return true
}

// afterHTML cuts what is after the document, with the line end there, without it, and all but the
// last one.
func afterHTML(text []byte, yield func(edit) bool) bool {
	const tag = "</html>"
	first := max(0, len(text)-maxHTML)
	at := bytes.LastIndex(asciiLower(text[first:]), []byte(tag))
	if at += first + len(tag); at < first+len(tag) || isBlank(text[at:]) {
		return true
	}
	size := int64(len(text))
	if bytes.HasPrefix(text[at:], crlfBytes) && !yield(edit{{int64(at + len(crlfBytes)), size, nil}}) {
		return false
	}
	if !yield(edit{{int64(at), size, nil}}) {
		return false
	}
	return !bytes.HasSuffix(text, crlfBytes) || yield(edit{{int64(at), size - int64(len(crlfBytes)), nil}})
}

// cutHTML cuts a range, and with the line ends around it.
func cutHTML(text []byte, from, to int, yield func(edit) bool) bool {
	if !yield(edit{{int64(from), int64(to), nil}}) {
		return false
	}
	if bytes.HasPrefix(text[to:], crlfBytes) && !yield(edit{{int64(from), int64(to + 2), nil}}) {
		return false
	}
	return !bytes.HasSuffix(text[:from], crlfBytes) || yield(edit{{int64(from - 2), int64(to), nil}})
}

// htmlHeads cuts after each of the first tags and lines of the body.
func htmlHeads(text []byte, yield func(edit) bool) bool {
	start, end := htmlBody(text)
	at := start
	for range maxTags {
		i := bytes.IndexAny(text[at:min(end, start+maxHTML)], ">\n")
		if i < 0 {
			return true
		}
		at += i + 1
		if !yield(edit{{int64(start), int64(at), nil}}) {
			return false
		}
	}
	return true
}

// htmlTails cuts before each of the last tags and lines of the body.
func htmlTails(text []byte, yield func(edit) bool) bool {
	start, end := htmlBody(text)
	first := max(start, end-maxHTML)
	at := end
	for range maxTags {
		i := bytes.LastIndexAny(text[first:at], "<\r")
		if i < 0 {
			return true
		}
		at = first + i
		if !yield(edit{{int64(at), int64(end), nil}}) {
			return false
		}
	}
	return true
}
