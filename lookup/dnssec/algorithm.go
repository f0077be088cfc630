package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"

	"github.com/miekg/dns"
)

// algorithm is one DNSSEC signing algorithm. parse reads the public key of a DNSKEY; tooWeak says that it is
// one, but of a size that is not allowed; a nil key without tooWeak is none at all.
type algorithm struct {
	parse func(key []byte) (k publicKey, tooWeak bool)
}

// publicKey verifies signatures in the form an RRSIG has.
type publicKey interface {
	verify(data, signature []byte) bool
}

// algorithm returns the implementation of a number from the DNSSEC algorithm registry; ok is false for those
// not supported: all but 8, 10, 13, 14 and 15, and with AllowSHA1 also 5 and 7.
func (v *Validator) algorithm(number uint8) (a algorithm, ok bool) {
	switch number {
	case dns.RSASHA256:
		return v.rsa(crypto.SHA256), true
	case dns.RSASHA512:
		return v.rsa(crypto.SHA512), true
	case dns.ECDSAP256SHA256:
		return algorithm{func(key []byte) (publicKey, bool) { return parseECDSA(elliptic.P256(), crypto.SHA256, key), false }}, true
	case dns.ECDSAP384SHA384:
		return algorithm{func(key []byte) (publicKey, bool) { return parseECDSA(elliptic.P384(), crypto.SHA384, key), false }}, true
	case dns.ED25519:
		return algorithm{parseEd25519}, true
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1:
		// RFC 9905: no more than a name for something that does not protect.
		return v.rsa(crypto.SHA1), v.AllowSHA1
	}
	a, ok = v.extra[number]
	return a, ok
}

// digest returns the hash of a number from the registry of DS digests (RFC 4509, RFC 6605).
func (v *Validator) digest(number uint8) (h crypto.Hash, ok bool) {
	switch number {
	case dns.SHA256:
		return crypto.SHA256, true
	case dns.SHA384:
		return crypto.SHA384, true
	case dns.SHA1:
		return crypto.SHA1, v.AllowSHA1
	}
	return 0, false
}

// Sizes of RSA keys that are used, in bits. A longer key or exponent is a way to make verifiers work, a shorter key is
// weak. The longest exponent is 2^32+1, which many old zones have.
const (
	minRSA      = 1024
	maxRSA      = 4096
	maxExponent = 33
)

type rsaKey struct {
	n, e *big.Int
	hash crypto.Hash
}

func (v *Validator) rsa(hash crypto.Hash) algorithm {
	least := minRSA
	if v.leastRSA != 0 {
		least = v.leastRSA
	}
	return algorithm{func(key []byte) (publicKey, bool) {
		exponent, modulus, ok := splitRSA(key)
		if !ok {
			return nil, false
		}
		n := new(big.Int).SetBytes(modulus)
		e := new(big.Int).SetBytes(exponent)
		if n.BitLen() < least || n.BitLen() > maxRSA || e.BitLen() > maxExponent {
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

// verifyLong is RSASSA-PKCS1-v1_5 verification (RFC 8017, Section 8.2.2) for exponents that crypto/rsa does not take.
// The whole encoded message is made and compared, so that nothing in it is parsed.
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

type ecdsaKey struct {
	key  *ecdsa.PublicKey
	hash crypto.Hash
}

// parseECDSA reads a point without the octet that says it is uncompressed (RFC 6605, Section 4).
func parseECDSA(curve elliptic.Curve, hash crypto.Hash, key []byte) publicKey {
	k, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, key...))
	if err != nil {
		return nil
	}
	return ecdsaKey{k, hash}
}

// verify takes r and s, each as long as the curve (RFC 6605, Section 4).
func (k ecdsaKey) verify(data, signature []byte) bool {
	size := (k.key.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	h := k.hash.New()
	h.Write(data)
	r := new(big.Int).SetBytes(signature[:size])
	s := new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(k.key, h.Sum(nil), r, s)
}

type ed25519Key ed25519.PublicKey

func parseEd25519(key []byte) (publicKey, bool) {
	if len(key) != ed25519.PublicKeySize {
		return nil, false
	}
	return ed25519Key(key), false
}

// verify is plain Ed25519 (RFC 8080, Section 4).
func (k ed25519Key) verify(data, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(k), data, signature)
}
