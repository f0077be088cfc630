package smime

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/undo"
)

// An entity that a careless sender signs, with a part of each kind.
const fragile = `Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: 8bit

--b
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: 8bit

From all of us: Schöne Grüße, and a long line that is flowed into the next
one, where it ends.
-- ` + `
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
`

// explainCase is a signed entity, what is done to it, and what Explain says of that.
type explainCase struct {
	name, signedEntity string
	do                 func(string) string
	want               Change
}

func testExplain(t *testing.T, cases []explainCase) {
	t.Helper()
	for _, c := range cases {
		sig := p7s + detached(t, c.signedEntity, alice())
		holds(t, head+clearPart(c.signedEntity, sig))
		broken := head + clearPart(c.do(c.signedEntity), sig)
		got, err := Explain(t.Context(), mustRead(t, broken))
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", c.name, got, err)
			continue
		}
		if got[0].Change != c.want || got[0].Sentence == "" || got[0].Part != "2" {
			t.Errorf("%s: %+v, want %q", c.name, got[0], c.want)
		}
	}
}

const flat = "Content-Type: text/plain\r\n\r\nHello \r\n\r\nbye\r\n"

// replaced replaces what matches a pattern.
func replaced(pattern, with string) func(string) string {
	return func(s string) string { return regexp.MustCompile(pattern).ReplaceAllString(s, with) }
}

// TestExplainLines: line ends, lines that begin with From, long lines and trailing white space.
func TestExplainLines(t *testing.T) {
	t.Parallel()
	long := "Content-Type: text/plain\r\n\r\n" + strings.Repeat("x", 2500) + "\r\nend\r\n"
	testExplain(t, []explainCase{
		{"LF signed", strings.ReplaceAll(flat, "\r\n", "\n"), replaced("\n", "\r\n"), ChangeLineEnds},
		{"final line end removed", flat, func(s string) string { return strings.TrimSuffix(s, "\r\n") }, ChangeFinalLine},
		{"final line ends added", flat, func(s string) string { return s + "\r\n\r\n" }, ChangeFinalLine},
		{"From quoted", crlf(fragile), replaced("\nFrom ", "\n>From "), ChangeFrom},
		{"one From quoted", "\r\n>From a\r\nFrom b\r\n", replaced("\nFrom ", "\n>From "), ChangeFrom},
		{"long line broken", long, breakLines, ChangeLongLine},
		{"trailing space removed", crlf(fragile), replaced(" +\r\n", "\r\n"), ChangeTrailing},
		{"one trailing space removed", flat, replaced(" \r\n", "\r\n"), ChangeTrailing},
		{"flowed text stripped", "Content-Type: text/plain; format=flowed\r\n\r\n" + strings.Repeat("a line of a paragraph of text that goes on in the next line \r\n", 3) + "here.\r\n-- \r\nA\r\n", replaced(" +\r\n", "\r\n"), ChangeTrailing},
		{"trailing space added", "\r\na\r\nb\r\n", replaced("\r\n", " \r\n"), ChangeTrailing},
	})
}

