package cms

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// modulus is q of FIPS 203, Section 2.4.
const modulus = 3329

// withCoefficient is an encapsulation key with another coefficient at a place: two of them stand in
// three octets, the lower bits first (FIPS 203, Algorithm 5).
func withCoefficient(key []byte, place, value int) []byte {
	out := bytes.Clone(key)
	three := out[place/2*3:][:3]
	if place%2 == 0 {
		three[0], three[1] = byte(value), three[1]&0xf0|byte(value>>8)
	} else {
		three[1], three[2] = three[1]&0x0f|byte(value<<4), byte(value>>4)
	}
	return out
}

// TestEncapsulationKeyCases: the kinds that Project Wycheproof has for encapsulation keys of
// ML-KEM, with values of our own: coefficients of the modulus and more (FIPS 203, Section 7.2), and
// lengths. All are refused with the name of the algorithm, in a SubjectPublicKeyInfo as it stands
// in a record and in a certificate.
func TestEncapsulationKeyCases(t *testing.T) {
	t.Parallel()
	for _, set := range []struct {
		name, oid    string
		key          []byte
		coefficients int
	}{
		{"ML-KEM-768", oidMLKEM768, encryptionKeys(t)["ML-KEM-768"].(*mlkem.EncapsulationKey768).Bytes(), 3 * 256},
		{"ML-KEM-1024", oidMLKEM1024, encryptionKeys(t)["ML-KEM-1024"].(*mlkem.EncapsulationKey1024).Bytes(), 4 * 256},
	} {
		alg := algorithmDER(set.oid)
		for place := range set.coefficients {
			if got, err := ParsePublicKey(encodeSPKI(alg, withCoefficient(set.key, place, modulus-1))); err != nil {
				t.Errorf("%s, coefficient %d is the largest: %v, %v", set.name, place, got, err)
			}
			for _, value := range []int{modulus, modulus + place%700, 1<<12 - 1} {
				_, err := ParsePublicKey(encodeSPKI(alg, withCoefficient(set.key, place, value)))
				if err == nil || !strings.Contains(err.Error(), set.name+" key: ") {
					t.Errorf("%s, ModulusOverflow, coefficient %d is %d: %v", set.name, place, value, err)
				}
			}
		}
		for kind, bits := range map[string][]byte{
			"nothing": nil, "an octet less": set.key[1:], "an octet more": append(bytes.Clone(set.key), 0), "that of ML-KEM-512": set.key[:800],
			"that of the other":         make([]byte, map[string]int{oidMLKEM768: mlkem.EncapsulationKeySize1024, oidMLKEM1024: mlkem.EncapsulationKeySize768}[set.oid]),
			"an OCTET STRING around it": ber.TLV(ber.TagOctetString, set.key),
		} {
			if _, err := ParsePublicKey(encodeSPKI(alg, bits)); err == nil || !strings.Contains(err.Error(), set.name+" key: ") {
				t.Errorf("%s, IncorrectEncapsulationKeyLength, %s: %v", set.name, kind, err)
			}
		}
		for kind, spki := range map[string][]byte{
			"NULL as parameters": encodeSPKI(algorithmDER(set.oid, ber.Null), set.key),
			"unused bits":        ber.TLV(ber.TagSequence, alg, ber.TLV(ber.TagBitString, []byte{1}, set.key)),
			"more behind it":     append(encodeSPKI(alg, set.key), 0),
		} {
			if _, err := ParsePublicKey(spki); err == nil {
				t.Errorf("%s, %s: no error", set.name, kind)
			}
		}
		checkCertified(t, set.name, encodeSPKI(alg, set.key), encodeSPKI(alg, withCoefficient(set.key, 5, modulus)))
	}
}

// checkCertified replaces the key in a certificate, whose key is then the one or the other.
func checkCertified(t *testing.T, name string, right, wrong []byte) {
	t.Helper()
	pub, err := ParsePublicKey(right)
	if err != nil {
		t.Fatal(err)
	}
	cert := certificateOf(t, pub)
	cert.RawSubjectPublicKeyInfo = wrong
	if _, err := PublicKey(cert); err == nil || !strings.Contains(err.Error(), name+" key: ") {
		t.Errorf("%s, ModulusOverflow in a certificate: %v", name, err)
	}
}

// TestX25519Keys: the kinds that Project Wycheproof has for public keys of X25519. Every 32 octets
// are one; that a shared secret would be 0 shows when one encrypts.
func TestX25519Keys(t *testing.T) {
	t.Parallel()
	for n := range 66 {
		_, err := ParsePublicKey(encodeSPKI(algorithmDER(oidX25519), make([]byte, n)))
		if (err == nil) != (n == 32) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	if _, err := ParsePublicKey(encodeSPKI(algorithmDER(oidX25519, ber.Null), make([]byte, 32))); !errors.Is(err, ErrUnsupportedKey) {
		t.Errorf("NULL as parameters: %v", err)
	}
	private, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []byte{0, 1} {
		pub, err := ParsePublicKey(encodeSPKI(algorithmDER(oidX25519), append([]byte{first}, make([]byte, 31)...)))
		if err != nil {
			t.Fatal(err)
		}
		if secret, err := private.ECDH(pub.(*ecdh.PublicKey)); err == nil {
			t.Errorf("a secret of small order: %x", secret)
		}
	}
}
