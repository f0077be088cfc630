package receiver_test

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"

	"dnseal/smime"
)

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
