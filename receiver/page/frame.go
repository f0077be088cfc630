package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the style sheet
	"encoding/base64"
	"io"
	"slices"
	"sync"
	"time"
)

//go:embed style.css
var style string

// styleSource is the source expression that allows the style sheet (CSP Level 3, Section 2.3.1).
var styleSource = func() string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// policy allows no style but our own, and nothing that is fetched, sent or run.
var policy = "default-src 'none'; style-src " + styleSource + "; base-uri 'none'; form-action 'none'"

// Policy is the Content-Security-Policy of every page (CSP Level 3), for who serves them.
func Policy() string { return policy }

// Style is the style sheet of every page, for pages that are to look the same; StyleSource allows
// it in a Content-Security-Policy.
func Style() string { return style }

// StyleSource is the source expression that allows Style in a Content-Security-Policy (CSP Level 3,
// Section 2.3.1): its hash, in single quotes.
func StyleSource() string { return styleSource }

// writers are those of pages that are done.
var writers = sync.Pool{New: func() any { return &writer{buf: make([]byte, 0, 48<<10)} }}

// done writes what is left of a page, and keeps the writer for others.
func (p *writer) done(w io.Writer) error {
	_, err := w.Write(p.buf)
	writers.Put(p)
	return err
}

// newWriter begins a page. Its title is for tabs and bookmarks.
func newWriter(title string) *writer {
	p := writers.Get().(*writer)
	p.buf, p.ids = p.buf[:0], 0
	p.put(`<!DOCTYPE html>`, "\n", `<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="dnseal"><meta http-equiv="Content-Security-Policy" content="`)
	p.attr(policy)
	p.put(`"><meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">`)
	p.put(`<meta name="color-scheme" content="light dark"><title>`)
	p.attr(visible(title, 120))
	p.put(`</title><style>`)
	p.buf = append(p.buf, style...) // ours, and not text in the eyes of HTML
	p.put(`</style></head><body>`)
	return p
}

// top begins what is in the page, with the way back to the list.
func (p *writer) top(up string) {
	p.put(`<header class="top"><span class="mark">dnseal</span>`)
	if up != "" {
		p.put(`<nav aria-label="Pages">`)
		p.link(up, "All messages")
		p.put(navEnd)
	}
	p.put(`</header><main>`)
}

// Neighbours returns a page that [Write] made with Options.Up, with links to those before and after
// it in the list; an empty address is none. Pages are often made before their neighbours are known.
func Neighbours(html []byte, before, after string) []byte {
	at := bytes.Index(html, []byte(navEnd)) // no stranger's text has a "<"
	if at < 0 {
		return html
	}
	p := &writer{}
	if before != "" {
		p.link(before, "Previous message")
	}
	if after != "" {
		p.link(after, "Next message")
	}
	return slices.Concat(html[:at], p.buf, html[at:])
}

const navEnd markup = `</nav>`

func (p *writer) end() { p.put(`</main></body></html>`, "\n") }

// IsPage reports whether a file, of which head is the beginning (1 KiB is enough), is a page of
// this package, which may be replaced with another.
func IsPage(head []byte) bool {
	return bytes.Contains(head[:min(len(head), 1<<10)], []byte(`<meta name="generator" content="dnseal">`))
}

// link writes a link that the caller named, or only its text where there is none.
func (p *writer) link(address, text string) {
	if address == "" {
		p.said(text)
		return
	}
	p.put(`<a href="`)
	p.attr(address)
	p.put(`">`)
	p.said(text)
	p.put(`</a>`)
}

// moment writes a time.
func (p *writer) moment(t time.Time) {
	t = t.UTC()
	p.put(`<time datetime="`)
	p.attr(t.Format(time.RFC3339))
	p.wrap(`">`, stamp(t), `</time>`)
}

// stamp is a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
