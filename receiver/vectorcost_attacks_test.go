package receiver_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	"testing"
)

// costly is alice with an RSA key of so many bits, whose private half does not exist.
func (c *cast) costly(modulusBits uint, e int64) person {
	c.t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), modulusBits-1)
	n.Add(n, new(big.Int).SetBytes(digest(sha256, []byte("costly")))).SetBit(n, 0, 1)
	return withKey(c.t, c.alice, &rsa.PublicKey{N: n, E: int(e)})
}

// withKey is a person whose certificate holds another key.
func withKey(tb testing.TB, p person, pub any) person {
	tb.Helper()
	template := *p.cert
	template.PublicKey, template.Raw, template.SubjectKeyId = nil, nil, nil
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, pub, p.key)
	if err != nil {
		tb.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	return p
}

// costAttacks bring keys and signature values that would take long to compute with.
func (c *cast) costAttacks() []vector {
	large, exponent := c.costly(16384, 65537), c.costly(2048, 1<<31+11)
	by := func(p person, octets int) string {
		return header("alice@example.org") + clear(bare, signedBy(bare, p, func(sd *signedData) { sd.signers[0].value = make([]byte, octets) }))
	}
	unsupported := verdict("neutral", "unsupported", "signatures", signature("integrity", "unknown"))
	return append(attacks([]vector{
		{name: "cost-rsa-16384", readme: "An RSA key of 16384 bits: nothing is computed with it.", eml: by(large, 2048), zone: c.zoneOf(large), report: unsupported},
		{name: "cost-rsa-8193", readme: "One bit over the limit.", eml: by(c.costly(8193, 3), 1025), zone: c.zoneOf(c.costly(8193, 3)), report: unsupported},
		{name: "cost-rsa-exponent", readme: "An RSA key whose public exponent has 32 bits.", eml: by(exponent, 256), zone: c.zoneOf(exponent), report: unsupported},
		{name: "cost-signature-value", readme: "A signature value of more than 1 KiB.", eml: by(c.alice, 1025), zone: c.everybody(), report: unsupported},
	}), vector{
		name: "pass-costly-certificates", readme: "Keys of 16384 bits in certificates of no signer: nothing is computed with them, and alice's signature holds.",
		eml: header("alice@example.org") + clear(bare, signedBy(bare, c.alice, func(sd *signedData) {
			for i := range 16 {
				p := withKey(c.t, newPerson(c.t, fmt.Sprintf("m%d@mallory.example", i), "mallory", person{}, nil), large.cert.PublicKey)
				sd.certs = append(sd.certs, p.cert)
			}
		})), zone: c.everybody(), report: verdict("pass", ""),
	})
}