// TestExplainEncodings: another transfer encoding, and the same one written in another way.
func TestExplainEncodings(t *testing.T) {
	t.Parallel()
	testExplain(t, []explainCase{
		{"downgraded to quoted-printable", crlf(fragile), func(s string) string { return downgradePart(s, "quoted-printable", undo.EncodeStandardQP, false) }, ChangeReencoded},
		{"downgraded as Postfix does it", crlf(fragile), func(s string) string { return downgradePart(s, "quoted-printable", undo.EncodeStandardQP, true) }, ChangeReencoded},
		{"downgraded to base64", crlf(fragile), func(s string) string {
			return downgradePart(s, "base64", func(b []byte) []byte { return undo.WrapBase64(b, 76) }, false)
		}, ChangeReencoded},
		{"quoted-printable made 8bit", crlf(fragile), func(s string) string {
			head, rest, _ := strings.Cut(s, "Content-Transfer-Encoding: quoted-printable\r\n\r\n")
			text, tail, _ := strings.Cut(rest, "\r\n--b")
			d, _ := entity.DecodeBody([]byte(text), "quoted-printable")
			return head + "Content-Transfer-Encoding: 8bit\r\n\r\n" + string(d) + "\r\n--b" + tail
		}, ChangeReencoded},
		{"soft breaks moved", crlf(fragile), func(s string) string {
			return strings.Replace(strings.Replace(s, "=\r\n", "", 1), ", eine", ", ei=\r\nne", 1)
		}, ChangeSoftBreaks},
		{"soft breaks removed", crlf(fragile), func(s string) string { return strings.Replace(s, "=\r\n", "", 1) }, ChangeSoftBreaks},
		{"soft breaks elsewhere", crlf(fragile), func(s string) string {
			return strings.Replace(strings.Replace(s, "=\r\n", "", 1), "umbr", "um=\r\nbr", 1)
		}, ChangeSoftBreaks},
		{"escapes in small letters", crlf(fragile), replaced("=C3=BC", "=c3=bc"), ChangeEscapes},
		{"all escapes in small letters", crlf(fragile), func(s string) string { return string(undo.MapEscapes([]byte(s), lowerHex)) }, ChangeEscapes},
		{"base64 rewrapped", crlf(fragile), func(s string) string {
			s = strings.Replace(s, "Njc4\r\n", "Njc4", 1)
			return strings.Replace(s, "MjM0", "MjM0\r\n", 1)
		}, ChangeBase64Lines},
	})
}

// TestExplainFields: MIME header fields that are folded, quoted or added.
func TestExplainFields(t *testing.T) {
	t.Parallel()
	testExplain(t, []explainCase{
		{"field folded", crlf(fragile), replaced("plain; charset", "plain;\r\n\tcharset"), ChangeFolding},
		{"all fields folded", crlf(fragile), replaced("; ", ";\r\n "), ChangeFolding},
		{"field unfolded", strings.Replace(crlf(fragile), "; name", ";\r\n\tname", 1), replaced(";\r\n\tname", "; name"), ChangeFolding},
		{"last parameter unfolded", strings.Replace(crlf(fragile), "charset=utf-8; format", "charset=utf-8;\r\n format", 1), replaced(";\r\n format", "; format"), ChangeFolding},
		{"parameter quoted", crlf(fragile), replaced("charset=utf-8; format", "charset=\"utf-8\"; format"), ChangeQuoting},
		{"quotes removed", strings.Replace(crlf(fragile), "boundary=b", "boundary=\"b\"", 1), replaced("boundary=\"b\"", "boundary=b"), ChangeQuoting},
		{"field names in small letters", crlf(fragile), replaced("Content-Type", "content-type"), ChangeFieldCase},
		{"field added", crlf(fragile), replaced("name=x.bin\r\n", "name=x.bin\r\nX-Scanned: yes\r\n"), ChangeFieldAdded},
		{"fields added", crlf(fragile), replaced("boundary=b\r\n", "boundary=b\r\nX-A: 1\r\nX-B: 2\r\n"), ChangeFieldAdded},
	})
}

// TestExplainFooters: the footers of lists, with the changes that come with them.
func TestExplainFooters(t *testing.T) {
	t.Parallel()
	testExplain(t, []explainCase{
		{"footer in the first text", crlf(fragile), replaced("Alice\r\n", "Alice\r\n____\r\nlist\r\n"), ChangeFooter},
		{"footer", flat, func(s string) string { return s + "____\r\nlist\r\n" }, ChangeFooter},
		{"footer behind the last part", crlf(fragile), func(s string) string { return s + "____\r\nlist\r\n" }, ChangeFooter},
		{"footer behind a last part without line end", strings.TrimSuffix(crlf(fragile), "\r\n"), func(s string) string { return s + "\r\n____\r\nlist" }, ChangeFooter},
		{"list footer, and encoded anew", crlf(fragile), func(s string) string {
			return downgradePart(strings.Replace(s, "Alice\r\n", "Alice\r\n\r\n____________\r\nA list of example.com\r\n", 1), "quoted-printable", undo.EncodeStandardQP, false)
		}, ChangeFooter},
		{"list footer, encoded as base64 with LF inside", crlf(fragile), func(s string) string {
			return downgradePart(strings.Replace(s, "Alice\r\n", "Alice\r\n\r\n____________\r\nA list of example.com\r\n", 1), "base64", func(b []byte) []byte {
				return undo.WrapBase64([]byte(strings.ReplaceAll(string(b), "\r\n", "\n")), 76)
			}, false)
		}, ChangeFooter},
		{"list footer, encoded anew, and fields folded", crlf(fragile), func(s string) string {
			s = downgradePart(strings.Replace(s, "Alice\r\n", "Alice\r\n____\r\nA list of example.com\r\n", 1), "quoted-printable", undo.EncodeStandardQP, false)
			return replaced("; ", ";\r\n ")(s)
		}, ChangeFooter},
		{"a list in Python", "Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n", func(string) string {
			return "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"utf-8\"; format=\"flowed\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
				string(undo.WrapBase64([]byte("Grüße\n__________\nA list of example.com\n"), 76))
		}, ChangeFooter},
	})
}

