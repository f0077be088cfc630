package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

// markup is HTML. Go makes one of a constant, and of nothing else that is not converted: the tests
// find no conversion in this package.
type markup string

//go:embed style.css
var style string

// policy is the Content-Security-Policy of every page (CSP Level 3): nothing is fetched, sent or
// run, and no style counts but our own.
var policy = "default-src 'none'; style-src '" + hashOf(style) + "'; base-uri 'none'; form-action 'none'"

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Policy is the Content-Security-Policy of every page, for who serves pages.
func Policy() string { return policy }

// Style is the style sheet of every page, StyleSource its source expression in a
// Content-Security-Policy, for pages that look the same.
func Style() string { return style }

// StyleSource is the hash by which a Content-Security-Policy allows [Style], in its quotes.
func StyleSource() string { return "'" + hashOf(style) + "'" }

// writer makes a page.
type writer struct{ buf []byte }

func newWriter() *writer { return &writer{buf: make([]byte, 0, 32<<10)} }

func (p *writer) put(m markup) { p.buf = append(p.buf, m...) }

// text writes a text as text, or as the value of an attribute in double quotes.
func (p *writer) text(s string) {
	for _, r := range s {
		switch r {
		case '&':
			p.put(`&amp;`)
		case '<':
			p.put(`&lt;`)
		case '>':
			p.put(`&gt;`)
		case '"':
			p.put(`&#34;`)
		case '\'':
			p.put(`&#39;`)
		default:
			p.buf = append(p.buf, string(r)...)
		}
	}
}

func (p *writer) begin(title string) {
	p.put(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">`)
	p.put(`<meta http-equiv="Content-Security-Policy" content="`)
	p.text(policy)
	p.put(`"><meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>`)
	p.text(title)
	p.put(`</title><style>`)
	p.buf = append(p.buf, style...)
	p.put(`</style></head><body><main>`)
}

func (p *writer) end() { p.put(`</main></body></html>` + "\n") }

func (p *writer) up(href string) {
	if href != "" {
		p.put(`<nav>`)
		p.link(href, "All messages")
		p.put(`</nav>`)
	}
}

// link writes a link that the caller named, or only its text.
func (p *writer) link(href, text string) {
	if href == "" {
		p.text(text)
		return
	}
	p.put(`<a href="`)
	p.text(href)
	p.put(`">`)
	p.text(text)
	p.put(`</a>`)
}
