package smime

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/transit"
)

// detached returns the base64 of a detached SignedData over content.
func detached(tb testing.TB, content string, signers ...cms.Signer) string {
	tb.Helper()
	opts := cms.SignOptions{Signers: signers, Time: signedAt}
	for _, s := range signers {
		opts.Certificates = append(opts.Certificates, s.Certificate)
	}
	der, err := cms.Sign(strings.NewReader(content), opts)
	if err != nil {
		tb.Fatal(err)
	}
	return wrap(der)
}

// attached returns the base64 of a SignedData with content inside.
func attached(tb testing.TB, content string, signers ...cms.Signer) string {
	tb.Helper()
	opts := cms.SignOptions{Signers: signers, Time: signedAt}
	for _, s := range signers {
		opts.Certificates = append(opts.Certificates, s.Certificate)
	}
	var der strings.Builder
	if err := cms.SignAttached(&der, strings.NewReader(content), int64(len(content)), opts); err != nil {
		tb.Fatal(err)
	}
	return wrap([]byte(der.String()))
}

func wrap(der []byte) string {
	var out strings.Builder
	b := transit.NewBase64Writer(&out)
	b.Write(der)
	b.Close()
	return out.String()
}

// Pieces of messages made by hand.
const (
	head       = "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n"
	signedType = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=S\r\n"
	content    = "Content-Type: text/plain\r\n\r\nHello\r\n"
	p7s        = "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	p7m        = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n"
)

// clearPart makes a multipart/signed entity of content and a signature part.
func clearPart(entity, signature string) string {
	return signedType + "\r\n--S\r\n" + entity + "\r\n--S\r\n" + signature + "\r\n--S--\r\n"
}

// summary is a report in a few words: kind, code, and for each signature part, coverage, integrity
// and code.
func summary(r *Report) string {
	out := []string{string(r.Kind)}
	if r.Code != "" {
		out = append(out, "!"+string(r.Code))
	}
	for _, s := range r.Signatures {
		w := fmt.Sprintf("[%s %s %s", s.Part, s.Covers, s.Integrity)
		if s.Code != "" {
			w += " " + string(s.Code)
		}
		out = append(out, w+"]")
	}
	for _, u := range r.Uncovered {
		out = append(out, "("+u+")")
	}
	return strings.Join(out, " ")
}

