package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// encryptionKeys are public keys that cannot sign, by name.
func encryptionKeys(tb testing.TB) map[string]crypto.PublicKey {
	tb.Helper()
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	kem768, err := mlkem.GenerateKey768()
	if err != nil {
		tb.Fatal(err)
	}
	kem1024, err := mlkem.GenerateKey1024()
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]crypto.PublicKey{
		"X25519": x25519.PublicKey(), "ML-KEM-768": kem768.EncapsulationKey(), "ML-KEM-1024": kem1024.EncapsulationKey(),
	}
}

// certificateOf is testCertificate with the key pub, which its own signature is not by.
func certificateOf(tb testing.TB, pub crypto.PublicKey) *x509.Certificate {
	tb.Helper()
	cert := testCertificate(tb, testKey(tb, "p256"), 9936)
	spki, err := MarshalPublicKey(pub)
	if err != nil {
		tb.Fatal(err)
	}
	tbs := bytes.Replace(contents(tb, cert.RawTBSCertificate), cert.RawSubjectPublicKeyInfo, spki, 1)
	rest := contents(tb, cert.Raw)[len(cert.RawTBSCertificate):]
	return parseCertificate(tb, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, tbs), rest))
}

// TestEncryptionKeys: keys that can only be encrypted to are read, written and named.
func TestEncryptionKeys(t *testing.T) {
	t.Parallel()
	for name, pub := range encryptionKeys(t) {
		spki, err := MarshalPublicKey(pub)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := ParsePublicKey(spki)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := MarshalPublicKey(got)
		if err != nil || !bytes.Equal(again, spki) {
			t.Errorf("%s is read and written as % x, %v", name, again, err)
		}
		certified, err := PublicKey(certificateOf(t, pub))
		if err != nil {
			t.Fatalf("%s: certificate: %v", name, err)
		}
		if again, err = MarshalPublicKey(certified); err != nil || !bytes.Equal(again, spki) {
			t.Errorf("%s in a certificate is read and written as % x, %v", name, again, err)
		}
		if id, err := SubjectKeyID(spki); err != nil || len(id) != 20 {
			t.Errorf("%s: SubjectKeyID = % x, %v", name, id, err)
		}
		if err := CheckStrength(pub); err != nil {
			t.Errorf("%s: CheckStrength = %v", name, err)
		}
	}
}

// publicOnly is a crypto.Signer that claims any public key.
type publicOnly struct {
	crypto.Signer
	pub crypto.PublicKey
}

func (k publicOnly) Public() crypto.PublicKey { return k.pub }

// TestEncryptionKeysNeverSign: under a key that can only be encrypted to, no signature of any
// algorithm is made or right, whether or not a certificate says it is the signer's.
func TestEncryptionKeysNeverSign(t *testing.T) {
	t.Parallel()
	for name, pub := range encryptionKeys(t) {
		if _, err := SigningDigest(pub); !errors.Is(err, ErrUnsupportedKey) {
			t.Errorf("%s: SigningDigest = %v", name, err)
		}
		for _, s := range []Signer{{Key: publicOnly{testKey(t, "p256"), pub}}, {Key: testKey(t, "p256"), Certificate: certificateOf(t, pub)}} {
			if _, err := s.Ready(); err == nil {
				t.Errorf("%s signs", name)
			}
		}
		for _, id := range identities {
			s := id.signer(t)
			der, err := Sign(strings.NewReader(testContent), SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}, Time: testTime})
			if err != nil {
				t.Fatal(err)
			}
			sd, err := Read(bytes.NewReader(der), nil)
			if err != nil {
				t.Fatal(err)
			}
			d := sd.Digests()
			d.Write([]byte(testContent))
			failed, ok := errors.AsType[*SignatureError](sd.Signers[0].Verify(d, pub))
			if !ok || failed.Code != CodeUnsupported || !strings.Contains(failed.Reason, name) {
				t.Errorf("%s under %s: %v", id.name, name, failed)
			}
		}
	}
}

// TestMLKEMKeys: what is no ML-KEM key of a size that is supported is refused by name.
func TestMLKEMKeys(t *testing.T) {
	t.Parallel()
	const oidMLKEM512 = "\x60\x86\x48\x01\x65\x03\x04\x04\x01"
	kem := encryptionKeys(t)["ML-KEM-768"].(*mlkem.EncapsulationKey768).Bytes()
	tooLarge := bytes.Clone(kem)
	tooLarge[0], tooLarge[1] = 0xff, 0xff // a coefficient above the modulus (FIPS 203, Section 7.2)
	for name, tt := range map[string]struct {
		spki []byte
		want string
	}{
		"ML-KEM-512":            {encodeSPKI(encodeAlgorithm(oidMLKEM512, nil), make([]byte, 800)), "ML-KEM-512"},
		"parameters":            {encodeSPKI(encodeAlgorithm(oidMLKEM768, ber.Null), kem), "with parameters"},
		"one octet short":       {encodeSPKI(encodeAlgorithm(oidMLKEM768, nil), kem[1:]), "ML-KEM-768"},
		"of another size":       {encodeSPKI(encodeAlgorithm(oidMLKEM1024, nil), kem), "ML-KEM-1024"},
		"a coefficient too big": {encodeSPKI(encodeAlgorithm(oidMLKEM768, nil), tooLarge), "ML-KEM-768"},
	} {
		pub, err := ParsePublicKey(tt.spki)
		if err == nil || pub != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v", name, pub, err)
		}
		if unsupported := errors.Is(err, ErrUnsupportedKey); unsupported != (name == "ML-KEM-512") {
			t.Errorf("%s: unsupported is %v", name, unsupported)
		}
	}
}
