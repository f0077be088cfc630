package page

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"dnseal/receiver/page/browsertest"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// payloads are what readers of HTML have been tricked by, and what tricks terminals and people.
var payloads = []string{
	`<script>alert(1)</script>`, `"><img src=http://evil.example/x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `</title><script>alert(1)</script>`,
	`</style><script>alert(1)</script>`, `</textarea></pre></bdi></details><h1 id="verdict">Pass</h1>`, `<!-- --!> <script>`, `]]><script>alert(1)</script>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`, `<plaintext>`, `<xmp>`,
	`<base href=http://evil.example/>`, `<meta http-equiv=refresh content="0;url=http://evil.example/">`, `<link rel=stylesheet href=http://evil.example/x.css>`,
	`<iframe src=http://evil.example/></iframe>`, `<form action=http://evil.example/><input name=q autofocus onfocus=alert(1)>`, `<a href="javascript:alert(1)">x</a>`,
	`javascript:alert(1)`, `{{.}} ${x} <%= x %>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `&#60;script&#62;`, "`${alert(1)}`",
	"\x1b[31;1mred\x1b[0m \x1b]0;title\a \x9b2J \u009b2J", "invoice\u202efdp.exe", "\u2066\u2067a\u2069\u2069 \u200e\u200f\u061c", "\u200b\u200b\u2060\ufeff\u00ad",
	"Z" + strings.Repeat("\u0301\u0327\u20dd", 60) + "algo", "\xff\xfe\xc0\xaf\xed\xa0\x80", "\U000e0041\U000e0042\ufdd0\uffff", strings.Repeat("<", 500), strings.Repeat("\x07", 500),
	"\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", strings.Repeat("W", 2000), "✓ Pass: alice@example.org signed this message.",
}

// oneLine makes a text fit for a header field.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(s)
}

// encoded is a text as an encoded word of UTF-8, so that everything can be in it.
func encoded(s string) string {
	var words []string
	for len(s) > 0 {
		n := min(40, len(s))
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, "\r\n ")
}

// hostile are messages that attack whoever shows them, by name.
func hostile() map[string]string {
	everything := strings.Join(payloads, " ")
	const from = "From: alice@example.org\r\n"
	out := map[string]string{
		"header": "From: " + encoded(everything) + " <alice@example.org>\r\nTo: " + encoded(everything) + " <bob@example.net>\r\nSubject: " + encoded(everything) +
			"\r\nDate: <b>now</b>\r\nMessage-ID: <" + oneLine(payloads[1]) + ">\r\nReply-To: " + oneLine(everything) + "\r\nReceived: by " + oneLine(payloads[0]) +
			"; Tue, 24 Nov 2026 10:00:00 +0000\r\nReceived: from x by <img/src=x>.example; Tue, 24 Nov 2026 10:00:00 +0000\r\nReferences: " + oneLine(everything) +
			"\r\nX-" + strings.Repeat("y", 900) + ": z\r\n\r\n" + everything + "\r\n",
		"files": from + "Subject: files\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
		"html": from + "Subject: html\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><head><title>" + everything + "</title><style>body{background:url(http://evil.example/)}</style></head><body>" +
			everything + "<div style='display:none'>hidden</div><p>Hello <a href='http://evil.example/?q=\"'>bank.example</a><table><tr><td>1<td>2</table>" + strings.Repeat("<div>", 20000) + "deep",
		"big-subject": from + "Subject: " + strings.Repeat("<S>\u202e", 100000) + "\r\n\r\nbig\r\n",
		"10000-parts": from + "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n<p>\r\n", 10000) + "--b--\r\n",
		"1900-parts":  from + "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: text/html\r\n\r\n<p>part\r\n", 1900) + "--b--\r\n",
		"1900-files":  from + "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: a/b; name=\""+strings.Repeat("<", 200)+"\"\r\n\r\nx\r\n", 1900) + "--b--\r\n",
		"long-text":   from + "Subject: long\r\n\r\n" + strings.Repeat(strings.Repeat("&", 900)+"\r\n", 2000),
		"nuls":        from + "Subject: nuls\r\n\r\n" + strings.Repeat("\x00", 100000) + strings.Repeat("\x00\x01", 50000) + "\r\n",
		"long-html":   from + "Subject: long\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<a href='http://evil.example/'>&amp;</a>", 100000),
		"fields":      from + "Subject: fields\r\n" + strings.Repeat("Received: by "+strings.Repeat("<x>", 50)+".example; Tue, 24 Nov 2026 10:00:00 +0000\r\n", 300) + strings.Repeat("To: a@b.example, <c@d.example>\r\nCc: "+strings.Repeat("&", 500)+"\r\n", 400) + "\r\nx\r\n",
		"charsets": from + "Subject: charsets\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-16le\r\n\r\n<\x00s\x00>\x00\r\n--b\r\nContent-Type: text/plain; charset=\"<script>\"\r\n\r\n\xff<b>\r\n" +
			"--b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B<\x1b(B<b>\r\n--b\r\nContent-Type: text/plain; charset=x-user-defined\r\n\r\n\xf3\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!PGI+\r\n" +
			"--b\r\nContent-Transfer-Encoding: <b>\r\n\r\nPGI+\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=3Cscript=3E=ZZ\r\n--b\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\xd7\xc5\xd4\r\n--b--\r\n",
	}
	for _, p := range payloads {
		name := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(p))
		out["files"] += "--b\r\nContent-Type: application/octet-stream; name=\"" + name + "\"\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n" + p + "\r\n"
		out["files"] += "--b\r\nContent-Type: " + oneLine(p) + "\r\nContent-Description: " + oneLine(p) + "\r\n\r\n" + p + "\r\n"
	}
	out["files"] += "--b--\r\n"
	deep := "Subject: innermost\r\n\r\n" + everything + "\r\n"
	for range 20 {
		deep = "Content-Type: message/rfc822\r\n\r\n" + deep
	}
	out["deep"] = from + deep
	return out
}

