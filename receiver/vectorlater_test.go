package receiver_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"

	"dnseal/smime"
)

// later holds what came after the classes above. New vectors go to its end, so that no number
// changes.
func (c *cast) later() []vector {
	t, alice := c.t, c.alice
	h := header("alice@example.org")
	part := clear(bare, signedBy(bare, alice, nil))
	subjectOnly := strings.Replace(bare, "charset=utf-8", "charset=utf-8; protected-headers=\"v1\"\r\nSubject: The plan for Tuesday", 1)
	noAltName := newPerson(t, "alice@example.org", "alice", person{}, func(x *x509.Certificate) {
		x.EmailAddresses = nil
		x.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "alice@example.org"}}
	})
	spaced := newPerson(t, "\"a b\"@example.org", "bob", person{}, nil)
	longer := strings.ReplaceAll(mixed("mixed", bare, bare), "out", "sig1")
	nobody := newPerson(t, "", "mallory", person{}, nil)
	mine := signed(t, mail("alice@example.org"), smime.SignOptions{}, alice)
	stronger := c.zoneOf(alice) + c.other(alice, record(3, 1, 2, c.bob.cert.RawSubjectPublicKeyInfo))
	pass := verdict("pass", "")
	around := func(content string) string {
		return h + clearWithin("around", content, signedBy(content, c.mallory, nil))
	}
	return []vector{
		{name: "pass-legacy-subject", readme: "Header protection of before RFC 9788 that covers the subject only: From is bound by the signer's name.", eml: h + clear(subjectOnly, signedBy(subjectOnly, alice, nil)), zone: c.everybody(), report: pass},
		{name: "preamble", readme: "Text before the first boundary, which readers without MIME show, and some others.", attack: true, eml: strings.Replace(h+part, "\r\n\r\n--sig", "\r\n\r\nPay 900 euros.\r\n--sig", 1), zone: c.everybody(), report: verdict("policy", "partial", "uncovered", []any{"preamble before the signed part"})},
		{name: "pass-own-address-as-name", readme: "A display name that is the address itself misleads nobody.", eml: strings.Replace(mine, "From: alice@example.org", "From: \"Alice@Example.ORG\" <alice@example.org>", 1), zone: c.everybody(), report: pass},
		{name: "pass-subject-address", readme: "A certificate without subjectAltName and with an emailAddress in its subject (RFC 8550, Section 3).", eml: h + clear(bare, signedBy(bare, noAltName, nil)), zone: c.everybody(), report: pass},
		{name: "pass-signed-again", readme: "A gateway signed alice's signed message again, whole: hers covers all that is shown.", eml: around(strings.TrimSuffix(part, "\r\n")), zone: c.everybody(), report: pass},
		{name: "m-signed-again-with-text", readme: "mallory put a text in front of alice's signed part and signed both under her name.", attack: true, eml: around(mixed("mixed", evil, part)), zone: c.everybody(), report: verdict("policy", "partial")},
		{name: "i-nameless-certificate", readme: "mallory's certificate states no name at all: then it is judged as alice's, whose record is of another key.", attack: true, eml: h + clear(protected("alice@example.org"), signedBy(protected("alice@example.org"), nobody, nil)), zone: c.everybody(), report: verdict("fail", "key-mismatch")},
		{name: "hp-cipher-claimed", readme: "hp=\"cipher\" in a message that is not encrypted does not make the protected From count less.", attack: true, eml: h + clear(strings.Replace(protected("bob@example.org"), `hp="clear"`, `hp="cipher"`, 1), signedBy(strings.Replace(protected("bob@example.org"), `hp="clear"`, `hp="cipher"`, 1), alice, nil)), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{name: "dns-digest-agility", readme: "A SHA-512 record beside the SHA-256 one is of another key: the strongest digest counts (RFC 7671, Section 9).", attack: true, eml: mine, zone: stronger, report: verdict("fail", "key-mismatch")},
		{name: "pass-no-smime-type", readme: "Opaque signed-data without smime-type, as old programs write it.", eml: strings.Replace(h+opaque(signedBy(bare, alice, func(sd *signedData) { sd.attached = []byte(bare) })), " smime-type=signed-data;", "", 1), zone: c.everybody(), report: pass},
		{name: "pass-x-types", readme: "The media types with x- in front.", eml: strings.ReplaceAll(h+part, "application/pkcs7-signature", "application/x-pkcs7-signature"), zone: c.everybody(), report: pass},
		{name: "pass-no-protocol", readme: "multipart/signed without protocol and micalg, as Outlook wrote it.", eml: strings.Replace(h+part, " protocol=\"application/pkcs7-signature\"; micalg=sha-256;", "", 1), zone: c.everybody(), report: pass},
		{name: "pass-no-mime-version", readme: "MIME-Version is missing.", eml: strings.Replace(mine, "MIME-Version: 1.0\r\n", "", 1), zone: c.everybody(), report: pass},
		{name: "pass-two-mime-versions", readme: "MIME-Version stands there twice.", eml: "MIME-Version: 1.0\r\n" + mine, zone: c.everybody(), report: pass},
		{name: "pass-date-differs", readme: "Signed two hours after what Date says: a message may wait before it is signed.", eml: signed(t, strings.Replace(mail("alice@example.org"), "11:00:00", "09:00:00", 1), smime.SignOptions{}, alice), zone: c.everybody(), report: pass},
		{name: "pass-no-final-line-end", readme: "The last line end was cut off.", eml: strings.TrimSuffix(h+part, "\r\n"), zone: c.everybody(), report: pass},
		{name: "pass-quoted-local-part", readme: "A local part that must be quoted, and a group around it.", eml: signed(t, mail("us: \"a b\"@example.org;"), smime.SignOptions{}, spaced), zone: c.zoneOf(spaced), report: verdict("pass", "", "from", "\"a b\"@example.org")},
		{name: "pass-boundary-is-prefix", readme: "The boundary inside begins with the one outside: a longer line is another boundary (RFC 2046, Section 5.1.1).", eml: h + clear(longer, signedBy(longer, alice, nil)), zone: c.everybody(), report: pass},
		{name: "m-boundary-is-prefix", readme: "The same turned around: who compares only as far as the boundary goes sees a part where there is none.", attack: true, eml: strings.Replace(h+part, "\r\n--sig--\r\n", "\r\n--signed\r\nContent-Type: text/plain\r\n\r\nPay 900 euros.\r\n--sig--\r\n", 1), zone: c.everybody(), report: verdict("permerror", "malformed")},
		{name: "i-forged-received", readme: "Received fields claim that the message came from alice's own server: nobody proves them.", attack: true, eml: "Received: from example.org (verified)\r\n\tby mx.example.net; Tue, 24 Nov 2026 11:30:00 +0000\r\n" + around(bare), zone: c.everybody(), report: verdict("policy", "from-mismatch", "hops", signature("by", "mx.example.net", "at", "2026-11-24T11:30:00Z"), "hops_trusted", false)},
		{
			name: "pass-unsupported-beside", readme: "alice signed with two algorithms, one of which is not known here: it is listed, and does not count.",
			eml: h + clear(bare, signedBy(bare, alice, func(sd *signedData) {
				sd.signers = append(sd.signers, signer{person: alice, content: []byte(bare), algorithm: asn1.ObjectIdentifier{1, 3, 101, 113}})
			})), zone: c.everybody(), report: verdict("pass", "", "signatures", []any{signature("verdict", "pass")[0], signature("verdict", "neutral", "code", "unsupported")[0]}),
		},
		{name: "m-same-boundary", readme: "The outer boundary is that of a multipart inside: readers split differently (RFC 2046, Section 5.1.1 forbids it).", attack: true, eml: h + clearWithin("out", nested, signedBy(nested, alice, nil)), zone: c.everybody(), report: verdict("permerror", "malformed")},
	}
}