// TestExplainTogether: several changes at once, and one that none explains.
func TestExplainTogether(t *testing.T) {
	t.Parallel()
	testExplain(t, []explainCase{
		{"two things", crlf(fragile), func(s string) string {
			return replaced("\nFrom ", "\n>From ")(replaced(" +\r\n", "\r\n")(s))
		}, ChangeFrom},
		{"From quoted, and encoded anew", crlf(fragile), func(s string) string {
			return replaced("\nFrom ", "\n>From ")(downgradePart(s, "quoted-printable", undo.EncodeStandardQP, true))
		}, ChangeFrom},
		{"encoded anew, and fields added", crlf(fragile), func(s string) string {
			s = downgradePart(s, "quoted-printable", undo.EncodeStandardQP, false)
			return replaced("boundary=b\r\n", "boundary=b\r\nX-MS-Has-Attach: yes\r\nX-Scanned: yes\r\n")(s)
		}, ChangeFieldAdded},
		{"From quoted, white space stripped, final line added", crlf(fragile), func(s string) string {
			return replaced("\nFrom ", "\n>From ")(replaced(" +\r\n", "\r\n")(s)) + "\r\n"
		}, ChangeFrom},
		{"other text", crlf(fragile), replaced("Alice", "Mallory"), ""},
	})
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

func TestExplainNothing(t *testing.T) {
	t.Parallel()
	for _, msg := range []string{head + "\r\nx", head + clearPart(content, p7s+detached(t, content, alice()))} {
		if got, err := Explain(t.Context(), mustRead(t, msg)); err != nil || len(got) != 0 {
			t.Errorf("Explain = %v, %v, want nothing", got, err)
		}
	}
	for _, msg := range []string{
		head + clearPart(content, p7s+certsOnly(t)),
		head + p7m + "\r\n" + attached(t, content, alice())[:300],
	} {
		got, err := Explain(t.Context(), mustRead(t, msg))
		if err != nil || len(got) != 1 || got[0].Change != "" || got[0].Sentence == "" {
			t.Errorf("Explain = %v, %v, want a sentence", got, err)
		}
	}
}

func TestExplainRoute(t *testing.T) {
	t.Parallel()
	entity := "Content-Type: text/plain\r\n\r\nHello \r\nFrom x\r\n"
	whole := clearPart(entity, p7s+detached(t, entity, alice()))
	received := func(by, with string) string {
		return "Received: from x (x [192.0.2.1])\r\n\tby " + by + " with " + with + " id 1; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
	}
	_, body, _ := strings.Cut(whole, "\r\n\r\n")
	dkim := func(body string) string {
		sum := sha256.Sum256(canonicalBody([]byte(body), false))
		return "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org;\r\n\tbh=" + base64.StdEncoding.EncodeToString(sum[:]) + "; b=x\r\n"
	}
	strip := strings.NewReplacer("Hello \r\n", "Hello\r\n")
	from := strings.NewReplacer("\nFrom x", "\n>From x")
	mx, list, out := received("mx.example.net", "ESMTPS"), received("list.example.org", "ESMTP"), received("out.example.org", "ESMTPSA")
	for _, c := range []struct {
		name, trace   string
		do            func(string) string
		after, before string
	}{
		{"no trace", "", strip.Replace, "", ""},
		{"Received only", mx + list + out, strip.Replace, "out.example.org", "mx.example.net"},
		{"one hop", out, strip.Replace, "", "out.example.org"},
		{"stored", mx + list + out, from.Replace, "mx.example.net", ""},
		{"sealed intact", mx + list + dkim(body) + out, strip.Replace, "out.example.org", ""},
		{"sealed intact, and changed by the list", mx + dkim(strip.Replace(body)) + list + dkim(body) + out, strip.Replace, "out.example.org", "list.example.org"},
		{"changed by the list", mx + dkim(strip.Replace(body)) + list + out, strip.Replace, "", "list.example.org"},
	} {
		got, err := Explain(t.Context(), mustRead(t, c.trace+head+c.do(whole)))
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", c.name, got, err)
			continue
		}
		if diff := cmp.Diff([]string{c.after, c.before}, []string{got[0].After, got[0].Before}); diff != "" {
			t.Errorf("%s: after, before (-want +got):\n%s%s", c.name, diff, got[0].Sentence)
		}
	}
}

