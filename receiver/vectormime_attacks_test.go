package receiver_test

import (
	"encoding/asn1"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// mimeAttacks show a text that is not what was signed: the classes M1 to M4, and structures that
// readers read differently.
func (c *cast) mimeAttacks() []vector {
	t, alice := c.t, c.alice
	h := header("alice@example.org")
	part := clear(bare, signedBy(bare, alice, nil))
	partial := func(number string) map[string]any {
		return verdict("policy", "partial", "signatures", signature("covers", "part "+number, "integrity", "good", "binding", "from"))
	}
	whole := h + part
	return attacks([]vector{
		{name: "m1-prepended-text", readme: "M1: another text stands before the signed part.", eml: h + mixed("mixed", evil, part), zone: c.everybody(), report: partial("2.1")},
		{name: "m1-appended-text", readme: "M1: another text stands behind the signed part, as after a list that wraps.", eml: h + mixed("mixed", part, evil), zone: c.everybody(), report: partial("1.1")},
		{
			name: "m2-hidden-by-html", readme: "M2: HTML in front that leaves an element open hides the signed part.",
			eml: h + mixed("mixed", "Content-Type: text/html\r\n\r\nPay 900 euros.<div style=\"display:none\"><!--\r\n", part), zone: c.everybody(), report: partial("2.1"),
		},
		{
			name: "m3-hidden-by-reference", readme: "M3: the signed part is only referred to, by a picture that is not shown.",
			eml: h + mixed("related", "Content-Type: text/html\r\n\r\nPay 900 euros.<img src=\"cid:signed\" height=0>\r\n", "Content-ID: <signed>\r\n"+part), zone: c.everybody(), report: partial("2.1"),
		},
		{
			name: "m4-hidden-as-attachment", readme: "M4: alice's signed message is an attachment of another text under her name.",
			eml: h + mixed("mixed", evil, "Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"+whole), zone: c.everybody(), report: partial("2.1"),
		},
		{name: "m-alternative", readme: "The signed part is the alternative that nobody is shown.", eml: h + mixed("alternative", part, evil), zone: c.everybody(), report: partial("1.1")},
		{
			name: "m-opaque-inside", readme: "The same with opaque signed-data.", zone: c.everybody(), report: partial("2"),
			eml: h + mixed("mixed", evil, opaque(signedBy(bare, alice, func(sd *signedData) { sd.attached = []byte(bare) }))),
		},
		{
			name: "m-part-of-no-record", readme: "A part signed with a certificate of some CA for alice, who publishes nothing: that it is wrapped is not all that is wrong with it.",
			eml: h + mixed("mixed", evil, clear(bare, signedBy(bare, newPerson(t, "alice@example.org", "mallory", c.mailCA, nil), nil))), zone: c.zoneOf(c.bob), report: partial("2.1"),
		},
		{
			name: "m-others-part", readme: "mallory's own signed part under alice's name: what is wrong with it is not that a list wrapped it.",
			eml: h + mixed("mixed", evil, clear(bare, signedBy(bare, c.mallory, nil))), zone: c.everybody(), report: verdict("policy", "from-mismatch"),
		},
		{
			name: "m-third-part", readme: "A third part in multipart/signed, which some readers show.",
			eml: replaceOnce(t, whole, "--sig--\r\n", "--sig\r\n"+evil+"--sig--\r\n"), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "m-part-before", readme: "A part put before the signed one inside multipart/signed.",
			eml: strings.Replace(whole, "--sig\r\n", "--sig\r\n"+evil+"\r\n--sig\r\n", 1), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "m-only-one-part", readme: "The signature part was taken away.",
			eml: whole[:strings.LastIndex(whole, "--sig\r\n")] + "--sig--\r\n", zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{name: "m-no-last-boundary", readme: "The end of the message was cut off.", eml: replaceOnce(t, whole, "--sig--\r\n", ""), zone: c.everybody(), report: verdict("permerror", "malformed")},
		{
			name: "m-two-content-types", readme: "Two Content-Type fields, the first a text: readers take the first, and for them nothing is signed.",
			eml: h + "Content-Type: text/html\r\n" + part, zone: c.everybody(), report: verdict("none", ""),
		},
		{
			name: "m-two-content-types-turned", readme: "Two Content-Type fields, the first the signed structure: another reader takes the last.",
			eml: h + strings.Replace(part, "\r\n\r\n", "\r\nContent-Type: text/html\r\n\r\n", 1), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "m-two-boundaries", readme: "Two boundary parameters: readers split differently.",
			eml: replaceOnce(t, whole, `boundary="sig"`, `boundary="evil"; boundary="sig"`), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "m-two-types-in-part", readme: "Two Content-Type fields in the part of the signature.",
			eml: strings.Replace(whole, "Content-Type: application/pkcs7-signature", "Content-Type: text/plain\r\nContent-Type: application/pkcs7-signature", 1), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "m-encoded-multipart", readme: "multipart/signed with a transfer encoding, which some decode and some do not.",
			eml: h + "Content-Transfer-Encoding: base64\r\n" + part, zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "m-boundary-bare-lf", readme: "A boundary behind a bare LF: one reader begins a part there, another does not.",
			eml: strings.Replace(whole, text, text+"\n--sig\nContent-Type: text/plain\n\nPay 900 euros.\r\n", 1), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "m-footer-inside", readme: "A list appended its footer to the signed text.",
			eml: strings.Replace(whole, text, text+"-- \r\nA list of example.com\r\n", 1), zone: c.everybody(), report: verdict("fail", "bad-digest"),
		},
		{
			name: "m-pgp-protocol", readme: "multipart/signed by OpenPGP: not judged, and not taken for S/MIME.",
			eml: strings.NewReplacer("application/pkcs7-signature", "application/pgp-signature").Replace(whole), zone: c.everybody(), report: verdict("none", "pgp"),
		},
		{
			name: "m-encrypted", readme: "EnvelopedData: what is signed inside cannot be seen.",
			eml: h + opaque(enveloped()), zone: c.everybody(), report: verdict("none", "encrypted"),
		},
	})
}

// enveloped is a ContentInfo that says it is EnvelopedData.
func enveloped() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3})
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
			})
		})
	})
}
