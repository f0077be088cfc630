package receiver_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime"
)

var oidSigningCert = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}

// unhashed leaves signingCertificateV2 out, as most programs do.
func unhashed(attrs [][]byte) [][]byte {
	return slices.DeleteFunc(attrs, isAttribute(oidSigningCertV2))
}

// hashedBy is signingCertificateV2, or signingCertificate without a digest algorithm, with an
// issuerSerial where there is one.
func hashedBy(h crypto.Hash, cert *x509.Certificate, issuerSerial []byte) func([][]byte) [][]byte {
	id := oidSigningCertV2
	if h == crypto.SHA1 {
		id = oidSigningCert
	}
	value := build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					if h != crypto.SHA1 && h != crypto.SHA256 {
						addAlgorithm(b, hashOIDs[h])
					}
					b.AddASN1OctetString(digest(h, cert.Raw))
					b.AddBytes(issuerSerial)
				})
			})
		})
	})
	return func(attrs [][]byte) [][]byte { return append(unhashed(attrs), attribute(id, value)) }
}

// issuerSerialOf is RFC 5035, Section 4.
func issuerSerialOf(issuer []byte, cert *x509.Certificate) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(issuer) })
			})
			b.AddASN1BigInt(cert.SerialNumber)
		})
	})
}

// nameBindings are signatures of which something, or nothing, binds the name.
func (c *cast) nameBindings() []vector {
	t, alice := c.t, c.alice
	by := func(from, content string, p person, attributes func([][]byte) [][]byte) string {
		return header(from) + clear(content, signedBy(content, p, func(sd *signedData) { sd.signers[0].attributes = attributes }))
	}
	bound := func(is bool) map[string]any { return verdict("pass", "", "signatures", signature("name_bound", is)) }
	issued := newPerson(t, "alice@example.org", "alice", c.mailCA, nil)
	taken := newPerson(t, "mallory@mallory.example", "bob", c.userCA, nil)
	root := newPerson(t, "dave@example.org", "dave", c.mailCA, nil)
	// The certificate says that bob's key signed it; mallory, who made it, does not have that
	// key.
	forged := newPerson(t, "mallory@mallory.example", "bob", person{}, nil)
	forged.cert = selfIssuedBy(c, forged)
	return []vector{
		{name: "bound-by-hash", readme: "signingCertificateV2 hashes the certificate that a CA issued: the name is bound.", eml: by("alice@example.org", bare, issued, nil), zone: c.zoneOf(issued), report: bound(true)},
		{name: "bound-by-hash-sha512", readme: "The same by SHA-512.", eml: by("alice@example.org", bare, issued, hashedBy(crypto.SHA512, issued.cert, nil)), zone: c.zoneOf(issued), report: bound(true)},
		{name: "bound-by-hash-sha1", readme: "The elder signingCertificate (RFC 2634, Section 5.4): a second certificate with one digest cannot be made.", eml: by("alice@example.org", bare, issued, hashedBy(crypto.SHA1, issued.cert, nil)), zone: c.zoneOf(issued), report: bound(true)},
		{name: "bound-by-hash-issuer", readme: "signingCertificateV2 with the issuerSerial of the certificate.", eml: by("alice@example.org", bare, issued, hashedBy(crypto.SHA256, issued.cert, issuerSerialOf(issued.cert.RawIssuer, issued.cert))), zone: c.zoneOf(issued), report: bound(true)},
		{name: "bound-by-from", readme: "No hash of the certificate, but the protected From is the name.", eml: by("alice@example.org", protected("alice@example.org"), issued, unhashed), zone: c.zoneOf(issued), report: bound(true)},
		{name: "bound-by-possession", readme: "No hash of the certificate, which is signed by its own key: only who has the key could make it.", eml: by("alice@example.org", bare, alice, unhashed), zone: c.everybody(), report: bound(true)},
		{name: "bound-by-path", readme: "No hash of the certificate, but its CA is published (2 0 1).", eml: by("alice@example.org", bare, issued, unhashed), zone: "; zone example.org.\n" + issued.record(t, "2 0 1"), report: bound(true)},
		{name: "bound-by-roots", readme: "No hash of the certificate, but its CA is a configured root.", options: options{PKIXRoots: "mailca.crt"}, eml: by("dave@example.org", bare, root, unhashed), zone: c.everybody(), report: verdict("pass", "pkix", "signatures", signature("name_bound", true))},
		{name: "unbound-issued", readme: "No hash of the certificate, which a CA issued, under 3 1 1, as several programs sign: it passes, and nothing binds the name.", eml: by("alice@example.org", bare, issued, unhashed), zone: c.zoneOf(issued), report: bound(false)},
		{name: "unbound-record-whole", readme: "The same under 3 0 1: a record of the certificate is its owner's to publish, and proves no more than one of the key.", eml: by("alice@example.org", bare, issued, unhashed), zone: "; zone example.org.\n" + issued.record(t, "3 0 1"), report: bound(false)},
		{name: "unbound-taken", readme: "bob's message under mallory's From, in a certificate that some CA issued mallory for bob's key, which mallory publishes: it passes as mallory's, and nothing binds the name.", eml: by("mallory@mallory.example", bare, taken, unhashed), zone: c.zoneOf(taken), report: bound(false)},
		{name: "unbound-self-issued", readme: "The same in a certificate that names itself as issuer, and is not signed by bob's key.", attack: true, eml: by("mallory@mallory.example", bare, forged, unhashed), zone: c.zoneOf(forged), report: verdict("policy", "name-not-bound", "signatures", signature("name_bound", false))},
		{name: "substituted-self-issued", readme: "The same, and bob's signature hashes bob's certificate.", attack: true, eml: by("mallory@mallory.example", bare, forged, hashedBy(crypto.SHA256, c.bob.cert, nil)), zone: c.zoneOf(forged), report: verdict("fail", "key-substituted")},
		{name: "substituted-sha512", readme: "A certificate of the CA for bob's key, where bob's signature hashes his own by SHA-512.", attack: true, eml: by("mallory@mallory.example", bare, taken, hashedBy(crypto.SHA512, c.bob.cert, nil)), zone: c.zoneOf(taken), report: verdict("fail", "key-substituted")},
		{name: "substituted-sha1", readme: "The same by the elder signingCertificate.", attack: true, eml: by("mallory@mallory.example", bare, taken, hashedBy(crypto.SHA1, c.bob.cert, nil)), zone: c.zoneOf(taken), report: verdict("fail", "key-substituted")},
		{name: "substituted-issuer", readme: "signingCertificateV2 hashes the certificate, and names another issuer.", attack: true, eml: by("alice@example.org", bare, issued, hashedBy(crypto.SHA256, issued.cert, issuerSerialOf(c.userCA.cert.RawIssuer, issued.cert))), zone: c.zoneOf(issued), report: verdict("fail", "key-substituted")},
		{name: "substituted-serial", readme: "signingCertificateV2 hashes the certificate, and names another serial number.", attack: true, eml: by("alice@example.org", bare, issued, hashedBy(crypto.SHA256, issued.cert, issuerSerialOf(issued.cert.RawIssuer, c.bob.cert))), zone: c.zoneOf(issued), report: verdict("fail", "key-substituted")},
	}
}

