package cms

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"math/big"
	"slices"
	"testing"
)

// torsion computes the y of the points whose order divides 8: of a point of the whole curve, the
// multiples by the order of the subgroup (RFC 8032, Section 5.1) and by that.
func torsion(tb testing.TB) []*big.Int {
	tb.Helper()
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	var found []*big.Int
	for y := big.NewInt(2); len(found) < 5; y.Add(y, big.NewInt(1)) {
		p, ok := pointAt(y)
		if !ok {
			continue
		}
		p = p.times(order)
		for i := range int64(8) {
			multiple := p.times(big.NewInt(i)).y
			if !slices.ContainsFunc(found, func(f *big.Int) bool { return f.Cmp(multiple) == 0 }) {
				found = append(found, multiple)
			}
		}
		if y.Cmp(big.NewInt(1000)) > 0 {
			tb.Fatal("no point of order 8")
		}
	}
	return found
}

// edwardsPoint is a point in plain coordinates, for what need not be fast.
type edwardsPoint struct{ x, y *big.Int }

// pointAt finds a point by its y (RFC 8032, Section 5.1.3).
func pointAt(y *big.Int) (edwardsPoint, bool) {
	yy := new(big.Int).Mul(y, y)
	v := new(big.Int).Add(new(big.Int).Mul(edwardsD, yy), big.NewInt(1))
	v.ModInverse(v.Mod(v, edwardsP), edwardsP)
	u := v.Mul(v, yy.Sub(yy, big.NewInt(1)))
	x := new(big.Int).ModSqrt(u.Mod(u, edwardsP), edwardsP)
	return edwardsPoint{x, new(big.Int).Set(y)}, x != nil
}

// plus is RFC 8032, Section 5.1.4, in plain coordinates.
func (p edwardsPoint) plus(q edwardsPoint) edwardsPoint {
	mul := func(a, b *big.Int) *big.Int { m := new(big.Int).Mul(a, b); return m.Mod(m, edwardsP) }
	divide := func(a, b *big.Int) *big.Int {
		return mul(a, new(big.Int).ModInverse(new(big.Int).Mod(b, edwardsP), edwardsP))
	}
	e := mul(edwardsD, mul(mul(p.x, q.x), mul(p.y, q.y)))
	one := big.NewInt(1)
	return edwardsPoint{
		divide(new(big.Int).Add(mul(p.x, q.y), mul(p.y, q.x)), new(big.Int).Add(one, e)),
		divide(new(big.Int).Add(mul(p.y, q.y), mul(p.x, q.x)), new(big.Int).Sub(one, e)),
	}
}

func (p edwardsPoint) times(n *big.Int) edwardsPoint {
	sum := edwardsPoint{big.NewInt(0), big.NewInt(1)}
	for i := n.BitLen() - 1; i >= 0; i-- {
		if sum = sum.plus(sum); n.Bit(i) == 1 {
			sum = sum.plus(p)
		}
	}
	return sum
}

// encodings are all that a decoder of RFC 8032, Section 5.1.3, may take for the y, canonical or
// not.
func encodings(y *big.Int) []ed25519.PublicKey {
	var out []ed25519.PublicKey
	for n := new(big.Int).Set(y); n.BitLen() <= 255; n = new(big.Int).Add(n, edwardsP) {
		le := n.FillBytes(make([]byte, ed25519.PublicKeySize))
		slices.Reverse(le)
		signed := slices.Clone(le)
		signed[len(signed)-1] |= 0x80
		out = append(out, le, signed)
	}
	return out
}

// TestSmallOrder: every key whose order divides 8 is known in every encoding, and no other key is
// taken for one.
func TestSmallOrder(t *testing.T) {
	t.Parallel()
	keys := 0
	for _, y := range torsion(t) {
		for _, key := range encodings(y) {
			keys++
			if !smallOrder(key) {
				t.Errorf("% x is not known", key)
			}
			var weak *SignatureError
			if err := (scheme{family: familyEd25519}).checkKey(key); !errors.As(error(err), &weak) || weak.Code != CodeWeak {
				t.Errorf("% x: %v", key, err)
			}
		}
	}
	// Five values of y, two of which have a second encoding, with and without the sign bit.
	if keys != 14 {
		t.Errorf("%d encodings, want 14", keys)
	}
	for range 200 {
		key, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if smallOrder(key) {
			t.Errorf("% x is taken for one of small order", key)
		}
	}
}

func BenchmarkSmallOrder(b *testing.B) {
	key := testKey(b, "ed25519").Public().(ed25519.PublicKey)
	for b.Loop() {
		smallOrder(key)
	}
}
