package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"math/big"

	"github.com/miekg/dns"
)

// algorithm is one DNSSEC signing algorithm. parse reads the public key of a DNSKEY. tooWeak: the
// key has a size that the limits do not allow. A nil key without tooWeak cannot be read.
type algorithm struct {
	parse func(key []byte, l *Limits) (k publicKey, tooWeak bool)
}

// publicKey verifies signatures in the form an RRSIG has.
type publicKey interface {
	verify(data, signature []byte) bool
}

// algorithm returns the implementation of a number from the DNSSEC algorithm registry; ok is false
// for those not supported: all but 8, 10, 13, 14 and 15, and with AllowSHA1 also 5 and 7.
func (v *Validator) algorithm(number uint8) (a algorithm, ok bool) {
	switch number {
	// RFC 5702, Section 3.
	case dns.RSASHA256:
		return rsaWith(crypto.SHA256), true
	case dns.RSASHA512:
		return rsaWith(crypto.SHA512), true
	// RFC 6605, Section 4.
	case dns.ECDSAP256SHA256:
		return ecdsaOn(elliptic.P256(), crypto.SHA256), true
	case dns.ECDSAP384SHA384:
		return ecdsaOn(elliptic.P384(), crypto.SHA384), true
	// RFC 8080, Section 4.
	case dns.ED25519:
		return algorithm{parseEd25519}, true
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1:
		// RFC 9905: SHA-1 does not protect; treated as not supported.
		return rsaWith(crypto.SHA1), v.AllowSHA1
	}
	a, ok = v.extra[number]
	return a, ok
}

// digest returns the hash of a number from the registry of DS digests; ok is false when it is not
// supported.
func (v *Validator) digest(number uint8) (h crypto.Hash, ok bool) {
	switch number {
	// RFC 4509, Section 2.
	case dns.SHA256:
		return crypto.SHA256, true
	// RFC 6605, Section 2.
	case dns.SHA384:
		return crypto.SHA384, true
	case dns.SHA1:
		return crypto.SHA1, v.AllowSHA1
	}
	return 0, false
}

type ecdsaKey struct {
	key  *ecdsa.PublicKey
	hash crypto.Hash
}

// ecdsaOn reads a point without the octet that says it is uncompressed (RFC 6605, Section 4).
func ecdsaOn(curve elliptic.Curve, hash crypto.Hash) algorithm {
	return algorithm{func(key []byte, _ *Limits) (publicKey, bool) {
		k, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, key...))
		if err != nil {
			return nil, false
		}
		return ecdsaKey{k, hash}, false
	}}
}

// verify reads r and s, each as long as the curve.
// RFC 6605, Section 4.
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

func parseEd25519(key []byte, _ *Limits) (publicKey, bool) {
	// RFC 8080, Section 3.
	if len(key) != ed25519.PublicKeySize {
		return nil, false
	}
	return ed25519Key(key), false
}

// verify is pure Ed25519.
// RFC 8080, Section 4.
func (k ed25519Key) verify(data, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(k), data, signature)
}
