package relay

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// worldMessage is one message of the journey through real programs.
type worldMessage struct {
	id   string // of its Message-ID
	text string
	mail string // parameters of MAIL
	rcpt string // parameters of RCPT
}

// worldKinds are what hops damage where a signer does not prepare for it: header fields next to the
// usual ones, with the empty line, and body.
var worldKinds = []struct {
	name, body string
	mail, rcpt string
}{
	{name: "plain", body: "\r\nHello\r\n"},
	{name: "empty", body: "\r\n"},
	{name: "qp", body: text("quoted-printable") + "Gr=C3=BC=C3=9Fe =\r\nnext\r\n"},
	{name: "qp-lower", body: text("quoted-printable") + "Gr=c3=bc=c3=9fe\r\n"},
	{name: "base64", body: "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n"},
	{name: "eight", body: text("8bit") + "Schöne Grüße\r\n"},
	{name: "eight-no-cte", body: "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSchöne Grüße\r\n"},
	{name: "flowed", body: "MIME-Version: 1.0\r\nContent-Type: text/plain; format=flowed\r\n\r\nOne line \r\nand more of it. \r\n-- \r\nme\r\n"},
	{name: "trailing", body: "\r\nspace   \r\ntab\t\r\n \t \r\n"},
	{name: "from", body: "\r\nFrom here on\r\n>From there\r\n"},
	{name: "dots", body: "\r\n.\r\n..\r\n...x\r\n.x\r\n"},
	{name: "no-end", body: "\r\nno end of line"},
	{name: "blank-end", body: "\r\ntext\r\n\r\n\r\n\r\n"},
	{name: "line-998", body: "\r\n" + strings.Repeat("x", 998) + "\r\n"},
	{name: "line-999", body: "\r\n" + strings.Repeat("y", 999) + "\r\n"},
	{name: "line-long", body: "\r\n" + strings.Repeat("word ", 4000) + "\r\n"},
	{name: "nested", body: multipart("mixed", "out", multipart("alternative", "in", text("8bit")+"Grüße  \r\n", "Content-Type: text/html\r\n\r\n<p>x</p>\r\n"), attachment)},
	{name: "attachment", body: multipart("mixed", "b", "Content-Type: text/plain\r\n\r\nSee below.\r\n", attachment, attachment)},
	{name: "part-header", body: multipart("mixed", "b", "Content-Type: text/plain; name=\"Grüße.txt\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nß\r\n")},
	{name: "part-folded", body: multipart("mixed", "b", "Content-Type: text/plain;\r\n name=\""+strings.Repeat("n", 500)+"\"\r\n\r\nx\r\n")},
	{name: "attached", body: multipart("mixed", "b", "Content-Type: text/plain\r\n\r\nForwarded:\r\n", "Content-Type: message/rfc822\r\n\r\nFrom: c@example.com\r\nSubject: in\r\n\r\ninner  \r\nFrom x\r\n")},
	{name: "attached-8", body: multipart("mixed", "b", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nFrom: c@example.com\r\n"+text("8bit")+"Grüße\r\n")},
	{name: "preamble", body: strings.Replace(multipart("mixed", "b", "\r\nx\r\n"), "\r\n\r\n--b", "\r\n\r\npreamble \r\n--b", 1) + "epilogue \r\n"},
	{name: "html", body: "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>" + strings.Repeat("ä ", 600) + "</p>\r\n"},
	{name: "calendar", body: "MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nSUMMARY:Grüße\r\nEND:VCALENDAR\r\n"},
	{name: "latin1", body: "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n"},
	{name: "nul", body: "\r\nnul \x00 byte\r\n"},
	{name: "long-subject", body: "X-Long: " + strings.Repeat("abc ", 200) + "\r\n\r\nx\r\n"},
	{name: "utf8", body: text("8bit") + "Grüße\r\n", mail: " SMTPUTF8"},
	{name: "dsn", body: "\r\nHello\r\n", mail: " RET=HDRS ENVID=abc", rcpt: " NOTIFY=FAILURE ORCPT=rfc822;list@lists.example"},
	{name: "body-8bit", body: text("8bit") + "Grüße\r\n", mail: " BODY=8BITMIME"},
	{name: "big", body: "\r\n" + strings.Repeat("A line of a big message, as there are many.\r\n", 8000)},
}

var attachment = "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n" +
	wrap(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("%PDF", 500)))) + "\r\n"

func text(encoding string) string {
	return "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n"
}

func multipart(subtype, boundary string, parts ...string) string {
	out := "MIME-Version: 1.0\r\nContent-Type: multipart/" + subtype + "; boundary=" + boundary + "\r\n\r\n"
	for _, p := range parts {
		out += "--" + boundary + "\r\n" + p + "\r\n"
	}
	return out + "--" + boundary + "--\r\n"
}

func wrap(s string) string {
	var b strings.Builder
	for ; len(s) > 76; s = s[76:] {
		b.WriteString(s[:76] + "\r\n")
	}
	return b.String() + s
}

// worldMessages makes n messages of all kinds, each with a name of its own. run keeps those of two
// runs apart.
func worldMessages(run string, n int) []worldMessage {
	var out []worldMessage
	for i := range n {
		k := worldKinds[i%len(worldKinds)]
		id := fmt.Sprintf("%s.%s.%d@example.org", run, k.name, i)
		subject := fmt.Sprintf("=?utf-8?q?Gr=C3=BC=C3=9Fe?= %d", i)
		if k.mail == " SMTPUTF8" {
			subject = fmt.Sprintf("Grüße %d", i)
		}
		head := "From: Alice <alice@example.org>\r\nTo: " + listAddress + "\r\nSubject: " + subject + "\r\n" +
			"Date: " + worldDate + "\r\nMessage-ID: <" + id + ">\r\n"
		out = append(out, worldMessage{id: id, text: head + k.body, mail: k.mail, rcpt: k.rcpt})
	}
	return out
}

const worldDate = "Tue, 24 Nov 2026 10:00:00 +0000"
