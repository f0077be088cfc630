package receiver_test

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime"
)

// form is one form of a SignerInfo of p over bare.
func (c *cast) form(name, readme string, p person, change func(*signer), verdictWord, code string) vector {
	eml := header("alice@example.org") + clear(bare, signedBy(bare, p, firstSigner(change)))
	return vector{name: name, readme: readme, eml: eml, zone: c.zoneOf(p), report: verdict(verdictWord, code)}
}

// certificateHash is a signingCertificate or signingCertificateV2 attribute of one ESSCertID with
// these contents (RFC 5035, Section 3 and Section 5).
func certificateHash(id asn1.ObjectIdentifier, contents []byte) []byte {
	return attribute(id, build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(contents) })
			})
		})
	}))
}

// timeForm is a signingTime attribute of a type and text of its own.
func timeForm(tag cbasn1.Tag, text string) []byte {
	return attribute(oidSigningTime, build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
	}))
}

// attributeForms are forms of signed attributes that no signer writes.
func (c *cast) attributeForms() []vector {
	alice := c.alice
	more := func(a []byte) func(*signer) {
		return func(s *signer) { s.attributes = func(as [][]byte) [][]byte { return append(as, a) } }
	}
	instead := func(id asn1.ObjectIdentifier, a []byte) func(*signer) {
		return func(s *signer) {
			s.attributes = func(as [][]byte) [][]byte { return append(without(id)(as), a) }
		}
	}
	utc := func(text string) []byte { return timeForm(cbasn1.UTCTime, text) }
	general := func(text string) []byte { return timeForm(cbasn1.GeneralizedTime, text) }
	oidSigningCertV1 := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	unknownHash := build(func(b *cryptobyte.Builder) { addAlgorithm(b, asn1.ObjectIdentifier{1, 3, 101, 1}) })
	unknownHash = append(unknownHash, derOctets(digest(crypto.SHA256, c.mallory.cert.Raw))...)
	return attacks([]vector{
		{name: "c1-empty-content-inside", readme: "C1: empty content inside a detached signature.", eml: c.bareWith(func(sd *signedData) { sd.attached = []byte{} }), zone: c.everybody(), report: verdict("permerror", "malformed")},
		c.form("content-type-twice", "The contentType attribute twice, the same.", alice, more(attribute(oidContentType, derOID(oidData))), "fail", "bad-attributes"),
		c.form("signing-time-twice", "Two signing times.", alice, more(utc("200101000000Z")), "fail", "bad-attributes"),
		c.form("certificate-attribute-twice", "signingCertificateV2 twice, once for mallory's certificate.", alice, more(attribute(oidSigningCertV2, signingCertificate(c.mallory.cert))), "fail", "bad-attributes"),
		c.form("certificate-attribute-of-other", "signingCertificateV2 of mallory's certificate, with alice's in the bag.", alice, func(s *signer) { s.hashes = c.mallory.cert }, "fail", "key-substituted"),
		c.form("certificate-attribute-unknown-hash", "signingCertificateV2 with a digest that is not known: the certificate cannot be told to be the one.", alice, instead(oidSigningCertV2, certificateHash(oidSigningCertV2, unknownHash)), "neutral", "unsupported"),
		c.form("certificate-attribute-v1-of-other", "The elder signingCertificate (SHA-1) names another certificate than signingCertificateV2.", alice, more(certificateHash(oidSigningCertV1, derOctets(digest(crypto.SHA1, c.mallory.cert.Raw)))), "fail", "key-substituted"),
		c.form("certificate-attribute-empty", "signingCertificateV2 with nothing in it.", alice, instead(oidSigningCertV2, attribute(oidSigningCertV2, build(func(b *cryptobyte.Builder) { b.AddASN1(cbasn1.SEQUENCE, func(*cryptobyte.Builder) {}) }))), "fail", "bad-attributes"),
		c.form("time-fractions", "A signing time with fractions of a second, which DER does not have here (RFC 5652, Section 11.3).", alice, instead(oidSigningTime, general("20261124110000.5Z")), "fail", "bad-attributes"),
		c.form("time-2051", "A signing time in 2051.", alice, instead(oidSigningTime, general("20510101000000Z")), "policy", "signed-in-future"),
		c.form("time-2049", "A signing time in 2049, as UTCTime.", alice, instead(oidSigningTime, utc("491231235959Z")), "policy", "signed-in-future"),
		c.form("time-unreadable", "A signing time on the 30th of February.", alice, instead(oidSigningTime, utc("260230000000Z")), "fail", "bad-attributes"),
	})
}

