package undo

import (
	"bytes"
	"html"
	"iter"
	"regexp"
	"strings"
	"sync"

	"dnseal/smime/internal/entity"
)

// links puts back the links that a service which checks links replaced, where its own link holds
// the one before: in all parts.
func links(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		names := x.linkServices()
		if names == "" {
			return
		}
		for _, w := range linkWays {
			for _, form := range []int{0, 1} {
				c := candidate{change: ChangeLinks, sentence: linkSentence(names), splices: x.unlinked(w, form)}
				if !x.open() || !offer(c, yield) {
					return
				}
			}
		}
	}
}

// otherLinks does so in single parts, which may have been encoded in another way.
func otherLinks(x *suspect) iter.Seq[candidate] {
	names := x.linkServices()
	if names == "" {
		return none(x)
	}
	return x.edited(ChangeLinks, func(*entity.Part) string { return linkSentence(names) }, plainLinks)
}

func linkSentence(names string) string { return "Links were rewritten by " + names + "." }

// unlinked puts the links of all parts back; form says how encoded parts were encoded.
func (x *suspect) unlinked(w linkWay, form int) []splice {
	var out []splice
	for _, p := range x.parts(func(p *entity.Part) bool { return p.Leaf() && entity.IsText(p) }) {
		octets, ok := x.octets(p)
		if !ok || !bytes.Contains(octets, []byte("://")) {
			continue
		}
		x.budget.spend(patternCost * int64(len(octets)))
		e := w.edit(octets, p.Type.Name == "text/html")
		splices, ok := trimmed(octets, e)
		switch {
		case !ok || len(splices) == 0:
		case encodingGroup(p) == "8bit":
			out = append(out, moved(e, p.Body)...)
		default:
			x.budget.spend(codingCost * int64(len(octets)))
			out = append(out, bodySplice(p, sameEncoding(p, canonicalLines(splicedText(octets, splices)))[form]))
		}
	}
	return out
}

// linkWay is how a link may have been written before.
type linkWay struct {
	escaped bool // in HTML with &amp;
	bare    bool // without the slash that stands for an empty path
	deep    bool // also links inside the links
}

var linkWays = []linkWay{{}, {escaped: true}, {bare: true}, {escaped: true, bare: true}, {deep: true}, {deep: true, escaped: true}, {deep: true, escaped: true, bare: true}}

func plainLinks(text []byte, isHTML bool) iter.Seq[edit] {
	return func(yield func(edit) bool) {
		for _, w := range linkWays {
			if e := w.edit(text, isHTML); len(e) > 0 && !yield(e) {
				return
			}
		}
	}
}

// maxLinks bounds how many links are looked at.
const maxLinks = 500

var (
	linkPattern = pattern{text: `(?i)https?://[^\s"'<>]+`}
	// Safe Links adds these attributes.
	linkAttributes = pattern{text: `(?i) (?:originalsrc|shash)="[^"]*"`}
)

// edit puts back all links.
func (w linkWay) edit(text []byte, isHTML bool) edit {
	var out edit
	for _, at := range linkPattern.compiled().FindAllIndex(text, maxLinks) {
		link := string(text[at[0]:at[1]])
		if isHTML {
			link = html.UnescapeString(link)
		}
		before, length := w.original(link)
		if before == "" {
			continue
		}
		end := at[1]
		if !isHTML {
			end = at[0] + length
		}
		if isHTML && w.escaped {
			before = strings.ReplaceAll(before, "&", "&amp;")
		}
		out = append(out, splice{int64(at[0]), int64(end), []byte(before)})
	}
	if isHTML && len(out) > 0 {
		for _, at := range linkAttributes.compiled().FindAllIndex(text, maxLinks) {
			out = append(out, splice{int64(at[0]), int64(at[1]), nil})
		}
	}
	return out.disjoint()
}

// disjoint leaves out what lies in another range: a link inside an attribute.
func (e edit) disjoint() edit {
	var out edit
	for i, s := range e {
		inside := false
		for j, o := range e {
			inside = inside || i != j && o.with == nil && o.off <= s.off && s.end <= o.end
		}
		if !inside {
			out = append(out, s)
		}
	}
	return out
}

// original is the link before it was rewritten, or "", and the length of what replaced it.
func (w linkWay) original(link string) (before string, length int) {
	const deepest = 4
	for n := range deepest {
		if n > 0 && !w.deep {
			break
		}
		next, used := unwrapLink(link)
		if next == "" {
			break
		}
		if before = next; n == 0 {
			length = used
		}
		link = next
	}
	if w.bare && strings.Count(before, "/") == 3 {
		before = strings.TrimSuffix(before, "/")
	}
	return before, length
}

// linkServices names the services whose links the text parts hold, "" for none.
func (x *suspect) linkServices() string {
	var names []string
	for _, p := range x.parts(func(p *entity.Part) bool { return p.Leaf() && entity.IsText(p) }) {
		octets, ok := x.octets(p)
		if !ok || !bytes.Contains(octets, []byte("://")) {
			continue
		}
		x.budget.spend(patternCost * int64(len(octets)))
		for _, at := range linkPattern.compiled().FindAllIndex(octets, maxLinks) {
			names = addService(names, string(octets[at[0]:at[1]]))
		}
	}
	return strings.Join(names, " and ")
}

// pattern is a regular expression that is compiled where it is used first: nothing of it is in a
// program that only signs.
type pattern struct {
	text string
	once sync.Once
	made *regexp.Regexp
}

func (p *pattern) compiled() *regexp.Regexp {
	p.once.Do(func() { p.made = regexp.MustCompile(p.text) })
	return p.made
}
