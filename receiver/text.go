package receiver

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"dnseal/receiver/internal/layout"
	"dnseal/smime"
)

// TextStyle is how reports are written for people. The zero value is for a file or a pipe: every
// line whole, and no colour.
type TextStyle struct {
	// Width is how many columns the terminal has: longer lines are folded, and texts that a sender
	// can make very long are cut. 0: lines are whole.
	Width int
	// Colour writes the verdict in colour (ECMA-48 sequences): green for pass, red for what is not
	// acceptable, bold for all else.
	Colour bool
	// Policy names what Report.Action is by, such as a file; "": it is not said.
	Policy string
}

// WriteText writes the report for people in the zero [TextStyle]. Errors: what w returned.
func (r *Report) WriteText(w io.Writer) error { return TextStyle{}.Write(w, r) }

// Write writes the whole report: the verdict and why it is no better, who signed, when, what is
// covered, the state of the header, and for each signature the answers it rests on and how trust
// runs from the root of the DNS to it; then the way of the message. What strangers wrote is reduced
// to printable characters. Errors: what w returned.
func (st TextStyle) Write(w io.Writer, r *Report) error {
	t := &textWriter{style: st}
	t.headline(r)
	t.action(r)
	t.about(r)
	t.lines("Unsigned", r.Uncovered)
	t.lines("Remark", r.Remarks)
	for _, s := range r.Signatures {
		t.signature(s, r)
	}
	for i := range r.DKIM {
		t.line("DKIM", r.DKIM[i].text())
	}
	t.hops(r.Hops)
	_, err := w.Write(t.buf.Bytes())
	return err
}

// WriteBrief writes the report in a line or two: the verdict and why it is no better, then author,
// date and subject, cut to the width. Errors: what w returned.
func (st TextStyle) WriteBrief(w io.Writer, r *Report) error {
	t := &textWriter{style: st}
	t.headline(r)
	var parts []string
	if r.Action != "" {
		parts = append(parts, r.Action)
	}
	if r.fromErr != nil || r.From != "" {
		parts = append(parts, r.fromText())
	}
	if r.Date != nil {
		parts = append(parts, day(*r.Date))
	}
	if subject := cmp.Or(r.InnerSubject(), r.Subject); subject != "" {
		parts = append(parts, subject)
	}
	if len(parts) > 0 {
		fmt.Fprintf(&t.buf, "  %s\n", layout.Cut(layout.Printable(strings.Join(parts, ", ")), cmp.Or(st.Width, wide)-2))
	}
	_, err := w.Write(t.buf.Bytes())
	return err
}

// wide is where the second line of a brief report is cut when there is no terminal.
const wide = 160

// textWriter lays a report out in two columns.
type textWriter struct {
	buf    bytes.Buffer
	style  TextStyle
	indent string
}

const labelWidth = 11

// least is how many columns the text in the second column has at least.
const least = 24

func (t *textWriter) line(label, text string) {
	first := fmt.Sprintf("%s%-*s ", t.indent, labelWidth, label)
	if n := t.style.Width; n > 0 && n < len(first)+least { // label and text, each in its own line
		t.buf.WriteString(strings.TrimRight(first, " ") + "\n")
		t.buf.WriteString(layout.Fold("  ", "  ", layout.Printable(text), n))
		return
	}
	t.buf.WriteString(layout.Fold(first, strings.Repeat(" ", len(first)), layout.Printable(text), t.style.Width))
}

// lines are the first few of many texts that a message can cause.
func (t *textWriter) lines(label string, texts []string) {
	const most = 5
	for i, text := range texts {
		if i == most && len(texts) > most+1 {
			t.line(label, fmt.Sprintf("%d more", len(texts)-most))
			return
		}
		t.free(label, text, 4)
	}
}

// free is a line with what a sender can make as long as it likes: at most so many lines of a
// terminal.
func (t *textWriter) free(label, text string, lines int) {
	if n := t.style.Width; n > 0 {
		text = layout.Cut(layout.Printable(text), lines*max(n-labelWidth-1, least)-least/2)
	}
	t.line(label, text)
}

func (t *textWriter) headline(r *Report) {
	name := ""
	if r.File != "" {
		name = layout.Printable(r.File) + ": "
	}
	text := name + string(r.Verdict)
	if basis := r.Basis(); basis != "" {
		text += ", " + basis
	}
	text += because(r.Code, r.Reason)
	text = layout.Fold("", "  ", text, t.style.Width)
	if word := string(r.Verdict); t.style.Colour && strings.HasPrefix(text, name+word) {
		text = name + t.style.colour(r.Verdict) + text[len(name+word):]
	}
	t.buf.WriteString(text)
}

