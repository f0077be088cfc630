package smime

import (
	"bytes"
	"encoding/base64"
	"errors"
	"hash/fnv"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"

	gomessage "github.com/emersion/go-message"
	"pgregory.net/rapid"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// What is signed or converted is compared with what came in by readers that share nothing with this
// package: go-message takes well-formed messages apart, and of broken ones, which every reader
// takes apart in a way of its own, each word has to be found somewhere.

// leafOf is what a reader has of a part that holds no others.
type leafOf struct{ typ, body string }

// leavesOf takes a message apart with go-message.
func leavesOf(r io.Reader) ([]leafOf, error) {
	e, err := gomessage.Read(r)
	if err != nil && !gomessage.IsUnknownCharset(err) {
		return nil, err
	}
	return leavesIn(e)
}

func leavesIn(e *gomessage.Entity) ([]leafOf, error) {
	typ, _, err := e.Header.ContentType()
	if err != nil {
		return nil, err
	}
	parts := e.MultipartReader()
	switch {
	case parts != nil:
	case typ == "message/rfc822":
		return leavesOf(e.Body)
	default:
		body, err := io.ReadAll(e.Body)
		if strings.HasPrefix(typ, "text/") {
			body = bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		}
		return []leafOf{{typ, string(body)}}, err
	}
	var all []leafOf
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil && !gomessage.IsUnknownCharset(err) {
			return nil, err
		}
		leaves, err := leavesIn(part)
		if err != nil {
			return nil, err
		}
		all = append(all, leaves...)
	}
}

var (
	softBreak  = regexp.MustCompile("=[ \t]*\r?\n")
	escape     = regexp.MustCompile("=[0-9A-Fa-f]{2}")
	base64Runs = regexp.MustCompile(`(?m)(?:^[A-Za-z0-9+/]+=*\r?$\n?)+`)
)

// readings is a text as it stands, and with everything decoded that may be quoted-printable or
// base64, to the given depth: what stands at no delimiter that a reader knows belongs to the part
// before it, and may be encoded with that.
func readings(text string, depth int) string {
	all := []string{text}
	unquoted := escape.ReplaceAllStringFunc(softBreak.ReplaceAllString(text, ""), func(s string) string {
		c, _ := strconv.ParseUint(s[1:], 16, 8)
		return string([]byte{byte(c)})
	})
	if depth > 0 && unquoted != text {
		all = append(all, readings(unquoted, depth-1))
	}
	for _, run := range base64Runs.FindAllString(text, -1) {
		run = strings.NewReplacer("\r", "", "\n", "").Replace(run)
		decoded, _ := base64.RawStdEncoding.DecodeString(strings.TrimRight(run, "="))
		if depth > 0 {
			all = append(all, readings(string(decoded), depth-1))
		}
	}
	return strings.Join(all, "\x00")
}

// missing lists the words that no reading of the text holds.
func missing(words []string, text string) []string {
	within := func(in string) func(string) bool { return func(w string) bool { return strings.Contains(in, w) } }
	left := slices.DeleteFunc(slices.Clone(words), within(text))
	if len(left) == 0 {
		return nil
	}
	return slices.DeleteFunc(left, within(readings(text, 3)))
}

// contentOf returns the content of a signed message, and whether it is opaque.
func contentOf(tb testing.TB, signed string) (string, bool) {
	tb.Helper()
	head, body, _ := strings.Cut(signed, "\r\n\r\n")
	if !strings.Contains(head, "application/pkcs7-mime") {
		return signed, false
	}
	var content bytes.Buffer
	if _, err := cms.Read(base64.NewDecoder(base64.StdEncoding, strings.NewReader(body)), &content); err != nil {
		tb.Fatal(err)
	}
	return content.String(), true
}

