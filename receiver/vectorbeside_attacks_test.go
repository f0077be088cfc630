package receiver_test

import (
	"strings"

	"dnseal/smime"
)

// besideAttacks show a text next to what is signed, or hide a second boundary in the header.
func (c *cast) besideAttacks() []vector {
	t, alice := c.t, c.alice
	whole := header("alice@example.org") + clear(bare, signedBy(bare, alice, nil))
	wrapped := signed(t, mail("alice@example.org"), smime.SignOptions{Opaque: true}, alice)
	before := func(name, readme, text string) vector {
		return vector{name: name, readme: readme, eml: preambled(t, whole, "sig", crlf(text)), zone: c.everybody(), report: verdict("policy", "partial", "uncovered", []any{"preamble before the signed part"})}
	}
	after := func(name, readme, text string) vector {
		return vector{name: name, readme: readme, eml: whole + crlf(text), zone: c.everybody(), report: verdict("policy", "partial", "uncovered", []any{"epilogue after the signed part"})}
	}
	odd := func(name, readme, from, to string) vector {
		return vector{name: name, readme: readme, eml: replaceOnce(t, whole, from, to), zone: c.everybody(), report: verdict("permerror", "malformed")}
	}
	inner := strings.Replace(clear(bare, signedBy(bare, alice, nil)), "\r\n\r\n--sig", "\r\n\r\nPay 900 euros.\r\n--sig", 1)
	pass := func(name, readme, text string) vector {
		return vector{name: name, readme: readme, eml: preambled(t, whole, "sig", crlf(text)), zone: c.everybody(), report: verdict("pass", "")}
	}
	return append(
		attacks([]vector{
			before("beside-like-a-sentence", "A text that begins as the sentences of programs do.", "This is a reminder: pay 900 euros.\n"),
			before("beside-sentence-and-more", "The sentence of a program, and more after it.", "This is a cryptographically signed message in MIME format.\nPay 900 euros.\n"),
			before("beside-more-and-sentence", "The same the other way round.", "Pay 900 euros.\n\nThis is an S/MIME signed message\n"),
			before("beside-one-letter", "One letter.", "x\n"),
			before("beside-header", "A header of another text.", "Content-Type: text/html; boundary=evil\n\n<p>Pay 900 euros.</p>\n"),
			after("beside-epilogue", "A text after the last boundary.", "Pay 900 euros.\n"),
			after("beside-epilogue-far", "The same after many empty lines.", strings.Repeat("\n", 5000)+"Pay 900 euros.\n"),
			{name: "beside-opaque", readme: "A text after the base64 of an opaque message.", eml: wrapped + "\r\nPay 900 euros.\r\n", zone: c.everybody(), report: verdict("policy", "partial", "uncovered", []any{"text after the signed data"})},
			{
				name: "beside-inner-layer", readme: "The text stands inside what mallory signed around alice's message: alice did not sign it.",
				eml: header("alice@example.org") + clearWithin("around", inner, signedBy(inner, c.mallory, nil)), zone: c.everybody(), report: verdict("policy", "partial"),
			},
			odd("boundary-in-value", "A value of Content-Type that holds another boundary.", "micalg=sha-256", `micalg="sha-256; boundary=evil"`),
			odd("boundary-in-name", "A parameter whose name ends like that of the boundary.", "micalg=sha-256", "micalg=sha-256; x-boundary=evil"),
		}),
		pass("pass-sentence-thunderbird", "The sentence of Thunderbird.", "This is a cryptographically signed message in MIME format.\n\n"),
		pass("pass-sentence-openssl", "The sentence of OpenSSL.", "This is an S/MIME signed message\n\n"),
		pass("pass-sentence-courier", "The sentences of Courier, on two lines.", "This is a MIME-formatted message.  If you see this text it means that your\nE-mail software does not support MIME-formatted messages.\n\n"),
		pass("pass-sentence-outlook", "The sentence of Outlook.", "This is a multipart message in MIME format.\n\n"),
		pass("pass-empty-lines", "Empty lines.", "\n \n\t\n\n"),
		vector{name: "pass-empty-lines-behind", readme: "Empty lines after the last boundary.", eml: whole + "\r\n \r\n\r\n", zone: c.everybody(), report: verdict("pass", "")},
	)
}
