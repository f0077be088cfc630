package dnssec

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"math/big"
)

// maxExponent is the size in bits of the longest exponent, 2^32+1, which many old zones have. A
// longer one is a way to make verifiers work.
const maxExponent = 33

type rsaKey struct {
	n, e *big.Int
	hash crypto.Hash
}

func rsaWith(hash crypto.Hash) algorithm {
	return algorithm{func(key []byte, l *Limits) (publicKey, bool) {
		exponent, modulus, ok := splitRSA(key)
		if !ok {
			return nil, false
		}
		n := new(big.Int).SetBytes(modulus)
		e := new(big.Int).SetBytes(exponent)
		// RFC 5702, Section 2 and RFC 3110, Section 2: at most 4096 bits.
		if n.BitLen() < l.RSAMin || n.BitLen() > l.RSAMax || e.BitLen() > maxExponent {
			return nil, true
		}
		if e.BitLen() < 2 || e.Bit(0) == 0 || n.Bit(0) == 0 {
			return nil, false
		}
		return rsaKey{n, e, hash}, false
	}}
}

// splitRSA reads a public key (RFC 3110, Section 2).
func splitRSA(key []byte) (exponent, modulus []byte, ok bool) {
	if len(key) < 3 {
		return nil, nil, false
	}
	size, key := int(key[0]), key[1:]
	// RFC 3110, Section 2: a length above 255 has two octets more.
	if size == 0 {
		size, key = int(key[0])<<8|int(key[1]), key[2:]
	}
	if size == 0 || size >= len(key) {
		return nil, nil, false
	}
	return key[:size], key[size:], true
}

func (k rsaKey) verify(data, signature []byte) bool {
	h := k.hash.New()
	h.Write(data)
	sum := h.Sum(nil)
	if k.e.BitLen() <= 31 {
		return rsa.VerifyPKCS1v15(&rsa.PublicKey{N: k.n, E: int(k.e.Int64())}, k.hash, sum, signature) == nil
	}
	return k.verifyLong(sum, signature)
}

// pkcs1Prefix is the DER of DigestInfo up to the digest (RFC 8017, Section 9.2, Note 1).
var pkcs1Prefix = map[crypto.Hash]string{
	crypto.SHA1:   "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}

// verifyLong is RSASSA-PKCS1-v1_5 verification (RFC 8017, Section 8.2.2) for exponents that
// crypto/rsa does not support. The whole encoded message is made and compared, so that nothing in
// it is parsed.
func (k rsaKey) verifyLong(sum, signature []byte) bool {
	size := (k.n.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(signature)
	if len(signature) != size || s.Cmp(k.n) >= 0 {
		return false
	}
	info := append([]byte(pkcs1Prefix[k.hash]), sum...)
	want := bytes.Repeat([]byte{0xff}, size)
	want[0], want[1], want[size-len(info)-1] = 0, 1, 0
	copy(want[size-len(info):], info)
	got := s.Exp(s, k.e, k.n).FillBytes(make([]byte, size))
	return bytes.Equal(got, want)
}
