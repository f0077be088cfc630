package pkcs8

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/sha3"
	"encoding/asn1"
	"errors"
	"fmt"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ErrNoSeed says that of an ML-DSA or ML-KEM key only the expanded form is there, which the seed
// cannot be made of, and by which nothing is computed here.
var ErrNoSeed = errors.New("pkcs8: the expanded private key without its seed")

// seedAlgorithm is one of ML-DSA (FIPS 204, Section 4) or ML-KEM (FIPS 203, Section 8).
type seedAlgorithm struct {
	oid asn1.ObjectIdentifier
	// seed and expanded are the lengths of the two forms in octets (RFC 9881, Section 6; RFC 9935,
	// Section 6), public that of the public key.
	seed, expanded, public int
	// make makes the key of its seed.
	make func(seed []byte) (crypto.PrivateKey, error)
	// belongs reports whether the expanded form belongs to the key of a seed, as far as that shows
	// without computing it.
	belongs func(key crypto.PrivateKey, seed, expanded []byte) bool
}

// seedAlgorithms: RFC 9881, Section 2, and RFC 9935, Section 3.
var seedAlgorithms = [...]seedAlgorithm{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 17}, 32, 2560, mldsa.MLDSA44PublicKeySize, newMLDSA(mldsa.MLDSA44()), belongsMLDSA},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}, 32, 4032, mldsa.MLDSA65PublicKeySize, newMLDSA(mldsa.MLDSA65()), belongsMLDSA},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 19}, 32, 4896, mldsa.MLDSA87PublicKeySize, newMLDSA(mldsa.MLDSA87()), belongsMLDSA},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}, mlkem.SeedSize, 2400, mlkem.EncapsulationKeySize768, newMLKEM768, belongsMLKEM},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 3}, mlkem.SeedSize, 3168, mlkem.EncapsulationKeySize1024, newMLKEM1024, belongsMLKEM},
}

// HasSeed reports whether keys of the algorithm are those of [ParseSeed].
func HasSeed(oid asn1.ObjectIdentifier) bool { return seedAlgorithmOf(oid) != nil }

func seedAlgorithmOf(oid asn1.ObjectIdentifier) *seedAlgorithm {
	for i := range seedAlgorithms {
		if seedAlgorithms[i].oid.Equal(oid) {
			return &seedAlgorithms[i]
		}
	}
	return nil
}

// ParseSeed reads the private key of a PrivateKeyInfo with the algorithm ML-DSA-44, 65 or 87 (RFC
// 9881, Section 6) or ML-KEM-768 or 1024 (RFC 9935, Section 6): a *mldsa.PrivateKey, a
// *mlkem.DecapsulationKey768 or a *mlkem.DecapsulationKey1024. The seed is read alone, together
// with the expanded key, which must belong to it, and as the bare octets of older programs. Errors:
// [ErrNoSeed], [ErrUnsupported] for another algorithm, [ErrMalformed].
//
//	OneAsymmetricKey ::= SEQUENCE {
//	  version              INTEGER,
//	  privateKeyAlgorithm  AlgorithmIdentifier,
//	  privateKey           OCTET STRING,
//	  … }
func ParseSeed(der []byte) (crypto.PrivateKey, error) {
	outer := cryptobyte.String(der)
	var s, algorithm, private cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.SkipASN1(cbasn1.INTEGER) || !s.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) || !s.ReadASN1(&private, cbasn1.OCTET_STRING) {
		return nil, fmt.Errorf("%w: no PrivateKeyInfo", ErrMalformed)
	}
	a := seedAlgorithmOf(oid)
	if a == nil {
		return nil, fmt.Errorf("%w: the algorithm %s", ErrUnsupported, oid)
	}
	// RFC 9881, Section 2, and RFC 9935, Section 3.
	if !algorithm.Empty() {
		return nil, fmt.Errorf("%w: the algorithm has parameters", ErrMalformed)
	}
	return a.parse(private)
}

