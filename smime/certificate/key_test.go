package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// numbers are the ECParameters of a curve.
type numbers struct {
	version, p, a, b, base, order, cofactor, seed, after []byte
}

func numbersOf(c *elliptic.CurveParams) numbers {
	size := (c.BitSize + 7) / 8
	octets := func(n *big.Int) []byte { return n.FillBytes(make([]byte, size)) }
	return numbers{
		version: []byte{2, 1, 1}, p: integer(c.P), a: tlv(cbasn1.OCTET_STRING, octets(new(big.Int).Sub(c.P, big.NewInt(3)))), b: tlv(cbasn1.OCTET_STRING, octets(c.B)),
		base: tlv(cbasn1.OCTET_STRING, []byte{4}, octets(c.Gx), octets(c.Gy)), order: integer(c.N), cofactor: []byte{2, 1, 1},
	}
}

func integer(n *big.Int) []byte {
	der, err := asn1.Marshal(n)
	if err != nil {
		panic(err)
	}
	return der
}

func (n numbers) der() []byte {
	return tlv(cbasn1.SEQUENCE, n.version, tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 10045, 1, 1), n.p), tlv(cbasn1.SEQUENCE, n.a, n.b, n.seed), n.base, n.order, n.cofactor, n.after)
}

func ecSPKI(parameters, point []byte) []byte {
	return tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 10045, 2, 1), parameters), tlv(cbasn1.BIT_STRING, []byte{0}, point))
}

var namedCurves = map[string]asn1.ObjectIdentifier{"P-224": {1, 3, 132, 0, 33}, "P-256": {1, 2, 840, 10045, 3, 1, 7}, "P-384": {1, 3, 132, 0, 34}, "P-521": {1, 3, 132, 0, 35}}

