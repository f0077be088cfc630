package receiver_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/receiver"
)

// TestUnreadableCertificate: what cannot be read of the signer's certificate is named, and allows
// nothing.
func TestUnreadableCertificate(t *testing.T) {
	t.Parallel()
	content := "Content-Type: text/plain\r\n\r\nThe plan is good.\r\n"
	for _, tt := range []struct {
		name          string
		old, replaced string // in the signed part of the certificate
		bySKI         bool
		selector      uint8 // of the record
		matching      uint8
		verdict       receiver.Verdict
		code          receiver.Code
		reason        string
	}{
		{"nothing", "", "", false, 1, 1, receiver.Pass, "", ""},
		{"extensions", "\x06\x03\x55\x1d\x0f\x01\x01\xff\x04", "\x06\x03\x55\x1d\x0f\x01\x01\xff\x05", false, 1, 1, receiver.PermError, receiver.CodeMalformed, "the signer's certificate cannot be read: its extensions cannot be read"},
		{"extensions, by key", "\x06\x03\x55\x1d\x0f\x01\x01\xff\x04", "\x06\x03\x55\x1d\x0f\x01\x01\xff\x05", true, 1, 1, receiver.PermError, receiver.CodeMalformed, "the signer's certificate cannot be read: its extensions cannot be read"},
		{"extensions, and the record has the key", "\x06\x03\x55\x1d\x0f\x01\x01\xff\x04", "\x06\x03\x55\x1d\x0f\x01\x01\xff\x05", true, 1, 0, receiver.Pass, "", ""},
		{"key usage", "\x03\x02\x07\x80", "\x03\x02\x09\x80", false, 1, 1, receiver.Policy, receiver.CodeKeyUsage, "the key usage of the certificate names none, or cannot be read"},
		{"no key usage", "\x03\x02\x07\x80", "\x03\x02\x07\x00", false, 1, 1, receiver.Policy, receiver.CodeKeyUsage, "the key usage of the certificate names none, or cannot be read"},
		{"extended key usage", "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04", "\x30\x0a\x05\x08\x2b\x06\x01\x05\x05\x07\x03\x04", false, 1, 1, receiver.Policy, receiver.CodeKeyUsage, "the extended key usage of the certificate names none, or cannot be read"},
		{"names", "\x30\x13\x81\x11alice@", "\x31\x13\x81\x11alice@", false, 1, 1, receiver.Policy, receiver.CodeNoName, "the subjectAltName of the certificate cannot be read"},
		{"NUL in the name", "\x81\x11alice@", "\x81\x11alic\x00@", false, 1, 1, receiver.Policy, receiver.CodeNoName, "no certificate holds one"},
		{"point not on the curve", "\x03\x42\x00\x04", "\x03\x42\x00\x05", false, 0, 0, receiver.PermError, receiver.CodeMalformed, "the signer's key cannot be read"},
		{"another curve", "\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x2b\x24\x03\x03\x02\x08\x01\x01", false, 0, 0, receiver.Neutral, receiver.CodeUnsupported, "1.3.36.3.3.2.8.1.1"},
	} {
		p := newCast(t).alice
		owner, typ, err := p.identity().OwnerName()
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.identity().Record(3, tt.selector, tt.matching)
		if err != nil {
			t.Fatal(err)
		}
		p.cert = changedCertificate(t, p, tt.old, tt.replaced)
		eml := header("alice@example.org") + clear(content, signedBy(content, p, firstSigner(func(s *signer) {
			s.bySKI = tt.bySKI
			s.attributes = func(list [][]byte) [][]byte { return list[:3] }
		})))
		dns := newFakeDNS()
		dns.cached[owner+" "+typ.String()], dns.fresh[owner+" "+typ.String()] = answerWith(owner, typ, r), answerWith(owner, typ, r)
		if report := judge(t, dns, eml, nil); report.Verdict != tt.verdict || report.Code != tt.code || !strings.Contains(report.Reason, tt.reason) {
			t.Errorf("%s: %s (%s): %s", tt.name, report.Verdict, report.Code, report.Reason)
		}
	}
}

// changedCertificate is a person's self-signed certificate with other octets in its signed part.
func changedCertificate(t *testing.T, p person, old, replaced string) *x509.Certificate {
	t.Helper()
	tbs := bytes.Replace(p.cert.RawTBSCertificate, []byte(old), []byte(replaced), 1)
	if old != replaced && bytes.Equal(tbs, p.cert.RawTBSCertificate) {
		t.Fatalf("%x is not in the certificate", old)
	}
	value, err := crypto.SignMessage(p.key, rand.Reader, tbs, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var outer, fields, algorithm cryptobyte.String = p.cert.Raw, nil, nil
	if !outer.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.SkipASN1(cbasn1.SEQUENCE) || !fields.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) {
		t.Fatal("no certificate")
	}
	cert := *p.cert
	cert.Raw = build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(tbs)
			b.AddBytes(algorithm)
			b.AddASN1BitString(value)
		})
	})
	return &cert
}
