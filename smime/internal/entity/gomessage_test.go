package entity

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"pgregory.net/rapid"

	"dnseal/smime/message"
)

// go-message is the oracle: a reader of MIME that shares nothing with this package. What it reads,
// the walk reads alike: the same parts, of the same types, with the same octets.

// reading is an entity as go-message reads it.
type reading struct {
	mediaType string
	params    map[string]string
	typeErr   error // of reading Content-Type; then the entity has no kids
	body      []byte
	kids      []*reading
	err       error // why its parts, or the message in it, cannot be read
}

// readMessage reads an entity with its header; an error says that go-message does not.
func readMessage(text []byte) (*reading, error) {
	r := bufio.NewReader(bytes.NewReader(text))
	h, err := textproto.ReadHeader(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return readEntity(h, body), nil
}

func readEntity(h textproto.Header, body []byte) *reading {
	r := &reading{body: body}
	header := gomessage.Header{Header: h}
	r.mediaType, r.params, r.typeErr = header.ContentType()
	switch {
	case r.typeErr != nil:
	case strings.HasPrefix(r.mediaType, "multipart/"):
		r.err = r.readParts()
	case r.mediaType == "message/rfc822" || r.mediaType == "message/global":
		r.kids, r.err = readEmbedded(body, strings.ToLower(h.Get("Content-Transfer-Encoding")))
	}
	return r
}

// readEmbedded returns no message where it is encoded, which RFC 2046, Section 5.2.1, forbids.
func readEmbedded(body []byte, encoding string) ([]*reading, error) {
	switch encoding {
	case "", "7bit", "8bit", "binary":
		kid, err := readMessage(body)
		if err != nil {
			return nil, err
		}
		return []*reading{kid}, nil
	case "base64", "quoted-printable":
		return nil, nil
	}
	return nil, errors.New("unknown transfer encoding")
}

func (r *reading) readParts() error {
	parts := textproto.NewMultipartReader(bytes.NewReader(r.body), r.params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		r.kids = append(r.kids, readEntity(part.Header, body))
	}
}

// disagreement is a part of which the walk and go-message say different things.
type disagreement struct {
	part *Part
	what string
}

// compare adds to found what p and r, of which the walk and go-message say that they are the same,
// do not have in common.
func compare(text []byte, p *Part, r *reading, found []disagreement) []disagreement {
	add := func(format string, args ...any) {
		found = append(found, disagreement{p, fmt.Sprintf(format, args...)})
	}
	if got := text[p.Body:max(p.Body, p.End)]; !bytes.Equal(got, r.body) {
		add("body %q, go-message %q", got, r.body)
	}
	if r.typeErr != nil {
		return found
	}
	name := p.Type.Name
	if name == "" {
		name = "text/plain" // RFC 2045, Section 5.2
	}
	if name != r.mediaType {
		add("type %q, go-message %q", name, r.mediaType)
	}
	for k, v := range r.params {
		if got := p.Type.Get(k); got != v {
			add("parameter %s %q, go-message %q", k, got, v)
		}
	}
	if r.err != nil {
		return found
	}
	if len(p.Kids) != len(r.kids) {
		add("%d parts, go-message %d", len(p.Kids), len(r.kids))
	}
	for i := range min(len(p.Kids), len(r.kids)) {
		found = compare(text, p.Kids[i], r.kids[i], found)
	}
	return found
}

// exception is a kind of disagreement that is no fault of the walk.
type exception struct {
	name string
	is   func(text []byte, p *Part) bool
}

// legitimate are the exceptions for whole parts, and what is in them.
var legitimate = []exception{
	{"the walk says itself that readers differ", func(_ []byte, p *Part) bool { return Ambiguity(p, false) != "" || p.Repeated }},
	// RFC 2046, Section 5.1.1, asks for a part, and for a closing delimiter. go-message knows lines
	// that end in LF from the first part on, and stops without an error where a header is cut off.
	{"a multipart without parts", func(_ []byte, p *Part) bool { return p.Closed >= 0 && len(p.Kids) == 0 }},
	// RFC 2046, Section 5.1.5: in a digest it is a message. go-message knows one default only.
	{"a part of multipart/digest without a type", func(_ []byte, p *Part) bool {
		_, n := Field(p.Fields, "Content-Type")
		return n == 0 && p.Type.Name != ""
	}},
	{"a multipart that ends in a delimiter line", func(text []byte, p *Part) bool {
		k := len(p.Kids) - 1
		return p.Closed < 0 && k >= 0 && p.Kids[k].Start >= p.Kids[k].End
	}},
	// RFC 2045, Section 2.1, and RFC 5322, Section 2.1: an empty line ends a header. go-message
	// reads a delimiter line with a colon as one more field.
	{"a header without an end", func(text []byte, p *Part) bool {
		return !endedHeader(text, p) || slices.ContainsFunc(p.Kids, func(k *Part) bool { return !endedHeader(text, k) })
	}},
	// RFC 2046, Section 5.1.1: lines end in CR LF. For go-message all delimiter lines end as the
	// first one does.
	{"delimiter lines that end in CR LF and in LF", mixedLineEnds},
}

func endedHeader(text []byte, p *Part) bool {
	lines := bytes.Split(bytes.ReplaceAll(text[p.Start:p.Body], []byte("\r\n"), []byte("\n")), []byte("\n"))
	n := len(lines)
	return n > 1 && len(lines[n-1]) == 0 && len(lines[n-2]) == 0
}

// mixedLineEnds looks at the line ends after the delimiter lines of p, and before all but the
// first.
func mixedLineEnds(text []byte, p *Part) bool {
	ends, before := map[string]bool{}, ""
	for line := range bytes.SplitAfterSeq(text[p.Body:], []byte("\n")) {
		bare := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		end := string(line[len(bare):])
		if p.Delimiter != nil && p.Delimits(bare) {
			if len(ends) > 0 {
				ends[before] = true
			}
			ends[end] = true
		}
		before = end
	}
	return ends["\n"] && ends["\r\n"]
}

// ofParameters are the exceptions for parameters of a type other than the boundary, which would
// make other parts of it.
var ofParameters = []exception{
	// RFC 5322, Section 3.2.1: the backslash of a quoted pair is not part of the value. go-message
	// keeps it before letters, for the sake of paths in Windows.
	{"a quoted pair", typeContains(`\`)},
	// RFC 2047, Section 5: no encoded words in parameters. go-message decodes them.
	{"an encoded word", typeContains("=?")},
	// RFC 2231: go-message knows the charsets us-ascii and utf-8 only.
	{"an extended parameter", typeContains("*")},
	// RFC 5322, Section 2.2.3: white space in a fold counts. go-message makes one space of it.
	{"a fold", typeContains("\n")},
}

func typeContains(s string) func([]byte, *Part) bool {
	return func(_ []byte, p *Part) bool {
		return slices.ContainsFunc(p.Fields, func(f message.Field) bool { return f.Is("Content-Type") && bytes.Contains(f.Raw, []byte(s)) })
	}
}

// explanation returns the name of the exception, or "".
func (d disagreement) explanation(text []byte) string {
	for p := d.part; p != nil; p = p.Parent {
		for _, e := range legitimate {
			if e.is(text, p) {
				return e.name
			}
		}
	}
	if strings.HasPrefix(d.what, "parameter") && !strings.HasPrefix(d.what, "parameter boundary ") {
		for _, e := range ofParameters {
			if e.is(text, d.part) {
				return e.name
			}
		}
	}
	return ""
}

// What is well-formed both read alike, without exception.
func TestWalkAsGoMessage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(wellFormed(3).Draw(t, "entity"))
		r, err := readMessage(text)
		if err != nil {
			t.Fatalf("go-message: %v of\n%q", err, text)
		}
		p, err := WalkEntity(t.Context(), bytes.NewReader(text), int64(len(text)), "")
		if err != nil {
			t.Fatalf("%v of\n%q", err, text)
		}
		for _, d := range compare(text, p, r, nil) {
			t.Errorf("%s: %s", d.part.Subject(), d.what)
		}
		checkRead(t, r)
	})
}

func checkRead(t *rapid.T, r *reading) {
	if r.err != nil || r.typeErr != nil {
		t.Fatalf("go-message: %v, %v of %s %q", r.err, r.typeErr, r.mediaType, r.body)
	}
	for _, k := range r.kids {
		checkRead(t, k)
	}
}

// damage changes lines of a text: every three octets of changes say how, where, and with what.
func damage(text string, changes []byte) string {
	lines := strings.SplitAfter(text, "\n")
	for ; len(changes) >= 3 && len(lines) > 0; changes = changes[3:] {
		at, other := int(changes[1])%len(lines), int(changes[2])%len(lines)
		line := lines[at]
		middle := int(changes[2]) % (len(line) + 1)
		switch changes[0] % 8 {
		case 0:
			lines = slices.Delete(lines, at, at+1)
		case 1:
			lines = slices.Insert(lines, at, lines[other])
		case 2:
			lines[at], lines[other] = lines[other], lines[at]
		case 3:
			lines[at] = strings.ReplaceAll(line, "\r\n", "\n")
		case 4:
			lines[at] = strings.ReplaceAll(strings.ReplaceAll(line, "\r\n", "\n"), "\n", "\r\n")
		case 5:
			lines = append(lines[:at], line[:middle])
		case 6:
			const octets = " \t\r\n-:;=\"\\(*\x00b1"
			lines[at] = line[:middle] + octets[int(changes[0]/8)%len(octets):][:1] + line[middle:]
		case 7:
			lines[at] = line[:middle] + line[min(len(line), middle+1):]
		}
	}
	return strings.Join(lines, "")
}

// checkAgainstGoMessage returns what the walk and go-message disagree on without an exception.
func checkAgainstGoMessage(ctx context.Context, text []byte) error {
	r, err := readMessage(text)
	if err != nil {
		return nil //nolint:nilerr // the oracle has no answer
	}
	p, err := WalkEntity(ctx, bytes.NewReader(text), int64(len(text)), "")
	if _, over := errors.AsType[*LimitError](err); over {
		return nil
	}
	if err != nil {
		return err
	}
	for _, d := range compare(text, p, r, nil) {
		if d.explanation(text) == "" {
			return fmt.Errorf("%s: %s", d.part.Subject(), d.what)
		}
	}
	return nil
}

// What is damaged both read alike, or differently for a reason that has a name.
func TestDamagedAsGoMessage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := wellFormed(3).Draw(t, "entity")
		for range 20 {
			damaged := damage(text, rapid.SliceOfN(rapid.Byte(), 3, 12).Draw(t, "changes"))
			if err := checkAgainstGoMessage(t.Context(), []byte(damaged)); err != nil {
				t.Fatalf("%v of\n%q", err, damaged)
			}
		}
	})
}

// FuzzWalkAgainstGoMessage is the same for as long as one likes.
func FuzzWalkAgainstGoMessage(f *testing.F) {
	for seed := range 64 {
		f.Add(wellFormed(3).Example(seed), []byte{byte(seed), byte(5 * seed), byte(7 * seed)})
	}
	for _, header := range []string{
		"boundary=\"1\r\n  b\"", "boundary*0=1; boundary*1=b", "boundary=\"\\1b\"", "boundary*=utf-8''1b", "boundary==?utf-8?q?1b?=", "boundary=1b (b)",
		"boundary=1b; a=\"=?utf-8?q?b?=\"; n*=latin1''%fc; n=\"x\r\n  y\"",
	} {
		f.Add("Content-Type: multipart/mixed; "+header+"\r\n\r\n--1b\r\n\r\n--1 b\r\n\r\nx\r\n--1 b--\r\n--1b--\r\n", []byte(nil))
	}
	f.Add("Content-Type: multipart/digest; boundary=1b\r\n\r\n--1b\r\n\r\nSubject: x\r\n\r\nx\r\n--1b--\r\n", []byte(nil))
	f.Fuzz(func(t *testing.T, text string, changes []byte) {
		text = damage(text, changes)
		if err := checkAgainstGoMessage(t.Context(), []byte(text)); err != nil {
			t.Fatalf("%v of\n%q", err, text)
		}
	})
}
