package receiver_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime"
)

const evil = "Content-Type: text/plain; charset=utf-8\r\n\r\nWe meet at noon. The sum is 900 euros, to another account.\r\n"

// altName is a subjectAltName with one SmtpUTF8Mailbox (RFC 9598, Section 3).
func altName(name string) pkix.Extension {
	id := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9}
	explicit := cbasn1.Tag(0).ContextSpecific().Constructed()
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(explicit, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(id)
				b.AddASN1(explicit, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
				})
			})
		})
	})}
}

// cmsAttacks play with the SignedData: the classes C1, C2, C3 of "Johnny, you are fired", and the forms that
// signers never write and some verifiers take.
func (c *cast) cmsAttacks() []vector {
	t, alice := c.t, c.alice
	// of is a message of alice with a SignedData over bare that was changed.
	of := func(change func(*signedData)) string {
		return header("alice@example.org") + clear(bare, signedBy(bare, alice, change))
	}
	first := func(change func(*signer)) func(*signedData) {
		return func(sd *signedData) { change(&sd.signers[0]) }
	}
	attrs := func(change func([][]byte) [][]byte) func(*signedData) {
		return first(func(s *signer) { s.attributes = change })
	}
	without := func(id asn1.ObjectIdentifier) func([][]byte) [][]byte {
		return func(as [][]byte) [][]byte { return slices.DeleteFunc(as, isAttribute(id)) }
	}
	digestOf := derOctets(digest(crypto.SHA256, []byte(bare)))
	other := derOctets(digest(crypto.SHA256, []byte(evil)))
	genuine := signer{person: alice, content: []byte(bare), hash: crypto.SHA256, at: clock.Add(-hour)}
	set := build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			for _, a := range genuine.list(oidData) {
				b.AddBytes(a)
			}
		})
	})
	changed := func(eml string) string { return replaceOnce(t, eml, "100 euros", "900 euros") }
	mine := newPerson(t, "mallory@mallory.example", "alice", person{}, nil) // mallory's certificate for alice's key
	return attacks([]vector{
		{
			name: "changed-byte", readme: "One byte of the text changed on the way.", zone: c.everybody(),
			eml:    changed(signed(t, mail("alice@example.org"), smime.SignOptions{}, alice)),
			report: verdict("fail", "bad-digest", "signatures", signature("integrity", "bad", "binding", "from")),
		},
		{
			name: "changed-part-header", readme: "A header field of the signed part changed on the way.", zone: c.everybody(),
			eml:    strings.Replace(of(nil), "charset=utf-8", "charset=UTF-8", 1),
			report: verdict("fail", "bad-digest"),
		},
		{
			name: "c1-content-inside", readme: "C1: the SignedData carries alice's true text, the part beside it another. Who verifies the one and shows the other is deceived.",
			eml:  header("alice@example.org") + clear(evil, signedBy(bare, alice, func(sd *signedData) { sd.attached = []byte(bare) })),
			zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "c1-content-inside-and-beside", readme: "C1: content inside a detached signature, even where it is the same.",
			eml: of(func(sd *signedData) { sd.attached = []byte(bare) }), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "c2-append-signer", readme: "C2: mallory signs the text, and appends alice's SignerInfo of another message.",
			eml: header("alice@example.org") + clear(evil, signedBy(evil, c.mallory, func(sd *signedData) {
				sd.certs = append(sd.certs, alice.cert)
				sd.signers = append(sd.signers, signer{person: alice, content: []byte(bare)})
			})), zone: c.everybody(), report: verdict("fail", "bad-digest"),
		},
		{
			name: "c2-prepend-signer", readme: "C2: the same with alice's SignerInfo first.",
			eml: header("alice@example.org") + clear(evil, signedBy(bare, alice, func(sd *signedData) {
				sd.certs = append(sd.certs, c.mallory.cert)
				sd.signers = append(sd.signers, signer{person: c.mallory, content: []byte(evil)})
			})), zone: c.everybody(), report: verdict("fail", "bad-digest"),
		},
		{
			name: "c2-certificate-only", readme: "C2: mallory signs, and puts alice's certificate first in the bag.",
			eml:  header("alice@example.org") + clear(evil, signedBy(evil, c.mallory, func(sd *signedData) { sd.certs = append([]*x509.Certificate{alice.cert}, sd.certs...) })),
			zone: c.everybody(), report: verdict("policy", "from-mismatch"),
		},
		{
			name: "c2-second-signer-bad", readme: "Two signatures by alice, the second wrong: one that fails is never hidden by one that holds.",
			eml: of(func(sd *signedData) {
				sd.signers = append(sd.signers, signer{person: alice, content: []byte(bare), flip: true})
			}),
			zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{
			name: "c3-no-signers", readme: "C3: a SignedData with alice's certificate and nobody who signed.",
			eml: of(func(sd *signedData) { sd.signers = nil }), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "c3-no-signers-no-certificates", readme: "C3: a SignedData with nothing in it.",
			eml: of(func(sd *signedData) { sd.signers, sd.certs = nil, nil }), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "c3-opaque-no-signers", readme: "C3: opaque signed-data with content, and nobody who signed it.",
			eml:  header("alice@example.org") + opaque(signedBy(evil, alice, func(sd *signedData) { sd.attached, sd.signers = []byte(evil), nil })),
			zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "c3-certs-only", readme: "C3: certs-only, labelled as signed-data.",
			eml:  header("alice@example.org") + opaque(signedBy(evil, alice, func(sd *signedData) { sd.signers = nil })),
			zone: c.everybody(), report: verdict("none", "certs-only"),
		},
		{
			name: "attributes-as-content", readme: "Existential forgery: alice's signed attributes sent as content, with her signature over them and without attributes.",
			eml:  header("alice@example.org") + opaque(signedBy(string(set), alice, func(sd *signedData) { sd.attached = set; sd.signers[0].bareContent = true })),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "attributes-as-detached-content", readme: "The same as multipart/signed.",
			eml:  header("alice@example.org") + clear(string(set), signedBy(string(set), alice, func(sd *signedData) { sd.signers[0].bareContent = true })),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{name: "content-type-missing", readme: "Signed attributes without contentType.", eml: of(attrs(without(oidContentType))), zone: c.everybody(), report: verdict("fail", "bad-attributes")},
		{
			name: "content-type-differs", readme: "A contentType attribute that is not the eContentType.",
			eml: of(attrs(func(as [][]byte) [][]byte {
				return append(without(oidContentType)(as), attribute(oidContentType, derOID(oidTSTInfo)))
			})),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "content-type-not-data", readme: "Both say that the content is a time stamp token: nobody signed a mail.",
			eml: of(func(sd *signedData) { sd.contentType = oidTSTInfo }), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{name: "digest-missing", readme: "Signed attributes without messageDigest.", eml: of(attrs(without(oidMessageDigest))), zone: c.everybody(), report: verdict("fail", "bad-attributes")},
		{
			name: "digest-twice", readme: "Two messageDigest attributes, one of the text and one of another.",
			eml: of(attrs(func(as [][]byte) [][]byte { return append(as, attribute(oidMessageDigest, other)) })), zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "digest-two-values", readme: "One messageDigest attribute with two values.",
			eml: of(attrs(func(as [][]byte) [][]byte {
				return append(without(oidMessageDigest)(as), attribute(oidMessageDigest, digestOf, other))
			})),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "digest-no-value", readme: "A messageDigest attribute without value.",
			eml:  of(attrs(func(as [][]byte) [][]byte { return append(without(oidMessageDigest)(as), attribute(oidMessageDigest)) })),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "attributes-empty", readme: "Signed attributes are there, and none is in them.",
			eml: of(attrs(func([][]byte) [][]byte { return nil })), zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "attributes-exchanged", readme: "The attributes that were signed are not those that are sent.",
			eml: of(first(func(s *signer) {
				sent := signer{person: alice, content: []byte(bare), hash: crypto.SHA256, at: clock.Add(-2 * hour)}
				s.sent = sent.list(oidData)
			})), zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{
			name: "attributes-wrong-tag", readme: "The signature is over the attributes with the tag they have on the wire.",
			eml: of(first(func(s *signer) { s.wrongTag = true })), zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{
			name: "algorithm-protection", readme: "CMSAlgorithmProtection says SHA-384, the SignerInfo SHA-256 (RFC 6211).",
			eml: of(attrs(func(as [][]byte) [][]byte {
				return append(as, attribute(oidAlgProtection, algorithmProtection(crypto.SHA384)))
			})),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{name: "signature-flipped", readme: "One bit of the signature value.", eml: of(first(func(s *signer) { s.flip = true })), zone: c.everybody(), report: verdict("fail", "bad-signature")},
		{name: "signature-empty", readme: "No signature value at all.", eml: of(first(func(s *signer) { s.value = []byte{0} })), zone: c.everybody(), report: verdict("fail", "bad-signature")},
		{
			name: "signature-zero", readme: "An ECDSA signature with r = s = 0.",
			eml: of(first(func(s *signer) { s.value = []byte{0x30, 6, 2, 1, 0, 2, 1, 0} })), zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{name: "trailing-bytes", readme: "Something behind the SignedData.", eml: of(func(sd *signedData) { sd.tail = "\x30\x00" }), zone: c.everybody(), report: verdict("permerror", "malformed")},
		{
			name: "truncated", readme: "The SignedData ends in the middle.",
			eml: header("alice@example.org") + clear(bare, signedBy(bare, alice, nil)[:300]), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "nine-signers", readme: "More signers than are looked at.",
			eml: of(func(sd *signedData) {
				for range 8 {
					sd.signers = append(sd.signers, sd.signers[0])
				}
			}), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "key-substituted", readme: "mallory takes alice's message, puts alice's key into a certificate of his own and publishes it: the certificate is not the one under the signature (RFC 5035).",
			eml: header("mallory@mallory.example") + clear(bare, signedBy(bare, alice, func(sd *signedData) {
				sd.certs = []*x509.Certificate{mine.cert}
				sd.signers = []signer{{person: mine, content: []byte(bare), hashes: alice.cert}}
			})), zone: "; zone mallory.example.\n" + mine.record(t, "3 1 1"), report: verdict("fail", "key-substituted"),
		},
	})
}

// algorithmProtection is RFC 6211, Section 2, for ECDSA with that digest.
func algorithmProtection(h crypto.Hash) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addAlgorithm(b, hashOIDs[h])
			b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, map[crypto.Hash]int{crypto.SHA256: 2, crypto.SHA384: 3}[h]})
			})
		})
	})
}

