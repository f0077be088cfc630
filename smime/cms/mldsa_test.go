package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"testing"

	"filippo.io/mldsa"

	"dnseal/smime/cms/internal/ber"
)

// oidSHAKE256 is not computed here.
const oidSHAKE256 = oidNISTHash + "\x0c"

// digestBy names another digest, and signs that of the content.
func digestBy(h crypto.Hash, oid string) change {
	return func(f *forgery, s *forgedSigner) {
		s.digest, s.attrs[1] = algorithmDER(oid), messageDigestOf(h, testContent)
		f.digests = [][]byte{s.digest}
	}
}

// TestRulesMLDSA is RFC 9882, Section 3.3: which digests are as strong as which parameter set,
// what is in the identifiers, and how long a value is.
func TestRulesMLDSA(t *testing.T) {
	t.Parallel()
	value := func(octets int) change {
		return func(_ *forgery, s *forgedSigner) { s.value = make([]byte, octets) }
	}
	testRules(t, []rule{
		{"44 with SHA-512", "mldsa44", digestBy(crypto.SHA512, oidSHA512), "pass"},
		{"44 with SHA-384", "mldsa44", digestBy(crypto.SHA384, oidSHA384), "pass"},
		{"44 with SHA-256", "mldsa44", digestBy(crypto.SHA256, oidSHA256), "pass"},
		{"44 with SHA-1", "mldsa44", digestBy(crypto.SHA1, oidSHA1), CodeWeak},
		{"65 with SHA-512", "mldsa65", digestBy(crypto.SHA512, oidSHA512), "pass"},
		{"65 with SHA-384", "mldsa65", digestBy(crypto.SHA384, oidSHA384), "pass"},
		{"65 with SHA-256", "mldsa65", digestBy(crypto.SHA256, oidSHA256), CodeWeak},
		{"87 with SHA-512", "mldsa87", digestBy(crypto.SHA512, oidSHA512), "pass"},
		{"87 with SHA-384", "mldsa87", digestBy(crypto.SHA384, oidSHA384), CodeWeak},
		{"87 with SHA-256", "mldsa87", digestBy(crypto.SHA256, oidSHA256), CodeWeak},
		{"weak and wrong", "mldsa87", func(f *forgery, s *forgedSigner) {
			digestBy(crypto.SHA256, oidSHA256)(f, s)
			s.signed = []byte("other")
		}, CodeBadSignature},
		{"with SHAKE256", "mldsa65", func(f *forgery, s *forgedSigner) {
			s.digest = algorithmDER(oidSHAKE256)
			f.digests = [][]byte{s.digest}
		}, CodeUnsupported},
		{"digest with NULL", "mldsa65", withAlgorithms(algorithmDER(oidSHA512, ber.Null), algorithmDER(oidMLDSA65)), "pass"},
		{"signature with NULL", "mldsa65", withAlgorithms(algorithmDER(oidSHA512), algorithmDER(oidMLDSA65, ber.Null)), CodeUnsupported},
		{"the name of another set", "mldsa65", withAlgorithms(algorithmDER(oidSHA512), algorithmDER(oidMLDSA87)), CodeBadSignature},
		{"the name of ECDSA", "mldsa65", withAlgorithms(algorithmDER(oidSHA512), algorithmDER(oidECDSAWithSHA512)), CodeUnsupported},
		{"a key for ECDSA", "p384", withAlgorithms(algorithmDER(oidSHA384), algorithmDER(oidMLDSA44)), CodeBadSignature},
		{"other attributes", "mldsa65", func(_ *forgery, s *forgedSigner) { s.signed = []byte("other") }, CodeBadSignature},
		{"an empty value", "mldsa65", value(0), CodeBadSignature},
		{"an octet less", "mldsa65", value(mldsa.MLDSA65SignatureSize - 1), CodeBadSignature},
		{"an octet more", "mldsa65", value(mldsa.MLDSA65SignatureSize + 1), CodeBadSignature},
		{"octets of zero", "mldsa65", value(mldsa.MLDSA65SignatureSize), CodeBadSignature},
		{"larger than any", "mldsa87", value(64 << 10), CodeBadSignature},
	})
}

// TestMLDSAWithoutAttributes: the signature is over the content, and the digest algorithm has no
// meaning (RFC 9882, Section 3.3).
func TestMLDSAWithoutAttributes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		digest   []byte
		attached Code
	}{
		"SHA-512":  {algorithmDER(oidSHA512), "pass"},
		"SHAKE256": {algorithmDER(oidSHAKE256), "pass"},
		// Content inside is read before the signer is, and kept only where one may sign it itself.
		"SHA-1":   {algorithmDER(oidSHA1), CodeUnsupported},
		"SHA-256": {algorithmDER(oidSHA256), CodeUnsupported},
	} {
		for _, wrong := range []bool{false, true} {
			key := testKey(t, "mldsa87")
			cert := testCertificate(t, key, 1)
			s := forge(t, cert, key, testContent)
			s.attrs, s.digest = nil, tt.digest
			if wrong {
				s.signed = []byte(testContent + "changed")
			}
			content := testContent
			f := &forgery{digests: [][]byte{s.digest}, contentType: oidData, certs: []*x509.Certificate{cert}, infos: [][]byte{s.der(t, content)}}
			want, attached := Code("pass"), tt.attached
			if wrong {
				want = CodeBadSignature
				if attached == "pass" {
					attached = CodeBadSignature
				}
			}
			if got := verdictOf(f.der(), &content); got != want {
				t.Errorf("%s, wrong %t: %q, want %q", name, wrong, got, want)
			}
			f.content = &content
			if got := verdictOf(f.der(), nil); got != attached {
				t.Errorf("%s inside, wrong %t: %q, want %q", name, wrong, got, attached)
			}
		}
	}
}

// TestMLDSAIdentifiers: parameters are absent (RFC 9882, Section 3.3), and the digest is SHA-512.
func TestMLDSAIdentifiers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ key, oid string }{{"mldsa44", oidMLDSA44}, {"mldsa65", oidMLDSA65}, {"mldsa87", oidMLDSA87}} {
		key := testKey(t, tt.key)
		der := sign(t, SignOptions{Signers: []Signer{{Key: key}}})
		sd, err := Read(bytes.NewReader(der), nil)
		if err != nil {
			t.Fatal(err)
		}
		si := sd.Signers[0]
		if string(si.signatureAlgorithm.OID) != tt.oid || si.signatureAlgorithm.Parameters != nil || string(si.digestAlgorithm.OID) != oidSHA512 || si.digestAlgorithm.Parameters != nil {
			t.Errorf("%s: %s with %s", tt.key, si.signatureAlgorithm, si.digestAlgorithm)
		}
		if h, err := SigningDigest(key.Public()); err != nil || Micalg(h) != "sha-512" {
			t.Errorf("%s: %s, %v", tt.key, Micalg(h), err)
		}
		spki := spkiOf(t, key.Public())
		if pub, err := ParsePublicKey(spki); err != nil || !key.Public().(*mldsa.PublicKey).Equal(pub) || si.MatchKey(spki) != nil {
			t.Errorf("%s: the key does not come back: %v", tt.key, err)
		}
		if !PostQuantum(key.Public()) || PostQuantum(testKey(t, "p256").Public()) {
			t.Errorf("%s: of which kind it is", tt.key)
		}
	}
}