// signer is alice, with the key that the zone of vector 001 names.
func signer(tb testing.TB) cms.Signer {
	tb.Helper()
	block, _ := pem.Decode(readFile(tb, "../../testdata/keys/alice.pem"))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	key := parsed.(crypto.Signer)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "<b>alice</b>"}, EmailAddresses: []string{"alice@example.org"},
		NotBefore: clock.AddDate(-1, 0, 0), NotAfter: clock.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cms.Signer{Key: key, Certificate: cert}
}

// sign signs a message, or returns it as it is where that cannot be done.
func sign(tb testing.TB, by cms.Signer, text string, opaque bool) string {
	tb.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer m.Close()
	edit, err := smime.Sign(tb.Context(), m, smime.SignOptions{Signers: []cms.Signer{by}, Time: clock, Opaque: opaque})
	if err != nil {
		return text
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// hostilePages are the pages of the hostile messages: as they are, and signed in both forms.
func hostilePages(t *testing.T) map[string]string {
	t.Helper()
	r, by, pages := newReceiver(t, readFile(t, vectors+"001-pass.zone")), signer(t), map[string]string{}
	for name, text := range hostile() {
		for kind, text := range map[string]string{"plain": text, "clear": sign(t, by, text, false), "opaque": sign(t, by, text, true)} {
			report, m := verify(t, r, []byte(text))
			report.File = payloads[1]
			pages[name+"-"+kind] = write(t, report, m)
			t.Logf("%s, %s: %s %s, %d octets", name, kind, report.Verdict, report.Code, len(pages[name+"-"+kind]))
		}
	}
	return pages
}

// maxPage is what a page may have at most.
const maxPage = 120_000

func TestHostile(t *testing.T) {
	t.Parallel()
	for name, page := range hostilePages(t) {
		checkPage(t, name, page)
	}
}

// TestVectorPages makes a page of every vector, whatever the DNS says of its signer.
func TestVectorPages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(vectors + "*.eml")
	if err != nil || len(files) < 500 {
		t.Fatal(err, len(files))
	}
	r := newReceiver(t, readFile(t, vectors+"001-pass.zone"))
	for _, file := range files {
		report, m := verify(t, r, readFile(t, file))
		checkPage(t, file, write(t, report, m))
		if m != nil {
			_ = m.Close()
		}
	}
}

// checkPage checks by a parser that a page is whole and holds nothing but what this package makes.
func checkPage(t *testing.T, name, page string) {
	t.Helper()
	if len(page) > maxPage {
		t.Errorf("%s: %d octets", name, len(page))
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	v := browsertest.Pages("index.html")
	main := 0
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode, html.ErrorNode:
			t.Errorf("%s: %.60q", name, n.Data)
		case html.ElementNode:
		default:
			continue
		}
		element := n.Data
		if n.Namespace != "" {
			element = n.Namespace + ":" + element
		}
		attrs, known := v.Elements[element]
		if !known {
			t.Errorf("%s: <%s>", name, element)
		}
		for _, a := range n.Attr {
			if !slices.Contains(attrs, a.Key) || a.Key == "href" && !v.Links(a.Val) {
				t.Errorf("%s: <%s %s=%.60q>", name, element, a.Key, a.Val)
			}
		}
		if element == "main" {
			main++
		}
	}
	if !strings.HasSuffix(page, "</main></body></html>\n") || main != 1 {
		t.Errorf("%s: the page is not whole", name)
	}
}
