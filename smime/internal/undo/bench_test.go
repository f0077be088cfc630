package undo

import (
	"crypto"
	"fmt"
	"strings"
	"testing"
)

// hostile are contents of about size octets that no change explains, made so that much is tried.
func hostile(size int) map[string][]byte {
	repeat := func(head, line, tail string) []byte {
		return []byte(head + strings.Repeat(line, max(1, (size-len(head)-len(tail))/len(line))) + tail)
	}
	const mixed = "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
	const qp = "Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	const html = "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<body>"
	const b64 = "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	return map[string][]byte{
		"text":       repeat("Content-Type: text/plain\r\n\r\n", "A line of text that is as long as such lines are.\r\n", ""),
		"from":       repeat("Content-Type: text/plain\r\n\r\n", ">From a\r\n", ""),
		"dots":       repeat("Content-Type: text/plain\r\n\r\n", "..\r\n", ""),
		"one line":   repeat("Content-Type: text/plain\r\n\r\n", ".", "\r\n"),
		"qp":         repeat(qp, "=C3=BC=20=2Etext and From text=\r\n", "\r\n"),
		"qp line":    repeat(qp, ".From =20", "\r\n"),
		"base64":     repeat(b64, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n", ""),
		"links":      repeat(html, "<a href=3D\"https://x.safelinks.protection.outlook.com/?url=3Dhttps%3A%2F%2Fexample.org%2F&amp;x=3D\" originalsrc=3D\"x\">a</a>\r\n", "</body>"),
		"html":       repeat(html, "<p><b>", "</body>"),
		"elements":   repeat(html, "<p>x</p>", "</body>"),
		"parts":      repeat(mixed, "--b\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: base64\r\nX-A:b\r\n\r\nYQ0KLS0NCmI=\r\n", "--b--\r\n"),
		"many parts": repeat(mixed, "--b\r\n\r\na\r\n", "--b--\r\n"),
		"all kinds":  repeat(mixed, "--b\r\n"+qp+">From a ..b=3D=20\r\n..\r\n____\r\nhttps://urldefense.com/v3/__https://a*b__;Kw!!a!b$ \r\n--b\r\n"+b64+"YQ0KLS0NCmI=\r\n", "--b--\r\n"),
		"breaks":     repeat("Content-Type: text/plain\r\n\r\n", strings.Repeat("x", 997)+"!\r\n "+strings.Repeat("x", 800)+"\r\n ", ""),
		"CRs":        repeat("Content-Type: text/plain\r\n\r\n", "\r", "\n"),
		"header":     repeat("Content-Type: text/plain\r\n", "A:b\r\n", "\r\nx\r\n"),
	}
}

// BenchmarkExplain searches where nothing is found: what is hashed, and the CPU time, which is all
// of the time.
func BenchmarkExplain(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10, 1 << 20, 8 << 20} {
		for name, text := range hostile(size) {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				for b.Loop() {
					got, err := Find(b.Context(), Content{Text: text, Hash: crypto.SHA256, Digest: make([]byte, 32)})
					if err == nil && got.Change != "" {
						b.Fatal(got)
					}
				}
			})
		}
	}
}
