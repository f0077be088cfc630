package receiver_test

import (
	"crypto"
	"crypto/ed25519"
	"encoding/asn1"
	"math/big"
	"slices"
)

// cosignerAttacks are SignedDatas that hold a bad SignerInfo next to a good one, and keys that fit
// any message.
func (c *cast) cosignerAttacks() []vector {
	t, alice := c.t, c.alice
	rsa := newPerson(t, "alice@example.org", "rsa2048", person{}, nil)
	unknown := asn1.ObjectIdentifier{1, 3, 101, 113}
	with := func(others ...signer) string {
		return header("alice@example.org") + clear(bare, signedBy(bare, alice, func(sd *signedData) {
			for _, o := range others {
				if o.content == nil {
					o.content = []byte(bare)
				}
				if !slices.Contains(sd.certs, o.cert) && !o.bySKI {
					sd.certs = append(sd.certs, o.cert)
				}
				sd.signers = append(sd.signers, o)
			}
		}))
	}
	bad := func(name, readme string, zone string, others ...signer) vector {
		return vector{name: name, readme: readme, eml: with(others...), zone: zone, report: verdict("policy", "bad-cosigner")}
	}
	whole := header("alice@example.org") + opaque(signedBy(bare, alice, func(sd *signedData) {
		sd.attached, sd.certs = []byte(bare), append(sd.certs, c.mallory.cert)
		sd.signers = append([]signer{{person: c.mallory, content: []byte(evil)}}, sd.signers...)
	}))
	small := func(name, readme string, y *big.Int, sign byte) vector {
		key := y.FillBytes(make([]byte, ed25519.PublicKeySize))
		slices.Reverse(key)
		key[len(key)-1] |= sign
		p := withKey(t, alice, ed25519.PublicKey(key))
		// The value is not looked at, and is none that holds.
		eml := header("alice@example.org") + clear(bare, signedBy(bare, p, func(sd *signedData) {
			sd.signers[0].hash, sd.signers[0].value = crypto.SHA512, make([]byte, ed25519.SignatureSize)
		}))
		return vector{name: name, readme: readme, eml: eml, zone: c.zoneOf(p), report: verdict("policy", "weak")}
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	return append(
		attacks([]vector{
			bad("cosigner-bad-digest", "mallory's SignerInfo of another text next to alice's good one.", c.everybody(), signer{person: c.mallory, content: []byte(evil)}),
			bad("cosigner-bad-value", "A SignerInfo of mallory whose value is wrong.", c.everybody(), signer{person: c.mallory, flip: true}),
			{name: "cosigner-bad-without-certificate", readme: "A SignerInfo of another text whose certificate is not there: it can only speak for From, and is as bad as alice's own.", eml: with(signer{person: c.mallory, bySKI: true, content: []byte(evil)}), zone: c.everybody(), report: verdict("fail", "bad-digest")},
			bad("cosigner-unknown-to-dns", "The bad one is by somebody who publishes no key at all.", c.zoneOf(alice), signer{person: c.mallory, flip: true}),
			{name: "cosigner-bad-opaque", readme: "The same in an opaque message, with the bad one first.", eml: whole, zone: c.everybody(), report: verdict("policy", "bad-cosigner")},
			{name: "cosigner-worse-stays", readme: "alice's own key is not the one she publishes: that is worse, and stays.", eml: with(signer{person: c.mallory, flip: true}), zone: c.zoneOf(rsa), report: verdict("fail", "key-mismatch")},
			small("small-order-neutral", "An Ed25519 key that is the neutral element, published by its owner.", big.NewInt(1), 0),
			small("small-order-4", "One of order 4.", big.NewInt(0), 0),
			small("small-order-2-sign", "One of order 2, with the sign bit set, which says nothing.", new(big.Int).Sub(p, big.NewInt(1)), 0x80),
			small("small-order-not-canonical", "The neutral element with a coordinate that is not reduced.", new(big.Int).Add(p, big.NewInt(1)), 0x80),
		}),
		vector{name: "pass-cosigner-good", readme: "bob signed along, rightly.", eml: with(signer{person: c.bob}), zone: c.everybody(), report: verdict("pass", "")},
		vector{name: "pass-cosigner-unsupported", readme: "A second signature by an algorithm that is not known here: that is not bad.", eml: with(signer{person: c.bob, algorithm: unknown}), zone: c.everybody(), report: verdict("pass", "")},
	)
}
