//go:build !386 && !arm && !mips && !mipsle

package milter

import "strings"

// kind is one kind of message that hops are known to change.
type kind struct {
	name   string
	header string // of the content
	body   string
}

// raw is the whole message as a client submits it.
func (k kind) raw() string {
	return "From: Alice <" + author + ">\r\nTo: Bob <" + recipient + ">\r\nSubject: " + k.name +
		"\r\nMIME-Version: 1.0\r\n" + k.header + "\r\n" + k.body
}

// kinds are those whose fate on real hops is known: most were changed inside a signed part by one
// hop or another.
func kinds() []kind {
	const (
		text   = "Content-Type: text/plain; charset=utf-8\r\n"
		eight  = text + "Content-Transfer-Encoding: 8bit\r\n"
		mixed  = "Content-Type: multipart/mixed; boundary=\"b\"\r\n"
		nested = "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n" + eight + "\r\nGrüße\r\n--c\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=C3=BC=C3=9Fe\r\n--c--\r\n\r\n--b--\r\n"
		rfc822 = "--b\r\n" + text + "\r\nforwarded\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: carol@example.com\r\nSubject: inner\r\n" + eight + "\r\nGrüße\r\n--b--\r\n"
	)
	long := strings.Repeat("x", 998)
	return []kind{
		{"seven bit", text, "Hello.\r\n"},
		{"quoted-printable", text + "Content-Transfer-Encoding: quoted-printable\r\n", "Gr=C3=BC=C3=9Fe =\r\nagain\r\n"},
		{"base64", text + "Content-Transfer-Encoding: base64\r\n", "SGVsbG8uCg==\r\n"},
		{"format=flowed", "Content-Type: text/plain; format=flowed\r\n", "a line that \r\nflows \r\n-- \r\nsignature\r\n"},
		{"trailing space", text, "one \r\ntwo\t\r\n \r\n"},
		{"lone dots", text, ".\r\n..\r\n.x\r\nend\r\n"},
		{"From lines", text, "From here\r\nFrom there\r\n>From\r\n"},
		{"no final line end", text, "Hello."},
		{"many blank lines", text, "Hello.\r\n\r\n\r\n\r\n\r\n"},
		{"empty body", text, ""},
		{"8bit", eight, "Grüße\r\n"},
		{"8bit undeclared", text, "Grüße\r\n"},
		{"8bit latin1", "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n", "Gr\xfc\xdfe\r\n"},
		{"8bit nested", mixed, nested},
		{"8bit in an attached message", mixed, rfc822},
		{"8bit in a part's header", mixed, "--b\r\nContent-Type: text/plain; name=\"Grüße\"\r\n\r\nx\r\n--b--\r\n"},
		{"line of 998", text, long + "\r\nx\r\n"},
		{"line of 999", text, long + "y\r\nx\r\n"},
		{"line of 100,000", text, strings.Repeat("word ", 20_000) + "\r\n"},
		{"long line in a part's header", mixed, "--b\r\nContent-Type: text/plain;\r\n name=\"" + long + "\"\r\n\r\nx\r\n--b--\r\n"},
		{"bare LF", text, "one\ntwo\r\n"},
		{"bare CR", text, "one\rtwo\r\n"},
		{"CR CR LF", text, "one\r\r\ntwo\r\n"},
		{"NUL", text, "one\x00two\r\n"},
		{"preamble and epilogue", mixed, "preamble\r\n--b\r\n" + text + "\r\nx\r\n--b--\r\nepilogue\r\n"},
		{"UTF-8 fields", "X-Greeting: Grüße\r\n" + text, "x\r\n"},
		{"300 KiB attached", mixed, "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\r\n", 4300) + "--b--\r\n"},
		{"no MIME", "", "plain old text\r\n"},
	}
}
