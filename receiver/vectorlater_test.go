package receiver_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"

	"dnseal/smime"
)

// later holds what came after the classes above. New vectors go to its end, so that no number changes.
func (c *cast) later() []vector {
	t, alice := c.t, c.alice
	h := header("alice@example.org")
	part := clear(bare, signedBy(bare, alice, nil))
	subjectOnly := strings.Replace(bare, "charset=utf-8", "charset=utf-8; protected-headers=\"v1\"\r\nSubject: The plan for Tuesday", 1)
	noAltName := newPerson(t, "alice@example.org", "alice", person{}, func(x *x509.Certificate) {
		x.EmailAddresses = nil
		x.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "alice@example.org"}}
	})
	nobody := newPerson(t, "", "mallory", person{}, nil)
	mine := signed(t, mail("alice@example.org"), smime.SignOptions{}, alice)
	stronger := c.zoneOf(alice) + c.other(alice, record(3, 1, 2, c.bob.cert.RawSubjectPublicKeyInfo))
	pass := verdict("pass", "")
	around := func(content string) string { return h + clear(content, signedBy(content, c.mallory, nil)) }
	return []vector{
		{name: "pass-legacy-subject", readme: "Header protection of before RFC 9788 that covers the subject only: From is bound by the signer's name.", eml: h + clear(subjectOnly, signedBy(subjectOnly, alice, nil)), zone: c.everybody(), report: pass},
		{name: "pass-preamble", readme: "Text before the first boundary, which no reader with MIME shows: reported.", eml: strings.Replace(h+part, "\r\n\r\n--sig", "\r\n\r\nPay 900 euros.\r\n--sig", 1), zone: c.everybody(), report: verdict("pass", "", "uncovered", []any{"preamble before the signed part"})},
		{name: "pass-own-address-as-name", readme: "A display name that is the address itself misleads nobody.", eml: strings.Replace(mine, "From: alice@example.org", "From: \"Alice@Example.ORG\" <alice@example.org>", 1), zone: c.everybody(), report: pass},
		{name: "pass-subject-address", readme: "A certificate without subjectAltName and with an emailAddress in its subject (RFC 8550, Section 3).", eml: h + clear(bare, signedBy(bare, noAltName, nil)), zone: c.everybody(), report: pass},
		{name: "pass-signed-again", readme: "A gateway signed alice's signed message again, whole: hers covers all that is shown.", eml: around(strings.TrimSuffix(part, "\r\n")), zone: c.everybody(), report: pass},
		{name: "m-signed-again-with-text", readme: "mallory put a text in front of alice's signed part and signed both under her name.", attack: true, eml: around(mixed("mixed", evil, part)), zone: c.everybody(), report: verdict("policy", "partial")},
		{name: "i-nameless-certificate", readme: "mallory's certificate states no name at all: then it is judged as alice's, whose record is of another key.", attack: true, eml: h + clear(protected("alice@example.org"), signedBy(protected("alice@example.org"), nobody, nil)), zone: c.everybody(), report: verdict("fail", "key-mismatch")},
		{name: "hp-cipher-claimed", readme: "hp=\"cipher\" in a message that is not encrypted does not make the protected From count less.", attack: true, eml: h + clear(strings.Replace(protected("bob@example.org"), `hp="clear"`, `hp="cipher"`, 1), signedBy(strings.Replace(protected("bob@example.org"), `hp="clear"`, `hp="cipher"`, 1), alice, nil)), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{name: "dns-digest-agility", readme: "A SHA-512 record beside the SHA-256 one is of another key: the strongest digest counts (RFC 7671, Section 9).", attack: true, eml: mine, zone: stronger, report: verdict("fail", "key-mismatch")},
	}
}
