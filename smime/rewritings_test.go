package smime

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
)

// Every message of a generator is signed, and passes each of the ways in which mail systems write a
// message again. What is signed has to be found as it was.

var rewritingCount = flag.Int("rewritings", 100, "how many generated messages pass each rewriting; make rewritings takes 100000")

// rewriting is what one kind of mail system does.
type rewriting struct {
	name string
	do   func(signed string) string
	// rebuilds: it takes the message apart, so that parts which Sign calls fragile are changed.
	rebuilds bool
	// touches: it changes lines that only few systems mind, and that stay in parts that cannot be
	// encoded: those that another signature covers, or of which readers do not agree what they are,
	// text next to the parts, endless fields of attached messages.
	touches bool
}

var rewritings = []rewriting{
	{name: "Python (Mailman 3, getmail6, offlineimap3)", rebuilds: true, do: func(s string) string { return pythonRewrite(s, false) }},
	{name: "Python, quoting From", rebuilds: true, do: func(s string) string { return pythonRewrite(s, true) }},
	{name: "Courier MTA, reformime", rebuilds: true, do: courierRewrite},
	{name: "BODY[1.MIME] and BODY[1] of Dovecot and Cyrus", rebuilds: true, do: fetchParts},
	{name: "mboxo, read without unquoting", do: onLines(func(l string) string { return quoted(l, strings.HasPrefix(l, "From ")) })},
	{name: "mboxrd, read without unquoting", do: onLines(func(l string) string { return quoted(l, strings.HasPrefix(strings.TrimLeft(l, ">"), "From ")) })},
	{name: "a mailbox whose writer does not quote, and its reader unquotes", do: onLines(func(l string) string {
		if l[0] == '>' && strings.HasPrefix(strings.TrimLeft(l, ">"), "From ") {
			return l[1:]
		}
		return l
	})},
	{name: "7-bit conversion (Postfix, Exim, Courier)", do: onBody(downgrade)},
	{name: "lines of 998 octets (Postfix)", do: onBody(breakLines)},
	{name: "lines of 990 octets with ! (Sendmail)", do: onBody(breakWithMark), touches: true},
	{name: "the end at a lone dot (dma)", do: func(s string) string {
		before, _, _ := strings.Cut(s, "\r\n.\r\n")
		return strings.TrimSuffix(before, "\r\n") + "\r\n"
	}},
	{name: "leading dots doubled", touches: true, do: onBody(replacing("\n.", "\n.."))},
	{name: "leading dots lost", touches: true, do: onBody(replacing("\n.", "\n"))},
	{name: "white space before line ends removed", do: onBody(stripBlanks)},
	{name: "line ends repaired", do: onBody(replacing("\r\r\n", "\r\n", "\r\n", "\r\n", "\r", " ", "\n", "\r\n"))},
	{name: "NUL removed", do: hopNamed("strips NUL")},
	{name: "outer header folded with tabs", do: hopNamed("refolds the header")},
	{name: "outer header unfolded", do: onHeader(unfold)},
	{name: "outer header folded anew", do: onHeader(func(h string) string { return refold.Replace(unfold(h)) })},
	{name: "outer encoded words as raw octets (fetchmail mimedecode)", do: onHeader(func(h string) string { return strings.ReplaceAll(h, "=?iso-8859-1?q?J=F6rg?=", "J\xf6rg") })},
	{name: "trace and list fields, a subject tag", do: func(s string) string {
		return "Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\nList-Id: <l.example>" + onHeader(replacing("\r\nSubject:", "\r\nSubject: [l]"))("\r\n"+s)
	}},
	{name: "saved with the line ends of Unix", do: func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }},
	{name: "empty lines at the end", do: func(s string) string { return s + "\r\n\r\n" }},
	{name: "no line end at the end (SmartList)", do: func(s string) string { return strings.TrimRight(s, "\r\n") }},
	{name: "the preamble removed", do: hopNamed("removes the preamble")},
	{name: "another boundary and the preamble of Courier", do: courierFrame},
}

