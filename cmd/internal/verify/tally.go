package verify

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dnseal/receiver"
)

// Limits of what is counted apart, so that memory does not grow with the messages: groups, and
// characters of the name of one.
const (
	maxGroups = 10_000
	maxName   = 200
)

// tally counts messages by group.
type tally struct {
	groups map[string]*group
	// left are those of groups for which no place was left.
	left group
}

// group is the messages of one name: how many, and how many of each verdict.
type group struct {
	name  string
	total int
	by    map[receiver.Verdict]int
}

func newTally() *tally {
	return &tally{groups: map[string]*group{}, left: group{by: map[receiver.Verdict]int{}}}
}

// add counts a message of the group.
func (t *tally) add(name string, v receiver.Verdict) {
	name = cut(name, maxName)
	g := t.groups[name]
	switch {
	case g == nil && len(t.groups) == maxGroups:
		g = &t.left
	case g == nil:
		g = &group{name: name, by: map[receiver.Verdict]int{}}
		t.groups[name] = g
	}
	g.total++
	g.by[v]++
}

// cut is text of at most n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// sorted are the groups, the largest first.
func (t *tally) sorted() []*group {
	all := make([]*group, 0, len(t.groups))
	for _, g := range t.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.total, a.total), strings.Compare(a.name, b.name))
	})
	return all
}

// occurring are the verdicts that occur, best first.
func (t *tally) occurring() []receiver.Verdict {
	var out []receiver.Verdict
	for _, v := range verdictWords {
		n := t.left.by[v]
		for _, g := range t.groups {
			n += g.by[v]
		}
		if n > 0 {
			out = append(out, v)
		}
	}
	return out
}

// number writes a count with a comma between thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// messages is a number of them.
func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return number(n) + " messages"
}

// right aligns the cells of a column to the right, its header included.
func right(header []string, rows [][]string, columns ...int) {
	for _, c := range columns {
		width := utf8.RuneCountInString(header[c])
		for _, row := range rows {
			width = max(width, utf8.RuneCountInString(row[c]))
		}
		pad := func(s *string) { *s = strings.Repeat(" ", width-utf8.RuneCountInString(*s)) + *s }
		pad(&header[c])
		for _, row := range rows {
			pad(&row[c])
		}
	}
}

// signer is the name that a message is grouped by as of its signer.
func signer(r *receiver.Report) string {
	s := r.Decisive()
	switch {
	case s == nil && r.Verdict == receiver.None:
		return "(not signed)"
	case s == nil:
		return "(not judged)"
	case s.Identity == "":
		return "(no name)"
	}
	return s.Identity
}

// domain is that of From.
func domain(r *receiver.Report) string {
	if i := strings.LastIndexByte(r.From, '@'); i >= 0 {
		return r.From[i+1:]
	}
	return "(no From)"
}

// reason is the code, or the verdict where there is none.
func reason(r *receiver.Report) string { return cmp.Or(string(r.Code), string(r.Verdict)) }