func TestVerifyStructure(t *testing.T) {
	t.Parallel()
	sig := p7s + detached(t, content, alice())
	whole := head + clearPart(content, sig)
	inner := clearPart(content, sig)
	longer := "Content-Type: multipart/mixed; boundary=SX\r\n\r\n--SX\r\n\r\nHello\r\n--SX--"
	opaque := attached(t, content, alice())
	const good = "signed [2 message good]"
	const goodOpaque = "signed [1 message good]"
	twice := strings.NewReplacer("boundary=S", "boundary=T", "--S", "--T").Replace(inner)
	for _, c := range []struct{ name, msg, want string }{
		{"plain", head + "\r\nHello", "none"},
		{"clear", whole, good},
		{"no final line end", strings.TrimSuffix(whole, "\r\n"), good},
		{"Unix file", strings.ReplaceAll(whole, "\r\n", "\n"), good},
		{"no MIME-Version", strings.Replace(whole, "MIME-Version: 1.0\r\n", "", 1), good},
		{"two MIME-Versions", "MIME-Version: 1.0\r\n" + whole, good},
		{"no protocol", strings.Replace(whole, " protocol=\"application/pkcs7-signature\";", "", 1), good},
		{"x-pkcs7-signature", strings.ReplaceAll(whole, "pkcs7-signature", "x-pkcs7-signature"), good},
		{"octet-stream with file name", strings.Replace(whole, "application/pkcs7-signature; name", "application/octet-stream; name", 1), "signed !malformed [2 message bad malformed]"},
		{"micalg unknown", strings.Replace(whole, "sha-256", "\"md5,foo\"", 1), good},
		{"micalg missing", strings.Replace(whole, "micalg=sha-256; ", "", 1), good},
		{"boundary padding", strings.ReplaceAll(whole, "--S\r\n", "--S  \r\n"), good},
		{"preamble", strings.Replace(whole, "\r\n\r\n--S", "\r\n\r\nRead this first!\r\n--S", 1), good + " (preamble before the signed part)"},
		{"usual preamble", strings.Replace(whole, "\r\n\r\n--S", "\r\n\r\nThis is an S/MIME signed message\r\n--S", 1), good},
		{"epilogue", whole + "-- \r\nlist footer\r\n", good + " (epilogue after the signed part)"},
		{"text behind the signature", strings.Replace(whole, "\r\n--S--", "\r\n\r\nEvil text\r\n--S--", 1), "signed [2 message bad malformed]"},
		{"almost a boundary before the first part", strings.Replace(whole, "\r\n\r\n--S", "\r\n\r\n--SX\r\n\r\nEvil\r\n--S", 1), "signed !malformed [2 message bad malformed]"},
		{"almost a boundary behind the last part", whole + "--S-\r\n\r\nEvil\r\n", "signed !malformed [2 message bad malformed]"},
		{"parts behind the last boundary", whole + "--S\r\n\r\nEvil\r\n--S--\r\n", "signed !malformed [2 message bad malformed]"},
		{"almost a boundary in the signature part", strings.Replace(whole, "\r\n--S--", "\r\n--S \tX\r\n\r\nEvil\r\n--S--", 1), "signed !malformed [2 message bad malformed]"},
		{"a boundary that another one begins with", head + clearPart(longer, p7s+detached(t, longer, alice())), good},

		{"changed", strings.Replace(whole, "Hello", "Hullo", 1), "signed [2 message bad bad-digest]"},
		{"part header changed", strings.Replace(whole, "text/plain", "text/html", 1), "signed [2 message bad bad-digest]"},
		{"one line end less", strings.Replace(whole, "Hello\r\n", "Hello", 1), "signed [2 message bad bad-digest]"},
		{"boundary longer than the real one", strings.Replace(whole, "Hello\r\n", "Hello\r\n--SX\r\n", 1), "signed [2 message bad bad-digest] (what follows a line in the signed part that some readers take for a boundary)"},
		{"third part", strings.Replace(whole, "--S--", "--S\r\n\r\nEvil\r\n--S--", 1), "signed !malformed [2 message bad malformed]"},
		{"part in front", strings.Replace(whole, "--S\r\n", "--S\r\n\r\nEvil\r\n--S\r\n", 1), "signed !malformed [2 message bad malformed]"},
		{"one part", head + signedType + "\r\n--S\r\n" + content + "\r\n--S--\r\n", "signed !malformed [2 message bad malformed]"},
		{"no closing boundary", strings.Replace(whole, "--S--", "", 1), "signed !malformed [2 message bad malformed]"},
		{"no boundary parameter", strings.Replace(whole, "; boundary=S", "", 1), "signed !malformed [1 message bad malformed]"},
		{"wrong boundary", strings.Replace(whole, "boundary=S", "boundary=T", 1), "signed !malformed [2 message bad malformed]"},
		{"two boundaries", strings.Replace(whole, "boundary=S", "boundary=S; boundary=T", 1), "signed !malformed [2 message bad malformed]"},
		{"two Content-Types", "Content-Type: text/html\r\n" + whole, "none"},
		{"two Content-Types, the signed one first", strings.Replace(whole, "\r\n\r\n", "\r\nContent-Type: text/html\r\n\r\n", 1), "signed !malformed [2 message bad malformed]"},
		{"base64 label", strings.Replace(whole, "MIME-Version: 1.0", "Content-Transfer-Encoding: base64", 1), "signed !malformed [2 message bad malformed]"},
		{"boundary with bare LF", strings.Replace(whole, "Hello\r\n\r\n--S", "Hello\r\n\n--S", 1), "signed !malformed [2 message bad malformed]"},
		{"second part is text", strings.Replace(whole, "Content-Type: application/pkcs7-signature; name=smime.p7s", "Content-Type: text/plain", 1), "signed !malformed [2 message bad malformed]"},
		{"signature part with two types", strings.Replace(whole, "Content-Type: application/pkcs7", "Content-Type: text/html\r\nContent-Type: application/pkcs7", 1), "signed !malformed [2 message bad malformed]"},
		{"signature truncated", head + clearPart(content, sig[:len(sig)-40]), "signed [2 message bad malformed]"},
		{"signature empty", head + clearPart(content, p7s), "signed [2 message bad malformed]"},
		{"signature of another kind", head + clearPart(content, p7s+"MAA="), "signed [2 message bad malformed]"},
		{"content inside a detached signature", head + clearPart("Content-Type: text/plain\r\n\r\nEvil\r\n", p7s+opaque), "signed [2 message bad malformed]"},
		{"no signer", head + clearPart(content, p7s+certsOnly(t)), "signed [2 message bad malformed]"},

		{"opaque", head + p7m + "\r\n" + opaque, goodOpaque},
		{"opaque, old type", head + strings.Replace(p7m, "pkcs7-mime", "x-pkcs7-mime", 1) + "\r\n" + opaque, goodOpaque},
		{"opaque, no smime-type", head + strings.Replace(p7m, " smime-type=signed-data;", "", 1) + "\r\n" + opaque, goodOpaque},
		{"opaque, file name only", head + strings.Replace(p7m, "pkcs7-mime; smime-type=signed-data", "octet-stream", 1) + "\r\n" + opaque, goodOpaque},
		{"opaque, no encoding named", head + "Content-Type: application/pkcs7-mime\r\n\r\n" + opaque, goodOpaque},
		{"opaque, binary", head + "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n" + decode(t, opaque), goodOpaque},
		{"opaque, rewrapped", head + p7m + "\r\n" + strings.ReplaceAll(opaque, "\r\n", ""), goodOpaque},
		{"opaque, footer", head + p7m + "\r\n" + opaque + "\r\n-- \r\nlist\r\n", goodOpaque + " (text after the signed data)"},
		{"opaque, footer without a line between", head + p7m + "\r\n" + opaque + "-- \r\nlist\r\n", goodOpaque + " (text after the signed data)"},
		{"opaque, truncated", head + p7m + "\r\n" + opaque[:200], "signed [1 message bad malformed]"},
		{"opaque, without content", head + p7m + "\r\n" + detached(t, content, alice()), "signed [1 message bad malformed]"},
		{"opaque, two types", head + p7m + "Content-Type: text/plain\r\n\r\n" + opaque, "signed !malformed [1 message bad malformed]"},
		{"certs-only", head + p7m + "\r\n" + certsOnly(t), "certs-only"},
		{"enveloped", head + p7m + "\r\n" + wrap(contentInfo("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03")), "encrypted"},
		{"authenticated and enveloped", head + p7m + "\r\n" + wrap(contentInfo("\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17")), "encrypted"},
		{"compressed", head + p7m + "\r\n" + wrap(contentInfo("\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09")), "compressed"},
		{"PGP signed", mixedHead("multipart/signed; protocol=\"application/pgp-signature\"; boundary=S") + "--S\r\n\r\nx\r\n--S\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--S--", "pgp"},
		{"PGP encrypted", mixedHead("multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=S") + "--S--", "pgp"},

		{"wrapped with a footer", mixed(inner, "\r\nfooter"), "none [1.2 part 1.1 good] (part 2 (\"\"))"},
		{"text put in front", mixed("Content-Type: text/html\r\n\r\nEvil", inner), "none [2.2 part 2.1 good] (part 1 (\"text/html\"))"},
		{"hidden as attachment", mixed("\r\nEvil", "Content-Disposition: attachment\r\n"+inner), "none [2.2 part 2.1 good] (part 1 (\"\"))"},
		{"opaque part", mixed("\r\nEvil", p7m+"\r\n"+opaque), "none [2 part 2 good] (part 1 (\"\"))"},
		{"attached message", mixed("\r\nSee below", "Content-Type: message/rfc822\r\n\r\n"+whole), "none [2.2 part 2.1 good] (part 1 (\"\"))"},
		{"signed twice", head + clearPart(twice, p7s+detached(t, twice, bob())), "signed [2 message good] [1.2 message good]"},
		{"signed twice, changed between the signatures", head + clearPart(twice+"\r\n", p7s+detached(t, twice, bob())), "signed [2 message bad bad-digest] [1.2 message good]"},
		{"signed twice with one boundary", head + clearPart(inner, p7s+detached(t, inner, bob())), "signed !malformed [2 message bad malformed]"},
		{"clear in opaque", head + p7m + "\r\n" + attached(t, inner, bob()), "signed [1 message good] [1.2 message good]"},
		{"opaque in opaque", head + p7m + "\r\n" + attached(t, p7m+"\r\n"+opaque, bob()), "signed [1 message good] [1.1 message good]"},
		{"signed attachment in signed mail", head + p7m + "\r\n" + attached(t, strings.TrimPrefix(mixed("\r\nx", inner), "From: a@example.org\r\n"), bob()), "signed [1 message good] [1.2.2 part 1.2.1 good]"},
		{"five layers", head + layers(t, 5), "signed !limit:layers [1 message good] [1.1 message good] [1.1.1 message good] [1.1.1.1 message good]"},
		{"two signers", head + clearPart(content, p7s+detached(t, content, alice(), bob())), "signed [2 message good] [2 message good]"},
		{"too many signatures", mixed(strings.Split(strings.Repeat(inner+"\x00", maxSignatures+1), "\x00")...), "none !limit:signatures" + manyGood()},
		{"too many parts", mixed(make([]string, 10000)...), "none !limit:parts"},
		{"too deep", deep(40), "none !limit:depth"},
		{"huge part header", mixed("X: " + strings.Repeat("x", 1<<20) + "\r\n\r\nx"), "none !limit:header"},
	} {
		if got := summary(verify(t, c.msg)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func mixedHead(contentType string) string { return head + "Content-Type: " + contentType + "\r\n\r\n" }

func manyGood() string {
	s := ""
	for i := range maxSignatures {
		s += fmt.Sprintf(" [%d.2 part %d.1 good]", i+1, i+1)
	}
	return s
}

func deep(n int) string {
	s := ""
	for range n {
		s += "Content-Type: message/rfc822\r\n\r\n"
	}
	return head + s + "x"
}

func layers(tb testing.TB, n int) string {
	tb.Helper()
	entity := content
	for range n {
		entity = p7m + "\r\n" + attached(tb, entity, alice())
	}
	return entity
}

func decode(tb testing.TB, s string) string {
	tb.Helper()
	b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(s, "\r\n", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// contentInfo is a ContentInfo of a type, with nothing much in it.
func contentInfo(oid string) []byte {
	inside := oid + "\xa0\x02\x30\x00"
	return []byte("\x30" + string(rune(len(inside))) + inside)
}

// certsOnly is the base64 of a SignedData without signers.
func certsOnly(tb testing.TB) string {
	tb.Helper()
	der := "\x02\x01\x01\x31\x00\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\x31\x00"
	der = "\x30" + string(rune(len(der))) + der
	der = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0" + string(rune(len(der))) + der
	return wrap([]byte("\x30" + string(rune(len(der))) + der))
}
