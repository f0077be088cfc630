package enveloped

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
	"testing"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// The cases of this file are of the kinds that Project Wycheproof has for decryption by RSA, with
// values of our own: what stands in front of the content-encryption key is put together here, and
// encrypted as a number.

// rsaCase is one encrypted key: em is what is encrypted, of the size of the modulus, and c what is
// sent of it; nil: as it is.
type rsaCase struct {
	kind, name string
	em         func(key []byte) []byte
	c          func(c []byte) []byte
	opens      bool
	zero       bool // the first octet of c is to be 0, else it is not to be
}

// octetsOf are n octets of b.
func octetsOf(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

// pkcs1 is the encoded message of RFC 8017, Section 7.2.1, with other octets where one asks.
func pkcs1(first, kind, padding byte, separator []byte) func(key []byte) []byte {
	return func(key []byte) []byte {
		n := 256 - 2 - len(separator) - len(key)
		return bytes.Join([][]byte{{first, kind}, octetsOf(padding, n), separator, key}, nil)
	}
}

// changed is an encoded message with one octet changed.
func changed(em func(key []byte) []byte, at int, to byte) func(key []byte) []byte {
	return func(key []byte) []byte {
		out := em(key)
		out[at] = to
		return out
	}
}

// right is the usual encoded message.
var right = pkcs1(0, 2, 0xa5, []byte{0})

var pkcs1Cases = []rsaCase{
	{"Normal", "random octets would be the same", right, nil, true, false},
	{"SpecialCasePadding", "all bits 1", pkcs1(0, 2, 0xff, []byte{0}), nil, true, false},
	{"SpecialCasePadding", "all octets 1", pkcs1(0, 2, 1, []byte{0}), nil, true, false},
	{"Sslv23Padding", "eight octets 3 at the end", pkcs1(0, 2, 0xa5, []byte{3, 3, 3, 3, 3, 3, 3, 3, 0}), nil, true, false},
	{"InvalidPkcs1Padding", "first octet 1", pkcs1(1, 2, 0xa5, []byte{0}), nil, false, false},
	{"InvalidPkcs1Padding", "block type 0", pkcs1(0, 0, 0xa5, []byte{0}), nil, false, false},
	{"InvalidPkcs1Padding", "block type 1", pkcs1(0, 1, 0xff, []byte{0}), nil, false, false},
	{"InvalidPkcs1Padding", "block type 255", pkcs1(0, 0xff, 0xa5, []byte{0}), nil, false, false},
	{"InvalidPkcs1Padding", "no separator", pkcs1(0, 2, 0xa5, []byte{1}), nil, false, false},
	{"InvalidPkcs1Padding", "padding of 0 octets", changed(right, 2, 0), nil, false, false},
	{"InvalidPkcs1Padding", "padding of 7 octets", changed(right, 9, 0), nil, false, false},
	{"InvalidPkcs1Padding", "a longer key", changed(right, 100, 0), nil, false, false},
	{"InvalidPkcs1Padding", "a key with one octet more", pkcs1(0, 2, 0xa5, []byte{0, 0x17}), nil, false, false},
	{"InvalidPkcs1Padding", "a key with one octet less", func(key []byte) []byte { return right(key[1:]) }, nil, false, false},
	{"InvalidPkcs1Padding", "no key", func([]byte) []byte { return right(nil) }, nil, false, false},
	{"InvalidPkcs1Padding", "all octets 0", func([]byte) []byte { return make([]byte, 256) }, nil, false, false},
}

// oaep is the encoded message of RFC 8017, Section 7.1.1, with SHA-256 and another first octet,
// seed, label or padding where one asks.
func oaep(first, seed byte, label string, padding, separator byte) func(key []byte) []byte {
	return func(key []byte) []byte {
		sum := sha256.Sum256([]byte(label))
		n := 256 - 1 - 32 - 32 - 1 - len(key)
		db := bytes.Join([][]byte{sum[:], octetsOf(padding, n), {separator}, key}, nil)
		maskedSeed := octetsOf(seed, 32)
		mask(db, maskedSeed)
		mask(maskedSeed, db)
		return bytes.Join([][]byte{{first}, maskedSeed, db}, nil)
	}
}

// mask combines data with MGF1 of seed (RFC 8017, Appendix B.2.1): the KDF of X9.63 that counts
// from 0 is that of one from 1 behind its first digest.
func mask(data, seed []byte) {
	first := sha256.Sum256(append(bytes.Clone(seed), 0, 0, 0, 0))
	stream := append(first[:], kdfX963(crypto.SHA256, seed, nil, len(data))...)
	for i := range data {
		data[i] ^= stream[i]
	}
}

var oaepCases = []rsaCase{
	{"Normal", "any seed", oaep(0, 0x5a, "", 0, 1), nil, true, false},
	{"Normal", "seed of bits 0", oaep(0, 0, "", 0, 1), nil, true, false},
	{"Normal", "seed of bits 1", oaep(0, 0xff, "", 0, 1), nil, true, false},
	{"InvalidOaepPadding", "first octet 1", oaep(1, 0x5a, "", 0, 1), nil, false, false},
	{"InvalidOaepPadding", "another label", oaep(0, 0x5a, "label", 0, 1), nil, false, false},
	{"InvalidOaepPadding", "padding of octets 1", oaep(0, 0x5a, "", 1, 1), nil, false, false},
	{"InvalidOaepPadding", "padding of bits 1", oaep(0, 0x5a, "", 0xff, 1), nil, false, false},
	{"InvalidOaepPadding", "separator 0", oaep(0, 0x5a, "", 0, 0), nil, false, false},
	{"InvalidOaepPadding", "separator 2", oaep(0, 0x5a, "", 0, 2), nil, false, false},
	{"InvalidOaepPadding", "all octets 0", func([]byte) []byte { return make([]byte, 256) }, nil, false, false},
	{"InvalidOaepPadding", "a key with one octet more", func(key []byte) []byte { return oaep(0, 0x5a, "", 0, 1)(append([]byte{1}, key...)) }, nil, false, false},
	{"InvalidOaepPadding", "a key with one octet less", func(key []byte) []byte { return oaep(0, 0x5a, "", 0, 1)(key[1:]) }, nil, false, false},
	{"InvalidOaepPadding", "no key", func([]byte) []byte { return oaep(0, 0x5a, "", 0, 1)(nil) }, nil, false, false},
}

// ciphertextCases are the kinds InvalidCiphertext and InvalidCiphertextFormat, for either padding.
func ciphertextCases(em func(key []byte) []byte, n *big.Int) []rsaCase {
	constant := func(number *big.Int) func([]byte) []byte {
		return func([]byte) []byte { return number.FillBytes(make([]byte, 256)) }
	}
	one := big.NewInt(1)
	return []rsaCase{
		{"InvalidCiphertext", "nothing", em, func([]byte) []byte { return nil }, false, false},
		{"InvalidCiphertext", "0", em, constant(new(big.Int)), false, false},
		{"InvalidCiphertext", "1", em, constant(one), false, false},
		{"InvalidCiphertext", "the modulus less 1", em, constant(new(big.Int).Sub(n, one)), false, false},
		{"InvalidCiphertext", "the modulus", em, constant(n), false, false},
		{"InvalidCiphertext", "the modulus and 1", em, constant(new(big.Int).Add(n, one)), false, false},
		{"InvalidCiphertext", "all bits 1", em, func([]byte) []byte { return octetsOf(0xff, 256) }, false, false},
		{"InvalidCiphertext", "the modulus added", em, func(c []byte) []byte { return new(big.Int).Add(new(big.Int).SetBytes(c), n).Bytes() }, false, false},
		{"InvalidCiphertext", "octets 0 in front", em, func(c []byte) []byte { return append([]byte{0, 0}, c...) }, false, false},
		{"InvalidCiphertext", "octets 0 behind", em, func(c []byte) []byte { return append(c, 0, 0) }, false, false},
		{"InvalidCiphertext", "without the last octet", em, func(c []byte) []byte { return c[:255] }, false, false},
		{"InvalidCiphertext", "without the first octet", em, func(c []byte) []byte { return c[1:] }, false, false},
		// RFC 8017, Section 7.1.2 and 7.2.2, wants the length of the modulus. The number is the
		// same, and OpenSSL, too, reads what a sender wrote without its first zero.
		{"InvalidCiphertext", "without a first octet of 0", em, func(c []byte) []byte { return c[1:] }, true, true},
	}
}

// TestRSACases: each encrypted key opens the message, or all are refused by the one text. Under CBC
// a random key is tried where PKCS #1 v1.5 fails: then the content is never the right one.
func TestRSACases(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "rsa2048", 1)
	pub := p.pub.(*rsa.PublicKey)
	sha256OAEP := algorithm.Encode(oidOAEP, ber.TLV(ber.TagSequence, algorithm.EncodeHashParameters(crypto.SHA256)))
	for _, method := range []struct {
		name      string
		algorithm []byte
		cases     []rsaCase
	}{
		{"PKCS1", algorithm.Encode(oidRSA, ber.Null), append(pkcs1Cases, ciphertextCases(right, pub.N)...)},
		{"OAEP", sha256OAEP, append(oaepCases, ciphertextCases(oaep(0, 0x5a, "", 0, 1), pub.N)...)},
	} {
		for _, tt := range method.cases {
			t.Run(method.name+"/"+tt.kind+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				checkCase(t, transported(t, p, AES128GCM, method.algorithm, tt), p.Key, tt.opens)
				der := transported(t, p, AES128CBC, method.algorithm, tt)
				var out bytes.Buffer
				_, err := Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: []Key{p.Key}})
				if (out.String() == testContent) != tt.opens || err != nil && !errors.Is(err, ErrDecrypt) {
					t.Errorf("under CBC: %q, %v", out.String(), err)
				}
			})
		}
	}
}

