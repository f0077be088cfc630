package certificate_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"

	"dnseal/smime/certificate"
)

// rsaKey has a modulus of so many bits, and no private half.
func rsaKey(modulusBits uint, e int64) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), modulusBits-1)
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: int(e)}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		key  crypto.PublicKey
		what string
	}{
		{"largest modulus", rsaKey(8192, 65537), ""},
		{"one bit more", rsaKey(8193, 65537), "RSA key"},
		{"largest exponent", rsaKey(2048, 1<<31-1), ""},
		{"exponent one more", rsaKey(2048, 1<<31), "RSA exponent"},
		{"no modulus", &rsa.PublicKey{}, ""},
		{"nil key", (*rsa.PublicKey)(nil), ""},
		{"another kind", &ecdsa.PublicKey{}, ""},
		{"no key", nil, ""},
	} {
		if key, ok := c.key.(*rsa.PublicKey); ok && key != nil && key.E < 0 {
			continue // no int of 32 bits holds such an exponent
		}
		err := certificate.CheckKey(c.key)
		cost, ok := errors.AsType[*certificate.CostError](err)
		if ok != (c.what != "") || ok && cost.What != c.what {
			t.Errorf("%s: %v, want %q", c.name, err, c.what)
		}
	}
}

// TestCheckRSA: numbers that make no RSA key are named, also where crypto/x509 reads them.
func TestCheckRSA(t *testing.T) {
	t.Parallel()
	even := rsaKey(2048, 3)
	even.N.SetBit(even.N, 0, 0)
	for want, key := range map[string]*rsa.PublicKey{
		"RSA exponent 4, which is even": rsaKey(2048, 4), "RSA exponent 1, which is below 3": rsaKey(2048, 1), "RSA modulus that is even or not positive": even,
	} {
		if _, ok := errors.AsType[*certificate.RSAKeyError](certificate.CheckKey(key)); !ok || certificate.CheckKey(key).Error() != want {
			t.Errorf("%v, want %q", certificate.CheckKey(key), want)
		}
	}
}

func TestCheckCost(t *testing.T) {
	t.Parallel()
	small, large := rsaKey(2048, 3), rsaKey(16384, 3)
	for _, c := range []struct {
		name      string
		key       *rsa.PublicKey
		signature int
		costly    bool
	}{
		{"both small", small, 1024, false},
		{"large key", large, 256, true},
		{"large signature", small, 1025, true},
	} {
		cert := &x509.Certificate{PublicKey: c.key, Signature: make([]byte, c.signature)}
		if err := certificate.CheckCost(cert); (err != nil) != c.costly {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
