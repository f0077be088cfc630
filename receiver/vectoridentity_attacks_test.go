package receiver_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

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
		{name: "i2-unquoted-address-as-name", readme: "I2: an address before the address, unquoted: readers disagree.", eml: by(c.mallory, "From: alice@example.org <mallory@mallory.example>\n"), zone: c.everybody(), report: verdict("policy", "display-name")},
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