// TestParsePublicKey: all forms of a point, and of its curve, are one key.
func TestParsePublicKey(t *testing.T) {
	t.Parallel()
	for name, curve := range curves {
		for number := range int64(4) {
			key := testKey(t, curve, 1000+number)
			usual, err := x509.MarshalPKIXPublicKey(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			point, err := key.PublicKey.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			half, odd := (len(point)-1)/2, point[len(point)-1]&1
			with := func(first byte, rest []byte) []byte { return append([]byte{first}, rest...) }
			explicit := numbersOf(curve.Params())
			noCofactor, seeded, hybridBase, padded := explicit, explicit, explicit, explicit
			noCofactor.cofactor = nil
			seeded.seed = tlv(cbasn1.BIT_STRING, []byte("\x00seed"))
			base := slices.Clone(explicit.base)
			base[len(base)-2*half-1] = 6 | base[len(base)-1]&1
			hybridBase.base = base
			padded.b = tlv(cbasn1.OCTET_STRING, []byte{0}, curve.Params().B.FillBytes(make([]byte, half)))
			for form, spki := range map[string][]byte{
				"named":              ecSPKI(oid(namedCurves[name]...), point),
				"compressed":         ecSPKI(oid(namedCurves[name]...), with(2|odd, point[1:1+half])),
				"hybrid":             ecSPKI(oid(namedCurves[name]...), with(6|odd, point[1:])),
				"explicit":           ecSPKI(explicit.der(), point),
				"both":               ecSPKI(explicit.der(), with(2|odd, point[1:1+half])),
				"without cofactor":   ecSPKI(noCofactor.der(), point),
				"with a seed":        ecSPKI(seeded.der(), point),
				"hybrid generator":   ecSPKI(hybridBase.der(), point),
				"b with a zero more": ecSPKI(padded.der(), point),
			} {
				pub, err := ParsePublicKey(spki)
				if err != nil || !key.PublicKey.Equal(pub) {
					t.Errorf("%s, %s: %v, %v", name, form, pub, err)
				}
				got, ok := UsualKey(&x509.Certificate{PublicKey: pub, RawSubjectPublicKeyInfo: spki})
				if ok != (form != "named") || ok && string(got) != string(usual) {
					t.Errorf("%s, %s: its usual form is %x", name, form, got)
				}
			}
			for form, bad := range map[string][]byte{
				"infinity": {0}, "nothing": {}, "half": point[:len(point)-1], "other parity": with(7-odd, point[1:]), "more": append(slices.Clone(point), 0),
				"not on the curve": with(4, append(slices.Clone(point[1:len(point)-1]), point[len(point)-1]^1)), "coordinate above p": with(2, slices.Repeat([]byte{0xff}, half)),
			} {
				if pub, err := ParsePublicKey(ecSPKI(oid(namedCurves[name]...), bad)); !errors.Is(err, errNotOnCurve) {
					t.Errorf("%s, %s: %v, %v", name, form, pub, err)
				}
			}
		}
	}
}

// TestParsePublicKeyNumbers: a curve of which one number differs is another, on which anyone can
// make a private key for any public key.
func TestParsePublicKeyNumbers(t *testing.T) {
	t.Parallel()
	for name, curve := range curves {
		key := testKey(t, curve, 7)
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		params, half := curve.Params(), (len(point)-1)/2
		one := big.NewInt(1)
		more := func(n *big.Int) *big.Int { return new(big.Int).Add(n, one) }
		for field, change := range map[string]func(n *numbers){
			"generator": func(n *numbers) { n.base = tlv(cbasn1.OCTET_STRING, point) },
			"generator, minus": func(n *numbers) {
				n.base = tlv(cbasn1.OCTET_STRING, []byte{4}, params.Gx.FillBytes(make([]byte, half)), new(big.Int).Sub(params.P, params.Gy).FillBytes(make([]byte, half)))
			},
			"generator, infinity": func(n *numbers) { n.base = tlv(cbasn1.OCTET_STRING, []byte{0}) },
			"generator, more":     func(n *numbers) { n.base = tlv(cbasn1.OCTET_STRING, n.base[2:], []byte{0}) },
			"order":               func(n *numbers) { n.order = integer(more(params.N)) },
			"negative order":      func(n *numbers) { n.order = integer(new(big.Int).Neg(params.N)) },
			"cofactor":            func(n *numbers) { n.cofactor = []byte{2, 1, 2} },
			"cofactor 0":          func(n *numbers) { n.cofactor = []byte{2, 1, 0} },
			"a":                   func(n *numbers) { n.a = tlv(cbasn1.OCTET_STRING, params.P.FillBytes(make([]byte, half))) },
			"a, not reduced": func(n *numbers) {
				n.a = tlv(cbasn1.OCTET_STRING, new(big.Int).Sub(new(big.Int).Lsh(params.P, 1), big.NewInt(3)).Bytes())
			},
			"b":                    func(n *numbers) { n.b = tlv(cbasn1.OCTET_STRING, more(params.B).FillBytes(make([]byte, half))) },
			"p":                    func(n *numbers) { n.p = integer(more(params.P)) },
			"version":              func(n *numbers) { n.version = []byte{2, 1, 4} },
			"something after":      func(n *numbers) { n.after = []byte{5, 0} },
			"seed of another kind": func(n *numbers) { n.seed = []byte{4, 1, 0} },
		} {
			n := numbersOf(params)
			change(&n)
			pub, err := ParsePublicKey(ecSPKI(n.der(), point))
			if unsupported := (*UnsupportedKeyError)(nil); !errors.As(err, &unsupported) || unsupported.Kind != "a curve that is none of the known ones" {
				t.Errorf("%s, %s: %v, %v", name, field, pub, err)
			}
		}
	}
}

// TestParsePublicKeyKinds: keys that nothing is computed with have names.
func TestParsePublicKeyKinds(t *testing.T) {
	t.Parallel()
	for want, parameters := range map[string][]byte{
		"brainpoolP256r1": oid(1, 3, 36, 3, 3, 2, 8, 1, 1, 7), "brainpoolP512t1": oid(1, 3, 36, 3, 3, 2, 8, 1, 1, 14), "secp256k1": oid(1, 3, 132, 0, 10),
		"P-192": oid(1, 2, 840, 10045, 3, 1, 1), "SM2": oid(1, 2, 156, 10197, 1, 301), "1.2.3.4": oid(1, 2, 3, 4),
		"a curve that cannot be read": {5, 0}, "a curve that is none of the known ones": {0x30, 0},
	} {
		_, err := ParsePublicKey(ecSPKI(parameters, []byte{4, 1, 2}))
		if unsupported := (*UnsupportedKeyError)(nil); !errors.As(err, &unsupported) || unsupported.Kind != want || CurveName(parameters) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	other := tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, oid(1, 3, 101, 113)), tlv(cbasn1.BIT_STRING, []byte("\x00key")))
	if _, err := ParsePublicKey(other); err == nil || err.Error() != "certificate: public keys of this kind are not supported: 1.3.101.113" {
		t.Error(err)
	}
	for _, malformed := range [][]byte{nil, {0x30, 0}, {5, 0}, append(slices.Clone(other), 0), tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE), tlv(cbasn1.BIT_STRING, []byte{0}))} {
		if _, err := ParsePublicKey(malformed); !errors.Is(err, errNoKey) {
			t.Errorf("%x: %v", malformed, err)
		}
	}
}

