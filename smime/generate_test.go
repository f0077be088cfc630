package smime

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
)

// mailGen makes messages out of a string of octets, each of which decides one thing; where they end
// all is plain. In every place where a reader could show text it puts a word that stands nowhere
// else.
type mailGen struct {
	choices []byte
	broken  bool // delimiters, labels and headers that are not as they should be
	words   []string
	bounds  int
}

// randomChoices take the place of the fuzzer in a plain test run.
func randomChoices(seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 40+rnd.IntN(400))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// pick returns a number below n.
func (g *mailGen) pick(n int) int {
	if len(g.choices) == 0 {
		return 0
	}
	c := int(g.choices[0])
	g.choices = g.choices[1:]
	return c % n
}

// of returns one of s, with a word in place of each "{}".
func (g *mailGen) of(s ...string) string {
	before, after, found := strings.Cut(s[g.pick(len(s))], "{}")
	if !found {
		return before
	}
	return before + g.word() + after
}

// fault is rarely true, and never in a message that is to be well-formed.
func (g *mailGen) fault() bool { return g.broken && g.pick(5) == 1 }

func (g *mailGen) word() string {
	w := fmt.Sprintf("w%dq%dz", len(g.words), g.pick(256))
	g.words = append(g.words, w)
	return w
}

// message is a whole one.
func (g *mailGen) message(depth int) string {
	return "From: alice@example.org\r\nSubject: " + g.word() + g.of("", " Gr\xc3\xbc\xc3\x9fe", " J\xfcrgen") + "\r\nMIME-Version: 1.0\r\n" + g.entity(depth)
}

func (g *mailGen) entity(depth int) string {
	switch kind := g.pick(7); {
	case depth > 0 && kind < 3:
		return g.multipart(depth)
	case depth > 0 && kind == 3:
		return "Content-Type: message/rfc822\r\n\r\n" + g.message(depth-1)
	case depth > 0 && kind == 4 && g.pick(4) == 1:
		return "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=pgp\r\n\r\n--pgp\r\n" + g.entity(0) +
			"\r\n--pgp\r\nContent-Type: application/pgp-signature\r\n\r\n" + g.word() + "\r\n--pgp--\r\n"
	}
	return g.leaf()
}

// text is a body with all that mail systems change.
func (g *mailGen) text() string {
	var b strings.Builder
	for range 1 + g.pick(4) {
		b.WriteString(g.word() + g.of("\r\n", "\r\n", " \r\n", "\t\r\n", "\r\n\r\n", "\r\n.\r\n", "\r\nFrom me\r\n", " \xc3\xbc\xc3\x9f\r\n", "\r\n--x\r\n", "", "="+"\r\n", " = x\r\n"))
		if g.pick(12) == 1 {
			b.WriteString(strings.Repeat("long ", 30+g.pick(256)) + g.word() + "\r\n")
		}
		if g.pick(30) == 1 {
			b.WriteString(g.of("\x00", "\r", "\xff", "\x1b") + "\r\n")
		}
	}
	return b.String()
}

func (g *mailGen) leaf() string {
	typ := g.of("Content-Type: text/plain; charset=utf-8\r\n", "Content-Type: text/html\r\n", "", "Content-Type: application/octet-stream; name=x.bin\r\n",
		"Content-Type: application/pdf; name=\"a b.pdf\"\r\n", "Content-Type: text/plain; charset=us-ascii; format=flowed\r\n")
	body := g.text()
	cte := g.of("", "", "7bit", "8bit", "quoted-printable", "base64", "binary")
	if g.fault() {
		cte = g.of("8bits", "8-bit", "utf-8", "x-unknown", "base64", "quoted-printable", "\"8bit\"")
		typ = g.of(typ, "Content-Type: text/plain; charset=utf-8; charset=utf-8\r\n", "Content-Type: text/plain; name=a; name=b\r\n", "Content-Type: text\r\n",
			typ+"no field\r\n", typ+typ, "Content-Type: message/rfc822\r\n")
	} else {
		body = encodeAs(cte, body)
	}
	if cte != "" {
		typ += "Content-Transfer-Encoding: " + cte + "\r\n"
	}
	if g.fault() {
		return typ + body // no empty line
	}
	return typ + "\r\n" + body
}

func encodeAs(cte, body string) string {
	switch cte {
	case "base64":
		s := base64.StdEncoding.EncodeToString([]byte(body))
		var b strings.Builder
		for len(s) > 100 { // too wide, as some write it
			b.WriteString(s[:100] + "\r\n")
			s = s[100:]
		}
		return b.String() + s + "\r\n"
	case "quoted-printable":
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(body))
		w.Close()
		return b.String()
	}
	return body
}

// multipart is one with text where a multipart may have some, and, where it is to be broken, where
// it has no place for any.
func (g *mailGen) multipart(depth int) string {
	g.bounds++
	boundary := fmt.Sprintf("B%dz", g.bounds)
	used := boundary
	if g.fault() {
		used = g.of("other", strings.ToLower(boundary), "--"+boundary, boundary+"x", "B1z", boundary+" x")
	}
	head := "Content-Type: " + g.of("multipart/mixed", "multipart/alternative", "multipart/related") + "; boundary=\"" + boundary + "\"\r\n"
	if g.fault() {
		head = g.of("Content-Type: multipart/mixed\r\n", "Content-Type: multipart/mixed; boundary="+boundary+"; boundary="+boundary+"\r\n",
			head+"Content-Transfer-Encoding: quoted-printable\r\n", head+"Content-Transfer-Encoding: base64\r\n", "Content-Type: multipart/mixed; boundary="+boundary+" \r\n")
	}
	var b strings.Builder
	b.WriteString(head + g.of("", "Content-Transfer-Encoding: 8bit\r\n") + "\r\n")
	b.WriteString(g.around("This is a multi-part message in MIME format.\r\n"))
	if g.fault() {
		b.WriteString(g.of("--"+used+"--", "--"+used, used, " --"+used) + "\r\n" + g.of("", "{}\r\n"))
	}
	for range g.pick(4) {
		b.WriteString(g.delimiter(used) + g.of("\r\n", "\r\n", " \r\n"))
		if g.fault() {
			b.WriteString(g.of("", "\r\n") + g.delimiter(used) + "\r\n")
		}
		b.WriteString(g.entity(depth-1) + "\r\n")
		if g.fault() {
			b.WriteString("--" + used + "--" + g.of("\r\n", "\n", "") + g.word() + g.of("\r\n", "\xfc\r\n", "\n"))
		}
	}
	if !g.fault() {
		b.WriteString("--" + used + "--" + g.of("", "\r\n", "\r\n\r\n"))
		if g.pick(3) == 1 {
			b.WriteString("\r\n" + g.around(""))
		}
	}
	return b.String()
}

// around is what may stand outside the parts.
func (g *mailGen) around(usual string) string {
	return g.of("", usual, "\r\n", usual+"\r\n") + g.of("", "", "", "{}\r\n", "{} \xc3\xbc\r\n", "{} \r\n", "{}\n")
}

func (g *mailGen) delimiter(boundary string) string {
	if !g.fault() {
		return "--" + boundary
	}
	return g.of(" --"+boundary, "----"+boundary, "-"+boundary, boundary, "--"+strings.ToLower(boundary), "--"+boundary+" {}", "--"+boundary+"--")
}
