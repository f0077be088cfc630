//go:build unix

package browsertest

import (
	"fmt"
	"slices"
)

// Vocabulary is what a page may consist of.
type Vocabulary struct {
	// Elements has the attributes that each element may have, by its name in lower case; "svg:" and
	// the name for those of SVG.
	Elements map[string][]string
	// Links reports whether an address may be one that the page names, in href, src, action and the
	// like; nil: none may.
	Links func(address string) bool
}

// element is one of the page's, as it came out of the parser of the browser.
type element struct {
	Name  string
	Attrs [][2]string
}

// walk lists all elements of the document.
const walk = `(() => {
	const out = [];
	const visit = (root) => {
		for (const e of root.querySelectorAll("*")) {
			const svg = e.namespaceURI === "http://www.w3.org/2000/svg";
			const html = e.namespaceURI === "http://www.w3.org/1999/xhtml";
			out.push({Name: (svg ? "svg:" : html ? "" : e.namespaceURI + ":") + e.localName, Attrs: [...e.attributes].map(a => [a.name, a.value])});
			if (e.shadowRoot) visit(e.shadowRoot);
			if (e.localName === "template") visit(e.content);
		}
	};
	visit(document);
	return out;
})()`

// addresses are the attributes that name something to be fetched or gone to.
var addresses = []string{"href", "xlink:href", "src", "srcset", "action", "formaction", "data", "poster", "background", "cite", "ping", "longdesc", "manifest"}

// Foreign walks the page's elements, and lists those that are not in the vocabulary, attributes
// that their element may not have, and addresses that no link may have.
func (t *Tab) Foreign(v Vocabulary) []string {
	t.tb.Helper()
	var all []element
	t.Eval(walk, &all)
	if len(all) == 0 {
		t.tb.Fatal("the page has no elements")
	}
	var out []string
	for _, e := range all {
		attrs, known := v.Elements[e.Name]
		if !known {
			out = append(out, fmt.Sprintf("<%s>", e.Name))
			continue
		}
		for _, a := range e.Attrs {
			switch {
			case !slices.Contains(attrs, a[0]):
				out = append(out, fmt.Sprintf("<%s %s=%.60q>", e.Name, a[0], a[1]))
			case slices.Contains(addresses, a[0]) && (v.Links == nil || !v.Links(a[1])):
				out = append(out, fmt.Sprintf("<%s> to %.60q", e.Name, a[1]))
			}
		}
	}
	return out
}
