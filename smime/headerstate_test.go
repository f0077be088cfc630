package smime

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/internal/header"
	"dnseal/smime/message"
)

// stateOf compares an outer header with a signed one, under a form of protection.
func stateOf(kind HeaderProtection, signed, outer string) *protection {
	inside, _ := message.ParseHeader([]byte(crlf(signed)))
	outside, _ := message.ParseHeader([]byte(crlf(outer)))
	p := &protection{kind: kind, fields: inside, outer: outside, state: HeaderUnprotected}
	p.compare()
	return p
}

// headerCase is a signed header, what stands outside, and whether that is a change.
type headerCase struct {
	signed, outer string
	changed       bool
}

// testHeaderState: what hops and lists do to a field without changing what it says, and what
// changes it.
func testHeaderState(t *testing.T, cases []headerCase) {
	t.Helper()
	for _, c := range cases {
		want := HeaderProtected
		if c.changed {
			want = HeaderChanged
		}
		for _, kind := range []HeaderProtection{ProtectionClear, ProtectionCipher, ProtectionLegacy} {
			if got := stateOf(kind, c.signed, c.outer); got.state != want || (len(got.changed) > 0) != c.changed {
				t.Errorf("%s: signed %q, outer %q: %s %q, want %s", kind, c.signed, c.outer, got.state, got.changed, want)
			}
		}
	}
}

// TestHeaderState: the fields of a name are compared as a whole, and only those that readers show.
func TestHeaderState(t *testing.T) {
	t.Parallel()
	testHeaderState(t, []headerCase{
		{"Subject: Hi there", "Subject:\tHi\n   there ", false},
		{"Subject: Hi", "Subject: [list] Hi", false},
		{"Subject: Hi", "Subject: hi", true},
		{"From: Alice <alice@example.org>", "From: alice@EXAMPLE.org (Alice)", false},
		{"From: Alice <alice@example.org>", "From: Alicia <alice@example.org>", true},
		{"Sender: a@example.org", "Sender: b@example.org", true},
		{"Subject: Hi", "", true},
		{"Subject: Hi", "Subject: Hi\nSubject: Hi", true},
		{"Subject: Hi", "Subject: Hi\nSubject:", true},
		{"X-Note: x\nTo: [Hi", "X-Note: x\nTo: [list] [Hi", true}, // only in Subject
		{"To: a@example.org, b@example.org", "To: a@example.org\nTo: b@example.org", true},
		{"Cc:", "", false},
		{"From: a@example.org\nMessage-ID: <1@example.org>\nX-Mailer: x", "From: a@example.org\nMessage-ID: <2@example.org>", false},
		{"From: a@example.org", "From: a@example.org\nReceived: x\nList-Id: y\nResent-From: z@example.org\nResent-To: y@example.org", false},
	})
}

// TestHeaderStateAdded: under RFC 9788 a field that stands outside only is a change, under the
// older forms it is not.
func TestHeaderStateAdded(t *testing.T) {
	t.Parallel()
	for _, name := range header.Shown {
		signed, outer := "Subject: Hi", "Subject: Hi\n"+name+": x@example.org"
		if name == "Subject" {
			signed, outer = "From: a@example.org", "From: a@example.org\nSubject: Hi"
		}
		if got := stateOf(ProtectionClear, signed, outer); got.state != HeaderChanged || strings.Join(got.changed, " ") != name {
			t.Errorf("%s added: %s %q", name, got.state, got.changed)
		}
		if got := stateOf(ProtectionLegacy, signed, outer); got.state != HeaderProtected {
			t.Errorf("%s added, older form: %s %q", name, got.state, got.changed)
		}
	}
	if got := stateOf(ProtectionLegacy, "X-Mailer: x", "Subject: Hi\nX-Mailer: x"); got.state != HeaderUnprotected {
		t.Errorf("a header of which nothing shown is repeated is %s", got.state)
	}
	if got := stateOf(ProtectionClear, "", "X-Mailer: x"); got.state != HeaderUnprotected {
		t.Errorf("no field at all: %s", got.state)
	}
	var zero Signature
	if zero.HeaderState == HeaderProtected {
		t.Error("the zero value is protected")
	}
}

