package receiver_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	"golang.org/x/text/encoding/htmlindex"

	"dnseal/receiver"
	"dnseal/smime"
)

// shownBy is how a reader shows a message, "" for one that it cannot read. It shares nothing with
// this program.
type shownBy func(text string) string

// shownByLibrary takes a message apart with go-message, which follows RFC 2046 to the letter.
func shownByLibrary(text string) string {
	e, err := gomessage.Read(strings.NewReader(text))
	if err != nil && !gomessage.IsUnknownCharset(err) {
		return ""
	}
	return shownOf(e)
}

func shownOf(e *gomessage.Entity) string {
	parts := e.MultipartReader()
	if parts == nil {
		typ, _, _ := e.Header.ContentType() // what cannot be read is shown as text
		body, _ := io.ReadAll(e.Body)       // as far as it can be read
		switch {
		case strings.Contains(typ, "pkcs7-signature"):
			return ""
		case strings.Contains(typ, "pkcs7-mime"):
			return object(string(body))
		}
		// however lines end in saved mail
		return "text:" + strings.ReplaceAll(string(body), "\r\n", "\n") + "\n"
	}
	var all strings.Builder
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) || err != nil && !gomessage.IsUnknownCharset(err) {
			return all.String()
		}
		all.WriteString(shownOf(part))
	}
}

// object is a CMS object, in base64 or decoded, decoded as far as it can be.
func object(text string) string {
	if strings.HasPrefix(text, "0") {
		return text
	}
	decoded, _ := io.ReadAll(base64.NewDecoder(base64.StdEncoding, strings.NewReader(strings.Join(strings.Fields(text), ""))))
	return string(decoded)
}

var plainBoundary = regexp.MustCompile(`(?im)^content-type:[^\n]*(?:\n[ \t][^\n]*)*boundary="?([^";\r\n]+)"?`)

// shownByOld is a reader that ends lines in CR or LF, takes a line for a delimiter that begins like
// one, shows preamble and epilogue, and goes no deeper than the parts of the message.
func shownByOld(text string) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	end := slices.Index(lines, "")
	if end < 0 {
		return ""
	}
	head := strings.Join(lines[:end], "\n")
	b := plainBoundary.FindStringSubmatch(head)
	if b == nil {
		return object(strings.Join(lines[end+1:], "\n"))
	}
	var parts [][]string
	current := []string{}
	for _, l := range lines[end+1:] {
		if strings.HasPrefix(l, "--"+strings.TrimSpace(b[1])) {
			parts, current = append(parts, current), []string{}
			continue
		}
		current = append(current, l)
	}
	parts = append(parts, current)
	var out strings.Builder
	for i, p := range parts {
		joined := strings.TrimSpace(strings.Join(p, "\n"))
		if i > 0 && strings.Contains(strings.ToLower(joined), "application/pkcs7-signature") || joined == "" || strings.HasPrefix(joined, "This is a") && i == 0 {
			continue
		}
		out.WriteString(joined + "\n")
	}
	return out.String()
}