// parse reads the CHOICE of RFC 9881 and RFC 9935, Section 6 of both:
//
//	PrivateKey ::= CHOICE {
//	  seed         [0] OCTET STRING,
//	  expandedKey  OCTET STRING,
//	  both         SEQUENCE { seed OCTET STRING, expandedKey OCTET STRING } }
func (a *seedAlgorithm) parse(private cryptobyte.String) (crypto.PrivateKey, error) {
	seed, expanded := private, cryptobyte.String(nil)
	if len(private) != a.seed { // else it is bare
		seed = nil
		var both cryptobyte.String
		rest := private
		switch {
		case rest.PeekASN1Tag(cbasn1.Tag(0).ContextSpecific()) && rest.ReadASN1(&seed, cbasn1.Tag(0).ContextSpecific()):
		case rest.PeekASN1Tag(cbasn1.SEQUENCE) && rest.ReadASN1(&both, cbasn1.SEQUENCE):
			if !both.ReadASN1(&seed, cbasn1.OCTET_STRING) || !both.ReadASN1(&expanded, cbasn1.OCTET_STRING) || !both.Empty() || len(expanded) != a.expanded {
				return nil, fmt.Errorf("%w: seed and expanded key", ErrMalformed)
			}
		case len(private) == a.expanded, len(private) == a.expanded+a.public,
			rest.PeekASN1Tag(cbasn1.OCTET_STRING) && rest.ReadASN1(&expanded, cbasn1.OCTET_STRING) && len(expanded) == a.expanded:
			return nil, ErrNoSeed
		}
		if len(seed) != a.seed || !rest.Empty() {
			return nil, fmt.Errorf("%w: %d octets that are no seed", ErrMalformed, len(private))
		}
	}
	key, err := a.make(seed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if expanded != nil && !a.belongs(key, seed, expanded) {
		return nil, fmt.Errorf("%w: the expanded key is not that of the seed", ErrMalformed)
	}
	return key, nil
}

// MarshalSeed writes the PrivateKeyInfo of a key that [ParseSeed] returns, with its seed alone.
// Errors: [ErrUnsupported] for a key of another kind.
func MarshalSeed(key crypto.PrivateKey) ([]byte, error) {
	oid, seed := seedOf(key)
	if oid == nil {
		return nil, fmt.Errorf("%w: a key of type %T", ErrUnsupported, key)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
		b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(seed) })
		})
	})
	return b.Bytes()
}

// seedOf returns the OID and the seed of a key; nil for one that has none.
func seedOf(key crypto.PrivateKey) (oid asn1.ObjectIdentifier, seed []byte) {
	switch k := key.(type) {
	case *mldsa.PrivateKey:
		for i := range seedAlgorithms {
			if seedAlgorithms[i].public == k.PublicKey().Parameters().PublicKeySize() {
				return seedAlgorithms[i].oid, k.Bytes()
			}
		}
	case *mlkem.DecapsulationKey768:
		return seedAlgorithms[3].oid, k.Bytes()
	case *mlkem.DecapsulationKey1024:
		return seedAlgorithms[4].oid, k.Bytes()
	}
	return nil, nil
}

func newMLDSA(p mldsa.Parameters) func([]byte) (crypto.PrivateKey, error) {
	return func(seed []byte) (crypto.PrivateKey, error) { return mldsa.NewPrivateKey(p, seed) }
}

func newMLKEM768(seed []byte) (crypto.PrivateKey, error) { return mlkem.NewDecapsulationKey768(seed) }

func newMLKEM1024(seed []byte) (crypto.PrivateKey, error) { return mlkem.NewDecapsulationKey1024(seed) }

// belongsMLDSA compares what FIPS 204, Algorithm 24 (skEncode), has of the public key: rho, its
// first 32 octets, and after the 32 of K tr, the SHAKE256 of it.
func belongsMLDSA(key crypto.PrivateKey, _, expanded []byte) bool {
	public := key.(*mldsa.PrivateKey).PublicKey().Bytes()
	return bytes.Equal(expanded[:32], public[:32]) && bytes.Equal(expanded[64:128], sha3.SumSHAKE256(public, 64))
}

// belongsMLKEM compares the end of FIPS 203, Algorithm 16: the public key, its SHA3-256, and z, the
// second half of the seed.
func belongsMLKEM(key crypto.PrivateKey, seed, expanded []byte) bool {
	var public []byte
	switch k := key.(type) {
	case *mlkem.DecapsulationKey768:
		public = k.EncapsulationKey().Bytes()
	case *mlkem.DecapsulationKey1024:
		public = k.EncapsulationKey().Bytes()
	}
	sum := sha3.Sum256(public)
	return bytes.HasSuffix(expanded, bytes.Join([][]byte{public, sum[:], seed[32:]}, nil))
}
