package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// TestForeign: nothing that is no part of a signature travels in a SignedData.
func TestForeign(t *testing.T) {
	t.Parallel()
	s := identities[0].signer(t)
	content := testContent
	text := ber.TLV(ber.TagOctetString, []byte("anything"))
	message := func(change func(*forgery)) []byte {
		f := forge(t, s.Certificate, s.Key, testContent)
		m := &forgery{contentType: oidData, certs: []*x509.Certificate{s.Certificate}, infos: [][]byte{f.der(t, testContent)}, digests: [][]byte{f.digest}}
		change(m)
		return m.der()
	}
	algorithm := func(oid string) []byte { return ber.TLV(ber.TagSequence, oidDER(oid)) }
	raw := func(der ...[]byte) []*x509.Certificate {
		certs := []*x509.Certificate{s.Certificate}
		for _, d := range der {
			certs = append(certs, &x509.Certificate{Raw: d})
		}
		return certs
	}
	revocation := func(elements ...[]byte) func(*forgery) {
		return func(f *forgery) { f.crls = ber.TLV(ber.TagContext1, elements...) }
	}
	other := func(oid string, body []byte) []byte { return ber.TLV(ber.TagContext1, oidDER(oid), body) }
	for _, tt := range []struct {
		name   string
		change func(*forgery)
		ok     bool
	}{
		{"nothing more", func(*forgery) {}, true},
		{"a certificate that cannot be parsed", func(f *forgery) { f.certs = raw(emptyCertificate) }, true},
		{"an unused digest that is known", func(f *forgery) {
			f.digests = append(f.digests, algorithm(oidSHA512), algorithm(oidSM3), algorithm(oidNISTHash+"\x08"))
		}, true},
		{"a digest with NULL", func(f *forgery) { f.digests = append(f.digests, ber.TLV(ber.TagSequence, oidDER(oidSHA512), ber.Null)) }, true},
		{"revocation lists", revocation(ber.TLV(ber.TagSequence, text), ber.TLV(ber.TagSequence)), true},
		{"an OCSP answer", revocation(other(oidOCSPResponse, ber.TLV(ber.TagSequence, text))), true},

		{"extendedCertificate", func(f *forgery) { f.certs = raw(ber.TLV(ber.TagContext0, contents(t, emptyCertificate))) }, false},
		{"v1AttrCert", func(f *forgery) { f.certs = raw(ber.TLV(ber.TagContext1, contents(t, emptyCertificate))) }, false},
		{"v2AttrCert", func(f *forgery) { f.certs = raw(ber.TLV(ber.TagContext2, contents(t, emptyCertificate))) }, false},
		{"other certificate format", func(f *forgery) { f.certs = raw(ber.TLV(ber.TagContext3, oidDER("\x2a\x03"), text)) }, false},
		{"an octet string among the certificates", func(f *forgery) { f.certs = raw(text) }, false},
		{"a sequence that is no certificate", func(f *forgery) { f.certs = raw(ber.TLV(ber.TagSequence, text)) }, false},
		{"a certificate with one more element", func(f *forgery) { f.certs = raw(ber.TLV(ber.TagSequence, contents(t, emptyCertificate), text)) }, false},
		{"an unknown digest", func(f *forgery) { f.digests = append(f.digests, algorithm("\x2a\x03")) }, false},
		{"an unknown digest in a known arc", func(f *forgery) { f.digests = append(f.digests, algorithm(oidNISTHash+"\x40")) }, false},
		{"a digest with something after it", func(f *forgery) { f.digests = append(f.digests, ber.TLV(ber.TagSequence, oidDER(oidSHA512), text)) }, false},
		{"other revocation format", revocation(other("\x2a\x03", text)), false},
		{"an octet string among the revocation lists", revocation(text), false},
		{"two elements in one OCSP answer", revocation(other(oidOCSPResponse, slices.Concat(ber.TLV(ber.TagSequence), text))), false},
	} {
		der := message(tt.change)
		got := verdictOf(der, &content)
		if tt.ok != (got == "pass") {
			t.Errorf("%s: %s", tt.name, got)
		}
		if _, err := Read(bytes.NewReader(der), nil); !tt.ok {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Errorf("%s: %v is no SyntaxError", tt.name, err)
			}
		}
	}
}