// headShown are the fields that every reader shows, as a person reads them: without the names of
// lists, and white space.
func headShown(text string) string {
	head, _, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	head = strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(head)
	words := &mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(in), nil
	}}
	var out []string
	for line := range strings.SplitSeq(head, "\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "from", "sender", "reply-to", "to", "cc", "date", "subject", "in-reply-to", "references":
			if decoded, err := words.DecodeHeader(value); err == nil {
				value = decoded
			}
			if value = strings.Join(strings.Fields(value), ""); value != "" {
				out = append(out, name+":"+value)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// lineChanges are what somebody on the way can do at one line of a message.
var lineChanges = []struct {
	name   string
	change func(lines []string, i int) []string
}{
	{"delete", func(l []string, i int) []string { return slices.Delete(l, i, i+1) }},
	{"twice", func(l []string, i int) []string { return slices.Insert(l, i, l[i]) }},
	{"swap", func(l []string, i int) []string { j := min(i+1, len(l)-1); l[i], l[j] = l[j], l[i]; return l }},
	{"text before", func(l []string, i int) []string { return slices.Insert(l, i, "Pay at once.\r\n") }},
	{"part before", func(l []string, i int) []string {
		return slices.Insert(l, i, "--dnseal-vector\r\n", "Content-Type: text/plain\r\n", "\r\n", "Pay at once.\r\n")
	}},
	{"delimiter before", func(l []string, i int) []string { return slices.Insert(l, i, "--dnseal-vector\r\n") }},
	{"end before", func(l []string, i int) []string { return slices.Insert(l, i, "--dnseal-vector--\r\n") }},
	{"empty before", func(l []string, i int) []string { return slices.Insert(l, i, "\r\n") }},
	{"blank before", func(l []string, i int) []string { return slices.Insert(l, i, " \r\n") }},
	{"field before", func(l []string, i int) []string { return slices.Insert(l, i, "Subject: Pay at once\r\n") }},
	{"type before", func(l []string, i int) []string { return slices.Insert(l, i, "Content-Type: text/html\r\n") }},
	{"encoding before", func(l []string, i int) []string {
		return slices.Insert(l, i, "Content-Transfer-Encoding: quoted-printable\r\n")
	}},
	{"author before", func(l []string, i int) []string { return slices.Insert(l, i, "From: bob@example.org\r\n") }},
	{"folded text before", func(l []string, i int) []string { return slices.Insert(l, i, " and more\r\n") }},
	{"upper case", func(l []string, i int) []string { l[i] = strings.ToUpper(l[i]); return l }},
	{"lower case", func(l []string, i int) []string { l[i] = strings.ToLower(l[i]); return l }},
	{"space after", func(l []string, i int) []string { l[i] = strings.TrimSuffix(l[i], "\r\n") + " \r\n"; return l }},
	{"letter after", func(l []string, i int) []string { l[i] = strings.TrimSuffix(l[i], "\r\n") + "x\r\n"; return l }},
	{"dashes after", func(l []string, i int) []string { l[i] = strings.TrimSuffix(l[i], "\r\n") + "--\r\n"; return l }},
	{"comment after", func(l []string, i int) []string {
		l[i] = strings.TrimSuffix(l[i], "\r\n") + " (or boundary=x)\r\n"
		return l
	}},
	{"parameter after", func(l []string, i int) []string {
		l[i] = strings.TrimSuffix(l[i], "\r\n") + "; boundary*0=other\r\n"
		return l
	}},
	{"LF", func(l []string, i int) []string { l[i] = strings.TrimSuffix(l[i], "\r\n") + "\n"; return l }},
	{"CR", func(l []string, i int) []string { l[i] = strings.TrimSuffix(l[i], "\r\n") + "\r"; return l }},
	{"joined", func(l []string, i int) []string { l[i] = strings.TrimSuffix(l[i], "\r\n"); return l }},
	{"space in front", func(l []string, i int) []string { l[i] = " " + l[i]; return l }},
	{"letter in front", func(l []string, i int) []string { l[i] = "x" + l[i]; return l }},
	{"dash in front", func(l []string, i int) []string { l[i] = "-" + l[i]; return l }},
	{"half", func(l []string, i int) []string { l[i] = l[i][len(l[i])/2:]; return l }},
	{"cut", func(l []string, i int) []string { l[i] = l[i][:len(l[i])/2] + "\r\n"; return l }},
	{"folded", func(l []string, i int) []string { l[i] = l[i][:len(l[i])/2] + "\r\n " + l[i][len(l[i])/2:]; return l }},
	{"unquoted", func(l []string, i int) []string { l[i] = strings.ReplaceAll(l[i], `"`, ""); return l }},
	{"escaped", func(l []string, i int) []string { l[i] = strings.ReplaceAll(l[i], `="`, `="\`); return l }},
	{"stop", func(l []string, i int) []string { return l[:i] }},
}

// originals are messages of alice's that pass, of several forms.
func originals(c *cast) map[string]string {
	letter := letterOfAlice(c)
	several := header("Alice <alice@example.org>", crlf("Content-Type: multipart/mixed; boundary=inside\n\n--inside\nContent-Type: text/plain\n\none\n\n"+
		"-----Original Message-----\nDo not.\n--inside\nContent-Type: text/html\n\n<p>two</p>\n--inside\nContent-Type: message/rfc822\n\nFrom: x@example.net\nSubject: inside\n\nthree\n--inside--\n"))
	return map[string]string{
		"clear":       letter,
		"opaque":      signed(c.t, mail("alice@example.org"), smime.SignOptions{Opaque: true}, c.alice),
		"several":     signed(c.t, several, smime.SignOptions{}, c.alice),
		"unprotected": header("alice@example.org") + clearWithin("dnseal-vector", bare, signedBy(bare, c.alice, nil)),
		"twice":       header("alice@example.org") + clearWithin("dnseal-vector", clear(bare, signedBy(bare, c.alice, nil)), signedBy(clear(bare, signedBy(bare, c.alice, nil)), c.alice, nil)),
	}
}

// shownCheck judges one changed message, and compares what is shown of it with what was shown
// before.
type shownCheck struct {
	receiver *receiver.Receiver
	original string
}

func newShownCheck(tb testing.TB, c *cast, original string) *shownCheck {
	tb.Helper()
	dns := newFakeDNS()
	publish(tb, dns.cached, c.alice)
	publish(tb, dns.fresh, c.alice)
	r, err := receiver.New(receiver.Options{Lookup: dns, Now: func() time.Time { return clock }})
	if err != nil {
		tb.Fatal(err)
	}
	return &shownCheck{r, original}
}

// passes reports whether the changed message does; then all readers have to show it as the
// original.
func (s *shownCheck) passes(t *testing.T, what, changed string) bool {
	t.Helper()
	report := judgeText(t, s.receiver, []byte(changed))
	if report.Verdict != receiver.Pass {
		return false
	}
	changed = onTheWire(changed)
	for who, shown := range map[string]shownBy{"go-message": shownByLibrary, "an old reader": shownByOld} {
		if a, b := shown(s.original), shown(changed); a != b && b != "" {
			t.Errorf("%s: %s shows\n%.300q\nfor\n%.300q", what, who, b, a)
		}
	}
	if a, b := headShown(s.original), headShown(changed); a != b && report.HeaderState == "protected" {
		t.Errorf("%s: the header is\n%s\nfor\n%s", what, b, a)
	}
	return true
}

// onTheWire gives saved mail the line ends that it is read with: of a file whose first line ends in
// LF alone every line does (message.Read), also where its ends are of both kinds.
func onTheWire(text string) string {
	if i := strings.IndexByte(text, '\n'); i < 0 || i > 0 && text[i-1] == '\r' {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

// TestShownAsSigned changes each line of messages in every way of lineChanges. One that still
// passes is shown by all readers as it was, and where its header is protected so is that.
func TestShownAsSigned(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	for name, text := range originals(c) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := newShownCheck(t, c, text)
			if !check.passes(t, "unchanged", text) {
				t.Fatal("it does not pass unchanged")
			}
			lines := strings.SplitAfter(text, "\r\n")
			for i := range lines {
				for _, ch := range lineChanges {
					check.passes(t, fmt.Sprintf("line %d, %s", i, ch.name), strings.Join(ch.change(slices.Clone(lines), i), ""))
				}
			}
		})
	}
}

// FuzzShownAsSigned changes several lines.
func FuzzShownAsSigned(f *testing.F) {
	c := newCast(f)
	var checks []*shownCheck
	texts := originals(c)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		checks = append(checks, newShownCheck(f, c, texts[name]))
	}
	f.Add(uint8(0), []byte{3, 1, 9, 2})
	f.Add(uint8(0), []byte("xx\x02x\x00x")) // line ends of both kinds
	f.Add(uint8(4), []byte(".x\"x"))
	f.Fuzz(func(t *testing.T, n uint8, changes []byte) {
		check := checks[int(n)%len(checks)]
		lines := strings.SplitAfter(check.original, "\r\n")
		var what []string
		for len(changes) > 1 && len(what) < 6 && len(lines) > 0 {
			i, ch := int(changes[0])%len(lines), lineChanges[int(changes[1])%len(lineChanges)]
			lines, changes, what = ch.change(lines, i), changes[2:], append(what, fmt.Sprintf("line %d, %s", i, ch.name))
		}
		check.passes(t, strings.Join(what, "; "), strings.Join(lines, ""))
	})
}
