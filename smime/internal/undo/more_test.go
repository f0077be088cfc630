package undo

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func once(a, b string) func(string) string {
	return func(s string) string { return strings.Replace(s, a, b, 1) }
}

// TestFindMore: forms of changes that are less usual.
func TestFindMore(t *testing.T) {
	t.Parallel()
	const plain = "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nDear Bob,\r\n\r\npay.\r\n.\r\n.hidden\r\n\r\nAlice\r\n"
	const soft = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe aus K=C3=B6ln, bitte zahlen Sie die Rechnung 4711 bis zum=\r\n Ende.\r\nFo=\r\n"
	const multi = "Content-Type: multipart/mixed; boundary=I\r\n\r\n--I\r\n\r\nx\r\n--I--\r\n"
	long := "Content-Type: text/plain\r\n\r\n" + strings.Repeat("word ", 1100) + "\r\n"
	breaks := func(limit int, before string) func(string) string {
		return func(s string) string { return broken(limit, before)(writer{}, s) }
	}
	// The space that is inserted is not counted.
	uncounted := func(s string) string {
		return regexp.MustCompile(`[a-z ]{300}`).ReplaceAllString(s, "$0\r\n ")
	}
	testFind(t, []findCase{
		{"5,500 octets broken after 300 and the space", long, uncounted, ChangeLongLine},
		{"one dot doubled", plain, once("\n.hidden", "\n..hidden"), ChangeDots},
		{"a lone dot doubled", plain, once("\n.\r", "\n..\r"), ChangeDots},
		{"last soft break removed", soft, once("Fo=\r\n", "Fo"), ChangeSoftBreaks},
		{"last soft break made hard", soft, once("Fo=\r\n", "Fo\r\n"), ChangeSoftBreaks},
		{"5,500 octets through Postfix", long, breaks(998, ""), ChangeLongLine},
		{"5,500 octets through Sendmail", long, breaks(990, "!"), ChangeLongLine},
		{"5,500 octets broken at 2,000", long, breaks(2000, ""), ChangeLongLine},
		{"banner in a table", "Content-Type: text/html\r\n\r\n<html>\r\n<body>\r\n<p>hi</p>\r\n</body></html>\r\n", once("<body>\r\n", "<body>\r\n<table border=1><tr><td>EXTERNAL<br>x</td></tr></table><br>\r\n"), ChangeBanner},
		{"banner without body", "Content-Type: text/html\r\n\r\n<p>hi</p>\r\n", once("<p>hi", "<div>EXTERNAL</div>\r\n<p>hi"), ChangeBanner},
		{"banner in quoted-printable", "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body><p class=3D\"x\">hi</p></body></html>\r\n", once("<body>", "<body><div style=3D\"y\">EXT</div>"), ChangeBanner},
		{"banner of one line", plain, once("Dear", "[EXTERNAL] take care\r\nDear"), ChangeBanner},
		{"banner before the document", "Content-Type: text/html\r\n\r\n<!DOCTYPE html>\r\n<html><body><p>hi</p></body></html>\r\n", once("<!DOC", "<div>EXTERNAL</div>\r\n<!DOC"), ChangeBanner},
		{"a mark in the first line", plain, once("Dear", "[EXTERNAL] Dear"), ChangeBanner},
		{"footer right after the document", "Content-Type: text/html\r\n\r\n<html><body><p>hi</p></body></html>\r\n", once("</html>", "</html><p>x</p><p>y</p>"), ChangeFooter},
		{"footer after the body", "Content-Type: text/html\r\n\r\n<html><body><p>hi</p></body></html>\r\n", once("</html>\r\n", "</html>\r\n<p>x</p>\r\n"), ChangeFooter},
		{"footer without a rule", plain, func(s string) string { return s + "\r\nThis mail was checked.\r\n" }, ChangeFooter},
		{"7bit to 8bit", plain, once("7bit", "8bit"), ChangeLabel},
		{"label added", "Content-Type: text/plain\r\n\r\nx\r\n", once("plain\r\n", "plain\r\nContent-Transfer-Encoding: 7bit\r\n"), ChangeLabel},
		{"preamble removed", strings.Replace(multi, "--I", "This is a multi-part message in MIME format.\r\n--I", 1), once("This is a multi-part message in MIME format.\r\n", ""), ChangePreamble},
		{"preamble added", multi, once("--I", "This is something.\r\n\r\n--I"), ChangePreamble},
		{"two spaces", strings.Replace(plain, "Type: ", "Type:  ", 1), once("Type:  ", "Type: "), ChangeSpacing},
		{"one bare LF", plain, once("Bob,\r\n", "Bob,\n"), ChangeLineEnds},
		{"one CR CR LF", plain, once("Bob,\r\n", "Bob,\r\r\n"), ChangeLineEnds},
	})
}

// TestTopElements: elements end where their tags do, and the list at a tag that ends none of them.
func TestTopElements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"<p>a</p> b<br><div><p>c</p></div>": {"<p>a</p>", "<br>", "<div><p>c</p></div>"},
		"<!-- <p> --><hr/><IMG src=x>":      {"<hr/>", "<IMG src=x>"},
		"<p>a</p></td><p>b</p>":             {"<p>a</p>"},
		"<p>a":                              nil,
		"<p>a</p><p":                        {"<p>a</p>"},
	} {
		var got []string
		for _, e := range topElements([]byte(text)) {
			got = append(got, text[e.start:e.end])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