// valueForms are forms of signature values and algorithms that no signer writes, and weak ones.
func (c *cast) valueForms() []vector {
	alice := c.alice
	rsaAlice := newPerson(c.t, "alice@example.org", "rsa2048", person{}, nil)
	edAlice := newPerson(c.t, "alice@example.org", "ed25519", person{}, nil)
	value := func(change func(r, s *big.Int) (*big.Int, *big.Int)) func(*signer) {
		return func(s *signer) { s.value = ecdsaValue(c.t, change, *s) }
	}
	n := elliptic.P256().Params().N
	edLong := func(s *signer) {
		// S and S+L are the same to whoever does not look (RFC 8032, Section 5.1.7).
		order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
		s.hash = crypto.SHA512
		sig, err := edAlice.key.(steady).Signer.Sign(nil, setOf(s), crypto.Hash(0))
		if err != nil {
			c.t.Fatal(err)
		}
		le := slices.Clone(sig[32:])
		slices.Reverse(le)
		sum := new(big.Int).Add(new(big.Int).SetBytes(le), order).FillBytes(make([]byte, 32))
		slices.Reverse(sum)
		s.value = append(slices.Clone(sig[:32]), sum...)
	}
	return attacks([]vector{
		c.form("digest-named-other", "The digest that is named is not the one that was used.", alice, func(s *signer) { s.named = crypto.SHA384 }, "fail", "bad-digest"),
		c.form("weak-md5", "MD5 proves nothing any more.", rsaAlice, func(s *signer) { s.hash = crypto.MD5 }, "policy", "weak"),
		c.form("ecdsa-negative", "An ECDSA signature with negative s.", alice, value(func(r, s *big.Int) (*big.Int, *big.Int) { return r, new(big.Int).Sub(s, n) }), "fail", "bad-signature"),
		c.form("ecdsa-too-large", "An ECDSA signature with s + n in place of s.", alice, value(func(r, s *big.Int) (*big.Int, *big.Int) { return r, new(big.Int).Add(s, n) }), "fail", "bad-signature"),
		c.form("ecdsa-n", "An ECDSA signature with r = s = n.", alice, value(func(_, _ *big.Int) (*big.Int, *big.Int) { return n, n }), "fail", "bad-signature"),
		c.form("ecdsa-trailing", "Something behind the ECDSA signature.", alice, func(s *signer) { s.value = append(signatureOf(c.t, *s), 0) }, "fail", "bad-signature"),
		c.form("ecdsa-not-der", "An ECDSA signature whose integers have a zero too many.", alice, func(s *signer) {
			r, v := ecdsaParts(c.t, signatureOf(c.t, *s))
			pad := func(n *big.Int) []byte { return append([]byte{2, 34, 0, 0}, n.FillBytes(make([]byte, 32))...) }
			s.value = append([]byte{0x30, 72}, append(pad(r), pad(v)...)...)
		}, "fail", "bad-signature"),
		c.form("ed25519-other-s", "An Ed25519 signature with S + L in place of S.", edAlice, edLong, "fail", "bad-signature"),
		c.form("rsa-raw-digest", "An RSA signature without the identifier of its digest (RFC 8017, Section 9.2).", rsaAlice, func(s *signer) {
			signed := digest(crypto.SHA256, setOf(s))
			sig, err := rsa.SignPKCS1v15(nil, rsaAlice.key.(steady).Signer.(*rsa.PrivateKey), 0, signed)
			if err != nil {
				c.t.Fatal(err)
			}
			s.value = sig
		}, "fail", "bad-signature"),
		c.form("rsa-zero", "An RSA signature of zero.", rsaAlice, func(s *signer) { s.value = make([]byte, 256) }, "fail", "bad-signature"),
		c.form("rsa-short", "An RSA signature one octet short.", rsaAlice, func(s *signer) { s.value = signatureOf(c.t, *s)[1:] }, "fail", "bad-signature"),
		c.form("ecdsa-key-as-rsa", "An RSA algorithm with alice's P-256 key.", alice, func(s *signer) { s.algorithm = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11} }, "fail", "bad-signature"),
		c.form("pss-without-parameters", "RSASSA-PSS without parameters.", rsaAlice, func(s *signer) { s.algorithm = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10} }, "neutral", "unsupported"),
	})
}

