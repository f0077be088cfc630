package smime

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"time"
)

// letterbox makes messages with all that mail systems change: odd header fields, nested multiparts,
// attached messages, all charsets, empty parts, lines that mailboxes and SMTP give a meaning. What
// it makes depends on its seed alone.
type letterbox struct {
	*rand.Rand
	bounds int
}

func newLetterbox(seed uint64) *letterbox {
	return &letterbox{Rand: rand.New(rand.NewPCG(seed, 13))}
}

func (l *letterbox) of(s ...string) string { return s[l.IntN(len(s))] }

// once is true in one of n cases.
func (l *letterbox) once(n int) bool { return l.IntN(n) == 0 }

// some joins up to n of what one makes.
func (l *letterbox) some(n int, one func() string) string {
	var b strings.Builder
	for range l.IntN(n + 1) {
		b.WriteString(one())
	}
	return b.String()
}

var withoutControls = strings.NewReplacer("\x0c", "", "\x0b", "", "\x1c", "")

// message is a whole one, in a few cases with the line ends of Unix. In its header no control
// stands at which Python ends a line: the rest becomes text there, the type of the message with it.
func (l *letterbox) message() string {
	msg := onHeader(func(h string) string { return withoutControls.Replace(h) })(l.header() + "MIME-Version: 1.0\r\n" + l.entity(3))
	if l.once(5) {
		msg = strings.ReplaceAll(msg, "\r\n", "\n")
	}
	return msg
}

func (l *letterbox) colon() string {
	return l.of(": ", ": ", ": ", ":", ":  ", ":\t", ": \t", ":\r\n ", ": \r\n\t")
}

// field is one that readers do not show.
func (l *letterbox) field() string {
	name := l.of("X-A", "X-B", "x-c", "Comments", "Keywords", "Organization", "List-Id", "X-Mailer", "From-Me", "X-Spam-Status")
	value := l.of("v", "a  b\tc", "a\r\n b", "a\r\n\tb", "a \r\n  b", "", " ", "\t\r\n ", "From here", ">From there", ".", "Gr\xc3\xbc\xc3\x9fe", "J\xfcrgen",
		"=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_x?=", "a\x0cb", "a\x0bb\x1c", "\x01\x7f", strings.Repeat("x", 70+l.IntN(60)), strings.Repeat("word ", l.IntN(100)), strings.Repeat("x", 900+l.IntN(300)),
		"a\r\n From b", "a;b=\"c;d\"", "(comment \\) x)", "trailing \t")
	return name + l.colon() + value + "\r\n"
}

