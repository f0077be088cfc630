package entity

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// entityGenerator writes well-formed entities (RFC 2045, RFC 2046): in any of the forms that all
// readers are to read alike, with bodies that look like more than they are.
type entityGenerator struct {
	t          *rapid.T
	eol        string
	boundaries int
}

// wellFormed generates entities of at most this depth; all their lines end alike.
func wellFormed(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		g := &entityGenerator{t: t, eol: rapid.SampledFrom([]string{"\r\n", "\r\n", "\n"}).Draw(t, "line end")}
		return g.entity(depth)
	})
}

// of returns one of s, with the line end of the message in place of LF.
func (g *entityGenerator) of(label string, s ...string) string {
	return strings.ReplaceAll(rapid.SampledFrom(s).Draw(g.t, label), "\n", g.eol)
}

func (g *entityGenerator) entity(depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(g.t, "kind") {
		case 0, 1:
			return g.multipart(depth)
		case 2:
			return g.of("type of message", "Content-Type: message/rfc822\n\n", "content-type:\n MESSAGE/RFC822\n\n") + "Subject: inside" + g.eol + g.entity(depth-1)
		}
	}
	header := g.of("type", "", "Content-Type: text/plain\n", "content-type:text/HTML;charset=utf-8\n", "Content-Type: text/plain; charset=\"us-ascii\";\n\tformat=flowed\n",
		"CONTENT-TYPE: application/octet-stream;\n name=\"a b;c.bin\"\n", "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n") +
		g.of("encoding", "", "", "Content-Transfer-Encoding: 8bit\n", "Content-Transfer-Encoding: base64\n", "Content-Transfer-Encoding: quoted-printable\n") +
		g.of("field", "", "X-Empty:\n", "Content-Description: a\n b\n\tc\n", "--b: no delimiter\n")
	if header == "" && depth > 0 {
		header = "Subject: x" + g.eol
	}
	return header + g.eol + g.text("body")
}

// text is a body, or what stands around parts: without the delimiter of anything.
func (g *entityGenerator) text(label string) string {
	line := []string{"", "a", "\n", "-", "--", "--\n", "---- \n", "--b\n", "--1bx\n", "--1B\n", " --1b\n", "\t", "=\n", ".\n", "From x\n", "caf\xc3\xa9 \xff\n", "\x00\n", "Content-Type: multipart/mixed; boundary=1b\n\n", strings.Repeat("long ", 300) + "\n"}
	var b strings.Builder
	for range rapid.IntRange(0, 6).Draw(g.t, label) {
		b.WriteString(g.of(label, line...))
	}
	return b.String()
}

func (g *entityGenerator) multipart(depth int) string {
	g.boundaries++
	boundary := fmt.Sprintf("%db", g.boundaries) + g.of("boundary", "", "", "-", "--", "=_x", "'()+_,-./:=? x", strings.Repeat("y", 60))
	quoted := `"` + boundary + `"`
	if !strings.ContainsAny(boundary, `()<>@,;:\"/[]?= `) && rapid.Bool().Draw(g.t, "no quotes") {
		quoted = boundary
	}
	var b strings.Builder
	b.WriteString("Content-Type: " + g.of("multipart", "multipart/mixed; boundary=", "Multipart/Signed; micalg=sha-256;\n protocol=\"application/pkcs7-signature\"; Boundary=", "multipart/alternative;\n\tboundary=") +
		quoted + g.of("after it", "\n", ";\n charset=utf-8\n", "; x=\"y z\"\n") + g.eol)
	if preamble := g.text("preamble"); preamble != "" {
		b.WriteString(preamble + g.eol)
	}
	for range rapid.IntRange(1, 3).Draw(g.t, "parts") {
		b.WriteString("--" + boundary + g.of("padding", "", "", " ", "\t ") + g.eol + g.entity(depth-1) + g.eol)
	}
	b.WriteString("--" + boundary + "--" + g.of("padding", "", "", " ", " \t"))
	if rapid.Bool().Draw(g.t, "epilogue") {
		b.WriteString(g.eol + g.text("epilogue"))
	}
	return b.String()
}