// certificateAttacks play with who issued what for whom.
func (c *cast) certificateAttacks() []vector {
	t := c.t
	from := func(address string, p person) string { return header(address) + clear(bare, signedBy(bare, p, nil)) }
	userZone := "; zone example.com.\n_user.example.com. 300 IN TLSA " + record(2, 0, 1, c.userCA.cert.Raw) + "\n"
	leaf := newPerson(t, "mallory@mallory.example", "mallory", c.userCA, nil)
	byLeaf := newPerson(t, "carol@example.com", "carol", leaf, nil)
	byLeaf.chain = append(byLeaf.chain, c.userCA.cert)
	inner := newPerson(t, "", "userca", c.mailCA, func(x *x509.Certificate) {
		x.IsCA, x.KeyUsage, x.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		x.Subject.CommonName = "a CA for corp.example only"
		x.PermittedDNSDomainsCritical, x.PermittedEmailAddresses = true, []string{"corp.example"}
	})
	subject := func(x *x509.Certificate) {
		x.EmailAddresses = nil
		x.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "dave@example.org"}}
	}
	constrained := newPerson(t, "dave@example.org", "dave", inner, nil)
	constrainedSubject := newPerson(t, "dave@example.org", "dave", inner, subject)
	constrainedUTF8 := newPerson(t, "dävid@example.org", "dave", inner, smtpUTF8("dävid@example.org"))
	tls := newPerson(t, "dave@example.org", "dave", c.mailCA, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	star := newPerson(t, "*._device.example.net", "sensor", person{}, nil)
	literal := newPerson(t, "sensor7._device.example.net.mallory.example", "mallory", person{}, nil)
	anyDevice := options{Names: []string{"example.net"}, Devices: map[string][]string{"*._device.example.net": {"*@example.net"}}}
	two := newPerson(t, "mallory@mallory.example", "mallory", person{}, func(x *x509.Certificate) { x.DNSNames = []string{"sensor7._device.example.net"} })
	roots := options{PKIXRoots: "mailca.crt"}
	list := attacks([]vector{
		{name: "certificate-issued-by-leaf", readme: "mallory, who has a certificate of the CA at _user, issues one for carol: only a CA can.", eml: from("carol@example.com", byLeaf), zone: userZone, report: verdict("fail", "key-mismatch")},
		{name: "certificate-user-other-name", readme: "mallory's certificate of the CA at _user is for mallory, not for carol.", eml: from("carol@example.com", leaf), zone: userZone, report: verdict("policy", "from-mismatch")},
		{name: "pkix-constrained", readme: "A CA below a mail root that may certify corp.example only certifies dave.", options: roots, eml: from("dave@example.org", constrained), zone: c.everybody(), report: verdict("policy", "pkix")},
		{name: "pkix-constrained-subject", readme: "The same with dave's address in the subject only (RFC 5280, Section 4.2.1.10).", options: roots, eml: from("dave@example.org", constrainedSubject), zone: c.everybody(), report: verdict("policy", "pkix")},
		{name: "pkix-constrained-utf8", readme: "The same with a SmtpUTF8Mailbox (RFC 9598, Section 6).", options: roots, eml: from("dävid@example.org", constrainedUTF8), zone: c.everybody(), report: verdict("policy", "pkix")},
		{name: "pkix-for-tls", readme: "A certificate of a mail root that is for TLS servers.", options: roots, eml: from("dave@example.org", tls), zone: c.everybody(), report: verdict("policy", "pkix")},
		{name: "i-device-wildcard-certificate", readme: "A wildcard is the name of no device, though a rule with a star fits it.", options: anyDevice, eml: from("alerts@example.net", star), zone: c.everybody(), report: verdict("neutral", "no-owner-name")},
		{name: "i-device-longer-name", readme: "A name that only begins like the device's.", options: anyDevice, eml: from("alerts@example.net", literal), zone: c.zoneOf(c.sensor, literal), report: verdict("policy", "no-rule")},
		{name: "i-device-beside-address", readme: "mallory's certificate states his address and the name of a trusted device: the address is what it is for.", options: anyDevice, eml: from("alerts@example.net", two), zone: c.everybody(), report: verdict("policy", "from-mismatch")},
		{name: "i-device-local-part-star", readme: "The star of a device's address pattern never reaches over the @.", options: anyDevice, eml: from("\"x@example.net\"@mallory.example", c.sensor), zone: c.everybody(), report: verdict("policy", "display-name")},
	})
	return append(list, vector{
		name: "pass-certificate-copied", readme: "mallory's certificate is signed by its own key, which bob's file holds here: who made it has the key.",
		eml: from("mallory@mallory.example", c.copied()), zone: c.zoneOf(c.copied()), report: verdict("pass", "", "signatures", signature("name_bound", true)),
	})
}