// TestOAEPLabel: the kind EncryptionWithLabel: the label is that in the parameters.
func TestOAEPLabel(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "rsa2048", 1)
	for label, opens := range map[string]bool{"dnseal": true, "dnseaL": false, "": false} {
		source := ber.TLV(ber.TagContext2, algorithm.Encode(oidPSpecified, ber.TLV(ber.TagOctetString, []byte(label))))
		alg := algorithm.Encode(oidOAEP, ber.TLV(ber.TagSequence, algorithm.EncodeHashParameters(crypto.SHA256), source))
		tt := rsaCase{em: oaep(0, 0x5a, "dnseal", 0, 1)}
		checkCase(t, transported(t, p, AES128GCM, alg, tt), p.Key, opens)
	}
}

// transported is a message for p with the encrypted key of a case.
func transported(tb testing.TB, p person, c Cipher, alg []byte, tt rsaCase) []byte {
	tb.Helper()
	chosen, _ := newCipher(c)
	pub := p.pub.(*rsa.PublicKey)
	var e *encryption
	var encrypted []byte
	for range 10_000 {
		e = newEncryption(chosen)
		number := new(big.Int).SetBytes(tt.em(e.contentKey))
		encrypted = number.Exp(number, big.NewInt(int64(pub.E)), pub.N).FillBytes(make([]byte, 256))
		if (encrypted[0] == 0) == tt.zero {
			break
		}
	}
	if tt.c != nil {
		encrypted = tt.c(encrypted)
	}
	id := recipientIdentifier{issuer: p.Certificate.RawIssuer, serial: integer(p.Certificate.SerialNumber)}
	info := ber.TLV(ber.TagSequence, []byte{ber.TagInteger, 1, 0}, id.encode(), alg, ber.TLV(ber.TagOctetString, encrypted))
	return e.message(tb, ber.SetOf(ber.TagSet, [][]byte{info}))
}
