package algorithm

import (
	"crypto"
	"crypto/sha256"

	// The digests of Digests; MD5 is only known by name.
	_ "crypto/sha1"
	_ "crypto/sha512"
)

// Digest is a digest algorithm.
type Digest struct {
	Hash         crypto.Hash
	OID          string
	Name, Micalg string // in "rsa-sha256", and in RFC 8551, Section 3.5.3.2
}

// Digests has the digest algorithms that are computed (RFC 5754, Section 2; RFC 3370, Section 2.1).
// cms.Digests computes them in this order.
var Digests = [...]Digest{
	{crypto.SHA256, OIDSHA256, "sha256", "sha-256"},
	{crypto.SHA384, OIDSHA384, "sha384", "sha-384"},
	{crypto.SHA512, OIDSHA512, "sha512", "sha-512"},
	{crypto.SHA1, OIDSHA1, "sha1", "sha-1"},
}

// DigestOf returns the digest algorithm an OID names; false for one that is not computed. The zero
// Hash never comes with true, so that no unknown algorithm reaches crypto.Hash.New.
func DigestOf(oid []byte) (crypto.Hash, bool) {
	for i := range Digests {
		if string(oid) == Digests[i].OID {
			return Digests[i].Hash, true
		}
	}
	return 0, false
}

// PlainDigest is the digest algorithm of an identifier without parameters.
func PlainDigest(alg Identifier) (crypto.Hash, bool) {
	if !alg.Plain() {
		return 0, false
	}
	return DigestOf(alg.OID)
}

// RowOf is the row of h. The one of an unknown digest has the name "unknown" and no OID.
func RowOf(h crypto.Hash) Digest {
	for _, d := range Digests {
		if d.Hash == h {
			return d
		}
	}
	return Digest{Name: "unknown", Micalg: "unknown"}
}

// Sum is the digest of p.
func Sum(h crypto.Hash, p []byte) []byte {
	if h == crypto.SHA256 {
		sum := sha256.Sum256(p)
		return sum[:]
	}
	d := h.New()
	d.Write(p)
	return d.Sum(nil)
}