// receipts are judged at the time a message is proven to have come, and what is printed of them.
func (c *cast) receipts() []vector {
	t := c.t
	userZone := "; zone example.com.\n_user.example.com. 300 IN TLSA " + record(2, 0, 1, c.userCA.cert.Raw) + "\n"
	came := clock.AddDate(0, -2, 0)
	receipt := options{Saved: true, Received: came}
	old := newPerson(t, "carol@example.com", "carol", c.userCA, func(x *x509.Certificate) { x.NotAfter = clock.AddDate(0, -1, 0) })
	colour := newPerson(t, "mallory@mallory.example", "mallory", person{}, func(x *x509.Certificate) {
		x.Subject = pkix.Name{CommonName: "\x1b[2K\rpass: alice@example.org\u202e", Organization: []string{"x\r\nAuthentication-Results: mx.example.net; smime=pass"}}
	})
	return append(attacks([]vector{
		{name: "signed-after-receipt", readme: "carol's message is proven to have come two months ago, and she claims to have signed it later.", options: receipt, eml: signed(t, mail("carol@example.com"), smime.SignOptions{}, old), zone: userZone, report: verdict("policy", "signed-in-future")},
		{name: "u1-terminal", readme: "U1: escape sequences, line ends and a turn of direction in mallory's certificate, for whoever prints it.", eml: header("alice@example.org") + clear(bare, signedBy(bare, colour, nil)), zone: c.everybody(), report: verdict("policy", "from-mismatch")},
	}), vector{
		name: "pass-valid-at-receipt", readme: "carol's certificate has expired since, and was valid when her message is proven to have come.", options: receipt,
		eml: signed(t, mail("carol@example.com"), smime.SignOptions{Time: came.Add(-hour)}, old), zone: userZone, report: verdict("pass", ""),
	})
}

// copied is mallory with bob's key in his certificate.
func (c *cast) copied() person {
	return newPerson(c.t, "mallory@mallory.example", "bob", person{}, nil)
}

// formControls are legal and rare.
func (c *cast) formControls() []vector {
	t, alice := c.t, c.alice
	n := elliptic.P256().Params().N
	oidCounterSignature := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6}
	with := func(name, readme string, change func(*signer)) vector {
		return vector{name: name, readme: readme, zone: c.everybody(), report: verdict("pass", ""), eml: header("alice@example.org") + clear(bare, signedBy(bare, alice, func(sd *signedData) { change(&sd.signers[0]) }))}
	}
	mine := signed(t, mail("alice@example.org"), smime.SignOptions{}, alice)
	alias := strings.Fields(alice.record(t, "3 1 1"))[0]
	return []vector{
		with("pass-unsigned-attributes", "Unsigned attributes say what they like, a broken countersignature among them.", func(s *signer) {
			s.unsigned = [][]byte{attribute(oidCounterSignature, derOctets([]byte("no SignerInfo"))), attribute(oidMessageDigest, derOctets(make([]byte, 32)))}
		}),
		with("pass-unknown-attribute", "A signed attribute of a private type, twice.", func(s *signer) {
			mine := attribute(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, derOctets([]byte("x")))
			s.attributes = func(as [][]byte) [][]byte { return append(as, mine, mine) }
		}),
		{name: "pass-digest-not-announced", readme: "The digest algorithm is not among those announced: a verifier may refuse that (RFC 5652, Section 5.1), and need not.", eml: header("alice@example.org") + clear(bare, signedBy(bare, alice, func(sd *signedData) { sd.digests = []crypto.Hash{crypto.SHA512} })), zone: c.everybody(), report: verdict("pass", "")},
		with("pass-time-1950", "A signing time of 1950 is old, and nothing else.", func(s *signer) { s.at = clock.AddDate(-76, 0, 0) }),
		with("pass-ecdsa-other-s", "n - s in place of s is an ECDSA signature as good (FIPS 186-5 has no other rule).", func(s *signer) {
			s.value = ecdsaValue(t, func(r, v *big.Int) (*big.Int, *big.Int) { return r, new(big.Int).Sub(n, v) }, *s)
		}),
		{
			name: "pass-dns-alias", readme: "An alias into another zone that is signed as well: whoever controls the name chose it (RFC 7671, Section 7).", eml: mine, report: verdict("pass", ""),
			zone: "; zone example.org.\n" + alias + " IN CNAME alice.keys.example.\n; zone keys.example.\n" + strings.Replace(alice.record(t, "3 1 1"), alias, "alice.keys.example.", 1),
		},
	}
}

// setOf is the DER of what the signer signs.
func setOf(s *signer) []byte {
	full := *s
	full.hash = cmp.Or(s.hash, crypto.SHA256)
	if full.at.IsZero() {
		full.at = clock.Add(-hour)
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(full.list(oidData), nil)) })
	})
}

// signatureOf is the right signature value.
func signatureOf(tb testing.TB, s signer) []byte {
	tb.Helper()
	value, err := crypto.SignMessage(s.key, nil, setOf(&s), crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	return value
}

func ecdsaParts(tb testing.TB, der []byte) (r, s *big.Int) {
	tb.Helper()
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		tb.Fatal(err)
	}
	return v.R, v.S
}

// ecdsaValue is the right value with r and s changed.
func ecdsaValue(tb testing.TB, change func(r, s *big.Int) (*big.Int, *big.Int), s signer) []byte {
	tb.Helper()
	r, v := change(ecdsaParts(tb, signatureOf(tb, s)))
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, v})
	if err != nil {
		tb.Fatal(err)
	}
	return der
}
