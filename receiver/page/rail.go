package page

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// state is how far something is proven.
type state int

const (
	plainState state = iota // nothing was to be proven
	goodState
	badState
	openState // could not be told
	offState  // proven not to be there, or not secured
)

// marks are drawn around 0 0. The words are for those who do not see them.
var marks = map[state]struct{ form, word markup }{
	plainState: {`<circle class="o" r="5"/>`, ``},
	goodState:  {`<circle class="f" r="8"/><path class="k" d="M-3.6.4l2.6 2.6L3.7-2.9"/>`, `proven: `},
	badState:   {`<path class="f" d="M-3.4-8h6.8L8-3.4v6.8L3.4 8h-6.8L-8 3.4v-6.8z"/><path class="k" d="M-3-3l6 6M3-3l-6 6"/>`, `wrong: `},
	openState:  {`<circle class="o" r="7.5"/><path class="l" d="M-2.2-1.6a2.2 2.2 0 1 1 3.2 1.9C.3.7 0 1 0 1.8M0 4.4v.1"/>`, `not known: `},
	offState:   {`<circle class="o" r="7.5"/><path class="l" d="M-3.5 0h7"/>`, `not there: `},
}

// classes are the colours of the states.
var classes = map[state]markup{plainState: `s-plain`, goodState: `s-good`, badState: `s-bad`, openState: `s-open`, offState: `s-off`}

// stop is one place of a rail.
type stop struct {
	above       int // the stop that this one hangs on; -1: none
	state       state
	title, note string
}

// The measures of a rail, in units that are pixels on a phone.
const (
	railWidth = 360
	indent    = 20
	titleStep = 18
	noteStep  = 15
	maxDepth  = 6
	maxStops  = 24
	// The width of a digit in texts of each size, by DejaVu Sans and Verdana, which are wide.
	titleColumn = 10
	noteColumn  = 7.7
)

// row is a stop with its place in the drawing.
type row struct {
	*stop
	depth, y     int
	titles, tops []string
}

// rail draws stops from the top down, each on a line from the one that it hangs on. name and the
// stops themselves are what a screen reader reads.
func (p *writer) rail(name markup, stops []stop) {
	rows, height := arrange(stops)
	id := p.id()
	p.put(`<svg class="rail" role="img" viewBox="0 0 360 `)
	p.number(height)
	p.put(`" aria-labelledby="rail-title-`)
	p.number(id)
	p.put(`" aria-describedby="rail-text-`)
	p.number(id)
	p.put(`"><title id="rail-title-`)
	p.number(id)
	p.put(`">`, name, `</title><desc id="rail-text-`)
	p.number(id)
	p.put(`">`)
	for i := range stops {
		p.put(marks[stops[i].state].word)
		p.attr(stops[i].title)
		if stops[i].note != "" {
			p.put(`, `)
			p.attr(stops[i].note)
		}
		p.put(`. `)
	}
	p.put(`</desc>`)
	for i := range rows {
		p.line(rows, i)
	}
	for i := range rows {
		p.row(&rows[i])
	}
	p.put(`</svg>`)
}

// arrange gives every stop its place, and returns the height of all.
func arrange(stops []stop) ([]row, int) {
	last := map[int]int{} // the last stop that hangs on one
	for i, s := range stops {
		last[s.above] = i
	}
	rows, y := make([]row, len(stops)), 4
	for i := range stops {
		s := &stops[i]
		r := row{stop: s, y: y}
		if s.above >= 0 {
			r.depth = rows[s.above].depth
			if last[s.above] != i {
				r.depth = min(r.depth+1, maxDepth)
			}
		}
		room := float64(railWidth - r.text())
		r.titles, r.tops = fold(s.title, int(room/titleColumn), 2), fold(s.note, int(room/noteColumn), 3)
		rows[i] = r
		y += 12 + titleStep*len(r.titles) + noteStep*len(r.tops)
	}
	return rows, y
}

func (r *row) x() int    { return 12 + r.depth*indent }
func (r *row) text() int { return r.x() + 18 }
func (r *row) mark() int { return r.y + 9 }

// line draws the line to a stop from the one above it.
func (p *writer) line(rows []row, i int) {
	r := &rows[i]
	if r.above < 0 {
		return
	}
	from := &rows[r.above]
	p.put(`<path class="way `, classes[r.state], `" d="M`)
	p.number(from.x())
	p.put(` `)
	p.number(from.mark())
	p.put(`V`)
	p.number(r.mark())
	p.put(`H`)
	p.number(r.x())
	p.put(`"/>`)
}

func (p *writer) row(r *row) {
	p.put(`<g class="`, classes[r.state], `"><g class="mark" transform="translate(`)
	p.number(r.x())
	p.put(` `)
	p.number(r.mark())
	p.put(`)">`, marks[r.state].form, `</g>`)
	y := r.y + 14
	for _, t := range r.titles {
		p.label(`t`, r.text(), y, t)
		y += titleStep
	}
	y -= 3
	for _, t := range r.tops {
		p.label(`n`, r.text(), y, t)
		y += noteStep
	}
	p.put(`</g>`)
}

func (p *writer) label(class markup, x, y int, text string) {
	p.put(`<text class="`, class, `" x="`)
	p.number(x)
	p.put(`" y="`)
	p.number(y)
	p.put(`">`)
	p.attr(text)
	p.put(`</text>`)
}

// fold breaks a text into at most most lines of at most columns columns, between words where that
// can be.
func fold(text string, columns, most int) []string {
	var out []string
	rest := strings.TrimSpace(visible(text, 400))
	for rest != "" {
		line := fitting(rest, columns)
		if len(out) == most-1 && line != rest {
			return append(out, fitting(rest, columns-1)+"…")
		}
		if line != rest && rest[len(line)] != ' ' {
			line = line[:breakIn(line)]
		}
		out = append(out, line)
		rest = strings.TrimSpace(rest[len(line):])
	}
	return out
}

// breakIn is where a line ends of which the next word does not fit: at its last space, else behind
// its last dot, as domain names have, else at its end.
func breakIn(line string) int {
	if i := strings.LastIndexByte(line, ' '); i > len(line)/3 {
		return i
	}
	if i := strings.LastIndexByte(line, '.'); i > len(line)/3 {
		return i + 1
	}
	return len(line)
}

// fitting is as much of the beginning of a text as is at most that many columns wide.
func fitting(s string, columns int) string {
	room := 10 * columns
	for i, r := range s {
		if room -= tenths(r); room < 0 {
			return s[:i]
		}
	}
	return s
}

// tenths is the width of a character in tenths of that of a digit, in most fonts at most.
func tenths(r rune) int {
	switch {
	case strings.ContainsRune(`ijl.,:;'|! `, r):
		return 6
	case strings.ContainsRune(`ftr()[]-`, r):
		return 7
	case strings.ContainsRune(`cs`, r):
		return 9
	case strings.ContainsRune(`mwMW@%…`, r):
		return 17
	case r >= 'A' && r <= 'Z' || strings.ContainsRune(`<>=+~^#&`, r):
		return 13
	case r < utf8.RuneSelf:
		return 10
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 20
	}
	return 13
}
