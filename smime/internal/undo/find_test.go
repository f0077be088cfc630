package undo

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"
)

// careless is an entity that a careless sender signs, with a part of each kind.
var careless = strings.ReplaceAll(`Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: 8bit

--b
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: 8bit

From all of us: Schöne Grüße, and a long line that is flowed into the next
one, where it ends.
-- `+`
Alice
--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe aus Z=C3=BCrich, eine lange Zeile, die weich umbrochen wird=
, und zwar hier
--b
Content-Type: application/octet-stream; name=x.bin
Content-Transfer-Encoding: base64

AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4
OTo7PD0+Pw==

--b--
`, "\n", "\r\n")

// findCase is a signed entity, what is done to it, and what Find says of that.
type findCase struct {
	name, signed string
	do           func(string) string
	want         Change
}

func testFind(t *testing.T, cases []findCase) {
	t.Helper()
	for _, c := range cases {
		digest := sha256.Sum256([]byte(c.signed))
		got, err := Find(t.Context(), Content{Text: []byte(c.do(c.signed)), Hash: crypto.SHA256, Digest: digest[:]})
		if err != nil || got.Change != c.want || got.Sentence == "" {
			t.Errorf("%s: %+v, %v, want %q", c.name, got, err, c.want)
		}
		if c.want != "" && string(got.Original) != c.signed {
			t.Errorf("%s: original %q, want %q", c.name, got.Original, c.signed)
		}
	}
}

const flat = "Content-Type: text/plain\r\n\r\nHello \r\n\r\nbye\r\n"

// replaced replaces what matches a pattern.
func replaced(pattern, with string) func(string) string {
	return func(s string) string { return regexp.MustCompile(pattern).ReplaceAllString(s, with) }
}

// TestFindLines: line ends, lines that begin with From, long lines and trailing white space.
func TestFindLines(t *testing.T) {
	t.Parallel()
	long := "Content-Type: text/plain\r\n\r\n" + strings.Repeat("x", 2500) + "\r\nend\r\n"
	testFind(t, []findCase{
		{"LF signed", strings.ReplaceAll(flat, "\r\n", "\n"), replaced("\n", "\r\n"), ChangeLineEnds},
		{"final line end removed", flat, func(s string) string { return strings.TrimSuffix(s, "\r\n") }, ChangeFinalLine},
		{"final line ends added", flat, func(s string) string { return s + "\r\n\r\n" }, ChangeFinalLine},
		{"From quoted", careless, replaced("\nFrom ", "\n>From "), ChangeFrom},
		{"one From quoted", "\r\n>From a\r\nFrom b\r\n", replaced("\nFrom ", "\n>From "), ChangeFrom},
		{"long line broken", long, breakLines, ChangeLongLine},
		{"trailing space removed", careless, replaced(" +\r\n", "\r\n"), ChangeTrailing},
		{"one trailing space removed", flat, replaced(" \r\n", "\r\n"), ChangeTrailing},
		{"flowed text stripped", "Content-Type: text/plain; format=flowed\r\n\r\n" + strings.Repeat("a line of a paragraph of text that goes on in the next line \r\n", 3) + "here.\r\n-- \r\nA\r\n", replaced(" +\r\n", "\r\n"), ChangeTrailing},
		{"trailing space added", "\r\na\r\nb\r\n", replaced("\r\n", " \r\n"), ChangeTrailing},
	})
}

// TestFindEncodings: another transfer encoding, and the same one written in another way.
func TestFindEncodings(t *testing.T) {
	t.Parallel()
	testFind(t, []findCase{
		{"downgraded to quoted-printable", careless, func(s string) string { return downgradePart(s, "quoted-printable", encodeStandardQP, false) }, ChangeReencoded},
		{"downgraded as Postfix does it", careless, func(s string) string { return downgradePart(s, "quoted-printable", encodeStandardQP, true) }, ChangeReencoded},
		{"downgraded to base64", careless, func(s string) string {
			return downgradePart(s, "base64", func(b []byte) []byte { return wrapBase64(b, 76) }, false)
		}, ChangeReencoded},
		{"quoted-printable made 8bit", careless, func(s string) string {
			head, rest, _ := strings.Cut(s, "Content-Transfer-Encoding: quoted-printable\r\n\r\n")
			text, tail, _ := strings.Cut(rest, "\r\n--b")
			d, _ := entity.DecodeBody([]byte(text), "quoted-printable")
			return head + "Content-Transfer-Encoding: 8bit\r\n\r\n" + string(d) + "\r\n--b" + tail
		}, ChangeReencoded},
		{"soft breaks moved", careless, func(s string) string {
			return strings.Replace(strings.Replace(s, "=\r\n", "", 1), ", eine", ", ei=\r\nne", 1)
		}, ChangeSoftBreaks},
		{"soft breaks removed", careless, func(s string) string { return strings.Replace(s, "=\r\n", "", 1) }, ChangeSoftBreaks},
		{"soft breaks elsewhere", careless, func(s string) string {
			return strings.Replace(strings.Replace(s, "=\r\n", "", 1), "umbr", "um=\r\nbr", 1)
		}, ChangeSoftBreaks},
		{"escapes in small letters", careless, replaced("=C3=BC", "=c3=bc"), ChangeEscapes},
		{"all escapes in small letters", careless, func(s string) string { return string(mapEscapes([]byte(s), lowerHex)) }, ChangeEscapes},
		{"base64 rewrapped", careless, func(s string) string {
			s = strings.Replace(s, "Njc4\r\n", "Njc4", 1)
			return strings.Replace(s, "MjM0", "MjM0\r\n", 1)
		}, ChangeBase64Lines},
	})
}