// TestHeaderStateChanges: whichever field is changed in whatever way that shows, the state is
// changed; however its writing alone is changed, it is not.
func TestHeaderStateChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		signed := drawHeader(t)
		i := rapid.IntRange(0, len(signed)-1).Draw(t, "field")
		rewritten := make([]string, len(signed))
		for k, f := range signed {
			rewritten[k] = drawRewriting(t, f)
		}
		inside := strings.Join(linesOf(signed), "\n")
		if got := stateOf(ProtectionClear, inside, strings.Join(rewritten, "\n")); got.state != HeaderProtected {
			t.Fatalf("rewritten only: %s %q\n%s\n\n%s", got.state, got.changed, inside, strings.Join(rewritten, "\n"))
		}
		rewritten[i] = drawChange(t, signed[i])
		got := stateOf(ProtectionClear, inside, strings.Join(rewritten, "\n"))
		if got.state != HeaderChanged || strings.Join(got.changed, " ") != signed[i].name {
			t.Fatalf("%s changed: %s %q\n%s\n\n%s", signed[i].name, got.state, got.changed, inside, strings.Join(rewritten, "\n"))
		}
	})
}

// TestHeaderStateWords: only so many encoded words are decoded, and beyond those a field that is
// written in another way counts as changed; one that was left as it is does not.
func TestHeaderStateWords(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]HeaderState{header.MaxWords / 4: HeaderProtected, header.MaxWords: HeaderChanged} {
		signed, outer := "Subject: "+strings.Repeat("=?gbk?q?a?=\n ", n), "Subject: "+strings.Repeat("=?gbk?b?YQ==?=\n ", n)
		if got := stateOf(ProtectionClear, signed, outer); got.state != want {
			t.Errorf("%d words: %s, want %s", n, got.state, want)
		}
		if got := stateOf(ProtectionClear, signed, signed); got.state != HeaderProtected {
			t.Errorf("%d words as they were: %s", n, got.state)
		}
	}
}

// testField is a generated field: words of text, or display name and address.
type testField struct {
	name    string
	words   []string
	address string
}

func (f testField) line() string { return f.name + ": " + f.value(f.words) }

func (f testField) value(words []string) string {
	text := strings.Join(words, " ")
	if f.address == "" {
		return text
	}
	return `"` + text + `" <` + f.address + `>`
}

func linesOf(fs []testField) []string {
	var out []string
	for _, f := range fs {
		out = append(out, f.line())
	}
	return out
}

func drawHeader(t *rapid.T) []testField {
	word := rapid.StringMatching(`[A-Za-zäöüé0-9.,!]{1,9}`)
	var out []testField
	for _, name := range header.Shown {
		f := testField{name: name, words: rapid.SliceOfN(word, 1, 5).Draw(t, name)}
		if header.AddressField(name) {
			f.address = rapid.StringMatching(`[a-z]{1,8}@[a-z]{1,8}\.example`).Draw(t, "address")
		}
		out = append(out, f)
	}
	return out
}

// drawRewriting writes a field in another way.
func drawRewriting(t *rapid.T, f testField) string {
	gap := rapid.SampledFrom([]string{" ", "  ", "\n ", "\n\t"})
	if rapid.Bool().Draw(t, "encode") && f.name != "Date" {
		text := strings.Join(f.words, " ")
		if f.address == "" {
			return f.name + ":" + gap.Draw(t, "gap") + header.EncodeWords(text)
		}
		return f.name + ": " + header.EncodeWords(text) + gap.Draw(t, "gap") + "<" + upperDomain(f.address) + ">"
	}
	return f.name + ":" + gap.Draw(t, "gap") + f.value([]string{strings.Join(f.words, gap.Draw(t, "gap"))})
}

func upperDomain(address string) string {
	at := strings.IndexByte(address, '@')
	return address[:at] + strings.ToUpper(address[at:])
}

// drawChange changes what a field says.
func drawChange(t *rapid.T, f testField) string {
	k := rapid.IntRange(0, len(f.words)-1).Draw(t, "word")
	words := append([]string{}, f.words...)
	switch rapid.IntRange(0, 5).Draw(t, "change") {
	case 0:
		words[k] += "x"
	case 1:
		words = append(words[:k], append([]string{"new"}, words[k:]...)...)
	case 2:
		return "X-Other: x"
	case 3:
		return f.line() + "\n" + f.line()
	case 4:
		return f.line() + "\n" + f.name + ":"
	case 5:
		words = append([]string{"Re:"}, words...)
	}
	return f.name + ": " + f.value(words)
}
