//go:build unix

package browsertest

import "slices"

// Pages is what pages of package page consist of. links are the addresses that the caller of
// page.Write named.
func Pages(links ...string) Vocabulary {
	return Vocabulary{
		Elements: map[string][]string{
			"html": {"lang"}, "head": nil, "meta": {"charset", "name", "content", "http-equiv"}, "title": nil, "style": nil, "body": nil,
			"header": {"class"}, "nav": {"aria-label"}, "main": nil, "section": {"class", "aria-labelledby"}, "div": {"class", "dir"},
			"h1": {"id"}, "h2": {"id"}, "p": {"class"}, "b": nil, "bdi": nil, "code": nil, "pre": {"dir"}, "span": {"class"}, "time": {"datetime"}, "a": {"href"},
			"ul": {"class"}, "li": {"class"}, "dl": {"class"}, "dt": nil, "dd": nil, "details": {"class", "open"}, "summary": nil,
			"table": {"class"}, "thead": nil, "tbody": nil, "tr": {"class"}, "th": {"scope"}, "td": {"class", "colspan", "data-label"},
			"svg:svg":   {"class", "viewBox", "role", "aria-hidden", "focusable", "aria-labelledby", "aria-describedby"},
			"svg:title": {"id"}, "svg:desc": {"id"}, "svg:g": {"class", "transform"}, "svg:text": {"class", "x", "y"},
			"svg:path": {"class", "d"}, "svg:circle": {"class", "cx", "cy", "r"}, "svg:rect": {"class", "x", "y", "width", "height", "rx"},
		},
		Links: func(address string) bool { return slices.Contains(links, address) },
	}
}
