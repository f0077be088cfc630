package receiver_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/receiver"
)

// TestNullParameters: GnuPG 2.4 gives ECDSA the parameters NULL, in the signature and in the
// certificates it makes. Whose own signature is such binds its name.
func TestNullParameters(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	p := c.alice
	p.cert = nullCertificate(t, p)
	content := "Content-Type: text/plain\r\n\r\nThe plan is good.\r\n"
	// Nothing else binds the name: From is not protected, and no certificate is hashed.
	for name, null := range map[string]bool{"in the certificate": false, "in both": true} {
		eml := header("alice@example.org") + clear(content, signedBy(content, p, firstSigner(func(s *signer) {
			s.null = null
			s.attributes = func(list [][]byte) [][]byte { return list[:3] }
		})))
		dns := newFakeDNS()
		owner, typ, err := c.alice.identity().OwnerName()
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.alice.identity().Record(3, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		dns.cached[owner+" "+typ.String()] = answerWith(owner, typ, r)
		report := judge(t, dns, eml, nil)
		if report.Verdict != receiver.Pass || !report.Signatures[0].NameBound {
			t.Errorf("NULL %s: %s: %s; %+v", name, report.Verdict, report.Reason, report.Signatures[0])
		}
	}
}

// nullCertificate is a person's self-signed certificate whose signature algorithm has NULL as
// parameters.
func nullCertificate(tb testing.TB, p person) *x509.Certificate {
	tb.Helper()
	plain := build(func(b *cryptobyte.Builder) { addAlgorithm(b, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}) })
	null := build(func(b *cryptobyte.Builder) {
		addAlgorithmWith(b, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, true)
	})
	raw := cryptobyte.String(p.cert.RawTBSCertificate)
	var fields cryptobyte.String
	if !raw.ReadASN1(&fields, cbasn1.SEQUENCE) {
		tb.Fatal("no TBSCertificate")
	}
	tbs := build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Replace(fields, plain, null, 1)) })
	})
	value, err := crypto.SignMessage(p.key, rand.Reader, tbs, crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(tbs)
			b.AddBytes(null)
			b.AddASN1BitString(value)
		})
	}))
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}