// header is that of a message, without the fields that describe the body.
func (l *letterbox) header() string {
	date := time.Date(2026, 11, 24, 10, l.IntN(200), 0, 0, time.UTC).Format(time.RFC1123Z)
	h := []string{
		"From" + l.colon() + l.of("alice@example.org", "Alice <alice@example.org>", "\"Alice, A.\" <alice@example.org>", "\xc3\x84lice <alice@example.org>", "J\xfcrgen <alice@example.org>", "=?iso-8859-1?q?J=F6rg?= <alice@example.org>",
			"Alice\r\n <alice@example.org>") + "\r\n",
		"To" + l.colon() + l.of("bob@example.net", "Bob <bob@example.net>,\r\n\tcarol@example.net", strings.Repeat("Somebody <somebody@example.net>, ", l.IntN(20))+"bob@example.net", "undisclosed-recipients:;", "") + "\r\n",
		"Subject" + l.colon() + l.of("x", "", "Gr\xc3\xbc\xc3\x9fe", "\xfcber", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", strings.Repeat("word ", l.IntN(300)), strings.Repeat("x", 1200), "a  b", "From a", "a\x0cb") + "\r\n",
		"Date" + l.colon() + date + "\r\n",
		"Message-ID" + l.colon() + fmt.Sprintf("<%d@example.org>\r\n", l.IntN(1000)),
	}
	if l.once(3) {
		h = append(h, "In-Reply-To"+l.colon()+"<a@example.org>\r\n")
	}
	if l.once(3) {
		h = append(h, "References"+l.colon()+strings.Repeat(" <1234567890@example.org>", l.IntN(50))+"\r\n")
	}
	if l.once(3) {
		h = append(h, l.of("Cc", "Reply-To", "Sender")+l.colon()+l.of("", "carol@example.net", "\"C\xc3\xa4rol\" <carol@example.net>")+"\r\n")
	}
	for range l.IntN(4) {
		h = append(h, l.field())
	}
	l.Shuffle(len(h), func(i, j int) { h[i], h[j] = h[j], h[i] })
	return strings.Join(h, "")
}

// partField is a further field of a part.
func (l *letterbox) partField() string {
	switch l.IntN(5) {
	case 0:
		return "Content-Description" + l.colon() + l.of("", "x", "a  b", "\xc3\xbc", strings.Repeat("long ", 40)) + "\r\n"
	case 1:
		return "Content-Disposition" + l.colon() + l.of("inline", "attachment; filename=a.txt", "attachment;\r\n\tfilename=\"Gr\xc3\xb6\xc3\x9fe.txt\"", "attachment; filename=\"From x.txt\"") + "\r\n"
	case 2:
		return "Content-ID" + l.colon() + "<a@example.org>\r\n"
	case 3:
		return l.field()
	}
	return "content-language : en\r\n"
}

// samples are the same few words in charsets: 8-bit, 7-bit with escapes, with NUL.
var samples = []struct{ charset, text string }{
	{"us-ascii", "Hello world"},
	{"utf-8", "Sch\xc3\xb6ne Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x92\x8c"},
	{"iso-8859-1", "Sch\xf6ne Gr\xfc\xdfe"},
	{"iso-8859-15", "\xa4 5,-"},
	{"windows-1252", "\x93Zitat\x94 \x80"},
	{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4"},
	{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2"},
	{"iso-8859-7", "\xc1\xe8\xde\xed\xe1"},
	{"shift_jis", "\x83\x65\x83\x58\x83\x67\x81\x5c"},
	{"euc-jp", "\xa5\xc6\xa5\xb9\xa5\xc8"},
	{"iso-2022-jp", "\x1b$B%F%9%H\x1b(B"},
	{"gb18030", "\xb2\xe2\xca\xd4\x81\x30\x81\x30"},
	{"big5", "\xb4\xfa\xb8\xd5"},
	{"euc-kr", "\xbd\xc3\xc7\xe8"},
	{"utf-7", "+AMQ-x"},
	{"utf-16", "\xfe\xff\x00H\x00i\x00\r\x00\n"},
	{"unknown-8bit", "\x80\x81\xff"},
}

// text is a body in lines.
func (l *letterbox) text(sample string) string {
	line := func() string {
		s := l.of("", "a", sample, "some words in a line", "From me", ">From me", ">>>From me", "From", " From x", ".", "..", ".profile", "-", "-- ", "--", "--b0", "--b1--", "--------", "trailing ", "tab\t", "a\tb", "=", "=20", "a=3Db", "soft=",
			"Subject: x", "end", "begin 644 x", "+++", "\t", " ", "~.", "{}", strings.Repeat("x", 70+l.IntN(15)), sample+" "+sample)
		if l.once(40) {
			s += l.of("\x00", "\x0c", "\x0b", "\x1a", "\r", "\x85", "\xe2\x80\xa8", strings.Repeat("long words ", 150), strings.Repeat("y", 998), strings.Repeat("z", 999), strings.Repeat(">", 990)+"From x")
		}
		return s + l.of("\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n\r\n")
	}
	body := l.some(6, line)
	if l.once(60) {
		body += l.of("x\ny\n", "x\r\r\n", "\n\n", "\r")
	}
	if l.once(3) {
		body = strings.TrimSuffix(body, "\r\n")
	}
	return body + l.of("", "", "", "\r\n", "\r\n\r\n\r\n")
}

// entity is a MIME entity with parts down to depth.
func (l *letterbox) entity(depth int) string {
	if depth == 0 {
		return l.leaf()
	}
	switch l.IntN(10) {
	case 0, 1, 2, 3:
		return l.multipart(depth)
	case 4:
		return l.attached(depth)
	case 5:
		return l.signed()
	case 6:
		return l.messageType()
	}
	return l.leaf()
}

func (l *letterbox) leaf() string {
	sample := samples[l.IntN(len(samples))]
	body := l.text(sample.text)
	typ := "Content-Type" + l.colon() + l.of(
		"text/plain; charset="+sample.charset, "text/plain;\r\n\tcharset=\""+sample.charset+"\"; format=flowed", "text/html; charset="+sample.charset, "TEXT/PLAIN ; charset=\""+sample.charset+"\"",
		"application/octet-stream", "application/pdf; name=\"a b.pdf\"", "application/json", "image/png;\r\n name=\"Gr\xc3\xb6\xc3\x9fe.png\"", "text/calendar; method=REQUEST; charset="+sample.charset) + "\r\n"
	if l.once(6) {
		typ = ""
	}
	cte := l.of("", "", "7bit", "8bit", "8BIT", "binary", "quoted-printable", "base64", "BASE64")
	switch strings.ToLower(cte) {
	case "base64":
		body = l.base64(body)
	case "quoted-printable":
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(body))
		w.Close()
		body = barer.Replace(b.String())
	}
	if cte != "" {
		cte = "Content-Transfer-Encoding" + l.colon() + cte + "\r\n"
	}
	h := []string{typ, cte, l.some(2, l.partField)}
	l.Shuffle(len(h), func(i, j int) { h[i], h[j] = h[j], h[i] })
	return strings.Join(h, "") + "\r\n" + body
}

// barer writes fewer escapes than a careful encoder.
var barer = strings.NewReplacer("=2E", ".", "=46rom", "From")

func (l *letterbox) base64(body string) string {
	s, width := base64.StdEncoding.EncodeToString([]byte(body)), []int{76, 60, 64, 100, 1200}[l.IntN(5)]
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + l.of("\r\n", "\r\n", "\r\n", " \r\n"))
		s = s[width:]
	}
	return b.String() + s + l.of("\r\n", "", "\r\n\r\n")
}

