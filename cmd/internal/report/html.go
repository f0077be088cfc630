package report

import (
	_ "embed" // the style
	"fmt"
	"html"
	"io"
	"strings"

	"dnseal/cmd/internal/cli"
)

//go:embed style.css
var style string

// policy is the Content-Security-Policy of a page: the style in it, and nothing else.
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

// WriteHTML writes the report as a page that needs nothing else: no script, no image, no font. What
// strangers wrote is text in it. Errors: those of w.
func (r *Report) WriteHTML(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\">\n"+
		"<title>dnseal report</title><style>%s</style></head><body>\n<h1>dnseal report</h1>\n", policy, style)
	for _, line := range r.head() {
		fmt.Fprintf(&b, "<p>%s</p>\n", escaped(line))
	}
	for _, p := range r.parts() {
		fmt.Fprintf(&b, "<h2>%s</h2>\n<p class=\"sum\">%s</p>\n", p.title, escaped(p.summary()))
		for _, s := range p.sections() {
			s.page(&b)
		}
	}
	if all := r.sections(); len(all) > 0 {
		b.WriteString("<h2>Connections, logins, trouble</h2>\n")
		for _, s := range all {
			s.page(&b)
		}
	}
	b.WriteString("</body></html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (s section) page(b *strings.Builder) {
	columns := s.table.columns()
	fmt.Fprintf(b, "<div class=\"wide\"><table><caption>%s</caption><tr><th scope=\"col\">Name</th><th scope=\"col\">All</th>", escaped(s.title))
	for _, c := range columns {
		fmt.Fprintf(b, "<th scope=\"col\">%s</th>", c)
	}
	b.WriteString("</tr>\n")
	for _, r := range s.table.rows() {
		fmt.Fprintf(b, "<tr><th scope=\"row\"><bdi>%s</bdi>", escaped(r.Name))
		if r.Example != "" {
			fmt.Fprintf(b, "<small><bdi>%s</bdi></small>", escaped(r.Example))
		}
		fmt.Fprintf(b, "</th><td>%d</td>", r.Messages)
		for _, c := range columns {
			fmt.Fprintf(b, "<td class=\"%s\">%d</td>", c, r.By[c])
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table></div>\n")
	if s.table.Approximate {
		b.WriteString("<p>There were more names than are remembered: each has at least so many.</p>\n")
	}
}

// escaped is text as HTML, with no character that is not seen.
func escaped(text string) string { return html.EscapeString(cli.Printable(text)) }
