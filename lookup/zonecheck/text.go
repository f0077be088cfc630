package zonecheck

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteText writes the report for people, in lines of at most width columns where words allow it.
// Errors are those of w.
func (r *Report) WriteText(w io.Writer, width int) error {
	p := &page{width: width}
	zone, group := "", ""
	for _, f := range r.Findings {
		if f.Zone != zone {
			zone, group = f.Zone, ""
			p.section("zone " + show(zone))
		}
		if f.Group() != group {
			group = f.Group()
			p.WriteString("\n" + strings.ToUpper(group[:1]) + group[1:] + "\n")
		}
		p.finding(f)
	}
	p.WriteByte('\n')
	p.fold("", "", r.verdict())
	_, err := io.WriteString(w, p.String())
	return err
}

// verdict is the last line.
func (r *Report) verdict() string {
	name, counts := show(r.Domain), fmt.Sprintf("%d wrong, %d undecided, %d to know, %d right", r.Count(Wrong), r.Count(Undecided), r.Count(Note), r.Count(OK))
	switch r.Worst() {
	case Wrong:
		return fmt.Sprintf("%s: something is wrong (%s)", name, counts)
	case Undecided:
		return fmt.Sprintf("%s: not all could be told (%s)", name, counts)
	case Note, OK:
	}
	return fmt.Sprintf("%s: nothing is wrong (%s)", name, counts)
}

// page is a text in lines of a width.
type page struct {
	strings.Builder
	width int
}

func (p *page) section(title string) {
	if p.Len() > 0 {
		p.WriteByte('\n')
	}
	p.WriteString(title + "\n" + strings.Repeat("=", utf8.RuneCountInString(title)) + "\n")
}

// marks are the words in front of findings.
var marks = map[Severity]string{Wrong: "WRONG", Undecided: "?", Note: "note", OK: "ok"}

func (p *page) finding(f Finding) {
	const rest = "         "
	p.fold(fmt.Sprintf("  %-5s  ", marks[f.Severity]), rest, f.What)
	if f.Severity == OK {
		return
	}
	if f.Why != "" {
		p.fold(rest, rest, "Why: "+f.Why)
	}
	if f.Advice != "" {
		p.fold(rest, rest, "Do:  "+f.Advice)
	}
}

// fold writes a text after first, and what does not fit the width in further lines after rest.
func (p *page) fold(first, rest, text string) {
	line, empty := first, true
	for word := range strings.FieldsSeq(text) {
		switch {
		case empty:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > p.width:
			p.WriteString(line + "\n")
			line = rest + word
		default:
			line += " " + word
		}
		empty = false
	}
	p.WriteString(line + "\n")
}