// mimeAttacks show a text that is not what was signed: the classes M1 to M4, and structures that readers read differently.
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

// identityAttacks make another appear as the author: the classes I1 to I3 and U1.
func (c *cast) identityAttacks() []vector {
	t := c.t
	// by is mallory's valid signature below the header fields.
	by := func(p person, fields string) string {
		h := replaceOnce(t, header("x@example.org"), "From: x@example.org\r\n", crlf(fields))
		return h + clear(bare, signedBy(bare, p, nil))
	}
	mallory := func(name, readme, fields, code string) vector {
		return vector{name: name, readme: readme, eml: by(c.mallory, fields), zone: c.everybody(), report: verdict("policy", code)}
	}
	upper := newPerson(t, "Alice@example.org", "mallory", person{}, nil)
	both := newPerson(t, "mallory@mallory.example", "mallory", person{}, func(x *x509.Certificate) {
		x.EmailAddresses = []string{"mallory@mallory.example", "alice@example.org"}
	})
	dn := newPerson(t, "mallory@mallory.example", "mallory", person{}, func(x *x509.Certificate) {
		x.Subject = pkix.Name{CommonName: "alice@example.org (verified)", Organization: []string{"; smime=pass"}, ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "alice@example.org"},
		}}
	})
	device := newPerson(t, "sensor7._device.mallory.example", "mallory", person{}, nil)
	out := []vector{
		mallory("i1-from-mismatch", "I1: mallory's valid signature under alice's From.", "From: alice@example.org\n", "from-mismatch"),
		mallory("i2-address-as-name", "I2: the display name shows alice's address, the address is mallory's.", "From: \"alice@example.org\" <mallory@mallory.example>\n", "display-name"),
		mallory("i2-address-in-name", "I2: the display name shows name and address of alice.", "From: \"Alice <alice@example.org>\" <mallory@mallory.example>\n", "display-name"),
		mallory("i2-encoded-name", "I2: the same in an encoded word (RFC 2047).", "From: =?utf-8?q?alice=40example=2Eorg?= <mallory@mallory.example>\n", "display-name"),
		mallory("i2-full-width-at", "I2: the same with a full-width at sign.", "From: =?utf-8?b?YWxpY2XvvKBleGFtcGxlLm9yZw==?= <mallory@mallory.example>\n", "display-name"),
		mallory("i2-comment", "I2: alice's address in a comment, which old readers show as the name.", "From: mallory@mallory.example (alice@example.org)\n", "display-name"),
		mallory("i2-signer-as-name", "I2: the display name is the signer's address, From is alice's.", "From: \"mallory@mallory.example\" <alice@example.org>\n", "display-name"),
		mallory("i2-no-from", "I2: no From at all.", "Sender: alice@example.org\n", "no-from"),
		mallory("i2-empty-from", "I2: an empty From.", "From:\n", "no-from"),
		{name: "i2-name-only", readme: "I2: From is a name without address.", eml: by(c.mallory, "From: alice\n"), zone: c.everybody(), report: verdict("permerror", "bad-from")},
		{name: "i2-unquoted-address-as-name", readme: "I2: an address before the address, unquoted: readers disagree.", eml: by(c.mallory, "From: alice@example.org <mallory@mallory.example>\n"), zone: c.everybody(), report: verdict("permerror", "bad-from")},
		{name: "i2-two-angles", readme: "I2: two addresses in angle brackets without a comma.", eml: by(c.mallory, "From: <mallory@mallory.example> <alice@example.org>\n"), zone: c.everybody(), report: verdict("permerror", "bad-from")},
		mallory("i3-two-addresses", "I3: two addresses in From, the signer's first.", "From: mallory@mallory.example, alice@example.org\n", "several-from"),
		mallory("i3-two-addresses-turned", "I3: two addresses in From, the signer's last.", "From: alice@example.org, mallory@mallory.example\n", "several-from"),
		mallory("i3-two-fields", "I3: two From fields, the signer's first.", "From: mallory@mallory.example\nFrom: alice@example.org\n", "several-from"),
		mallory("i3-two-fields-turned", "I3: two From fields, the signer's last, and its name in another case.", "From: alice@example.org\nFROM : mallory@mallory.example\n", "several-from"),
		mallory("i3-group", "I3: a group with two addresses.", "From: us: mallory@mallory.example, alice@example.org;\n", "several-from"),
		mallory("i3-sender", "I3: the signer is who Sender says, and From is alice: only From is shown.", "From: alice@example.org\nSender: mallory@mallory.example\n", "from-mismatch"),
		mallory("i3-reply-to", "I3: the signer is who Reply-To and Resent-From say.", "From: alice@example.org\nReply-To: mallory@mallory.example\nResent-From: mallory@mallory.example\n", "from-mismatch"),
		mallory("i3-look-alike", "A domain that looks like alice's is another.", "From: alice@exаmple.org\n", "from-mismatch"),
		mallory("u1-text-in-header", "U1: the words of a verifier's display in Subject and in the display name.", "From: \"Alice - signature valid, verified by DNSSEC\" <alice@example.org>\nX-Verified: pass\n", "from-mismatch"),
		{
			name: "u1-text-in-certificate", readme: "U1: alice's address and the words of a result in the subject of mallory's certificate; a subject's address counts only where the certificate has no other.",
			eml: by(dn, "From: alice@example.org\n"), zone: c.zoneOf(c.alice, dn), report: verdict("policy", "from-mismatch"),
		},
		{
			name: "i-two-names", readme: "mallory's certificate states his address and alice's: the one bound to From is judged, and alice's record is of another key.",
			eml: by(both, "From: alice@example.org\n"), zone: c.everybody(), report: verdict("fail", "key-mismatch"),
		},
		{
			name: "i-local-part-case", readme: "Local parts compare as they stand: Alice is not alice.",
			eml: by(upper, "From: alice@example.org\n"), zone: c.zoneOf(c.alice, upper), report: verdict("policy", "from-mismatch"),
		},
		{
			name: "i-own-device-zone", readme: "mallory publishes a device of his own, with the first labels of a trusted one.", options: deviceRule,
			eml: by(device, "From: alerts@example.net\n"), zone: c.zoneOf(c.sensor, device), report: verdict("policy", "no-rule"),
		},
		{
			name: "i-device-without-rule", readme: "A device whose record is right, and no rule lets it write as anybody.",
			eml: by(c.sensor, "From: alerts@example.net\n"), zone: c.everybody(), report: verdict("policy", "no-rule"),
		},
		{
			name: "i-device-other-address", readme: "A device writes as an address that its rule does not give it.", options: deviceRule,
			eml: by(c.sensor, "From: boss@example.net\n"), zone: c.everybody(), report: verdict("policy", "no-rule"),
		},
		{
			name: "i-device-other-device", readme: "Another device of the zone uses the address of the one that may.", options: deviceRule,
			eml: by(c.camera, "From: alerts@example.net\n"), zone: c.everybody(), report: verdict("policy", "no-rule"),
		},
		{
			name: "i-device-outside-domain", readme: "A rule with stars gives a device addresses of its own security domain only.",
			options: options{Names: []string{"example.net"}, Devices: map[string][]string{"*._device.example.net": {"*@*"}}},
			eml:     by(c.sensor, "From: alice@example.org\n"), zone: c.everybody(), report: verdict("policy", "no-rule"),
		},
		{
			name: "i-five-signers", readme: "Signatures of five strangers: no more than four are looked up.", eml: fiveSigners(c), zone: c.everybody(),
			report: verdict("permerror", "limit:identities"),
		},
	}
	return attacks(out)
}

