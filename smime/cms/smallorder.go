package cms

import (
	"crypto/ed25519"
	"math/big"
	"slices"
	"sync"
)

// Edwards25519 (RFC 8032, Section 5.1): -x² + y² = 1 + dx²y² over the field of p elements.
var (
	edwardsP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD = inField(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), edwardsP)))
)

func inField(n *big.Int) *big.Int { return n.Mod(n, edwardsP) }

// smallOrder reports whether the point of an Ed25519 key is one of the eight whose order divides 8.
// Such a key has no private half, and the values that it verifies hold for every message, or for
// one in a few (RFC 8032, Section 8.8).
//
// Only y matters: the sign bit of the encoding is ignored, and a y of p or more (not canonical) is
// found too.
func smallOrder(key ed25519.PublicKey) bool {
	var y [ed25519.PublicKeySize]byte
	copy(y[:], key)
	y[len(y)-1] &= 0x7f // the sign of x
	return slices.Contains(smallOrderKeys(), y)
}

// smallOrderKeys are all encodings of those points without the sign of x: of y, and of y + p where
// that has at most 255 bits too.
var smallOrderKeys = sync.OnceValue(func() [][ed25519.PublicKeySize]byte {
	var keys [][ed25519.PublicKeySize]byte
	for _, small := range smallOrderYs() {
		for _, y := range []*big.Int{small, new(big.Int).Add(small, edwardsP)} {
			if y.BitLen() < 8*ed25519.PublicKeySize {
				var key [ed25519.PublicKeySize]byte
				slices.Reverse(y.FillBytes(key[:])) // little-endian
				keys = append(keys, key)
			}
		}
	}
	return keys
})

// smallOrderYs are the y of those points. The neutral element has 1, the point of order 2 has -1,
// and those of order 4, where x² = -1, have 0. The double of a point has y' = (dy⁴+2y²-1) /
// (-dy⁴+2dy²+1) by the addition law of Section 5.1.4: it is of order 4 where dy⁴+2y²-1 is 0.
func smallOrderYs() []*big.Int {
	one := big.NewInt(1)
	ys := []*big.Int{one, new(big.Int).Sub(edwardsP, one), big.NewInt(0)}
	root := new(big.Int).ModSqrt(inField(new(big.Int).Add(edwardsD, one)), edwardsP)
	byD := new(big.Int).ModInverse(edwardsD, edwardsP)
	for _, r := range []*big.Int{root, new(big.Int).Neg(root)} {
		square := inField(new(big.Int).Mul(new(big.Int).Sub(r, one), byD))
		if y := new(big.Int).ModSqrt(square, edwardsP); y != nil {
			ys = append(ys, y, new(big.Int).Sub(edwardsP, y))
		}
	}
	return ys
}
