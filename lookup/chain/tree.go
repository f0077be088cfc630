package chain

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// WriteTree draws the chain of trust of the result for people: zone by zone from the trust anchor
// down, then the records or the proof that there are none, then what is wrong and what to do about
// it. now is for the time left; lines are at most width columns wide.
func (r *Result) WriteTree(w io.Writer, now time.Time, width int) error {
	p := &page{width: width}
	r.draw(p, now)
	_, err := io.WriteString(w, p.String())
	return err
}

func (r *Result) draw(p *page, now time.Time) {
	p.fold("", "  ", fmt.Sprintf("%s %s %s: %s", mark(r.Status), r.Name, r.Type, r.headline()))
	for _, n := range r.tree(now) {
		p.WriteByte('\n')
		n.draw(p, "", "")
	}
	r.conclude(p)
}

// headline is the status, and that there is no record where that is proven.
func (r *Result) headline() string {
	if r.Status == dnssec.Secure && r.Presence == dane.Absent {
		return "absent (secure)"
	}
	return r.Status.String()
}

// page is a text in lines of a width.
type page struct {
	strings.Builder
	width int
}

// fold writes a text after first, and what does not fit the width in further lines after rest.
func (p *page) fold(first, rest, text string) {
	words := strings.TrimLeft(text, " ")
	line := first + text[:len(text)-len(words)]
	for i, word := range strings.Split(words, " ") {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line+" "+word) > p.width:
			p.WriteString(line + "\n")
			line = rest + word
		default:
			line += " " + word
		}
	}
	p.WriteString(line + "\n")
}

// node is a zone or a set of records in the drawing.
type node struct {
	title    string
	lines    []string
	children []*node
}

func (n *node) add(format string, args ...any) {
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// draw writes the node; first goes before its title, rest before everything below that.
func (n *node) draw(p *page, first, rest string) {
	bar := "   "
	if len(n.children) > 0 {
		bar = "│  "
	}
	p.fold(first, rest+bar+"  ", n.title)
	for _, line := range n.lines {
		p.fold(rest+bar, rest+bar+"  ", line)
	}
	for i, child := range n.children {
		if i == len(n.children)-1 {
			child.draw(p, rest+"└─ ", rest+"   ")
		} else {
			child.draw(p, rest+"├─ ", rest+"│  ")
		}
	}
}

// mark is a status at a glance.
func mark(s dnssec.Status) string {
	switch s {
	case dnssec.Secure:
		return "✓"
	case dnssec.Bogus:
		return "✗"
	case dnssec.Insecure:
		return "–"
	case dnssec.Indeterminate:
	}
	return "?"
}

// tree returns the anchors' zones with everything below them.
func (r *Result) tree(now time.Time) (tops []*node) {
	zones := map[string]*node{}
	var last *node
	broken := false
	for i := range r.Answer.Links {
		link := &r.Answer.Links[i]
		parent := enclosing(zones, link.Zone)
		last = zoneNode(link, parent == nil, now)
		zones[link.Zone] = last
		broken = broken || link.Status == dnssec.Bogus
		if parent == nil {
			tops = append(tops, last)
		} else {
			parent.children = append(parent.children, last)
		}
	}
	for _, set := range r.Answer.RRsets {
		if leaf := r.place(zones, set, now); leaf != nil {
			last = leaf
		}
	}
	if last != nil && r.Status == dnssec.Bogus && !broken {
		last.add("%s", r.Reason)
	}
	return tops
}

// enclosing returns the deepest zone above or at name.
func enclosing(zones map[string]*node, name string) *node {
	for at, end := 0, false; !end; at, end = dns.NextLabel(name, at) {
		if n := zones[name[at:]]; n != nil {
			return n
		}
	}
	return zones["."]
}

// zoneNode describes a zone: its keys, who vouches for them and for how long.
func zoneNode(link *dnssec.Link, anchored bool, now time.Time) *node {
	n := &node{title: fmt.Sprintf("%s %s  %s", mark(link.Status), link.Zone, link.Status)}
	by := "named by the DS record of its parent"
	if anchored {
		by = "named by the trust anchor"
	}
	matched := false
	for _, k := range link.Keys {
		matched = matched || k.Matched
		n.add("%s", keyLine(k, by))
	}
	if !matched {
		for _, ds := range link.DS {
			n.add("DS record of its parent: key %d %s by %s", ds.KeyTag, algorithmName(ds.Algorithm), digestName(ds.DigestType))
		}
	}
	if link.Signature != nil {
		n.add("keys signed %s", validity(link.Signature, now))
	}
	if link.Reason != "" {
		n.add("%s", link.Reason)
	}
	return n
}

func keyLine(k dnssec.Key, by string) string {
	text := fmt.Sprintf("key %d %s", k.Tag, algorithmName(k.Algorithm))
	if k.Revoked {
		text += ", revoked"
	}
	if k.Matched {
		text += ", " + by
	}
	return text
}

func algorithmName(a uint8) string {
	if s, ok := dns.AlgorithmToString[a]; ok {
		return s
	}
	return fmt.Sprintf("algorithm %d", a)
}

func digestName(d uint8) string {
	if s, ok := dns.HashToString[d]; ok {
		return s
	}
	return fmt.Sprintf("digest %d", d)
}

const stamp = "2006-01-02 15:04 UTC"

// validity says by which key, and for how long.
func validity(sig *dns.RRSIG, now time.Time) string {
	from, to := moment(sig.Inception, now), moment(sig.Expiration, now)
	switch {
	case now.Before(from):
		return fmt.Sprintf("by key %d, not valid before %s (in %s)", sig.KeyTag, from.Format(stamp), span(from.Sub(now)))
	case now.After(to):
		return fmt.Sprintf("by key %d, expired %s (%s ago)", sig.KeyTag, to.Format(stamp), span(now.Sub(to)))
	}
	return fmt.Sprintf("by key %d until %s (%s left)", sig.KeyTag, to.Format(stamp), span(to.Sub(now)))
}

// moment is the time nearest to now that a 32-bit time can mean (RFC 4034, Section 3.1.5).
func moment(serial uint32, now time.Time) time.Time {
	return now.Add(time.Duration(int32(serial-uint32(now.Unix()))) * time.Second).UTC().Truncate(time.Second)
}

// span is a duration in one unit.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