// TestFindFields: MIME header fields that are folded, quoted or added.
func TestFindFields(t *testing.T) {
	t.Parallel()
	testFind(t, []findCase{
		{"field folded", careless, replaced("plain; charset", "plain;\r\n\tcharset"), ChangeFolding},
		{"all fields folded", careless, replaced("; ", ";\r\n "), ChangeFolding},
		{"field unfolded", strings.Replace(careless, "; name", ";\r\n\tname", 1), replaced(";\r\n\tname", "; name"), ChangeFolding},
		{"last parameter unfolded", strings.Replace(careless, "charset=utf-8; format", "charset=utf-8;\r\n format", 1), replaced(";\r\n format", "; format"), ChangeFolding},
		{"parameter quoted", careless, replaced("charset=utf-8; format", "charset=\"utf-8\"; format"), ChangeQuoting},
		{"quotes removed", strings.Replace(careless, "boundary=b", "boundary=\"b\"", 1), replaced("boundary=\"b\"", "boundary=b"), ChangeQuoting},
		{"field names in small letters", careless, replaced("Content-Type", "content-type"), ChangeFieldCase},
		{"field added", careless, replaced("name=x.bin\r\n", "name=x.bin\r\nX-Scanned: yes\r\n"), ChangeFieldAdded},
		{"fields added", careless, replaced("boundary=b\r\n", "boundary=b\r\nX-A: 1\r\nX-B: 2\r\n"), ChangeFieldAdded},
	})
}

// TestFindFooters: the footers of lists, with the changes that come with them.
func TestFindFooters(t *testing.T) {
	t.Parallel()
	testFind(t, []findCase{
		{"footer in the first text", careless, replaced("Alice\r\n", "Alice\r\n____\r\nlist\r\n"), ChangeFooter},
		{"footer", flat, func(s string) string { return s + "____\r\nlist\r\n" }, ChangeFooter},
		{"footer after the last part", careless, func(s string) string { return s + "____\r\nlist\r\n" }, ChangeFooter},
		{"footer after a last part without line end", strings.TrimSuffix(careless, "\r\n"), func(s string) string { return s + "\r\n____\r\nlist" }, ChangeFooter},
		{"list footer, and encoded again", careless, func(s string) string {
			return downgradePart(strings.Replace(s, "Alice\r\n", "Alice\r\n\r\n____________\r\nA list of example.com\r\n", 1), "quoted-printable", encodeStandardQP, false)
		}, ChangeFooter},
		{"list footer, encoded as base64 with LF inside", careless, func(s string) string {
			return downgradePart(strings.Replace(s, "Alice\r\n", "Alice\r\n\r\n____________\r\nA list of example.com\r\n", 1), "base64", func(b []byte) []byte {
				return wrapBase64([]byte(strings.ReplaceAll(string(b), "\r\n", "\n")), 76)
			}, false)
		}, ChangeFooter},
		{"list footer, encoded again, and fields folded", careless, func(s string) string {
			s = downgradePart(strings.Replace(s, "Alice\r\n", "Alice\r\n____\r\nA list of example.com\r\n", 1), "quoted-printable", encodeStandardQP, false)
			return replaced("; ", ";\r\n ")(s)
		}, ChangeFooter},
		{"a list in Python", "Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n", func(string) string {
			return "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"utf-8\"; format=\"flowed\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
				string(wrapBase64([]byte("Grüße\n__________\nA list of example.com\n"), 76))
		}, ChangeFooter},
	})
}

// TestFindTogether: several changes at once, and one that none explains.
func TestFindTogether(t *testing.T) {
	t.Parallel()
	testFind(t, []findCase{
		{"two things", careless, func(s string) string {
			return replaced("\nFrom ", "\n>From ")(replaced(" +\r\n", "\r\n")(s))
		}, ChangeFrom},
		{"From quoted, and encoded again", careless, func(s string) string {
			return replaced("\nFrom ", "\n>From ")(downgradePart(s, "quoted-printable", encodeStandardQP, true))
		}, ChangeFrom},
		{"encoded again, and fields added", careless, func(s string) string {
			s = downgradePart(s, "quoted-printable", encodeStandardQP, false)
			return replaced("boundary=b\r\n", "boundary=b\r\nX-MS-Has-Attach: yes\r\nX-Scanned: yes\r\n")(s)
		}, ChangeFieldAdded},
		{"other text", careless, replaced("Alice", "Mallory"), ""},
	})
}