// colour is the word of a verdict in its colour (ECMA-48, Section 8.3.117): of the 256 colours of
// terminals a green and a red with a contrast of about 4 or more on black and on white alike.
func (st TextStyle) colour(v Verdict) string {
	code := "1"
	switch v {
	case Pass:
		code = "1;38;5;28"
	case Fail, Policy, PermError:
		code = "1;38;5;160"
	case None, Neutral, TempError:
	}
	return "\x1b[" + code + "m" + layout.Printable(string(v)) + "\x1b[0m"
}

// because is ": reason (code)", with what there is.
func because(code Code, reason string) string {
	reason = shortOwners(layout.Printable(reason))
	switch {
	case code == "" && reason == "":
		return ""
	case reason == "":
		return ": " + layout.Printable(string(code))
	case code == "":
		return ": " + reason
	}
	return fmt.Sprintf(": %s (%s)", reason, layout.Printable(string(code)))
}

func (t *textWriter) action(r *Report) {
	if r.Action == "" {
		return
	}
	text := r.Action
	if r.Class != "" {
		text += " (" + string(r.Class) + ")"
	}
	if t.style.Policy != "" {
		text += ", by the policy of " + t.style.Policy
	}
	t.line("Action", text)
}

// about is who signed, and which message this is.
func (t *textWriter) about(r *Report) {
	if s := r.Decisive(); s != nil {
		t.line("Signer", s.identityText())
	}
	t.line("From", r.fromText())
	if len(r.To) > 0 {
		t.free("To", someOf(r.To), 2)
	}
	if subject := r.subjectText(); subject != "" {
		t.free("Subject", subject, 2)
	}
	if r.Date != nil {
		t.line("Date", stamp(*r.Date))
	}
	if r.MessageID != "" {
		t.free("Message-ID", r.MessageID, 2)
	}
	if !r.CheckedAt.IsZero() {
		t.line("Checked", stamp(r.CheckedAt))
	}
	t.asOf(r)
	t.line("Header", r.headerText())
	for _, e := range r.Encryption {
		t.line("Encryption", e.text(r.Verdict == Pass))
	}
}

// someOf names the first few of many.
func someOf(all []string) string {
	const most = 3
	if len(all) <= most+1 {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// asOf says of what time the verdict is, and who says so.
func (t *textWriter) asOf(r *Report) {
	e := r.Evidence
	if r.AsOf == nil && e == nil {
		return
	}
	text := "nothing is known of then"
	if r.AsOf != nil {
		text = stamp(*r.AsOf)
	}
	if e != nil && e.File != "" {
		text += fmt.Sprintf(", by line %d of %s", e.Line, e.File)
	}
	if w := r.Witness(); w != "" {
		text += "; " + w
	}
	t.line("As of", text)
	if e != nil {
		for _, n := range e.Notes {
			t.line("", n)
		}
	}
}

func (r *Report) fromText() string {
	switch {
	case r.fromErr != nil:
		return "cannot be read"
	case len(r.from) > 1:
		all := make([]string, len(r.from))
		for i, a := range r.from {
			all[i] = a.String()
		}
		return someOf(all)
	case r.From == "":
		return "none"
	case r.ProtectedFrom == r.From:
		return r.From + " (protected)"
	case r.ProtectedFrom != "":
		return r.From + " (the protected From says " + r.ProtectedFrom + ")"
	}
	return r.From
}

func (t *textWriter) hops(hops []Hop) {
	const most = 3
	for i, h := range hops {
		label := ""
		if i == 0 {
			label = "Path"
		}
		if len(hops) > most && i > 0 && i < len(hops)-1 {
			if i == 1 {
				t.line("", fmt.Sprintf("%d more", len(hops)-2))
			}
			continue
		}
		text := "an unknown host"
		if h.By != "" {
			text = h.By
		}
		if h.At != nil {
			text += " at " + stamp(*h.At)
		}
		if i == 0 {
			text += " (unproven)"
		}
		t.free(label, text, 2)
	}
}

// ownerHash is the hash at the start of an owner name (RFC 8162, Section 3).
var ownerHash = regexp.MustCompile(`\b([0-9a-f]{8})[0-9a-f]{48}\._smimecert\b`)

// shortOwners cuts such hashes short, so that a line with one fits a terminal; the JSON form has
// all of them.
func shortOwners(text string) string {
	if !strings.Contains(text, "._smimecert") {
		return text
	}
	return ownerHash.ReplaceAllString(text, "$1…._smimecert")
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// coverage is what a signature covers, for people.
func coverage(c smime.Coverage) string {
	if c == smime.CoversMessage {
		return "the whole message"
	}
	return string(c) + " only"
}
