package receiver_test

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// unknownHash is announced as a digest algorithm that is none.
const unknownHash = crypto.Hash(1 << 20)

// signatureAttacks are CMS objects that readers decode differently, and signature parts that some
// readers take for something else.
func (c *cast) signatureAttacks() []vector {
	t, alice := c.t, c.alice
	whole := header("alice@example.org") + clear(bare, signedBy(bare, alice, nil))
	wrapped := header("alice@example.org") + opaque(signedBy(bare, alice, func(sd *signedData) { sd.attached = []byte(bare) }))
	const label = "Content-Transfer-Encoding: base64"
	encoded := func(name, readme, eml, encoding string) vector {
		eml = replaceOnce(t, eml, label, "Content-Transfer-Encoding: "+encoding)
		if encoding == "quoted-printable" {
			i := strings.LastIndex(eml, encoding)
			eml = eml[:i] + strings.NewReplacer("=\r\n", "=3D\r\n", "=\r", "=3D\r").Replace(eml[i:])
		}
		return vector{name: name, readme: readme, eml: eml, zone: c.everybody(), report: verdict("permerror", "malformed")}
	}
	changed := func(name, readme, from, to string) vector {
		return vector{name: name, readme: readme, eml: replaceOnce(t, whole, from, to), zone: c.everybody(), report: verdict("permerror", "malformed")}
	}
	foreign := func(name, readme string, change func(*signedData)) vector {
		eml := header("alice@example.org") + clear(bare, signedBy(bare, alice, change))
		return vector{name: name, readme: readme, eml: eml, zone: c.everybody(), report: verdict("permerror", "malformed")}
	}
	const name = "name=smime.p7s"
	list := attacks([]vector{
		encoded("encoding-quoted-printable", "An opaque object in quoted-printable, which programs decode differently.", wrapped, "quoted-printable"),
		encoded("encoding-quoted-printable-clear", "The same of a signature part.", whole, "quoted-printable"),
		encoded("encoding-uuencode", "An opaque object labelled x-uuencode.", wrapped, "x-uuencode"),
		encoded("encoding-unknown", "A signature part labelled with a word that nobody knows.", whole, "x-none"),
		changed("part-name", "The signature part is called otherwise than one.", name, "name=invoice.html"),
		changed("part-disposition-name", "The same in Content-Disposition.", name, name+"\r\nContent-Disposition: attachment; filename=invoice.html"),
		changed("part-extended-name", "The same in the form of RFC 2231, next to a name as it should be.", name, name+"; name*0=invoice; name*1=.html"),
		changed("part-octet-stream", "The signature part is application/octet-stream.", "application/pkcs7-signature; name", "application/octet-stream; name"),
		changed("part-protocol", "A protocol that is none of S/MIME.", "protocol=\"application/pkcs7-signature\"", "protocol=\"application/x-signature\""),
		foreign("foreign-certificate", "A certificate format other than X.509 among the certificates, with a text in it.", func(sd *signedData) {
			sd.certs = append(sd.certs, &x509.Certificate{Raw: foreignCertificate})
		}),
		foreign("foreign-digest", "A digest algorithm that nobody knows, and that no signer uses.", func(sd *signedData) { sd.digests = []crypto.Hash{sha256, unknownHash} }),
	})
	pass := func(name, readme, eml string) vector {
		return vector{name: name, readme: readme, eml: eml, zone: c.everybody(), report: verdict("pass", "")}
	}
	return append(
		list,
		pass("pass-old-types", "The type names of before RFC 2311, a name in capital letters in both fields.",
			strings.NewReplacer("application/pkcs7-signature", "application/x-pkcs7-signature", name, "name=\"SMIME.P7S\"\r\nContent-Disposition: attachment; filename=\"SMIME.P7S\"").Replace(whole)),
		pass("pass-encoding-unlabelled", "An opaque object in base64 without label.", replaceOnce(t, wrapped, label+"\r\n", "")),
		pass("pass-opaque-octet-stream", "An opaque object as application/octet-stream that is called smime.p7m.", replaceOnce(t, wrapped, "application/pkcs7-mime; smime-type=signed-data", "application/octet-stream")),
		vector{
			name: "pass-known-digests", readme: "Digest algorithms that no signer uses, and that are known.", zone: c.everybody(), report: verdict("pass", ""),
			eml: header("alice@example.org") + clear(bare, signedBy(bare, alice, func(sd *signedData) { sd.digests = []crypto.Hash{crypto.SHA512, sha256, crypto.MD5} })),
		},
	)
}

// foreignCertificate is an OtherCertificateFormat (RFC 5652, Section 10.2.2).
var foreignCertificate = build(func(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.Tag(3).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 3})
		b.AddASN1OctetString([]byte("hello"))
	})
})