// lost are the rewritings that no signature in the clear survives, with the reason. Each of them
// breaks one.
var lost = []struct {
	rewriting
	why string
}{
	{rewriting{name: "a footer in the text", do: inFirstPart(func(s string) string { return s + "\r\n-- \r\nsent by a list\r\n" })}, "the signed text is another"},
	{rewriting{name: "a banner before the text", do: inFirstPart(func(s string) string { return strings.Replace(s, "\r\n\r\n", "\r\n\r\n[External]\r\n", 1) })}, "the signed text is another"},
	{rewriting{name: "fields taken out of the signed part (BODY[1.MIME] of Courier IMAP)", do: inFirstPart(func(s string) string {
		h, b, _ := strings.Cut(s, "\r\n\r\n")
		return regexp.MustCompile(`(?m)^(?:From|Subject):.*\r\n(?:[ \t].*\r\n)*`).ReplaceAllString(h+"\r\n", "") + "\r\n" + b
	})}, "the protected fields are signed: that is what they are for"},
	{rewriting{name: "all encodings written anew (MIME::tools, mailsplit)", do: inFirstPart(func(s string) string {
		return regexp.MustCompile(`(?m)^[A-Za-z0-9+/]{76}\r$`).ReplaceAllStringFunc(s, func(l string) string { return l[:60] + "\r\n" + l[60:] }) + "\r\n"
	})}, "the octets of an encoding are signed, not what they stand for (RFC 8551, Section 3.1.1)"},
	{rewriting{name: "the signature part removed (content filters)", do: func(s string) string {
		return strings.Replace(s, "application/pkcs7-signature; name", "text/plain; name", 1)
	}}, "there is no signature any more"},
	{rewriting{name: "CR doubled before LF", do: func(s string) string { return strings.ReplaceAll(s, "\r\n", "\r\r\n") }}, "every line is another, and in the header no reader knows where it ends"},
}

func hopNamed(name string) func(string) string {
	for _, h := range hops {
		if h.name == name {
			return h.do
		}
	}
	panic(name)
}

// onLines changes the lines of a message that is stored with the line ends of Unix.
func onLines(do func(line string) string) func(string) string {
	return func(s string) string {
		var out strings.Builder
		for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
			out.WriteString(do(line))
		}
		return out.String()
	}
}

func quoted(line string, quote bool) string {
	if quote {
		return ">" + line
	}
	return line
}