// fiveSigners is a message that five signed, none of them the author.
func fiveSigners(c *cast) string {
	sd := signedData{}
	for i, key := range []string{"mallory", "bob", "sensor", "camera", "dave"} {
		p := newPerson(c.t, fmt.Sprintf("m%d@mallory.example", i), key, person{}, nil)
		sd.certs = append(sd.certs, p.cert)
		sd.signers = append(sd.signers, signer{person: p, content: []byte(bare)})
	}
	return header("alice@example.org") + clear(bare, sd.der())
}

// headerAttacks play with the protected header (RFC 9788).
func (c *cast) headerAttacks() []vector {
	t, alice := c.t, c.alice
	with := func(outer, content string, p person) string {
		return header(outer) + clear(content, signedBy(content, p, nil))
	}
	wrapped := "Content-Type: message/rfc822\r\n\r\n" + mail("bob@example.org")
	twoFroms := strings.Replace(protected("alice@example.org"), "From: alice@example.org\r\n", "From: alice@example.org\r\nFrom: bob@example.org\r\n", 1)
	noFrom := strings.Replace(protected("alice@example.org"), "From: alice@example.org\r\n", "", 1)
	lies := strings.Replace(protected("bob@example.org"), "From: bob@example.org\r\n", "From: bob@example.org\r\nHP-Outer: From: alice@example.org\r\n", 1)
	bareKey := func(content string) string {
		return header("alice@example.org") + clear(content, signedBy(content, alice, func(sd *signedData) { sd.certs, sd.signers[0].bySKI = nil, true }))
	}
	rawKey := "; zone example.org.\n" + alice.record(t, "3 1 0")
	return attacks([]vector{
		{
			name: "hp-inner-from-differs", readme: "alice signed as bob, From says alice: a reader that follows RFC 9788 shows bob.",
			eml: with("alice@example.org", protected("bob@example.org"), alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch", "protected_from", "bob@example.org"),
		},
		{
			name: "hp-from-rewritten", readme: "alice's message under mallory's From: what she protected says so.",
			eml: with("mallory@mallory.example", protected("alice@example.org"), alice), zone: c.everybody(), report: verdict("policy", "from-rewritten", "protected_from", "alice@example.org"),
		},
		{
			name: "hp-outer-lies", readme: "HP-Outer claims that the outer From was alice's, the protected one is bob's.",
			eml: with("alice@example.org", lies, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch"),
		},
		{name: "hp-two-inner-from", readme: "Two protected From fields.", eml: with("alice@example.org", twoFroms, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{name: "hp-no-inner-from", readme: "A protected header that does not say who wrote the message.", eml: with("alice@example.org", noFrom, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{name: "hp-unreadable-inner-from", readme: "A protected From that cannot be read.", eml: with("alice@example.org", protected("alice@example.org <"), alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{
			name: "hp-legacy-wrapped", readme: "Header protection of RFC 8551: the wrapped message is bob's.",
			eml: with("alice@example.org", wrapped, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch", "signatures", signature("header_protection", "legacy")),
		},
		{
			name: "hp-unknown-value", readme: "hp with a value that RFC 9788 does not know is no reason to believe the outer From.",
			eml: with("alice@example.org", strings.Replace(protected("bob@example.org"), `hp="clear"`, `hp="maybe"`, 1), alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch"),
		},
		{
			name: "hp-raw-key-unprotected", readme: "No certificate and no protected From: the signature states no name, so that anybody could put it under any From of that key.",
			eml: bareKey(bare), zone: rawKey, report: verdict("policy", "no-name", "signatures", signature("integrity", "good")),
		},
		{name: "hp-raw-key-nested", readme: "No certificate, and the From is protected in a part inside only.", eml: bareKey(nested), zone: rawKey, report: verdict("policy", "no-name")},
		{
			name: "hp-raw-key-replayed", readme: "bob takes alice's message without certificate for his own.",
			eml: strings.Replace(bareKey(protected("alice@example.org")), "From: alice@example.org", "From: bob@example.org", 1), zone: rawKey, report: verdict("policy", "from-rewritten"),
		},
	})
}

// dnsAttacks are right signatures for which the DNS does not vouch.
func (c *cast) dnsAttacks() []vector {
	t, alice := c.t, c.alice
	mine := signed(t, mail("alice@example.org"), smime.SignOptions{}, alice)
	devices := signed(t, mail("alerts@example.net"), smime.SignOptions{}, c.sensor)
	bareMine := signed(t, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, alice)
	owner := strings.Fields(alice.record(t, "3 1 1"))[0]
	zone := func(flags, records string) string { return "; zone example.org." + flags + "\n" + records }
	rec := alice.record(t, "3 1 1")
	dns := func(status, presence string) []any {
		return signature("dns", map[string]any{"status": status, "presence": presence})
	}
	carols := signed(t, mail("carol@example.com"), smime.SignOptions{}, c.carol)
	userZone := func(records ...string) string {
		out := "; zone example.com.\n"
		for _, r := range records {
			out += "_user.example.com. 300 IN TLSA " + r + "\n"
		}
		return out
	}
	old := newPerson(t, "carol@example.com", "carol", c.userCA, func(x *x509.Certificate) { x.NotAfter = clock.AddDate(0, -1, 0) })
	sensorCA := newPerson(t, "sensor7._device.example.net", "sensor", c.userCA, nil)
	fake := newPerson(t, "alice@example.org", "mallory", person{}, nil)
	fakeIssued := newPerson(t, "alice@example.org", "mallory", c.mailCA, nil)
	return attacks([]vector{
		{
			name: "dns-revoked", readme: "The record is proven absent: the key was revoked.", eml: mine, zone: zone("", "www IN A 192.0.2.1\n"),
			report: verdict("fail", "revoked-or-unpublished", "signatures", dns("secure", "absent")),
		},
		{name: "dns-revoked-nsec3", readme: "The same, proven by NSEC3.", eml: mine, zone: zone(" nsec3", ""), report: verdict("fail", "revoked-or-unpublished")},
		{name: "dns-revoked-saved", readme: "The same for saved mail: the record may have been there when it came.", options: options{Saved: true}, eml: mine, zone: zone("", ""), report: verdict("fail", "not-published-now")},
		{name: "dns-other-type", readme: "The name is there, with a record of another type.", eml: mine, zone: zone("", owner+" IN TXT \"3 1 1\"\n"), report: verdict("fail", "revoked-or-unpublished")},
		{name: "dns-device-revoked", readme: "A device's record is proven absent.", options: deviceRule, eml: devices, zone: "; zone example.net.\n", report: verdict("fail", "revoked-or-unpublished")},
		{
			name: "dns-device-revoked-issued", readme: "The same for a device whose certificate a CA issued.", options: deviceRule,
			eml: signed(t, mail("alerts@example.net"), smime.SignOptions{}, sensorCA), zone: "; zone example.net.\n", report: verdict("fail", "revoked-or-unpublished"),
		},
		{
			name: "dns-key-mismatch", readme: "mallory made a certificate in alice's name; her record is of her key.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, fake), zone: c.everybody(), report: verdict("fail", "key-mismatch"),
		},
		{
			name: "dns-raw-key-mismatch", readme: "No certificate, and the record carries another key than the signer names.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, fake), zone: zone("", alice.record(t, "3 1 0")), report: verdict("fail", "key-mismatch"),
		},
		{name: "dns-raw-key-digest-only", readme: "No certificate, and the record holds only a digest: nobody can verify it.", eml: bareMine, zone: c.everybody(), report: verdict("neutral", "no-key")},
		{name: "dns-insecure", readme: "The zone is proven not to be signed.", eml: mine, zone: zone(" unsigned", rec), report: verdict("neutral", "insecure", "signatures", dns("insecure", "present"))},
		{name: "dns-insecure-issued", readme: "The same with a certificate of some CA.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, fakeIssued), zone: zone(" unsigned", ""), report: verdict("neutral", "insecure")},
		{
			name: "dns-issued-no-record", readme: "A certificate of some CA for alice, who publishes nothing: the CA is the attacker's choice.",
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, fakeIssued), zone: zone("", ""), report: verdict("neutral", "no-record"),
		},
		{
			name: "dns-issued-contradicted", readme: "A configured mail root vouches, and alice's own record contradicts: the record wins.", options: options{PKIXRoots: "mailca.crt"},
			eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, fakeIssued), zone: c.everybody(), report: verdict("fail", "key-mismatch"),
		},
		{name: "dns-bogus-signature", readme: "A wrong signature in the zone.", eml: mine, zone: zone(" break=wrong-signature", rec), report: verdict("temperror", "bogus", "signatures", dns("bogus", "unknown"))},
		{name: "dns-bogus-expired", readme: "Signatures of the zone that expired a week ago.", eml: mine, zone: zone(" break=expired", rec), report: verdict("temperror", "bogus")},
		{name: "dns-bogus-not-yet", readme: "Signatures of the zone from the future.", eml: mine, zone: zone(" break=not-yet", rec), report: verdict("temperror", "bogus")},
		{name: "dns-bogus-unsigned-answer", readme: "A signed zone answers without signatures.", eml: mine, zone: zone(" break=missing-rrsig", rec), report: verdict("temperror", "bogus")},
		{name: "dns-bogus-wrong-ds", readme: "The parent vouches for another key of the zone.", eml: mine, zone: zone(" break=wrong-ds", rec), report: verdict("temperror", "bogus")},
		{name: "dns-bogus-denial", readme: "Absence without proof is no revocation.", eml: mine, zone: zone(" break=missing-denial", ""), report: verdict("temperror", "bogus")},
		{name: "dns-servfail", readme: "The zone's servers cannot be reached.", eml: mine, zone: zone(" break=unreachable", rec), report: verdict("temperror", "servfail")},
		{
			name: "dns-cname-to-unsigned", readme: "An alias into a zone that is not signed.", eml: mine,
			zone: zone("", owner+" IN CNAME alice.mallory.example.\n") + "; zone mallory.example. unsigned\n" + strings.Replace(rec, owner, "alice.mallory.example.", 1), report: verdict("neutral", "insecure"),
		},
		{name: "dns-unknown-usage", readme: "Only a record of unknown usage.", eml: mine, zone: zone("", c.other(alice, "4 1 1 "+strings.Fields(rec)[7])), report: verdict("neutral", "unusable-records")},
		{name: "dns-unknown-selector", readme: "Only a record of unknown selector.", eml: mine, zone: zone("", c.other(alice, "3 2 1 "+strings.Fields(rec)[7])), report: verdict("neutral", "unusable-records")},
		{name: "dns-unknown-matching", readme: "Only a record of unknown matching type.", eml: mine, zone: zone("", c.other(alice, "3 1 3 "+strings.Fields(rec)[7])), report: verdict("neutral", "unusable-records")},
		{name: "dns-short-digest", readme: "Only a record with a digest that is cut off.", eml: mine, zone: zone("", c.other(alice, "3 1 1 "+strings.Fields(rec)[7][:32])), report: verdict("neutral", "unusable-records")},
		{name: "dns-usage-1-no-roots", readme: "Usage 1 needs mail roots, and none are configured.", eml: mine, zone: zone("", alice.record(t, "1 1 1")), report: verdict("neutral", "unusable-records")},
		{name: "dns-usage-1-no-path", readme: "Usage 1 with roots: a self-signed certificate has no path to them.", options: options{PKIXRoots: "mailca.crt"}, eml: mine, zone: zone("", alice.record(t, "1 1 1")), report: verdict("fail", "key-mismatch")},
		{name: "dns-user-other-ca", readme: "The CA at _user is not the one that issued carol's certificate.", eml: carols, zone: userZone(record(2, 0, 1, c.mailCA.cert.Raw)), report: verdict("fail", "key-mismatch")},
		{name: "dns-user-leaf", readme: "Only a CA may vouch at _user: a record of usage 3 with carol's key does not.", eml: carols, zone: userZone(record(3, 1, 1, c.carol.cert.RawSubjectPublicKeyInfo)), report: verdict("neutral", "unusable-records")},
		{name: "dns-user-expired", readme: "Under DANE-TA the dates of a certificate count.", eml: signed(t, mail("carol@example.com"), smime.SignOptions{}, old), zone: userZone(record(2, 0, 1, c.userCA.cert.Raw)), report: verdict("fail", "expired")},
		{
			name: "dns-user-self-signed", readme: "A self-signed certificate is nobody's user: _user is not asked.",
			eml: signed(t, mail("carol@example.com"), smime.SignOptions{}, newPerson(t, "carol@example.com", "mallory", person{}, nil)), zone: userZone(record(2, 0, 1, c.userCA.cert.Raw)), report: verdict("fail", "revoked-or-unpublished"),
		},
		{
			name: "dns-wildcard-other-device", readme: "A wildcard vouches for all devices of a CA; the camera's certificate does not make it the sensor.", options: deviceRule,
			eml:  signed(t, mail("alerts@example.net"), smime.SignOptions{}, newPerson(t, "camera._device.example.net", "camera", c.userCA, nil)),
			zone: "; zone example.net.\n*._device.example.net. 300 IN TLSA " + record(2, 0, 1, c.userCA.cert.Raw) + "\n", report: verdict("policy", "no-rule"),
		},
		{
			name: "dns-address-literal", readme: "An address literal has no place in the DNS.",
			eml:  header("alice@[192.0.2.1]") + clear(bare, signedBy(bare, newPerson(t, "alice@[192.0.2.1]", "mallory", person{}, nil), nil)),
			zone: c.everybody(), report: verdict("neutral", "no-owner-name"),
		},
	})
}

// qualityAttacks are signatures that are right and not good enough.
func (c *cast) qualityAttacks() []vector {
	t := c.t
	with := func(p person, change func(*signer)) string {
		return header("alice@example.org") + clear(bare, signedBy(bare, p, func(sd *signedData) {
			if change != nil {
				change(&sd.signers[0])
			}
		}))
	}
	weak := newPerson(t, "alice@example.org", "rsa1024", person{}, nil)
	certified := func(change func(*x509.Certificate)) person {
		return newPerson(t, "alice@example.org", "alice", person{}, change)
	}
	encipher := certified(func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyEncipherment })
	server := certified(func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	dave := func(change func(*x509.Certificate)) person {
		return newPerson(t, "dave@example.org", "dave", c.mailCA, change)
	}
	davesOld := dave(func(x *x509.Certificate) { x.NotAfter = clock.AddDate(0, -1, 0) })
	roots := options{PKIXRoots: "mailca.crt"}
	return attacks([]vector{
		{name: "weak-sha1", readme: "SHA-1 proves nothing any more.", eml: with(c.alice, func(s *signer) { s.hash = crypto.SHA1 }), zone: c.everybody(), report: verdict("policy", "weak")},
		{name: "weak-rsa-1024", readme: "An RSA key of 1024 bits.", eml: with(weak, nil), zone: c.zoneOf(weak), report: verdict("policy", "weak")},
		{
			name: "unsupported", readme: "A signature algorithm that is not known here, under alice's name.",
			eml: with(c.alice, func(s *signer) { s.algorithm = asn1.ObjectIdentifier{1, 3, 101, 113} }), zone: c.everybody(), report: verdict("neutral", "unsupported", "signatures", signature("integrity", "unknown")),
		},
		{
			name: "unsupported-of-another", readme: "The same by another than From says: with none bound to From it is policy at best.",
			eml: with(c.mallory, func(s *signer) { s.algorithm = asn1.ObjectIdentifier{1, 3, 101, 113} }), zone: c.everybody(), report: verdict("policy", "from-mismatch"),
		},
		{
			name: "signed-in-future", readme: "The signer claims to have signed in an hour.", eml: with(c.alice, func(s *signer) { s.at = clock.Add(hour) }), zone: c.everybody(),
			report: verdict("policy", "signed-in-future", "signatures", signature("freshness", "bad")),
		},
		{name: "key-usage", readme: "A certificate whose key is for encryption only.", eml: with(encipher, nil), zone: c.zoneOf(encipher), report: verdict("policy", "key-usage")},
		{name: "extended-key-usage", readme: "A certificate for TLS servers.", eml: with(server, nil), zone: c.zoneOf(server), report: verdict("policy", "key-usage")},
		{name: "pkix-expired", readme: "A certificate of a mail root that has expired.", options: roots, eml: signed(t, mail("dave@example.org"), smime.SignOptions{}, davesOld), zone: c.everybody(), report: verdict("policy", "pkix")},
		{
			name: "pkix-unknown-root", readme: "A certificate of a CA that is not a configured root stays neutral.", options: roots,
			eml: signed(t, mail("carol@example.com"), smime.SignOptions{}, c.carol), zone: "; zone example.com.\n", report: verdict("neutral", "no-record"),
		},
	})
}
