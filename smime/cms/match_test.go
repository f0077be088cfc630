package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"math/big"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// essCertID is the value of a signingCertificate attribute with one hash, of the first or (with a
// hash algorithm) the second form.
func essCertID(hash []byte, algorithm ...[]byte) []byte {
	parts := append(algorithm, ber.TLV(ber.TagOctetString, hash))
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, parts...)))
}

// TestSigningCertificate: a stranger's certificate for the signer's key, with the signer's issuer
// and serial number, is another one.
func TestSigningCertificate(t *testing.T) {
	t.Parallel()
	key := testKey(t, "rsa2048")
	own := testCertificate(t, key, 1)
	strangers := bytes.Clone(own.Raw)
	strangers[len(strangers)-1] ^= 1
	stranger := parseCertificate(t, strangers)
	algorithm := func(oid string) []byte { return ber.TLV(ber.TagSequence, oidDER(oid)) }
	digest := func(h crypto.Hash, cert *x509.Certificate) []byte { return hashOf(h, string(cert.Raw)) }
	sha256, sha1 := digest(crypto.SHA256, own), digest(crypto.SHA1, own)
	for _, tt := range []struct {
		name          string
		attrs         [][]byte
		own, stranger Code // of Match
	}{
		{"no attribute", nil, "", ""},
		{"SHA-256", [][]byte{attribute(oidSigningCertificateV2, essCertID(sha256))}, "", CodeKeySubstituted},
		{"SHA-256 said so", [][]byte{attribute(oidSigningCertificateV2, essCertID(sha256, algorithm(oidSHA256)))}, "", CodeKeySubstituted},
		{"SHA-512", [][]byte{attribute(oidSigningCertificateV2, essCertID(digest(crypto.SHA512, own), algorithm(oidSHA512)))}, "", CodeKeySubstituted},
		{"SHA-1", [][]byte{attribute(oidSigningCertificate, essCertID(sha1))}, "", CodeKeySubstituted},
		{"unknown digest", [][]byte{attribute(oidSigningCertificateV2, essCertID(sha256, algorithm("\x2a\x03")))}, CodeUnsupported, CodeUnsupported},
		{"both forms", [][]byte{attribute(oidSigningCertificate, essCertID(sha1)), attribute(oidSigningCertificateV2, essCertID(sha256))}, "", CodeKeySubstituted},
		{"forms that contradict", [][]byte{attribute(oidSigningCertificate, essCertID(sha1)), attribute(oidSigningCertificateV2, essCertID(digest(crypto.SHA256, stranger)))}, CodeKeySubstituted, CodeKeySubstituted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := forge(t, own, key, testContent)
			s.attrs = append(s.attrs, tt.attrs...)
			f := &forgery{digests: [][]byte{s.digest}, contentType: oidData, infos: [][]byte{s.der(t, testContent)}}
			sd, err := Read(bytes.NewReader(f.der()), nil)
			if err != nil {
				t.Fatal(err)
			}
			si := sd.Signers[0]
			if got := codeOf(si.Match(own)); got != tt.own {
				t.Errorf("Match of the signer's = %q, want %q", got, tt.own)
			}
			if got := codeOf(si.Match(stranger)); got != tt.stranger {
				t.Errorf("Match of a stranger's = %q, want %q", got, tt.stranger)
			}
			var want *x509.Certificate
			if tt.stranger == "" {
				want = stranger
			} else if tt.own == "" {
				want = own
			}
			if got := si.Certificate(sd, []*x509.Certificate{stranger, own}); got != want {
				t.Errorf("Certificate does not agree with Match")
			}
		})
	}
}

func TestMalformedSigningCertificate(t *testing.T) {
	t.Parallel()
	key := testKey(t, "p256")
	cert := testCertificate(t, key, 1)
	content := testContent
	for name, attr := range map[string][]byte{
		"no hash":       attribute(oidSigningCertificateV2, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence)))),
		"no ID":         attribute(oidSigningCertificateV2, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence))),
		"nothing":       attribute(oidSigningCertificate, ber.TLV(ber.TagSequence)),
		"not even that": attribute(oidSigningCertificate, ber.Null),
		"no algorithm":  attribute(oidSigningCertificateV2, essCertID(nil, ber.TLV(ber.TagSequence))),
	} {
		s := forge(t, cert, key, testContent)
		s.attrs = append(s.attrs, attr)
		f := &forgery{digests: [][]byte{s.digest}, contentType: oidData, certs: []*x509.Certificate{cert}, infos: [][]byte{s.der(t, testContent)}}
		if got := verdictOf(f.der(), &content); got != CodeBadAttributes {
			t.Errorf("%s: judged %q", name, got)
		}
	}
}

// TestMatchKey is about signers without certificate.
func TestMatchKey(t *testing.T) {
	t.Parallel()
	key, other := testKey(t, "p256"), testKey(t, "p256b")
	cert := testCertificate(t, key, 1)
	read := func(s Signer) *SignerInfo {
		sd, err := Read(bytes.NewReader(sign(t, SignOptions{Signers: []Signer{s}})), nil)
		if err != nil {
			t.Fatal(err)
		}
		return sd.Signers[0]
	}
	bare, certified := read(Signer{Key: key}), read(Signer{Key: key, Certificate: cert})
	if got := codeOf(bare.MatchKey(spkiOf(t, key.Public()))); got != "" {
		t.Errorf("MatchKey of the signer's key = %q", got)
	}
	if got := codeOf(bare.MatchKey(spkiOf(t, other.Public()))); got != CodeOtherCertificate {
		t.Errorf("MatchKey of another key = %q", got)
	}
	if got := codeOf(certified.MatchKey(spkiOf(t, key.Public()))); got != CodeOtherCertificate {
		t.Errorf("MatchKey where a certificate is named = %q", got)
	}
	certified.SubjectKeyID = cert.SubjectKeyId
	if got := codeOf(certified.MatchKey(spkiOf(t, key.Public()))); got != CodeKeySubstituted {
		t.Errorf("MatchKey where a certificate is hashed = %q", got)
	}
	if bare.MatchKey([]byte{0}) == nil {
		t.Error("MatchKey took a key that is none")
	}
	// The certificate that comes from elsewhere is found by the same identifier, whether it states
	// that or not.
	unnamed := *cert
	unnamed.SubjectKeyId = nil
	for _, c := range []*x509.Certificate{cert, &unnamed} {
		if got := bare.Certificate(new(SignedData), []*x509.Certificate{c}); got != c {
			t.Errorf("Certificate = %v", got)
		}
	}
}

func TestSerialNumber(t *testing.T) {
	t.Parallel()
	for _, want := range []int64{0, 1, 127, 128, 255, 256, 1 << 40} {
		si := &SignerInfo{Serial: contents(t, integer(big.NewInt(want)))}
		if got := si.serialNumber().Int64(); got != want {
			t.Errorf("serialNumber(% x) = %d, want %d", si.Serial, got, want)
		}
	}
	if got := (&SignerInfo{Serial: []byte{0xff, 0x7f}}).serialNumber().Int64(); got != -129 {
		t.Errorf("serialNumber of -129 = %d", got)
	}
}
