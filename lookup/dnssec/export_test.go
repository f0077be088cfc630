package dnssec

import (
	"crypto/dsa" //nolint:staticcheck // the old vectors are signed with it
	"crypto/sha1"
	"encoding/asn1"
	"math/big"

	"github.com/miekg/dns"
)

// AllowOld makes v accept what the vectors of 2005 are signed with: DSA and short RSA keys.
func (v *Validator) AllowOld() {
	v.AllowSHA1 = true
	v.leastRSA = 512
	old := algorithm{parseDSA}
	v.extra = map[uint8]algorithm{dns.DSA: old, dns.DSANSEC3SHA1: old}
}

type dsaKey dsa.PublicKey

// parseDSA reads a key as in RFC 2536, Section 2.
func parseDSA(key []byte) (publicKey, bool) {
	if len(key) < 1 {
		return nil, false
	}
	size := 64 + int(key[0])*8
	if len(key) != 1+20+3*size {
		return nil, false
	}
	number := func(from, n int) *big.Int { return new(big.Int).SetBytes(key[from : from+n]) }
	return (*dsaKey)(&dsa.PublicKey{
		Parameters: dsa.Parameters{Q: number(1, 20), P: number(21, size), G: number(21+size, size)},
		Y:          number(21+2*size, size),
	}), false
}

// verify takes 41 octets (RFC 2536, Section 3) or the DER form that some signers wrote.
func (k *dsaKey) verify(data, signature []byte) bool {
	sum := sha1.Sum(data)
	var pair struct{ R, S *big.Int }
	if len(signature) == 41 {
		pair.R, pair.S = new(big.Int).SetBytes(signature[1:21]), new(big.Int).SetBytes(signature[21:])
	} else if _, err := asn1.Unmarshal(signature, &pair); err != nil {
		return false
	}
	return dsa.Verify((*dsa.PublicKey)(k), sum[:], pair.R, pair.S)
}
