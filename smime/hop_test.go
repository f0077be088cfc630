package smime

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/cms"
)

// hop is what one mail system does to a message that passes it: the rows of what real ones were
// seen to do.
type hop struct {
	name string
	do   func(msg string) string
}

var hops = []hop{
	{"adds trace fields", func(m string) string {
		return "Return-Path: <alice@example.org>\r\nReceived: from a by b\r\n\twith ESMTP; Tue, 24 Nov 2026 10:00:00 +0000\r\n" + m
	}},
	{"refolds the header", onHeader(func(h string) string { return strings.ReplaceAll(h, "; ", ";\r\n\t") })},
	{"tags the subject", onHeader(func(h string) string { return strings.Replace(h, "Subject: ", "Subject: [list] ", 1) })},
	{"transmits by SMTP", func(m string) string {
		stuffed := regexp.MustCompile(`(?m)^\.`).ReplaceAllString(m, "..")
		return regexp.MustCompile(`(?m)^\.\.`).ReplaceAllString(stuffed, ".")
	}},
	{"knows no 8BITMIME", onBody(downgrade)},
	{"breaks lines at 998", onBody(breakLines)},
	{"repairs line ends", onBody(func(b string) string {
		b = regexp.MustCompile("\r+\n").ReplaceAllString(b, "\n")
		b = strings.ReplaceAll(b, "\r", " ")
		return strings.ReplaceAll(b, "\n", "\r\n")
	})},
	{"strips white space", onBody(func(b string) string { return regexp.MustCompile("[ \t]+\r\n").ReplaceAllString(b, "\r\n") })},
	{"stores in mbox form, and sends on", func(m string) string {
		m = strings.ReplaceAll(m, "\r\n", "\n")
		m = regexp.MustCompile(`(?m)^From `).ReplaceAllString(m, ">From ")
		return strings.ReplaceAll(m, "\n", "\r\n")
	}},
	{"adds a footer", onBody(func(b string) string { return b + "\r\n-- \r\nlist footer: https://list.example.org/\r\n" })},
	{"drops empty lines at the end", onBody(func(b string) string { return strings.TrimRight(b, "\r\n") + "\r\n" })},
	{"adds empty lines at the end", onBody(func(b string) string { return b + "\r\n\r\n" })},
	{"removes the preamble", onBody(func(b string) string {
		return strings.TrimPrefix(b, preamble+"\r\n")
	})},
	{"strips NUL", func(m string) string { return strings.ReplaceAll(m, "\x00", "") }},
}

func onHeader(do func(string) string) func(string) string {
	return func(m string) string {
		h, b, _ := strings.Cut(m, "\r\n\r\n")
		return do(h) + "\r\n\r\n" + b
	}
}

func onBody(do func(string) string) func(string) string {
	return func(m string) string {
		h, b, _ := strings.Cut(m, "\r\n\r\n")
		return h + "\r\n\r\n" + do(b)
	}
}

// downgrade re-encodes, which breaks what is signed: here it only says so in the text.
func downgrade(b string) string {
	for i := range len(b) {
		if b[i] >= 0x80 {
			return "re-encoded: " + b
		}
	}
	if strings.Contains(strings.ToLower(b), "content-transfer-encoding: 8bit") {
		return "relabelled: " + b
	}
	return b
}

func breakLines(b string) string {
	lines := strings.SplitAfter(b, "\n")
	for i, l := range lines {
		if len(l) > 1000 {
			lines[i] = l[:998] + "\r\n " + l[998:]
		}
	}
	return strings.Join(lines, "")
}

// wild generates content with everything that mail systems change.
func wild() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.StringMatching(`[a-z ]{0,30}`),
		rapid.SampledFrom([]string{
			"From ", ".", "..", " ", "\t", "\r\n", "\r\n\r\n", "\n", "\r", "\r\r\n", "\x00", "=", "=20", "=\r\n", "ü", "\xff",
			"--m", "--m--", "--s--\r\n", ">From ", "-- \r\n", "Content-Type: text/plain", "AAECAwQF", "\r\n.\r\n", "\r\nFrom x",
		}),
		rapid.Custom(func(t *rapid.T) string { return strings.Repeat("x", rapid.IntRange(70, 2100).Draw(t, "long")) }),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
	})
}

// entityGen generates a MIME entity.
func entityGen(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 4
		if depth == 0 {
			kinds = 2
		}
		cte := rapid.SampledFrom([]string{"", "Content-Transfer-Encoding: 8bit\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: binary\r\n"}).Draw(t, "encoding")
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return "Content-Type: text/plain; charset=utf-8\r\n" + cte + "\r\n" + wild().Draw(t, "text")
		case 1:
			return "Content-Type: application/octet-stream; name=\"Größe.bin\"\r\n" + cte + "\r\n" + wild().Draw(t, "octets")
		case 2:
			return "Content-Type: message/rfc822\r\n\r\nSubject: in here \r\n" + entityGen(depth-1).Draw(t, "message")
		}
		b := fmt.Sprintf("b%d", depth)
		out := "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n" + rapid.SampledFrom([]string{"", "preamble \r\n"}).Draw(t, "preamble")
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			out += "--" + b + rapid.SampledFrom([]string{"", " "}).Draw(t, "padding") + "\r\n" + entityGen(depth-1).Draw(t, "part") + "\r\n"
		}
		return out + "--" + b + "--" + rapid.SampledFrom([]string{"", "\r\n", "\r\nepilogue \xc3\xbc\r\n"}).Draw(t, "epilogue")
	})
}

// What Sign makes passes every sequence of mail systems.
func TestSignedSurvivesTransit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		msg := "From: Älice <alice@example.org>\r\nSubject: " + rapid.SampledFrom([]string{"x", "Grüße", strings.Repeat("word ", 300)}).Draw(t, "subject") +
			"\r\nReferences:" + strings.Repeat(" <1234567890@example.org>", rapid.IntRange(0, 60).Draw(t, "references")) + " \r\n" + entityGen(2).Draw(t, "entity")
		opaque := rapid.Bool().Draw(t, "opaque")
		signed := rapidSign(t, msg, SignOptions{Signers: []cms.Signer{alice()}, Opaque: opaque, Time: signedAt})
		for _, h := range rapid.SliceOfN(rapid.SampledFrom(hops), 0, 6).Draw(t, "hops") {
			signed = h.do(signed)
		}
		if rapid.Bool().Draw(t, "saved as a Unix file") {
			signed = strings.ReplaceAll(signed, "\r\n", "\n")
		}
		if why := broken(rapidVerify(t, signed)); why != "" {
			t.Fatalf("%s:\n%s", why, signed)
		}
	})
}

func rapidSign(t *rapid.T, msg string, opts SignOptions) string {
	m, err := readString(msg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	edit, err := Sign(t.Context(), m, opts)
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func rapidVerify(t *rapid.T, msg string) *Report {
	m, err := readString(msg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := Verify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