func replacing(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func stripBlanks(b string) string {
	var out strings.Builder
	for line := range strings.Lines(b) {
		text := strings.TrimRight(line, "\r\n")
		out.WriteString(strings.TrimRight(text, " \t") + line[len(text):])
	}
	return out.String()
}

func unfold(h string) string { return foldOfHeader.ReplaceAllString(h, " ") }

var refold = strings.NewReplacer(", ", ",\r\n ", "; ", ";\r\n\t", " <", "\r\n <", ": ", ": ")

var foldOfHeader = regexp.MustCompile(`\r\n[ \t]+`)

func breakWithMark(b string) string {
	var out strings.Builder
	for line := range strings.Lines(b) {
		for len(line) > 992 {
			out.WriteString(line[:989] + "!\r\n ")
			line = line[989:]
		}
		out.WriteString(line)
	}
	return out.String()
}

// inFirstPart changes what is signed of a message in clear form.
func inFirstPart(do func(string) string) func(string) string {
	return func(s string) string {
		part, start, ok := signedPartOf(s)
		if !ok {
			return s
		}
		return s[:start] + do(part) + s[start+len(part):]
	}
}

// signedPartOf is the first part of multipart/signed, by its boundary alone.
func signedPartOf(s string) (part string, start int, ok bool) {
	_, boundary, ok := strings.Cut(s, `boundary="----dnseal-`)
	if !ok {
		return "", 0, false
	}
	boundary, _, _ = strings.Cut(boundary, `"`)
	delimiter := "\r\n------dnseal-" + boundary + "\r\n"
	_, after, ok := strings.Cut(s, delimiter)
	part, _, found := strings.Cut(after, delimiter)
	return part, len(s) - len(after), ok && found
}

// fetchParts puts a message together from its parts: where a multipart ends with its last delimiter
// the servers hand out the line end after it, too.
func fetchParts(s string) string {
	return inFirstPart(func(part string) string {
		if root, err := entity.WalkEntity(context.Background(), strings.NewReader(part), int64(len(part)), ""); err == nil && root.Unended {
			return part + "\r\n"
		}
		return part
	})(s)
}

// courierFrame is what Courier does around the signed part.
func courierFrame(s string) string {
	s = strings.ReplaceAll(s, "----dnseal-", "=_courier-")
	s = strings.Replace(s, preamble, "This is a MIME-formatted message.  If you see this text it means that your\r\nE-mail software does not support MIME-formatted messages.\r\n", 1)
	return onHeader(func(h string) string {
		return courierNames.Replace(unfold(h))
	})(s)
}

var courierNames = strings.NewReplacer(`micalg="sha-256"`, "micalg=sha-256", "MIME-Version: 1.0", "Mime-Version: 1.0")

// courierRewrite also ends every multipart with a line end.
func courierRewrite(s string) string {
	return courierFrame(inFirstPart(func(part string) string {
		root, err := entity.WalkEntity(context.Background(), strings.NewReader(part), int64(len(part)), "")
		if err != nil {
			return part
		}
		var at []int64
		var find func(p *entity.Part)
		find = func(p *entity.Part) {
			if p.Unended {
				at = append(at, min(p.Closed, p.End))
			}
			for _, k := range p.Kids {
				find(k)
			}
		}
		find(root)
		slices.Sort(at)
		for _, i := range slices.Backward(at) {
			part = part[:i] + "\r\n" + part[i:]
		}
		return part
	})(s))
}

// survivors counts what became of the messages.
type survivors struct {
	t *testing.T
	sync.Mutex
	signed, refused, opaque, fragile, changed int
	failed                                    map[string]int
	broke                                     map[string]bool
}

func (s *survivors) fail(rewriting, format string, args ...any) {
	s.Lock()
	defer s.Unlock()
	if s.failed[rewriting]++; s.failed[rewriting] <= 2 {
		s.t.Errorf(rewriting+": "+format, args...)
	}
}

// check signs a message and passes it on.
func (s *survivors) check(name, msg string, real *python) {
	signed, result, err := s.sign(msg)
	s.Lock()
	switch {
	case err != nil:
		s.refused++
	case result.Opaque:
		s.opaque++
	case len(result.Fragile) > 0:
		s.fragile++
	}
	s.signed++
	s.Unlock()
	if err != nil {
		if _, ok := errors.AsType[*ContentError](err); !ok && !errors.Is(err, ErrAlreadySecured) {
			s.fail("sign", "%s: %v of\n%q", name, err, msg)
		}
		return
	}
	others := strings.Contains(msg, "boundary=sig") || strings.Contains(msg, "DKIM-Signature:") || len(result.Fragile) > 0 || textOutside(signed) || endlessField(signed)
	s.intact("nothing", name, msg, signed, signed)
	for _, r := range rewritings {
		if r.rebuilds && len(result.Fragile) > 0 || r.touches && others {
			continue
		}
		if after := r.do(signed); after != signed {
			s.intact(r.name, name, msg, signed, after)
		}
	}
	for _, l := range lost {
		s.Lock()
		known := s.broke[l.name]
		s.Unlock()
		if !known && s.whyBroken(l.do(signed)) != "" {
			s.Lock()
			s.broke[l.name] = true
			s.Unlock()
		}
	}
	if real == nil || len(result.Fragile) > 0 {
		return
	}
	forms, err := real.rewrite(strings.ReplaceAll(signed, "\r\n", "\n"))
	if err != nil {
		s.fail("python", "%s: %v", name, err)
		return
	}
	for i, after := range forms {
		if after != "" {
			s.intact("real Python, "+pythonForms[i], name, msg, signed, after)
		}
	}
	if _, body, _ := strings.Cut(forms[0], "\n\n"); !strings.HasSuffix(pythonRewrite(signed, false), body) {
		s.fail("the imitation of Python", "%s: %s", name, firstDifference(forms[0], pythonRewrite(signed, false)))
	}
}

func (s *survivors) sign(msg string) (string, SignResult, error) {
	m, err := readString(msg)
	if err != nil {
		return "", SignResult{}, err
	}
	defer m.Close()
	var result SignResult
	edit, err := Sign(s.t.Context(), m, SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, Result: &result})
	if err != nil {
		return "", result, err
	}
	defer edit.Close()
	var out bytes.Buffer
	_, err = m.WriteEdited(&out, edit)
	// A message with the line ends of Unix becomes one of both until it is sent.
	return strings.ReplaceAll(strings.ReplaceAll(out.String(), "\r\n", "\n"), "\n", "\r\n"), result, err
}