func TestExplainRouteReencoded(t *testing.T) {
	t.Parallel()
	r := &route{hops: []routeHop{{}, {by: "a"}, {by: "b", protocol: "ESMTP"}, {by: "c", protocol: "SMTP"}, {by: "d"}}}
	e := Explanation{Change: ChangeReencoded}
	r.place(&e, &Signature{}, nil)
	if e.After != "b" || e.Before != "c" {
		t.Errorf("between %q and %q, want b and c", e.After, e.Before)
	}
}

// Content that cannot be explained ends in time and without holding more than a few copies of it.
func TestExplainHostile(t *testing.T) {
	t.Parallel()
	parts := strings.Repeat("--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ0KLS0NCmI=\r\n", 300)
	entity := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + strings.Repeat("----\r\n", 200) + "--b--\r\n"
	got, err := Explain(t.Context(), mustRead(t, head+clearPart(entity, p7s+detached(t, content, alice()))))
	if err != nil || len(got) != 1 || got[0].Change != "" {
		t.Errorf("Explain = %v, %v, want one without change", got, err)
	}
}

func TestExplainAttached(t *testing.T) {
	t.Parallel()
	whole := head + p7m + "\r\n" + attached(t, "Content-Type: text/plain\r\n\r\nHello\r\nbye\r\n", alice())
	if got, err := Explain(t.Context(), mustRead(t, whole)); err != nil || len(got) != 0 {
		t.Errorf("Explain = %v, %v, want nothing", got, err)
	}
	der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(whole[strings.Index(whole, "\r\n\r\n"):], "\r\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	packed := strings.Replace(string(der), "Content-Type: text", "content-type: text", 1)
	got, err := Explain(t.Context(), mustRead(t, head+p7m+"\r\n"+string(undo.WrapBase64([]byte(packed), 64))))
	if err != nil || len(got) != 1 || got[0].Change != ChangeFieldCase || !strings.Contains(got[0].Sentence, "inside the signed data") {
		t.Errorf("Explain = %+v, %v, want %s inside", got, err, ChangeFieldCase)
	}
}

// A signature of which nothing is known, because its key is not in the message, has nothing to
// explain.
func TestExplainUnknown(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		signed := sign(t, crlf(simple), SignOptions{NoCertificates: true, Opaque: opaque})
		if got, err := Explain(t.Context(), mustRead(t, signed)); err != nil || len(got) != 0 {
			t.Errorf("opaque %v: Explain = %+v, %v, want nothing", opaque, got, err)
		}
	}
}

func TestExplainWrapped(t *testing.T) {
	t.Parallel()
	list := "List-Id: <talk.lists.example.com>\r\n"
	received := func(by string) string {
		return "Received: from x by " + by + " with ESMTP; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
	}
	wrapped := list + received("mx.example.net") + received("mail.lists.example.com") + received("out.example.org") +
		strings.TrimSuffix(head, "\r\n") + "\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n" +
		clearPart(content, p7s+detached(t, content, alice())) + "\r\n--out\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--out--\r\n"
	got, err := Explain(t.Context(), mustRead(t, wrapped))
	if err != nil || len(got) != 1 {
		t.Fatalf("Explain = %v, %v", got, err)
	}
	if got[0].Change != ChangeWrapped || got[0].After != "mail.lists.example.com" || got[0].Before != "mx.example.net" {
		t.Errorf("Explain = %+v", got[0])
	}
}