// edited applies what do makes of a message; "" where it refuses with one of the errors that say
// why.
func edited(tb testing.TB, msg string, do func(*message.Message) (*message.Edit, error)) string {
	tb.Helper()
	m, err := readString(msg)
	if errors.Is(err, message.ErrMalformed) {
		return ""
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer m.Close()
	edit, err := do(m)
	if err != nil {
		if _, ok := errors.AsType[*LimitError](err); !ok && !errors.Is(err, ErrNotTransitProof) && !errors.Is(err, ErrAmbiguous) && !errors.Is(err, ErrAlreadySecured) {
			tb.Fatalf("%v of\n%q", err, msg)
		}
		return ""
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// tally counts what became of generated messages, so that a test sees whether it tested anything.
type tally struct{ clear, opaque, refused, converted, unconverted int }

// checkLossless signs and converts one generated message, and wants everything back.
func checkLossless(tb testing.TB, choices []byte, broken bool, n *tally) {
	tb.Helper()
	g := mailGen{choices: choices, broken: broken}
	msg := g.message(3)
	signer := dave()
	signed := edited(tb, msg, func(m *message.Message) (*message.Edit, error) {
		return Sign(tb.Context(), m, SignOptions{Signers: []cms.Signer{signer}, Time: signedAt, FullSelfCheck: m.Size()%2 == 0})
	})
	if signed == "" {
		n.refused++
	} else {
		checkSigned(tb, &g, msg, signed, n)
	}
	narrow := edited(tb, msg, func(m *message.Message) (*message.Edit, error) { return SevenBit(tb.Context(), m) })
	if narrow == "" {
		n.unconverted++
		return
	}
	n.converted++
	sameContent(tb, &g, msg, narrow)
	if _, body, _ := strings.Cut(narrow, "\r\n\r\n"); !entity.IsASCII(body) {
		tb.Fatalf("8-bit in\n%q\nmade of\n%q", narrow, msg)
	}
}

func checkSigned(tb testing.TB, g *mailGen, msg, signed string, n *tally) {
	tb.Helper()
	content, opaque := contentOf(tb, signed)
	if opaque {
		n.opaque++
	} else {
		n.clear++
		// The signature is a leaf more: its delimiter becomes the last one.
		if i := strings.LastIndex(content, "\r\nContent-Type: application/pkcs7-signature"); i >= 0 {
			content = content[:i] + "--\r\n"
		}
	}
	holds(tb, signed)
	sameContent(tb, g, msg, content)
}

func sameContent(tb testing.TB, g *mailGen, msg, out string) {
	tb.Helper()
	if lost := missing(g.words, out); len(lost) > 0 {
		tb.Fatalf("lost %q of\n%q\nwhich became\n%q", lost, msg, out)
	}
	if g.broken {
		return
	}
	want, err := leavesOf(strings.NewReader(msg))
	if err != nil {
		return // not to be read by go-message, well-formed or not
	}
	if got, err := leavesOf(strings.NewReader(out)); err != nil || !slices.Equal(got, want) {
		tb.Fatalf("the leaves\n%q\nbecame\n%q, %v; message\n%q\nbecame\n%q", want, got, err, msg, out)
	}
}

// Nothing of a message is lost, however it is built.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, broken := range []bool{false, true} {
		var n tally
		for seed := range uint64(2000) {
			checkLossless(t, randomChoices(seed), broken, &n)
		}
		t.Logf("broken %v: %+v", broken, n)
		if n.clear < 500 || n.converted < 500 || broken && n.opaque < 50 {
			t.Errorf("broken %v: %+v is no fair sample", broken, n)
		}
	}
}

func TestNothingIsLostRapid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		checkLossless(t, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "choices"), rapid.Bool().Draw(r, "broken"), &tally{})
	})
}

// FuzzLossless is TestNothingIsLost for as long as one likes: sixteen messages a time, because most
// of the time goes to fuzzing itself.
func FuzzLossless(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(randomChoices(seed), seed%2 == 1)
	}
	f.Fuzz(func(t *testing.T, choices []byte, broken bool) {
		checkLossless(t, choices, broken, &tally{})
		sum := fnv.New64()
		sum.Write(choices)
		for i := range uint64(15) {
			checkLossless(t, randomChoices(sum.Sum64()+i), i%2 == 0, &tally{})
		}
	})
}
