package certificate

import (
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"slices"
	"testing"

	"filippo.io/mldsa"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// mldsaTestKey is the same in each run.
func mldsaTestKey(tb testing.TB, parameters mldsa.Parameters) *mldsa.PrivateKey {
	tb.Helper()
	key, err := mldsa.NewPrivateKey(parameters, []byte("a seed of 32 octets, for tests. "))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// mldsaSPKI is the SubjectPublicKeyInfo of a key.
func mldsaSPKI(set *mldsaSet, key []byte) []byte {
	return tlv(cbasn1.SEQUENCE, []byte(set.algorithm), tlv(cbasn1.BIT_STRING, []byte{0}, key))
}

// mldsaRaw is a certificate of the key for set that names itself as issuer.
func mldsaRaw(tb testing.TB, set *mldsaSet) raw {
	tb.Helper()
	r := newRaw(tb, testKey(tb, elliptic.P256(), 7).Public())
	r.algorithm, r.spki = []byte(set.algorithm), mldsaSPKI(set, mldsaTestKey(tb, set.parameters).PublicKey().Bytes())
	r.extensions = append(r.extensions, criticalExt(19, []byte{0x30, 3, 1, 1, 0xff}), criticalExt(15, []byte{3, 2, 1, 0x86}))
	return r
}

// signMLDSA is the certificate, signed by ML-DSA.
func (r raw) signMLDSA(tb testing.TB, set *mldsaSet) []byte {
	tb.Helper()
	value, err := mldsaTestKey(tb, set.parameters).SignDeterministic(r.tbs(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	outer := r.outer
	if outer == nil {
		outer = r.algorithm
	}
	return tlv(cbasn1.SEQUENCE, r.tbs(), outer, tlv(cbasn1.BIT_STRING, []byte{0}, value))
}

func parsed(tb testing.TB, der []byte) *x509.Certificate {
	tb.Helper()
	cert, err := Parse(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

// TestMLDSAKey: keys for ML-DSA are read, and those of another length are none.
func TestMLDSAKey(t *testing.T) {
	t.Parallel()
	for i := range mldsaSets {
		set := &mldsaSets[i]
		key := mldsaTestKey(t, set.parameters).PublicKey()
		pub, err := ParsePublicKey(mldsaSPKI(set, key.Bytes()))
		if err != nil || !key.Equal(pub) {
			t.Errorf("%s: %v, %v", set.parameters, pub, err)
		}
		for name, spki := range map[string][]byte{
			"short":           mldsaSPKI(set, key.Bytes()[1:]),
			"long":            mldsaSPKI(set, append(key.Bytes(), 0)),
			"empty":           mldsaSPKI(set, nil),
			"something after": append(mldsaSPKI(set, key.Bytes()), 0),
			"unused bits":     tlv(cbasn1.SEQUENCE, []byte(set.algorithm), tlv(cbasn1.BIT_STRING, []byte{1}, key.Bytes()[:len(key.Bytes())-1], []byte{2})),
		} {
			if pub, err := ParsePublicKey(spki); err == nil || pub != nil {
				t.Errorf("%s: %s: a key", set.parameters, name)
			}
		}
		// RFC 9881, Section 2: parameters are absent.
		withNull := tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, []byte(set.algorithm)[2:], []byte{5, 0}), tlv(cbasn1.BIT_STRING, []byte{0}, key.Bytes()))
		if _, err := ParsePublicKey(withNull); err == nil {
			t.Errorf("%s: a key with parameters", set.parameters)
		}
	}
}

// TestMLDSAPossession: a certificate that its own ML-DSA key signed shows it, and one that says so
// and is not denies it.
func TestMLDSAPossession(t *testing.T) {
	t.Parallel()
	for i := range mldsaSets {
		set, other := &mldsaSets[i], &mldsaSets[(i+1)%len(mldsaSets)]
		own := mldsaRaw(t, set)
		damaged := own.signMLDSA(t, set)
		damaged[len(damaged)-1] ^= 1
		differ, another, long, classical, short := own, own, own, own, own
		differ.outer = []byte(other.algorithm)
		another.spki = mldsaSPKI(other, mldsaTestKey(t, other.parameters).PublicKey().Bytes())
		classical.algorithm = tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 10045, 4, 3, 2))
		short.spki = mldsaSPKI(set, mldsaTestKey(t, set.parameters).PublicKey().Bytes()[1:])
		for name, tt := range map[string]struct {
			der  []byte
			want Possession
		}{
			"self-signed":                         {own.signMLDSA(t, set), PossessionShown},
			"a damaged signature":                 {damaged, PossessionDenied},
			"by a key of another set":             {another.signMLDSA(t, set), PossessionDenied},
			"by an ECDSA key":                     {classical.sign(t, testKey(t, elliptic.P256(), 7)), PossessionDenied},
			"a key that is none":                  {short.signMLDSA(t, set), PossessionUnknown},
			"two names of the algorithm":          {differ.signMLDSA(t, set), PossessionUnknown},
			"a signature that is far too long":    {long.with(slices.Repeat([]byte{1}, set.parameters.SignatureSize()+1)), PossessionUnknown},
			"a signature that is a bit too short": {long.with(slices.Repeat([]byte{1}, set.parameters.SignatureSize()-1)), PossessionDenied},
		} {
			// crypto/x509 refuses one whose two identifiers differ; the tolerant reader reads it.
			got, err := PossessionOf(t.Context(), parsed(t, tt.der), nil)
			if err != nil || got != tt.want {
				t.Errorf("%s: %s: %d, %v, want %d", set.parameters, name, got, err, tt.want)
			}
		}
	}
}

// with is the certificate with this signature value.
func (r raw) with(value []byte) []byte {
	return tlv(cbasn1.SEQUENCE, r.tbs(), r.algorithm, tlv(cbasn1.BIT_STRING, []byte{0}, value))
}

// TestMLDSAPath: an authority with an ML-DSA key certifies, by its certificate or by its key alone.
func TestMLDSAPath(t *testing.T) {
	t.Parallel()
	set := &mldsaSets[1]
	root := parsed(t, mldsaRaw(t, set).signMLDSA(t, set))
	below := newRaw(t, testKey(t, elliptic.P256(), 8).Public())
	below.algorithm, below.subject, below.serial = []byte(set.algorithm), dn("alice"), []byte{2, 1, 9}
	leaf := parsed(t, below.signMLDSA(t, set))
	wrong := *leaf
	wrong.Signature = slices.Clone(leaf.Signature)
	wrong.Signature[7] ^= 1
	for name, tt := range map[string]struct {
		leaf *x509.Certificate
		opts Options
		want error
	}{
		"by its certificate":  {leaf, Options{Anchors: []*x509.Certificate{root}}, nil},
		"by its key":          {leaf, Options{Key: root.RawSubjectPublicKeyInfo}, nil},
		"a wrong signature":   {&wrong, Options{Anchors: []*x509.Certificate{root}}, ErrNoPath},
		"by its key, a wrong": {&wrong, Options{Key: root.RawSubjectPublicKeyInfo}, ErrNoPath},
	} {
		tt.opts.At = pathTime
		if err := Verify(t.Context(), tt.leaf, tt.opts); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if err := CheckCost(root); err != nil {
		t.Error(err)
	}
}
