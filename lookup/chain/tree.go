package chain

import (
	"fmt"
	"io"
	"slices"
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
	p := &page{width: width, now: now}
	r.draw(p)
	_, err := io.WriteString(w, p.String())
	return err
}

func (r *Result) draw(p *page) {
	p.fold("", "  ", fmt.Sprintf("%s %s %s: %s", mark(r.Status), r.Name, r.Type, r.headline()))
	for _, n := range r.Nodes(p.now) {
		if n.Anchored {
			p.WriteByte('\n')
			n.draw(p, "", "")
		}
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
	now   time.Time
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

// draw writes the node; first goes before its title, rest before everything below that.
func (n *Node) draw(p *page, first, rest string) {
	title, lines := n.describe(p.now)
	bar := "   "
	if len(n.Children) > 0 {
		bar = "│  "
	}
	p.fold(first, rest+bar+"  ", title)
	for _, line := range lines {
		p.fold(rest+bar, rest+bar+"  ", line)
	}
	for i, child := range n.Children {
		if i == len(n.Children)-1 {
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

// describe returns the title of a node, and the lines about it: of a zone its keys, who vouches for
// them and for how long.
func (n *Node) describe(now time.Time) (title string, lines []string) {
	if n.Set != nil {
		title, lines = n.describeSet(now)
		return title, appendText(lines, n.Fault)
	}
	by := "named by the DS record of its parent"
	if n.Anchored {
		by = "named by the trust anchor"
	}
	matched := false
	for _, k := range n.Keys {
		matched = matched || k.Matched
		lines = append(lines, keyLine(k, by))
	}
	if !matched {
		for _, ds := range n.DS {
			lines = append(lines, fmt.Sprintf("DS record of its parent: key %d %s by %s", ds.Tag, algorithmName(ds.Algorithm), digestName(ds.DigestType)))
		}
	}
	if n.Signature != nil {
		lines = append(lines, "keys signed "+n.Signature.validity(now))
	}
	return fmt.Sprintf("%s %s  %s", mark(n.Status), n.Zone, n.Status), appendText(lines, n.Reason, n.Fault)
}

// appendText adds the texts that are not empty.
func appendText(lines []string, texts ...string) []string {
	return append(lines, slices.DeleteFunc(texts, func(s string) bool { return s == "" })...)
}

func keyLine(k Key, by string) string {
	text := fmt.Sprintf("key %d %s", k.Tag, algorithmName(k.Algorithm))
	if k.Revoked {
		text += ", revoked"
	}
	if k.Matched {
		text += ", " + by
	}
	return text
}

// algorithmName is the mnemonic of an algorithm (RFC 4034, Appendix A.1).
func algorithmName(a uint8) string {
	if s, ok := dns.AlgorithmToString[a]; ok {
		return s
	}
	return fmt.Sprintf("algorithm %d", a)
}

// digestName is that of a digest type (RFC 4034, Appendix A.2).
func digestName(d uint8) string {
	if s, ok := dns.HashToString[d]; ok {
		return s
	}
	return fmt.Sprintf("digest %d", d)
}

const stamp = "2006-01-02 15:04 UTC"

// validity is by which key a set is signed, and for how long (RFC 4034, Section 3.1.5).
func (s *Signature) validity(now time.Time) string {
	from, to := s.Inception, s.Expiration
	switch {
	case now.Before(from):
		return fmt.Sprintf("by key %d, not valid before %s (in %s)", s.Tag, from.Format(stamp), span(from.Sub(now)))
	case now.After(to):
		return fmt.Sprintf("by key %d, expired %s (%s ago)", s.Tag, to.Format(stamp), span(now.Sub(to)))
	}
	return fmt.Sprintf("by key %d until %s (%s left)", s.Tag, to.Format(stamp), span(to.Sub(now)))
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