// TestFindTells: all that was undone is named, in the order in which it was undone.
func TestFindTells(t *testing.T) {
	t.Parallel()
	changed := replaced("\nFrom ", "\n>From ")(replaced(" +\r\n", "\r\n")(careless)) + "\r\n"
	digest := sha256.Sum256([]byte(careless))
	got, err := Find(t.Context(), Content{Text: []byte(changed), Hash: crypto.SHA256, Digest: digest[:]})
	if err != nil || got.Change != ChangeFrom || !slices.Equal(got.Also, []Change{ChangeTrailing, ChangeFinalLine}) {
		t.Errorf("%s and %s, %v, want %s, %s and %s", got.Change, got.Also, err, ChangeFrom, ChangeTrailing, ChangeFinalLine)
	}
	if n := strings.Count(got.Sentence, ". "); n != 2 || !strings.HasPrefix(got.Sentence, fromSentence+" ") {
		t.Errorf("%q, want three sentences", got.Sentence)
	}
}

func breakLines(s string) string {
	lines := strings.SplitAfter(s, "\n")
	for i, l := range lines {
		if len(l) > 1000 {
			lines[i] = l[:998] + "\r\n " + l[998:]
		}
	}
	return strings.Join(lines, "")
}

func lowerHex(b []byte) []byte { return []byte(strings.ToLower(string(b))) }

// downgradePart does what a system does in front of one without 8BITMIME.
func downgradePart(s, cte string, encode func([]byte) []byte, atEnd bool) string {
	const label = "Content-Transfer-Encoding: 8bit\r\n"
	s = strings.Replace(s, label, "Content-Transfer-Encoding: 7bit\r\n", 1)
	head, rest, _ := strings.Cut(s, label+"\r\n")
	text, tail, _ := strings.Cut(rest, "\r\n--b")
	if atEnd {
		// The label stood before the type in what was signed.
		head = strings.Replace(head, "Content-Transfer-Encoding: 7bit\r\n", "", 1)
		head = strings.Replace(head, "boundary=b\r\n", "boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n", 1)
	}
	return head + "Content-Transfer-Encoding: " + cte + "\r\n\r\n" + string(encode([]byte(text))) + "\r\n--b" + tail
}

// TestFindBudget: nothing that a stranger sends costs more than the budget.
func TestFindBudget(t *testing.T) {
	t.Parallel()
	for name, text := range hostile(3 << 10) {
		in := Content{Text: text, Hash: crypto.SHA256, Digest: make([]byte, 32)}
		b := &budget{limit: 8 << 20}
		if got, err := find(t.Context(), &in, b); err != nil || got.Change != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if b.spent > b.limit+b.limit/4 {
			t.Errorf("%s: spent %d of %d", name, b.spent, b.limit)
		}
	}
	if b := newBudget(1 << 20); b.limit != 256<<20 {
		t.Errorf("the limit for 1 MiB is %d", b.limit)
	}
}

// FuzzFind: content that is anything, with a digest that is nothing, ends within its budget, and
// what was found is what was signed.
func FuzzFind(f *testing.F) {
	for _, text := range hostile(600) {
		f.Add(text, []byte{}, uint8(0))
	}
	f.Add([]byte(careless), []byte("x"), uint8(20))
	f.Fuzz(func(t *testing.T, text, signed []byte, n uint8) {
		if len(signed) == 0 { // a prefix of it was signed
			signed = text[:max(0, len(text)-int(n))]
		}
		digest := sha256.Sum256(signed)
		b := &budget{limit: 1 << 20}
		got, err := find(t.Context(), &Content{Text: text, Hash: crypto.SHA256, Digest: digest[:]}, b)
		switch {
		case err != nil:
		case got.Change != "" && !bytes.Equal(got.Original, signed):
			t.Fatalf("%+v, want %q", got, signed)
		case got.Sentence == "" || b.spent > 4*b.limit+64*int64(len(text)):
			t.Fatalf("%+v, spent %d", got, b.spent)
		}
	})
}

// TestFindForOneMessage: the contents of one message cost together what one of them may.
func TestFindForOneMessage(t *testing.T) {
	t.Parallel()
	const searches = 8
	text := hostile(16 << 10)["all kinds"]
	limit := newBudget(len(text)).limit
	together := &Budget{Searches: searches, spent: limit - 8<<20} // the rest of the work took place
	for i := range searches {
		digest := bytes.Repeat([]byte{byte(i)}, crypto.SHA256.Size())
		if got, err := Find(t.Context(), Content{Text: text, Hash: crypto.SHA256, Digest: digest, Budget: together}); err != nil || got.Change != "" {
			t.Fatal(got, err)
		}
	}
	// The last attempt may be over.
	if together.spent < limit-1<<20 || together.spent > limit+1<<20 || together.Searches != 0 {
		t.Errorf("%d spent of %d", together.spent, limit)
	}
}