// costlyRecords hold a key that is too large to compute with.
func (c *cast) costlyRecords() []vector {
	t := c.t
	// without a private half
	key := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16383, 1), E: 65537}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(nil, &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: clock, NotAfter: clock}, c.userCA.cert, key, c.userCA.key)
	if err != nil {
		t.Fatal(err)
	}
	eml := signed(t, mail("carol@example.com"), smime.SignOptions{}, c.carol)
	out := func(usage, selector uint8, data []byte) vector {
		return vector{
			name: fmt.Sprintf("cost-record-%d%d0", usage, selector), readme: "A record of an RSA key of 16384 bits: nothing is computed with it.",
			eml: eml, zone: "; zone example.com.\n" + c.other(c.carol, record(usage, selector, 0, data)), report: verdict("neutral", "unusable-records"),
		}
	}
	return attacks([]vector{out(2, 0, cert), out(2, 1, spki), out(3, 1, spki)})
}

// selfIssuedBy is the certificate of p with its subject as issuer, signed by mallory's key.
func selfIssuedBy(c *cast, p person) *x509.Certificate {
	c.t.Helper()
	template := *p.cert
	parent := *p.cert
	parent.PublicKey = c.mallory.key.Public()
	der, err := x509.CreateCertificate(nil, &template, &parent, p.key.Public(), c.mallory.key)
	if err != nil {
		c.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		c.t.Fatal(err)
	}
	return cert
}
