package pkcs8

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms"
)

// exampleKeys are the keys of the examples of RFC 9881 and RFC 9935, Appendix C of both, whose
// seeds are the octets 0, 1, 2, …; by the SHA-256 of the SubjectPublicKeyInfo that OpenSSL 3.5.9
// makes of the same seed ("openssl genpkey -pkeyopt hexseed:…", "openssl pkey -pubout -outform
// DER").
var exampleKeys = map[int]string{
	mldsa.MLDSA44PublicKeySize:     "837832708c5236d951581f1fddf2b79991b3424a0486d16da1ddad0fd69701be",
	mldsa.MLDSA65PublicKeySize:     "b8b62131bfbe84433efb2273d7f5b87f7a22854a2cfd366fc2aead86d837c52d",
	mldsa.MLDSA87PublicKeySize:     "07e57c4f14dbad1267f621ec3777b4e2e6c4fbc4c22fbb87510ff8e0b3c6a642",
	mlkem.EncapsulationKeySize768:  "c23e23dd3d485a9256cda09358a4a286e00b373db10761eadf99f710649ca31c",
	mlkem.EncapsulationKeySize1024: "d2b7480ae006a14b37c1e8a8e45ea39022e32a9b1a7b90d594c84d869c6ac420",
}

// TestExampleKeys: the seed of the examples makes their public key.
func TestExampleKeys(t *testing.T) {
	t.Parallel()
	for i := range seedAlgorithms {
		a := &seedAlgorithms[i]
		key, err := ParseSeed(keyInfo(a, octetString(cbasn1.Tag(0).ContextSpecific(), octets(a.seed))))
		if err != nil {
			t.Fatal(err)
		}
		spki, err := cms.MarshalPublicKey(publicOf(key))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(spki)
		if got, want := hex.EncodeToString(sum[:]), exampleKeys[a.public]; got != want {
			t.Errorf("%s: the SHA-256 of the public key is %s, want %s", a.oid, got, want)
		}
	}
}

func publicOf(key crypto.PrivateKey) crypto.PublicKey {
	switch k := key.(type) {
	case *mldsa.PrivateKey:
		return k.PublicKey()
	case *mlkem.DecapsulationKey768:
		return k.EncapsulationKey()
	case *mlkem.DecapsulationKey1024:
		return k.EncapsulationKey()
	}
	return nil
}

// TestDecapsulationKeyCases: the kinds that the examples of bad keys in RFC 9935, Appendix C.4, and
// Project Wycheproof have for decapsulation keys of ML-KEM: an expanded key whose parts are not
// those of the seed, and lengths. s, the first part, is not compared: it is not used either.
func TestDecapsulationKeyCases(t *testing.T) {
	t.Parallel()
	for i := range seedAlgorithms[3:] {
		a := &seedAlgorithms[3+i]
		seed := octets(a.seed)
		key, err := a.make(seed)
		if err != nil {
			t.Fatal(err)
		}
		s := a.expanded - a.public - 64
		expanded := expandedOf(a, key)
		for _, tt := range []struct {
			kind, name string
			expanded   []byte
			err        error
		}{
			{"Normal", "right", expanded, nil},
			{"InvalidDecapsulationKey", "ek: first octet", flipped(expanded, s), ErrMalformed},
			{"InvalidDecapsulationKey", "ek: a coefficient", flipped(expanded, s+600), ErrMalformed},
			{"InvalidDecapsulationKey", "ek: rho", flipped(expanded, s+a.public-1), ErrMalformed},
			{"InvalidDecapsulationKey", "H(ek): first octet", flipped(expanded, s+a.public), ErrMalformed},
			{"InvalidDecapsulationKey", "H(ek): last octet", flipped(expanded, s+a.public+31), ErrMalformed},
			{"InvalidDecapsulationKey", "z: first octet", flipped(expanded, a.expanded-32), ErrMalformed},
			{"InvalidDecapsulationKey", "z: last octet", flipped(expanded, a.expanded-1), ErrMalformed},
			{"InvalidDecapsulationKey", "s: not compared", flipped(expanded, 0), nil},
			{"IncorrectDecapsulationKeyLength", "nothing", nil, ErrMalformed},
			{"IncorrectDecapsulationKeyLength", "an octet less", expanded[1:], ErrMalformed},
			{"IncorrectDecapsulationKeyLength", "an octet more", append(bytes.Clone(expanded), 0), ErrMalformed},
			{"IncorrectDecapsulationKeyLength", "that of ML-KEM-512", expanded[:1632], ErrMalformed},
		} {
			checkBoth(t, a, tt.kind+", "+tt.name, seed, tt.expanded, tt.err)
		}
		checkBoth(t, a, "seed: first octet", flipped(seed, 0), expanded, ErrMalformed)
		checkBoth(t, a, "seed: last octet", flipped(seed, 63), expanded, ErrMalformed)
		checkBoth(t, a, "seed: an octet less", seed[1:], expanded, ErrMalformed)
	}
}

