package receiver_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
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

// bareWith is a message of alice with a SignedData over bare that was changed.
func (c *cast) bareWith(change func(*signedData)) string {
	return header("alice@example.org") + clear(bare, signedBy(bare, c.alice, change))
}

// firstSigner changes the first SignerInfo.
func firstSigner(change func(*signer)) func(*signedData) {
	return func(sd *signedData) { change(&sd.signers[0]) }
}

// signedAttributes changes the signed attributes of the first SignerInfo.
func signedAttributes(change func([][]byte) [][]byte) func(*signedData) {
	return firstSigner(func(s *signer) { s.attributes = change })
}

// without removes the attributes of a type.
func without(id asn1.ObjectIdentifier) func([][]byte) [][]byte {
	return func(as [][]byte) [][]byte { return slices.DeleteFunc(as, isAttribute(id)) }
}

// contentAttacks are about what was signed and who signed it: changed content, and the classes C1,
// C2 and C3 of "Johnny, you are fired".
func (c *cast) contentAttacks() []vector {
	alice := c.alice
	return attacks([]vector{
		{
			name: "changed-byte", readme: "One byte of the text changed on the way.", zone: c.everybody(),
			eml:    replaceOnce(c.t, signed(c.t, mail("alice@example.org"), smime.SignOptions{}, alice), "100 euros", "900 euros"),
			report: verdict("fail", "bad-digest", "signatures", signature("integrity", "bad", "binding", "from")),
		},
		{
			name: "changed-part-header", readme: "A header field of the signed part changed on the way.", zone: c.everybody(),
			eml:    strings.Replace(c.bareWith(nil), "charset=utf-8", "charset=UTF-8", 1),
			report: verdict("fail", "bad-digest"),
		},
		{
			name: "c1-content-inside", readme: "C1: the SignedData carries alice's true text, the part beside it another. Who verifies the one and shows the other is deceived.",
			eml:  header("alice@example.org") + clear(evil, signedBy(bare, alice, func(sd *signedData) { sd.attached = []byte(bare) })),
			zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "c1-content-inside-and-beside", readme: "C1: content inside a detached signature, even where it is the same.",
			eml: c.bareWith(func(sd *signedData) { sd.attached = []byte(bare) }), zone: c.everybody(), report: verdict("permerror", "malformed"),
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
			eml: c.bareWith(func(sd *signedData) {
				sd.signers = append(sd.signers, signer{person: alice, content: []byte(bare), flip: true})
			}),
			zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{
			name: "c3-no-signers", readme: "C3: a SignedData with alice's certificate and nobody who signed.",
			eml: c.bareWith(func(sd *signedData) { sd.signers = nil }), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "c3-no-signers-no-certificates", readme: "C3: a SignedData with nothing in it.",
			eml: c.bareWith(func(sd *signedData) { sd.signers, sd.certs = nil, nil }), zone: c.everybody(), report: verdict("permerror", "malformed"),
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
	})
}

// attributeAttacks play with the signed attributes (RFC 5652, Section 5.3 and Section 11).
func (c *cast) attributeAttacks() []vector {
	alice := c.alice
	digestOf := derOctets(digest(crypto.SHA256, []byte(bare)))
	other := derOctets(digest(crypto.SHA256, []byte(evil)))
	genuine := signer{person: alice, content: []byte(bare), hash: crypto.SHA256, at: clock.Add(-hour)}
	set := setOf(&genuine)
	return attacks([]vector{
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
		{name: "content-type-missing", readme: "Signed attributes without contentType.", eml: c.bareWith(signedAttributes(without(oidContentType))), zone: c.everybody(), report: verdict("fail", "bad-attributes")},
		{
			name: "content-type-differs", readme: "A contentType attribute that is not the eContentType.",
			eml: c.bareWith(signedAttributes(func(as [][]byte) [][]byte {
				return append(without(oidContentType)(as), attribute(oidContentType, derOID(oidTSTInfo)))
			})),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "content-type-not-data", readme: "Both say that the content is a time stamp token: nobody signed a mail.",
			eml: c.bareWith(func(sd *signedData) { sd.contentType = oidTSTInfo }), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{name: "digest-missing", readme: "Signed attributes without messageDigest.", eml: c.bareWith(signedAttributes(without(oidMessageDigest))), zone: c.everybody(), report: verdict("fail", "bad-attributes")},
		{
			name: "digest-twice", readme: "Two messageDigest attributes, one of the text and one of another.",
			eml: c.bareWith(signedAttributes(func(as [][]byte) [][]byte { return append(as, attribute(oidMessageDigest, other)) })), zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "digest-two-values", readme: "One messageDigest attribute with two values.",
			eml: c.bareWith(signedAttributes(func(as [][]byte) [][]byte {
				return append(without(oidMessageDigest)(as), attribute(oidMessageDigest, digestOf, other))
			})),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "digest-no-value", readme: "A messageDigest attribute without value.",
			eml:  c.bareWith(signedAttributes(func(as [][]byte) [][]byte { return append(without(oidMessageDigest)(as), attribute(oidMessageDigest)) })),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "attributes-empty", readme: "Signed attributes are there, and none is in them.",
			eml: c.bareWith(signedAttributes(func([][]byte) [][]byte { return nil })), zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
		{
			name: "attributes-exchanged", readme: "The attributes that were signed are not those that are sent.",
			eml: c.bareWith(firstSigner(func(s *signer) {
				sent := signer{person: alice, content: []byte(bare), hash: crypto.SHA256, at: clock.Add(-2 * hour)}
				s.sent = sent.list(oidData)
			})), zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{
			name: "attributes-wrong-tag", readme: "The signature is over the attributes with the tag they have on the wire.",
			eml: c.bareWith(firstSigner(func(s *signer) { s.wrongTag = true })), zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{
			name: "algorithm-protection", readme: "CMSAlgorithmProtection says SHA-384, the SignerInfo SHA-256 (RFC 6211).",
			eml: c.bareWith(signedAttributes(func(as [][]byte) [][]byte {
				return append(as, attribute(oidAlgProtection, algorithmProtection(crypto.SHA384)))
			})),
			zone: c.everybody(), report: verdict("fail", "bad-attributes"),
		},
	})
}

// signedDataAttacks play with the signature value, the length of the SignedData, the number of
// signers and the certificate under the signature.
func (c *cast) signedDataAttacks() []vector {
	alice := c.alice
	// mallory's certificate for alice's key
	mine := newPerson(c.t, "mallory@mallory.example", "alice", person{}, nil)
	return attacks([]vector{
		{name: "signature-flipped", readme: "One bit of the signature value.", eml: c.bareWith(firstSigner(func(s *signer) { s.flip = true })), zone: c.everybody(), report: verdict("fail", "bad-signature")},
		{name: "signature-empty", readme: "No signature value at all.", eml: c.bareWith(firstSigner(func(s *signer) { s.value = []byte{0} })), zone: c.everybody(), report: verdict("fail", "bad-signature")},
		{
			name: "signature-zero", readme: "An ECDSA signature with r = s = 0.",
			eml: c.bareWith(firstSigner(func(s *signer) { s.value = []byte{0x30, 6, 2, 1, 0, 2, 1, 0} })), zone: c.everybody(), report: verdict("fail", "bad-signature"),
		},
		{name: "trailing-bytes", readme: "Something behind the SignedData.", eml: c.bareWith(func(sd *signedData) { sd.tail = "\x30\x00" }), zone: c.everybody(), report: verdict("permerror", "malformed")},
		{
			name: "truncated", readme: "The SignedData ends in the middle.",
			eml: header("alice@example.org") + clear(bare, signedBy(bare, alice, nil)[:300]), zone: c.everybody(), report: verdict("permerror", "malformed"),
		},
		{
			name: "nine-signers", readme: "More signers than are looked at.",
			eml: c.bareWith(func(sd *signedData) {
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
			})), zone: "; zone mallory.example.\n" + mine.record(c.t, "3 1 1"), report: verdict("fail", "key-substituted"),
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
