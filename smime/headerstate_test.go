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

// TestHeaderStateSubject: white space, folds, encoded words and charsets.
func TestHeaderStateSubject(t *testing.T) {
	t.Parallel()
	testHeaderState(t, []headerCase{
		{"Subject: Hi", "Subject: Hi", false},
		{"Subject: Hi there", "Subject:\tHi\n   there ", false},
		{"Subject: Hi there", "Subject: Hithere", false},
		{"Subject: Hi there", "Subject: Hi, there", true},
		{"Subject: Hi", "Subject: hi", true},
		{"Subject: Hi", "", true},
		{"Subject: Hi", "Subject: Hi\nSubject: Hi", true},
		{"Subject: Hi", "Subject: Hi\nSubject:", true},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?utf-8?q?Gr=C3=BC?=\n =?iso-8859-1*de?q?=DFe?=", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: Gr\xc3\xbc\xc3\x9fe", false},
		{"Subject: =?iso-8859-1?q?Gr=FC=DFe?=", "Subject: Gr\xfc\xdfe", false},
		{"Subject: =?iso-8859-1?q?Gr=FC=DFe?=", "Subject: Gr\xc3\xbc\xc3\x9fe", false},
		{"Subject: =?unknown-8bit?q?Gr=FC=DFe?=", "Subject: Gr\xfc\xdfe", false},
		{"Subject: =?unknown-8bit?q?Gr=FC=DFe?=", "Subject: Gr\xfc\xdfer", true},
		{"Subject: =?iso-8859-1?q?Gr=FC=DFe?=", "Subject: Gr\xdf\xfce", true},
		{"Subject: =?iso-2022-jp?b?GyRCOzNFRBsoQg==?=", "Subject: =?utf-8?b?5bGx55Sw?=", false},
		// broken by an MTA at 998 octets
		{"Subject: a =?utf-8?q?long_word?=", "Subject: a =?utf-8?q?long\n _word?=", false},
		// a reader shows another text
		{"Subject: x+AEA-y", "Subject: =?utf-7?q?x+AEA-y?=", true},
		// base64 in which readers see different things
		{"Subject: AB", "Subject: =?utf-8?b?QQ=QUJ?=", true},
		// octets that the charset does not have
		{"Subject: =?us-ascii?q?Gr=E4?=", "Subject: =?us-ascii?q?Gr=F6?=", true},
		{"Subject: =?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "Subject: =?utf-8?b?4oM=?= =?utf-8?b?rA==?=", true},
		// a charset known only to be refused
		{"Subject: =?iso-2022-kr?q?=41?=", "Subject: =?iso-2022-kr?q?another?=", true},
		{"Subject: =?hz-gb-2312?q?one?= =?hz-gb-2312?q?more?=", "Subject: =?hz-gb-2312?q?two?= =?hz-gb-2312?q?more?=", true},
		// readers differ on the order of octets
		{"Subject: AB", "Subject: =?utf-16?b?QQBCAA==?=", true},
		{"Subject: AB", "Subject: =?x-user-defined?q?AB?=", true},
		{"Subject: =?x-user-defined?q?AB?=", "Subject: =?x-user-defined?q?AB?=", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?utf-8?q?Gr=C3=BC=C3_=9Fe?=", true},
		// each word with half a character
		{"Subject: =?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", false},
		// a line end that was no fold
		{"Subject: Hi there", "Subject: Hi=?utf-8?q?=0D=0A?=there", true},
		{"Subject: Hi there", "Subject: Hi" + strings.Repeat(" ", header.UsualGap) + "there", false},
		{"Subject: Hi there", "Subject: Hi\n\t\tthere", false},
		{"Subject: Hi there", "Subject: Hi\t\t\tthere", true},
		{"Subject: Hi there", "Subject: Hi" + strings.Repeat(" ", header.UsualGap+1) + "there", true},
		{"Subject: Hi there", "Subject: Hi =?utf-8?q?" + strings.Repeat("_", header.UsualGap+1) + "?= there", true},
		{"Subject: Hi there", "Subject: [list] Hi" + strings.Repeat(" ", header.UsualGap+1) + "there", true},
		{"Subject: Hi" + strings.Repeat(" ", 40) + "there", "Subject: Hi\n" + strings.Repeat(" ", 40) + "there", false},
		{"Subject: Hi" + strings.Repeat(" ", 40) + "there", "Subject: Hi there", false},
	})
}

// TestHeaderStateTags: the names that lists put into Subject.
func TestHeaderStateTags(t *testing.T) {
	t.Parallel()
	testHeaderState(t, []headerCase{
		{"Subject: Hi", "Subject: [list] Hi", false},
		{"Subject: Hi", "Subject: [list 42] Hi", false},
		{"Subject: Hi", "Subject: [one] [two]Hi", false},
		{"Subject: Hi", "Subject: [Dovecot users] Hi", false},
		{"Subject: Re: Hi", "Subject: [list] Re: Hi", false},
		{"Subject: Re: Hi", "Subject: Re: [list] Hi", false},
		{"Subject: Re: [list] Hi", "Subject: [list] Re: Hi", false},
		{"Subject: [list 1] Hi", "Subject: [list 2] Hi", true},
		{"Subject: Re: [order 1] Hi", "Subject: Re: [order 2] Hi", true},
		{"Subject: [list 1] Re: Hi", "Subject: [list 2] Re: Hi", false},
		{"Subject: [list 1] Hi", "Subject: [other] [list 1] Hi", false},
		{"Subject: Hi", "Subject: [Users of some list 42] Hi", true},
		{"Subject: Hi", "Subject: [Users of lists 42] Hi", false},
		{"Subject: Hi", "Subject: =?utf-8?q?=5Blist?= =?utf-8?q?_of_all=5D?= Hi", false},
		{"Subject: Hi", "Subject: [do not come this time] Hi", true},
		{"Subject: Re: [list 1] Hi", "Subject: [list 2] Re: Hi", false},
		{"Subject: [list] Hi", "Subject: [list] [list] Hi", false},
		{"Subject: AW: Re: Hi", "Subject: [list] Re: Hi", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?utf-8?q?=5Blist=5D_Gr=C3=BC=C3=9Fe?=", false},
		{"Subject: Hi", "Subject: [list] Re: Hi", true},
		{"Subject: Re: Hi", "Subject: [list] Hi", true},
		{"Subject: AW: Hi", "Subject: Re: Hi", true},
		{"Subject: [list] Hi", "Subject: Hi", true},
		{"Subject: [draft] Hi", "Subject: [final] Hi", true},
		{"Subject: Hi", "Subject: Hi [list]", true},
		{"Subject: Hi", "Subject: [a][b][c][d][e] Hi", true},
		{"Subject: Hi", "Subject: [ring us at once, by night too] Hi", true},
		{"Subject: Hi", "Subject: [see https://example.net/pay] Hi", true},
		{"Subject: Hi", "Subject: [very very very long name of a mailing list] Hi", true},
		{"Subject: Hi", "Subject: [] Hi", true},
		{"Subject: Hi", "Subject: ***SPAM*** Hi", true},
		{"X-Note: x\nTo: [Hi", "X-Note: x\nTo: [list] [Hi", true}, // only in Subject
	})
}

// TestHeaderStateAddresses: display names, comments, groups and white space in addresses.
func TestHeaderStateAddresses(t *testing.T) {
	t.Parallel()
	testHeaderState(t, []headerCase{
		{"From: Alice <alice@example.org>", "From: \"Alice\" <alice@EXAMPLE.org>", false},
		{"From: Alice <alice@example.org>", "From: alice@example.org (Alice)", false},
		{"From: Alice <alice@example.org>", "From: =?utf-8?q?Alice?= < alice @ example.org >", false},
		{"From: \"A \\\"B\\\" C\" <alice@example.org>", "From: =?utf-8?q?A_=22B=22_C?= <alice@example.org>", false},
		{"From: =?utf-8?q?M=C3=BCller=2C_J?= <a@example.org>", "From: \"M\xc3\xbcller, J\" <a@example.org>", false},
		{"From: =?iso-8859-1?q?M=FCller?= <a@example.org>", "From: M\xfcller <a@example.org>", false},
		{"From: alice@example.org", "From: <alice@example.org>", false},
		{"From: alice@example.org", "From: \"alice@example.org\" <alice@example.org>", false},
		{"From: alice@example.org", "From: \"Alice@Example.ORG\" <alice@example.org>", false},
		{"From: a@b\xc3\xbccher.example", "From: a@xn--bcher-kva.example", false},
		{"From: Alice <alice@example.org>", "From: alice@example.org", true},
		{"From: alice@example.org", "From: The director <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: Alicia <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: Alice (director) <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: \"Alice <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: Alice <alice@example.org", true},
		{"From: Alice <alice@example.org>", "From: Alice <alice@example.org> x", true},
		{"From: Alice <alice@example.org>", "From: Alice <alice@example.org>, \"\" <>", true},
		{"From: alice@example.org", "From: Alice@example.org", true},
		{"To: a@example.org, b@example.org", "To: a@example.org,\n\tb@example.org,", false},
		{"To: a@example.org, b@example.org", "To: a@example.org", true},
		{"To: a@example.org, b@example.org", "To: b@example.org, a@example.org", true},
		{"To: a@example.org, b@example.org", "To: a@example.org\nTo: b@example.org", true},
		{"To: Friends: a@example.org, b@example.org;", "To: Friends:a@example.org,b@example.org ;", false},
		{"To: Friends: a@example.org, b@example.org;", "To: a@example.org, b@example.org", true},
		{"To: Friends: a@example.org;", "To: Enemies: a@example.org;", true},
		{"To: \"a b\"@example.org", "To: <\"a b\"@example.org>", false},
		// white space in quotes is part of the address
		{"To: \"a b\"@example.org", "To: \"ab\"@example.org", true},
		{"Reply-To: ab@example.org", "Reply-To: \"a b\"@example.org", true},
		{"To: \"ab\"@example.org", "To: ab@example.org", false},
		// for some the address ends there
		{"Reply-To: a@example.com", "Reply-To: a@example.co m", true},
		{"Reply-To: a@example.com", "Reply-To: <a@example.co\n m>", true},
		{"Reply-To: a@example.com", "Reply-To: a@example.co()m", true},
		{"Reply-To: A <a@example.com>", "Reply-To: A <a@example.co()m>", true},
		{"Reply-To: A <a@example.com>", "Reply-To: A <a()@example().com()>", false},
		{"To: lisa@example.com", "To: l isa@example.com", true},
		{"To: the whole team", "To: the\n whole\tteam", false},
		{"From: Alice <alice@example.org>", "From: Alice" + strings.Repeat(" ", 40) + "<alice@example.org>", true},
		{"To: a@[IPv6:2001:db8::1]", "To: <a@[IPv6:2001:db8::1]>", false},
	})
}

// TestHeaderStateOthers: Date, the message identifiers, and fields that do not count.
func TestHeaderStateOthers(t *testing.T) {
	t.Parallel()
	testHeaderState(t, []headerCase{
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue,  24 Nov 2026\n 11:00:00 +0000", false},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov 2026 12:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue,24 Nov 2026 11:00:00  +0000", false},
		// readers see other dates
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 2 4 Nov 2026 11:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov 2026 11:00\n :00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov 20\n 26 11:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov =?utf-8?b??=2026 11:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000 (UTC)", "Date: Tue, 24 Nov 2026 11:00:00 +0000 (=?utf-8?q?UTC?=)", false},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000 (UTC)", "Date: Tue, 24 Nov 2026 11:00:00 +0000", true},
		{"In-Reply-To: <1@example.org>", "In-Reply-To: <2@example.org>", true},
		{"References: <1@example.org> <2@example.org>", "References: <1@example.org>\n <2@example.org>", false},
		{"References: <1@example.org> <2@example.org>", "References: <2@example.org>", true},
		{"Sender: a@example.org", "Sender: b@example.org", true},
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

// FuzzMailboxes: whatever stands in an address list, it can be taken apart, and is like itself.
func FuzzMailboxes(f *testing.F) {
	f.Add(`"a, b" <a@example.org>, c@example.org (C), g: d@example.org;`)
	f.Add(`"a <(b`)
	f.Fuzz(func(t *testing.T, v string) {
		c := &header.Comparer{Words: header.MaxWords}
		if !c.Mailboxes(v, v, "") || !c.Mailboxes(v, " "+v, "") {
			t.Fatalf("%q is unlike itself", v)
		}
		if len(header.Mailboxes(v)) > 2*len(v)+1 {
			t.Fatalf("%q has %d elements", v, len(header.Mailboxes(v)))
		}
		if s := header.ParseSubject(c.Decoded(v, "iso-8859-1")); !header.SameButTags(s, s) {
			t.Fatalf("%q is unlike itself", v)
		}
	})
}
