package receiver_test

import (
	"crypto/x509"
	"strings"

	"dnseal/smime"
)

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
