package page

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// reduced shows an HTML part by its text, and folded away its source. Nothing of it is rendered.
func (t *tree) reduced(source string, all bool) {
	p := t.p
	p.put(`<p class="none">HTML, shown by its text, also where the HTML hides it. Links stand as their addresses.</p>`)
	text, whole := reduce(source)
	t.lines(text, all && whole)
	if len(p.buf) > t.textLimit {
		return
	}
	p.put(`<details class="source"><summary>Its source</summary><pre dir="ltr">`)
	left := p.cut(source, min(t.textLimit, len(p.buf)+sourceRoom))
	p.put(`</pre>`)
	if left > 0 || !all {
		p.put(`<p class="cutoff">The rest of the source is not shown here.</p>`)
	}
	p.put(`</details>`)
}

// sourceRoom is the most that one source may take of a page.
const sourceRoom = 10 << 10

// reduce returns the text of an HTML document, and whether it was read to its end.
func reduce(source string) (text string, all bool) {
	z := html.NewTokenizer(strings.NewReader(source))
	z.SetMaxBuf(maxSource)
	r := &reducer{}
	for {
		switch z.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(r.out.String()), true
		case html.TextToken:
			r.text(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			r.end(atom.Lookup(name))
		case html.CommentToken, html.DoctypeToken:
		}
		if r.out.Len() > maxText {
			return strings.TrimSpace(r.out.String()), false
		}
	}
}

// reducer collects the text.
type reducer struct {
	out     strings.Builder
	skipped atom.Atom // the element whose text is none
	pre     int
	breaks  int // line ends at the end of out
	space   bool
	links   []string
}

// text adds a text, with the white space that a reader would show.
func (r *reducer) text(s string) {
	if r.skipped != 0 {
		return
	}
	if r.pre > 0 {
		r.write(s)
		return
	}
	for i, word := range strings.Fields(s) {
		if (i > 0 || strings.TrimLeft(s, " \t\r\n\f") != s || r.space) && r.breaks == 0 && r.out.Len() > 0 {
			r.out.WriteByte(' ')
		}
		r.space = false
		r.write(word)
	}
	r.space = r.space || s != "" && strings.TrimRight(s, " \t\r\n\f") != s
}

func (r *reducer) write(s string) {
	if s != "" {
		r.out.WriteString(s)
		r.breaks = 0
	}
}

// line begins a new line, after n line ends.
func (r *reducer) line(n int) {
	if r.out.Len() == 0 {
		return
	}
	for ; r.breaks < n; r.breaks++ {
		r.out.WriteByte('\n')
	}
	r.space = false
}

func (r *reducer) start(t html.Token) {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Title:
		if t.Type == html.StartTagToken && r.skipped == 0 {
			r.skipped = t.DataAtom
		}
	case atom.Br:
		r.breaks = 0
		r.line(1)
	case atom.Pre:
		r.line(2)
		r.pre++
	case atom.Li:
		r.line(1)
		r.write("• ")
	case atom.Td, atom.Th:
		r.space = true
	case atom.Img:
		r.text(" [image: " + attribute(t, "alt") + "] ")
	case atom.A:
		r.links = append(r.links, attribute(t, "href"))
	default:
		r.line(lineBlocks[t.DataAtom])
	}
}

func (r *reducer) end(a atom.Atom) {
	switch {
	case r.skipped != 0:
		if a == r.skipped {
			r.skipped = 0
		}
	case a == atom.Pre:
		r.pre = max(0, r.pre-1)
		r.line(2)
	case a == atom.A && len(r.links) > 0:
		link := r.links[len(r.links)-1]
		r.links = r.links[:len(r.links)-1]
		if link != "" {
			r.text(" ⟨" + link + "⟩")
		}
	default:
		r.line(lineBlocks[a])
	}
}

// lineBlocks are the elements that begin and end a line, with how many line ends.
var lineBlocks = map[atom.Atom]int{
	atom.P: 2, atom.H1: 2, atom.H2: 2, atom.H3: 2, atom.H4: 2, atom.H5: 2, atom.H6: 2, atom.Blockquote: 2, atom.Table: 2, atom.Ul: 2, atom.Ol: 2,
	atom.Div: 1, atom.Tr: 1, atom.Section: 1, atom.Article: 1, atom.Header: 1, atom.Footer: 1, atom.Hr: 1, atom.Dt: 1, atom.Dd: 1, atom.Form: 1,
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
