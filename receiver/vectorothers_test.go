package receiver_test

import (
	"strings"

	"dnseal/smime"
)

// others are kinds of messages that the tests of other mail programs hold.
func (c *cast) others() []vector {
	t := c.t
	const enveloped = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	// ContentInfo with id-envelopedData (RFC 5652, Section 6.1) and an empty content.
	sealed := enveloped + wrapped([]byte("\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x02\x30\x00"))
	pgp := crlf("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=pgp\n\n--pgp\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--pgp\nContent-Type: application/octet-stream\n\nx\n--pgp--\n")
	none := func(name, readme, body, code string, more ...any) vector {
		return vector{name: name, readme: readme, eml: header("alice@example.org") + body, zone: c.everybody(), report: verdict("none", code, more...)}
	}
	by := func(name, readme, content, verdictWord, code string, more ...any) vector {
		return vector{name: name, readme: readme, eml: header("alice@example.org") + clear(content, signedBy(content, c.alice, nil)), zone: c.everybody(), report: verdict(verdictWord, code, more...)}
	}
	opaqueBy := func(p person, content string) string {
		return header("alice@example.org") + opaque(signedBy(content, p, func(sd *signedData) { sd.attached = []byte(content) }))
	}
	broken := strings.Replace(clearWithin("in", bare, signedBy(bare, c.bob, nil)), "MII", "!!!", 1)
	cut := strings.Replace(clearWithin("in", bare, signedBy(bare, c.bob, nil)), "--in--\r\n", "", 1)
	unread := signature("part", "2", "verdict", "pass", "covers", "message")
	remarks := func(text ...any) []any { return text }
	inside := func(more string) []any {
		return append(unread, map[string]any{"part": more, "verdict": "permerror", "code": "malformed"})
	}
	from := func(name, readme, value, verdictWord, code string) vector {
		return vector{name: name, readme: readme, eml: header(value) + clear(bare, signedBy(bare, c.mallory, nil)), zone: c.everybody(), report: verdict(verdictWord, code), attack: verdictWord != "pass"}
	}
	late := strings.Replace(mail("alice@example.org"), "11:00:00 +0000", "08:00:00 +0000", 1)
	return []vector{
		none("none-encrypted-part", "A part of an unsigned message is encrypted: a list added a footer.", mixed("mixed", sealed, bare), "encrypted", "remarks", remarks("part 1 is encrypted: a signature inside cannot be seen")),
		none("none-pgp-encrypted-part", "The same by OpenPGP.", mixed("mixed", bare, pgp), "encrypted", "remarks", remarks("part 2 is encrypted: a signature inside cannot be seen")),
		by("pass-encrypted-part", "A signed message has an encrypted part.", mixed("mixed", bare, sealed), "pass", "", "remarks", remarks("part 1.2 is encrypted: a signature inside cannot be seen")),
		by("pass-inner-unread", "alice signed a message that holds a multipart/signed whose signature cannot be read.", mixed("mixed", bare, broken), "pass", "", "signatures", inside("1.2.2")),
		by("pass-inner-cut", "The same without its last boundary.", mixed("mixed", bare, cut), "pass", "", "signatures", inside("1.2.2")),
		by("pass-whole-inner-unread", "alice signed a multipart/signed of bob's whose signature cannot be read: all that there is to see is hers.", broken, "pass", "", "signatures", inside("1.2")),
		by("pass-whole-inner-cut", "The same without its last boundary.", cut, "pass", "", "signatures", inside("1.2")),
		{name: "pass-opaque-inner-cut", readme: "The same in an opaque signature.", eml: opaqueBy(c.alice, cut), zone: c.everybody(), report: verdict("pass", "")},
		{name: "other-opaque-inner-cut", readme: "mallory's signature is around it, and From is alice's.", attack: true, eml: opaqueBy(c.mallory, cut), zone: c.everybody(), report: verdict("permerror", "malformed")},
		none("none-certs-only-junk", "The object that is said to hold certificates cannot be read.", "Content-Type: application/pkcs7-mime; smime-type=certs-only; name=smime.p7c\r\nContent-Transfer-Encoding: base64\r\n\r\nbm8gY2VydGlmaWNhdGVz\r\n", "certs-only"),
		none("none-certs-only-content", "It has a content and no signer.", "Content-Type: application/pkcs7-mime; smime-type=certs-only; name=smime.p7c\r\nContent-Transfer-Encoding: base64\r\n\r\n"+wrapped(signedBy(bare, c.alice, func(sd *signedData) { sd.attached, sd.signers = []byte(bare), nil })), "certs-only"),
		{name: "certs-only-signed", readme: "The object holds a signature that fails.", attack: true, eml: header("alice@example.org") + strings.Replace(opaque(signedBy(bare, c.alice, func(sd *signedData) { sd.attached = []byte(bare + "x") })), "signed-data", "certs-only", 1), zone: c.everybody(), report: verdict("fail", "bad-digest")},
		from("shown-other-unquoted", "alice's address is the name before mallory's, without quotation marks.", "alice@example.org <mallory@mallory.example>", "policy", "display-name"),
		from("shown-other-unquoted-raw", "The same with raw Latin-1.", "J\xf6rg alice@example.org <mallory@mallory.example>", "policy", "display-name"),
		from("pass-own-unquoted-raw", "Her own address with raw Latin-1.", "J\xf6rg mallory@mallory.example <mallory@mallory.example>", "pass", ""),
		{name: "pass-signed-hours-after-date", readme: "The message was signed three hours after its Date.", eml: signed(t, late, smime.SignOptions{Time: clock.Add(-hour)}, c.alice), zone: c.everybody(), report: verdict("pass", "", "remarks", remarks("the signing time is 3 h 0 min after Date; some readers refuse that"))},
	}
}
