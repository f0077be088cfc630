package pkcs8

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/sha3"
	"errors"
	"strings"
	"testing"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// octets are n octets 0, 1, 2, ….
func octets(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// expandedOf has what the forms of FIPS 203 and 204 have of the public key, at its place.
func expandedOf(a *seedAlgorithm, key crypto.PrivateKey) []byte {
	expanded := make([]byte, a.expanded)
	switch k := key.(type) {
	case *mldsa.PrivateKey:
		public := k.PublicKey().Bytes()
		copy(expanded, public[:32])
		copy(expanded[64:], sha3.SumSHAKE256(public, 64))
	case *mlkem.DecapsulationKey768:
		copy(expanded[1152:], endOf(k.EncapsulationKey().Bytes()))
	case *mlkem.DecapsulationKey1024:
		copy(expanded[1536:], endOf(k.EncapsulationKey().Bytes()))
	}
	return expanded
}

func endOf(public []byte) []byte {
	sum := sha3.Sum256(public)
	return bytes.Join([][]byte{public, sum[:], octets(64)[32:]}, nil)
}

// keyInfo is a PrivateKeyInfo with these contents of privateKey.
func keyInfo(a *seedAlgorithm, private []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(a.oid) })
		b.AddASN1OctetString(private)
	})
	return b.BytesOrPanic()
}

func octetString(tag cbasn1.Tag, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(parts, nil)) })
	return b.BytesOrPanic()
}

// TestParseSeed reads every form that OpenSSL 3.5 and Bouncy Castle write, of the lengths that
// they have there.
func TestParseSeed(t *testing.T) {
	t.Parallel()
	sizes := map[int][2]int{2560: {54, 2626}, 4032: {54, 4098}, 4896: {54, 4962}, 2400: {86, 2498}, 3168: {86, 3266}}
	for i := range seedAlgorithms {
		a := &seedAlgorithms[i]
		seed := octets(a.seed)
		key, err := a.make(seed)
		if err != nil {
			t.Fatal(err)
		}
		expanded := expandedOf(a, key)
		inSequence := octetString(cbasn1.SEQUENCE, octetString(cbasn1.OCTET_STRING, seed), octetString(cbasn1.OCTET_STRING, expanded))
		another := octetString(cbasn1.SEQUENCE, octetString(cbasn1.OCTET_STRING, octets(a.seed + 1)[1:]), octetString(cbasn1.OCTET_STRING, expanded))
		for _, tt := range []struct {
			name    string
			private []byte
			size    int
			err     error
		}{
			{"seed", octetString(cbasn1.Tag(0).ContextSpecific(), seed), sizes[a.expanded][0], nil},
			{"both", inSequence, sizes[a.expanded][1], nil},
			{"bare seed", seed, 0, nil},
			{"both of two keys", another, 0, ErrMalformed},
			{"expanded", octetString(cbasn1.OCTET_STRING, expanded), 0, ErrNoSeed},
			{"bare expanded", expanded, 0, ErrNoSeed},
			{"expanded and public", append(bytes.Clone(expanded), make([]byte, a.public)...), 0, ErrNoSeed},
			{"a longer seed", octetString(cbasn1.Tag(0).ContextSpecific(), octets(a.seed+1)), 0, ErrMalformed},
			{"more after the seed", append(octetString(cbasn1.Tag(0).ContextSpecific(), seed), 0), 0, ErrMalformed},
			{"nothing", nil, 0, ErrMalformed},
		} {
			der := keyInfo(a, tt.private)
			if tt.size != 0 && len(der) != tt.size {
				t.Errorf("%s, %s: %d octets, want %d", a.oid, tt.name, len(der), tt.size)
			}
			got, err := ParseSeed(der)
			if !errors.Is(err, tt.err) {
				t.Errorf("%s, %s: %v, want %v", a.oid, tt.name, err, tt.err)
				continue
			}
			if tt.err != nil {
				continue
			}
			if _, s := seedOf(got); !bytes.Equal(s, seed) {
				t.Errorf("%s, %s: seed %x", a.oid, tt.name, s)
			}
			if out, err := MarshalSeed(got); err != nil || !bytes.Equal(out, keyInfo(a, octetString(cbasn1.Tag(0).ContextSpecific(), seed))) {
				t.Errorf("%s, %s: written as %x, %v", a.oid, tt.name, out, err)
			}
		}
	}
}

// TestMarshalSeedIsAsOthers: octet for octet what the package of ML-DSA writes.
func TestMarshalSeedIsAsOthers(t *testing.T) {
	t.Parallel()
	for _, p := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		key, err := mldsa.NewPrivateKey(p, octets(32))
		if err != nil {
			t.Fatal(err)
		}
		want, err := mldsax509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := MarshalSeed(key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v, want %x", p, got, err, want)
		}
	}
	if _, err := MarshalSeed("x"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("of another kind: %v", err)
	}
}

func TestParseSeedNamesWhatItDoesNotRead(t *testing.T) {
	t.Parallel()
	if _, err := ParseSeed(privateKey(t)); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "1.3.101.112") {
		t.Errorf("Ed25519: %v", err)
	}
	for _, der := range []string{"", "\x30\x00", "\x30\x03\x02\x01\x00"} {
		if _, err := ParseSeed([]byte(der)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: %v", der, err)
		}
	}
}

func FuzzParseSeed(f *testing.F) {
	for i := range seedAlgorithms {
		a := &seedAlgorithms[i]
		key, err := a.make(octets(a.seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(keyInfo(a, octetString(cbasn1.Tag(0).ContextSpecific(), octets(a.seed))))
		f.Add(keyInfo(a, octetString(cbasn1.SEQUENCE, octetString(cbasn1.OCTET_STRING, octets(a.seed)), octetString(cbasn1.OCTET_STRING, expandedOf(a, key)))))
		f.Add(keyInfo(a, octets(a.seed)))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		key, err := ParseSeed(der)
		if err != nil {
			return
		}
		out, err := MarshalSeed(key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSeed(out)
		if err != nil {
			t.Fatal(err)
		}
		if _, seed := seedOf(key); !bytes.Equal(seed, func() []byte { _, s := seedOf(again); return s }()) {
			t.Error("another seed after writing")
		}
	})
}