// multipart is well-formed but for what many programs leave out.
func (l *letterbox) multipart(depth int) string {
	l.bounds++
	b := fmt.Sprintf("b%d", l.bounds)
	value := l.of(b, "\""+b+"\"")
	if l.once(4) {
		b = l.of("=_"+b+"?=", "----=_Part "+b, "b(1)"+b, "----"+b, b+"=", "'"+b+"'")
		value = "\"" + b + "\""
	}
	kind := l.of("mixed", "alternative", "related", "MIXED", "digest", "report; report-type=delivery-status", "parallel", "form-data")
	head := "Content-Type" + l.colon() + "multipart/" + kind + ";" + l.of(" ", "\r\n\t", "\r\n ") + "boundary=" + value + "\r\n" + l.of("", "", "Content-Transfer-Encoding: 8bit\r\n", "Content-Transfer-Encoding:7bit\r\n") + l.some(1, l.partField)
	out := head + "\r\n" + l.of("", "", "\r\n", "This is a multi-part message in MIME format.\r\n", "This is a multi-part message in MIME format.\r\n\r\n")
	if l.once(25) {
		out += l.of("preamble\r\n", "pre \r\n", "pr\xc3\xa9\r\n", "\r\n\r\npreamble\r\n\r\n")
	}
	for range 1 + l.IntN(3) {
		part := l.entity(depth - 1)
		if kind == "digest" && l.once(2) {
			part = "\r\n" + l.header() + l.leaf()
		}
		if l.once(12) {
			part = l.of("", "\r\n", "Content-Type: text/plain", "Content-Type: text/plain\r\n", "X-A:b", "\r\n\r\n")
		}
		out += "--" + b + l.of("", "", "", "", "", " ") + "\r\n" + part + "\r\n"
		if l.once(40) {
			out += "--" + b + "\r\n" // a delimiter directly after another one
		}
	}
	if l.once(30) {
		return out
	}
	out += "--" + b + "--" + l.of("", "", "", "\r\n", "\r\n", "\r\n\r\n")
	if l.once(25) {
		out += l.of("\r\nepilogue", "\r\nepilogue\r\n", "\r\n\r\nepil\xc3\xb6gue \r\n")
	}
	return out
}

// attached is a part that holds a message, some of them signed by DKIM, or with a header in UTF-8.
func (l *letterbox) attached(depth int) string {
	head := "Content-Type" + l.colon() + l.of("message/rfc822", "message/rfc822; name=\"a.eml\"", "message/global", "MESSAGE/RFC822") + "\r\n" + l.some(1, l.partField)
	inside := l.header()
	switch l.IntN(8) {
	case 0:
		inside = "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s;\r\n\th=From; bh=x; b=x\r\n" + inside
	case 1:
		inside = "To: j\xc3\xb6rg@example.org\r\n" + inside
	}
	inside += l.of("", "MIME-Version:1.0\r\n") + l.entity(depth-1)
	switch l.IntN(12) {
	case 0:
		return head + "Content-Transfer-Encoding: base64\r\n\r\n" + l.base64(inside)
	case 1:
		return head + "\r\n" + l.of("", "\r\n", "Subject: x", "Subject: x\r\n", "Subject:\r\n\r\n", "\r\nbody", "X-A: b\r\n\r\nbody")
	}
	return head + l.of("", "Content-Transfer-Encoding: 8bit\r\n") + "\r\n" + inside
}

// signed is what another program signed.
func (l *letterbox) signed() string {
	part, protocol := l.leaf(), l.of("pgp", "pkcs7")
	if l.once(3) {
		part = l.multipart(1)
	}
	return "Content-Type" + l.colon() + "multipart/signed; micalg=sha-256;\r\n\tprotocol=\"application/" + protocol + "-signature\"; boundary=sig\r\n" + l.some(1, l.partField) + "\r\n" +
		"--sig\r\n" + part + "\r\n--sig\r\nContent-Type: application/" + protocol + "-signature; name=x\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\nMIIB\r\n--sig--" + l.of("", "\r\n", "\r\n\r\n")
}

// messageType is a part of a type message/* that holds no message.
func (l *letterbox) messageType() string {
	fields := l.of("Reporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822; b@example.net\r\nAction: failed\r\nStatus: 5.1.1",
		"Reporting-UA: x; y\r\nFinal-Recipient: rfc822; b@example.net\r\nDisposition: manual-action/MDN-sent-manually; displayed", "Content-Type: text/plain\r\n\r\nTHIS IS NOT THE BODY", "", "Feedback-Type:abuse") + l.of("", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n")
	return "Content-Type" + l.colon() + l.of("message/delivery-status", "message/disposition-notification", "message/external-body; access-type=URL", "message/feedback-report", "message/x-unknown") + "\r\n\r\n" + fields
}
