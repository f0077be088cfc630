package cms

import (
	"crypto/ed25519"
	"math/big"
	"slices"
)

// Edwards25519 (RFC 8032, Section 5.1): -x² + y² = 1 + dx²y² over the field of p elements.
var (
	edwardsP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD = func() *big.Int {
		d := new(big.Int).ModInverse(big.NewInt(121666), edwardsP)
		return d.Mod(d.Mul(d, big.NewInt(-121665)), edwardsP)
	}()
)

// smallOrder reports whether the point of an Ed25519 key is one of the eight whose order divides 8. Such a key has no
// private half, and the values that it verifies hold for every message, or for one in a few (RFC 8032, Section 8.8).
//
// Eight times such a point is the neutral element, the only one with y = 1. The multiple of a point has a y that is a
// function of its y alone: so neither the sign bit of the encoding nor a y of p or more (not canonical) plays a part.
func smallOrder(key ed25519.PublicKey) bool {
	le := slices.Clone(key)
	slices.Reverse(le)
	le[0] &= 0x7f // the sign of x
	n := new(big.Int).SetBytes(le)
	a, b := n.Mod(n.Mul(n, n), edwardsP), big.NewInt(1)
	for range 2 {
		a, b = doubleY(a, b)
		a, b = a.Mod(a.Mul(a, a), edwardsP), b.Mod(b.Mul(b, b), edwardsP)
	}
	a, b = doubleY(a, b)
	return a.Cmp(b) == 0
}

// doubleY takes y² of a point as a fraction a/b, and returns y of its double as one. From the addition law of RFC 8032,
// Section 5.1.4, with x² = (y²-1)/(dy²+1):
//
//	y' = (y²+x²) / (2+x²-y²) = (da² + 2ab - b²) / (-da² + 2dab + b²)
func doubleY(a, b *big.Int) (*big.Int, *big.Int) {
	ab := new(big.Int).Mul(a, b)
	ab.Mod(ab.Lsh(ab, 1), edwardsP)
	daa := new(big.Int).Mul(a, a)
	daa.Mul(daa.Mod(daa, edwardsP), edwardsD)
	bb := new(big.Int).Mul(b, b)
	dab := new(big.Int).Mul(ab, edwardsD)
	num := new(big.Int).Add(daa, ab)
	den := new(big.Int).Sub(dab, daa)
	return num.Mod(num.Sub(num, bb), edwardsP), den.Mod(den.Add(den, bb), edwardsP)
}
