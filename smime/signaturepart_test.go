package smime

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const malformedRoot = "signed !malformed [2 message bad malformed]"

// The signature part is one for every reader, or the message is malformed.
func TestSignaturePart(t *testing.T) {
	t.Parallel()
	whole := head + clearPart(content, p7s+detached(t, content, alice()))
	const good = "signed [2 message good]"
	const wide = "utf-16''" // a charset in which ASCII is not ASCII
	for _, c := range []struct{ name, from, to, want string }{
		{"no name", "; name=smime.p7s", "", good},
		{"capital letters", "smime.p7s", "SMIME.P7S", good},
		{"both fields", "name=smime.p7s\r\n", "name=\"smime.p7s\"\r\nContent-Disposition: attachment; filename=\"smime.p7s\"\r\n", good},
		{"no disposition name", "name=smime.p7s\r\n", "name=smime.p7s\r\nContent-Disposition: attachment\r\n", good},
		{"encoded word", "name=smime.p7s", "name=\"=?utf-8?q?smime=2Ep7s?=\"", good},
		{"extended value", "name=smime.p7s", "name*=utf-8''smime%2Ep7s", good},
		{"continuations", "name=smime.p7s", "name*0=smime; name*1=.p7s", good},
		{"both forms", "name=smime.p7s", "name=smime.p7s; name*=us-ascii''signature.p7s", good},
		{"old type", "application/pkcs7-signature; name", "application/x-pkcs7-signature; name", good},
		{"old protocol", "protocol=\"application/pkcs7", "protocol=\"application/x-pkcs7", good},
		{"protocol in capital letters", "protocol=\"application/pkcs7-signature", "protocol=\"Application/PKCS7-Signature", good},
		{"no protocol", " protocol=\"application/pkcs7-signature\";", "", good},

		{"another name", "smime.p7s", "invoice.pdf", malformedRoot},
		{"another end", "smime.p7s", "smime.p7s.html", malformedRoot},
		{"the name of opaque messages", "smime.p7s", "smime.p7m", malformedRoot},
		{"empty name", "name=smime.p7s", "name=\"\"", malformedRoot},
		{"white space after it", "name=smime.p7s", "name=\"smime.p7s \"", malformedRoot},
		{"a dot after it", "smime.p7s", "smime.p7s.", malformedRoot},
		{"another name in the other field", "name=smime.p7s\r\n", "name=smime.p7s\r\nContent-Disposition: attachment; filename=invoice.pdf\r\n", malformedRoot},
		{"a name of the disposition", "name=smime.p7s\r\n", "name=smime.p7s\r\nContent-Disposition: attachment; name=invoice.pdf\r\n", malformedRoot},
		{"a filename of the type", "name=smime.p7s", "name=smime.p7s; filename=invoice.pdf", malformedRoot},
		{"another name as encoded word", "name=smime.p7s", "name=\"=?utf-8?q?invoice=2Epdf?=\"", malformedRoot},
		{"another end as encoded word", "name=smime.p7s", "name=\"smime.p7s=?utf-8?q?=2Epdf?=\"", malformedRoot},
		{"encoded word in an unknown charset", "name=smime.p7s", "name=\"=?x-unknown?q?smime.p7s?=\"", malformedRoot},
		{"another name as extended value", "name=smime.p7s", "name=smime.p7s; name*=utf-8''invoice%2Epdf", malformedRoot},
		{"another name in pieces", "name=smime.p7s", "name=smime.p7s; name*0=invoice; name*1=.pdf", malformedRoot},
		{"another charset", "name=smime.p7s", "name*=" + wide + "smime.p7s", malformedRoot},
		{"writing that turns its direction", "name=smime.p7s", "name=\"x\u202efdp.p7s\"", malformedRoot},
		{"a quote in it", "name=smime.p7s", "name=\"invoice.pdf\\\".p7s\"", malformedRoot},
		{"percent signs", "smime.p7s", "invoice.pdf%00.p7s", malformedRoot},
		{"two dispositions", "name=smime.p7s\r\n", "name=smime.p7s\r\nContent-Disposition: attachment\r\nContent-Disposition: inline\r\n", malformedRoot},
		{"two filenames", "name=smime.p7s\r\n", "name=smime.p7s\r\nContent-Disposition: attachment; filename=a.p7s; filename=b.p7s\r\n", malformedRoot},
		{"octet-stream", "application/pkcs7-signature; name", "application/octet-stream; name", malformedRoot},
		{"the type of opaque messages", "application/pkcs7-signature; name", "application/pkcs7-mime; name", malformedRoot},
		{"the protocol of opaque messages", "protocol=\"application/pkcs7-signature", "protocol=\"application/pkcs7-mime", malformedRoot},
		{"unknown protocol", "protocol=\"application/pkcs7-signature", "protocol=\"application/x-other", malformedRoot},
		{"empty protocol", "protocol=\"application/pkcs7-signature\"", "protocol=\"\"", malformedRoot},
	} {
		if n := strings.Count(whole, c.from); n != 1 {
			t.Fatalf("%s: %q stands %d times in the message", c.name, c.from, n)
		}
		if got := summary(verify(t, strings.Replace(whole, c.from, c.to, 1))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A CMS object is read in base64 or as it stands, whatever a decoder of another transfer encoding
// would make of it.
func TestObjectEncoding(t *testing.T) {
	t.Parallel()
	sig, opaque := detached(t, content, alice()), attached(t, content, alice())
	asEquals := strings.NewReplacer("=", "=3D", "+", "=2B")
	const clearType = "Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"
	const opaqueType = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
	for _, label := range []string{
		"quoted-printable", "Quoted-Printable", "x-uuencode", "uuencode", "x-uue", "x-yencode", "x-unknown", "mac-binhex40", "utf-8", "8bits", "base 64",
		"base-64", "base64 7bit", "7bit base64", "base64;", "\"base64\"", "gzip", "8bit,base64", "\x01base64",
	} {
		for _, encode := range []func(string) string{func(s string) string { return s }, asEquals.Replace, func(s string) string { return decode(t, s) }} {
			field := "Content-Transfer-Encoding: " + label + "\r\n\r\n"
			if r := verify(t, head+opaqueType+field+encode(opaque)); broken(r) == "" {
				t.Errorf("%s, opaque: %s", label, summary(r))
			}
			if r := verify(t, head+clearPart(content, clearType+field+encode(sig))); broken(r) == "" {
				t.Errorf("%s, clear: %s", label, summary(r))
			}
		}
	}
	for _, label := range []string{"base64", "BASE64", " base64 ", "7bit", "8BIT", "binary", ""} {
		field := "Content-Transfer-Encoding: " + label + "\r\n\r\n"
		if r := verify(t, head+opaqueType+field+opaque); broken(r) != "" {
			t.Errorf("%s, opaque: %s", label, summary(r))
		}
		if r := verify(t, head+clearPart(content, clearType+field+sig)); broken(r) != "" {
			t.Errorf("%s, clear: %s", label, summary(r))
		}
	}
}

// Any word for the transfer encoding but those four, on a signature part or an opaque object, and
// nothing is good.
func TestAnyEncodingWord(t *testing.T) {
	t.Parallel()
	clearMail := head + clearPart(content, p7s+detached(t, content, alice()))
	opaqueMail := head + p7m + "\r\n" + attached(t, content, alice())
	known := []string{"base64", "7bit", "8bit", "binary", ""}
	rapid.Check(t, func(rt *rapid.T) {
		piece := rapid.SampledFrom([]string{"base64", "BASE64", "7bit", "8bit", "binary", "quoted-printable", "uuencode", "x-", "-", "/", ";", " ", "\t", "\"", "=", "?", "a", "6", "\u00e9", "\x7f"})
		word := strings.Join(rapid.SliceOfN(piece, 1, 4).Draw(rt, "word"), "")
		allowed := slices.Contains(known, strings.ToLower(strings.Trim(word, " \t")))
		for _, eml := range []string{clearMail, opaqueMail} {
			r := verify(t, strings.Replace(eml, "Encoding: base64", "Encoding: "+word, 1))
			if good := broken(r) == ""; good != allowed {
				rt.Errorf("%q: %s", word, summary(r))
			}
		}
	})
}