// TestParsePublicKeyRSA reads RSA keys that crypto/x509 does not.
func TestParsePublicKeyRSA(t *testing.T) {
	t.Parallel()
	n := new(big.Int).Lsh(big.NewInt(1), 1023)
	n.SetBit(n, 0, 1)
	want := &rsa.PublicKey{N: n, E: 65537}
	spki := func(parameters, modulus, exponent []byte) []byte {
		return tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 113549, 1, 1, 1), parameters), tlv(cbasn1.BIT_STRING, []byte{0}, tlv(cbasn1.SEQUENCE, modulus, exponent)))
	}
	e := []byte{2, 3, 1, 0, 1}
	for name, tt := range map[string]struct {
		spki []byte
		ok   bool
		want string
	}{
		"usual":                 {spki([]byte{5, 0}, integer(n), e), true, ""},
		"without parameters":    {spki(nil, integer(n), e), true, ""},
		"without its zero":      {spki([]byte{5, 0}, tlv(cbasn1.INTEGER, n.Bytes()), e), true, ""},
		"other parameters":      {spki([]byte{4, 0}, integer(n), e), false, errRSAKey.Error()},
		"no modulus":            {spki([]byte{5, 0}, []byte{2, 0}, e), false, "RSA modulus that is even or not positive"},
		"modulus 0":             {spki([]byte{5, 0}, []byte{2, 1, 0}, e), false, "RSA modulus that is even or not positive"},
		"exponent 4":            {spki(nil, integer(n), []byte{2, 1, 4}), false, "RSA exponent 4, which is even"},
		"exponent 0":            {spki([]byte{5, 0}, integer(n), []byte{2, 1, 0}), false, "RSA exponent 0, which is below 3"},
		"exponent of 80 bits":   {spki([]byte{5, 0}, integer(n), []byte{2, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1}), false, "RSA exponent of 73 bits, at most 31 are computed with"},
		"something more inside": {spki(nil, integer(n), append(slices.Clone(e), 5, 0)), false, errRSAKey.Error()},
	} {
		pub, err := ParsePublicKey(tt.spki)
		if tt.ok != (err == nil) || tt.ok && !want.Equal(pub) || !tt.ok && err.Error() != tt.want {
			t.Errorf("%s: %v, %v", name, pub, err)
		}
	}
}

// FuzzParsePublicKey: a key that crypto/x509 reads is that key, and one that only we read has a
// usual form that is the same key.
func FuzzParsePublicKey(f *testing.F) {
	for name, curve := range curves {
		key := testKey(f, curve, 7)
		point, err := key.PublicKey.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ecSPKI(numbersOf(curve.Params()).der(), point))
		f.Add(ecSPKI(oid(namedCurves[name]...), point[:1+len(point)/2]))
	}
	f.Fuzz(func(t *testing.T, spki []byte) {
		pub, err := ParsePublicKey(spki)
		theirs, theirErr := x509.ParsePKIXPublicKey(spki)
		if theirErr == nil && (err != nil || !theirs.(interface{ Equal(any) bool }).Equal(pub)) {
			t.Fatalf("%v, %v; crypto/x509 reads %v", pub, err, theirs)
		}
		if ec, ok := pub.(*ecdsa.PublicKey); ok && theirErr != nil {
			usual, ok := UsualKey(&x509.Certificate{PublicKey: pub, RawSubjectPublicKeyInfo: spki})
			again, err := x509.ParsePKIXPublicKey(usual)
			if !ok || err != nil || !ec.Equal(again) {
				t.Fatalf("usual form %x: %v, %v", usual, again, err)
			}
		}
	})
}