func (s *survivors) intact(rewriting, name, msg, signed, after string) {
	s.Lock()
	s.changed++
	s.Unlock()
	if why := s.whyBroken(after); why != "" {
		s.fail(rewriting, "%s: %s: %s", name, why, firstDifference(signed, after))
	}
}

func (s *survivors) whyBroken(msg string) string {
	m, err := readString(msg)
	if err != nil {
		return err.Error()
	}
	defer m.Close()
	r, err := Verify(s.t.Context(), m)
	switch {
	case err != nil:
		return err.Error()
	case r.Code != "":
		return string(r.Code) + ": " + r.Reason
	case len(r.Signatures) == 0:
		return "no signature"
	}
	// The others are what the generator made up.
	if ours := r.Signatures[0]; ours.Integrity != IntegrityGood || ours.Covers != CoversMessage {
		return fmt.Sprintf("%s %s %s covers %s", ours.Integrity, ours.Code, ours.Reason, ours.Covers)
	}
	return ""
}

// textOutside reports whether there is text next to the parts of a multipart, which has no
// encoding.
func textOutside(signed string) bool {
	part, _, _ := signedPartOf(signed)
	root, err := entity.WalkEntity(context.Background(), strings.NewReader(part), int64(len(part)), "")
	var odd func(p *entity.Part) bool
	odd = func(p *entity.Part) bool {
		return p.Preamble.Odd() || p.Epilogue.Odd() || slices.ContainsFunc(p.Kids, odd)
	}
	return err == nil && odd(root)
}

// endlessField reports whether a field of an attached message is almost as long as SMTP allows:
// where it has no space it cannot be folded.
func endlessField(signed string) bool {
	part, _, _ := signedPartOf(signed)
	_, body, _ := strings.Cut(part, "\r\n\r\n")
	for line := range strings.Lines(body) {
		if name, _, ok := strings.Cut(line, ": "); len(line) > 989 && ok && !strings.Contains(name, " ") {
			return true
		}
	}
	return false
}

// short are the lines around the i-th.
func short(lines []string, i int) []string {
	var out []string
	for _, l := range lines[max(0, i-3):min(i+3, len(lines))] {
		out = append(out, l[:min(len(l), 60)])
	}
	return out
}

// firstDifference shows where two bodies are not the same, but for their line ends.
func firstDifference(a, b string) string {
	lines := func(s string) []string {
		_, body, _ := strings.Cut(strings.ReplaceAll(s, "\r\n", "\n"), "\n\n")
		return strings.Split(body, "\n")
	}
	was, is := lines(a), lines(b)
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			return fmt.Sprintf("%q became %q", short(was, i), short(is, i))
		}
	}
	return fmt.Sprintf("%d lines became %d", len(was), len(is))
}

func TestRewritings(t *testing.T) {
	t.Parallel()
	s := &survivors{t: t, failed: map[string]int{}, broke: map[string]bool{}}
	workers := min(runtime.GOMAXPROCS(0), 4)
	var wg sync.WaitGroup
	for w := range workers {
		real := startPython(t)
		wg.Go(func() {
			for n := w; n < *rewritingCount; n += workers {
				python := real
				if n >= 2000 && n%50 != 0 {
					python = nil // what it does was compared with its imitation often enough
				}
				s.check(fmt.Sprintf("message %d", n), newLetterbox(uint64(n)).message(), python)
			}
		})
	}
	wg.Wait()
	for _, l := range lost {
		if !s.broke[l.name] {
			t.Errorf("%s breaks nothing, although %s", l.name, l.why)
		}
	}
	t.Logf("%d messages: %d refused, %d opaque, %d with a fragile part; %d rewritten messages verified; failed: %v", s.signed, s.refused, s.opaque, s.fragile, s.changed, s.failed)
}

// What the hops were seen to break survives all of them.
func TestCasesHops(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../testdata/cases/hops/*src.eml")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	s := &survivors{t: t, failed: map[string]int{}, broke: map[string]bool{}}
	real := startPython(t)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s.check(name, string(raw), real)
		if base := filepath.Base(name); s.opaque+s.fragile+s.refused > 0 {
			t.Errorf("%s: opaque %d, fragile %d, refused %d", base, s.opaque, s.fragile, s.refused)
		}
	}
}