// TestSigningKeyCases: the kinds of the examples of bad keys in RFC 9881, Appendix C.4, for ML-DSA:
// an expanded key that is of another seed, or whose tr is not that of its public key. s1, s2 and t0
// are not compared: they are not used either.
func TestSigningKeyCases(t *testing.T) {
	t.Parallel()
	for i := range seedAlgorithms[:3] {
		a := &seedAlgorithms[i]
		seed := octets(a.seed)
		key, err := a.make(seed)
		if err != nil {
			t.Fatal(err)
		}
		expanded := expandedOf(a, key)
		checkBoth(t, a, "right", seed, expanded, nil)
		checkBoth(t, a, "the seed of another key", flipped(seed, 0), expanded, ErrMalformed)
		checkBoth(t, a, "rho", seed, flipped(expanded, 0), ErrMalformed)
		checkBoth(t, a, "tr: first octet", seed, flipped(expanded, 64), ErrMalformed)
		checkBoth(t, a, "tr: last octet", seed, flipped(expanded, 127), ErrMalformed)
		checkBoth(t, a, "s1 out of range: not compared", seed, flipped(expanded, 128), nil)
		checkBoth(t, a, "an octet less", seed, expanded[1:], ErrMalformed)
	}
}

func flipped(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 0x40
	return out
}

// checkBoth parses the form with a seed and an expanded key: the key is that of the seed, or the
// error is as wanted.
func checkBoth(t *testing.T, a *seedAlgorithm, name string, seed, expanded []byte, want error) {
	t.Helper()
	der := keyInfo(a, octetString(cbasn1.SEQUENCE, octetString(cbasn1.OCTET_STRING, seed), octetString(cbasn1.OCTET_STRING, expanded)))
	key, err := ParseSeed(der)
	if !errors.Is(err, want) {
		t.Errorf("%s, %s: %v, want %v", a.oid, name, err, want)
	}
	if _, got := seedOf(key); want == nil && !bytes.Equal(got, seed) {
		t.Errorf("%s, %s: the seed is %x", a.oid, name, got)
	}
}

// TestSeedForms: the CHOICE of RFC 9881 and RFC 9935, Section 6 of both, is read in its tags only.
func TestSeedForms(t *testing.T) {
	t.Parallel()
	for i := range seedAlgorithms {
		a := &seedAlgorithms[i]
		seed := octets(a.seed)
		for name, private := range map[string][]byte{
			"an explicit tag":            octetString(cbasn1.Tag(0).ContextSpecific().Constructed(), octetString(cbasn1.OCTET_STRING, seed)),
			"[1]":                        octetString(cbasn1.Tag(1).ContextSpecific(), seed),
			"a seed in an OCTET STRING":  octetString(cbasn1.OCTET_STRING, seed),
			"both without expanded key":  octetString(cbasn1.SEQUENCE, octetString(cbasn1.OCTET_STRING, seed)),
			"both in the other order":    octetString(cbasn1.SEQUENCE, octetString(cbasn1.OCTET_STRING, make([]byte, a.expanded)), octetString(cbasn1.OCTET_STRING, seed)),
			"no seed in its tag":         octetString(cbasn1.Tag(0).ContextSpecific()),
			"the seed of the other kind": octetString(cbasn1.Tag(0).ContextSpecific(), octets(96-a.seed)),
		} {
			if _, err := ParseSeed(keyInfo(a, private)); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s, %s: %v", a.oid, name, err)
			}
		}
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(a.oid); b.AddASN1NULL() })
			b.AddASN1OctetString(octetString(cbasn1.Tag(0).ContextSpecific(), seed))
		})
		if _, err := ParseSeed(b.BytesOrPanic()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s, NULL as parameters: %v", a.oid, err)
		}
	}
}
