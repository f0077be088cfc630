package enveloped

import (
	"bytes"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha3"
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// The cases of this file are of the kinds that Project Wycheproof has for decapsulation by ML-KEM,
// with values of our own; those of encapsulation keys are in package cms.

// kemCase is one ciphertext and the secret that the message is encrypted under: both are made of
// what another key would make.
type kemCase struct {
	kind, name string
	make       func(secret, c []byte, z []byte) ([]byte, []byte)
	opens      bool
}

// rejection is the secret that decapsulation makes of a ciphertext that is not right: FIPS 203,
// Algorithm 18, line 7.
func rejection(z, c []byte) []byte { return sha3.SumSHAKE256(append(bytes.Clone(z), c...), 32) }

func altered(c []byte, at int, bits byte) []byte {
	out := bytes.Clone(c)
	out[at] ^= bits
	return out
}

var kemCases = []kemCase{
	{"Normal", "right", func(secret, c, _ []byte) ([]byte, []byte) { return secret, c }, true},
	{"ImplicitRejection", "first octet changed", func(secret, c, _ []byte) ([]byte, []byte) { return secret, altered(c, 0, 1) }, false},
	{"ImplicitRejection", "last octet changed", func(secret, c, _ []byte) ([]byte, []byte) { return secret, altered(c, len(c)-1, 0x80) }, false},
	{"ImplicitRejection", "all octets 0", func(secret, c, _ []byte) ([]byte, []byte) { return secret, make([]byte, len(c)) }, false},
	{"ImplicitRejection", "all bits 1", func(secret, c, _ []byte) ([]byte, []byte) { return secret, octetsOf(0xff, len(c)) }, false},
	// Who knows z makes what a changed ciphertext stands for: it is exactly that, and no error.
	{"ImplicitRejection", "the secret of a changed one", func(_, c, z []byte) ([]byte, []byte) { d := altered(c, 7, 4); return rejection(z, d), d }, true},
	{"ImplicitRejection", "the same secret for a right one", func(_, c, z []byte) ([]byte, []byte) { return rejection(z, c), c }, false},
	{"IncorrectCiphertextLength", "nothing", func(secret, _, _ []byte) ([]byte, []byte) { return secret, nil }, false},
	{"IncorrectCiphertextLength", "an octet less", func(secret, c, _ []byte) ([]byte, []byte) { return secret, c[:len(c)-1] }, false},
	{"IncorrectCiphertextLength", "an octet more", func(secret, c, _ []byte) ([]byte, []byte) { return secret, append(bytes.Clone(c), 0) }, false},
	{"IncorrectCiphertextLength", "that of ML-KEM-512", func(secret, c, _ []byte) ([]byte, []byte) { return secret, c[:768] }, false},
	{"IncorrectCiphertextLength", "twice", func(secret, c, _ []byte) ([]byte, []byte) { return secret, append(bytes.Clone(c), c...) }, false},
}

// TestKEMCases: each ciphertext opens the message, or is refused by the one text.
func TestKEMCases(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"ml-kem-768", "ml-kem-1024"} {
		p := newPerson(t, name, int64(i+1))
		for _, tt := range kemCases {
			t.Run(name+"/"+tt.kind+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				secret, c := encapsulate(t, p, octetsOf(0x3c, 32))
				secret, c = tt.make(secret, c, seedOf(p)[32:])
				for _, cipher := range []Cipher{AES256GCM, AES128CBC} {
					checkCase(t, encapsulated(t, p, cipher, secret, c), p.Key, tt.opens)
				}
			})
		}
		wrong := kemTable[1-i]
		t.Run(name+"/IncorrectCiphertextLength/that of "+wrong.name, func(t *testing.T) {
			t.Parallel()
			checkCase(t, encapsulated(t, p, AES256GCM, octetsOf(1, 32), octetsOf(1, wrong.ciphertextSize)), p.Key, false)
		})
	}
}

// TestStrcmp: the kind of that name: a changed ciphertext whose right one begins with 0 is found by
// octets that come behind it.
func TestStrcmp(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"ml-kem-768", "ml-kem-1024"} {
		p := newPerson(t, name, int64(i+1))
		random := make([]byte, 32)
		secret, c := encapsulate(t, p, random)
		for c[0] != 0 { // one in 256
			random[0]++
			if random[0] == 0 {
				random[1]++
			}
			secret, c = encapsulate(t, p, random)
		}
		checkCase(t, encapsulated(t, p, AES256GCM, secret, c), p.Key, true)
		// A low bit of the second part of the ciphertext does not change the message in it.
		d := altered(c, len(c)-1, 0x10)
		checkCase(t, encapsulated(t, p, AES256GCM, secret, d), p.Key, false)
		checkCase(t, encapsulated(t, p, AES256GCM, rejection(seedOf(p)[32:], d), d), p.Key, true)
	}
}

// TestKEMParameters: what stands beside the ciphertext says what the key is used for: another KEM,
// or one that is not computed here, is named or refused, and so is another length of the key.
func TestKEMParameters(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "ml-kem-768", 1)
	secret, c := encapsulate(t, p, octetsOf(0x3c, 32))
	der := encapsulated(t, p, AES256GCM, secret, c)
	for name, tt := range map[string]struct{ from, to, want string }{
		"ML-KEM-512":               {oidMLKEM768, oidMLKEM768[:8] + "\x01", "encrypted by ML-KEM-512, which is not supported"},
		"ML-KEM-1024":              {oidMLKEM768, oidMLKEM1024, ErrDecrypt.Error()},
		"HKDF with another digest": {oidHKDFSHA256, oidHKDFSHA384, ErrDecrypt.Error()},
		"a KDF of passwords":       {oidHKDFSHA256, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x09", "which is not supported"},
		"a shorter key":            {"\x02\x01\x20\x30\x0b", "\x02\x01\x10\x30\x0b", ErrDecrypt.Error()},
		"AES-128 key wrap":         {oidAES256Wrap, oidAES128Wrap, ErrDecrypt.Error()},
	} {
		if !bytes.Contains(der, []byte(tt.from)) || len(tt.from) != len(tt.to) {
			t.Fatalf("%s: the message does not have it", name)
		}
		var out strings.Builder
		_, err := Decrypt(bytes.NewReader(bytes.Replace(der, []byte(tt.from), []byte(tt.to), 1)), &out, DecryptOptions{Keys: []Key{p.Key}})
		if err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
			t.Errorf("%s: %q, %v, want %q", name, out.String(), err, tt.want)
		}
	}
}

// TestKEMExample follows the steps of the example in RFC 9936, Appendix C, with ML-KEM-768: the
// recipient by his key identifier, HKDF with SHA-256, AES-128 key wrap, AES-128-GCM. The KEK of a
// given secret is that of "openssl kdf HKDF" with the same input (OpenSSL 3.0.19).
func TestKEMExample(t *testing.T) {
	t.Parallel()
	wrap := algorithm.Encode(oidAES128Wrap, nil)
	info := otherInfo(wrap, 16, nil)
	if want := unhex(t, "3010300b0609608648016503040105020110"); !bytes.Equal(info, want) {
		t.Fatalf("CMSORIforKEMOtherInfo = %x, want %x", info, want)
	}
	k := kemRecipient{kdf: algorithm.Identifier{OID: []byte(oidHKDFSHA256)}, kekLength: 16, wrap: wrap}
	derive, err := k.derivation()
	if err != nil {
		t.Fatal(err)
	}
	kek, err := derive(unhex(t, "a11ce5ec2e7f00d15ea5edc0ffee0123456789abcdeffedcba98765432100f1e"))
	if want := unhex(t, "b7602f56429b412602d052cb2ec01f0c"); err != nil || !bytes.Equal(kek, want) {
		t.Errorf("KEK = %x, %v, want %x", kek, err, want)
	}
	p := newPerson(t, "ml-kem-768", 1)
	der := mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{{Key: p.pub}}, Cipher: AES128GCM})
	got, err := Decrypt(bytes.NewReader(der), new(strings.Builder), DecryptOptions{Keys: []Key{p.Key}})
	if err != nil || got.KeyEncryption != "ml-kem-768" || got.Cipher != AES128GCM || !got.Authenticated {
		t.Errorf("%+v, %v", got, err)
	}
}

func seedOf(p person) []byte { return p.Private.(interface{ Bytes() []byte }).Bytes() }

// encapsulate is FIPS 203, Algorithm 17, with the random octets.
func encapsulate(tb testing.TB, p person, random []byte) (secret, c []byte) {
	tb.Helper()
	err := errors.New("no key of ML-KEM")
	switch pub := p.pub.(type) {
	case *mlkem.EncapsulationKey768:
		secret, c, err = mlkemtest.Encapsulate768(pub, random)
	case *mlkem.EncapsulationKey1024:
		secret, c, err = mlkemtest.Encapsulate1024(pub, random)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return secret, c
}

// encapsulated is a message for p with this ciphertext, encrypted under this secret.
func encapsulated(tb testing.TB, p person, c Cipher, secret, ciphertext []byte) []byte {
	tb.Helper()
	chosen, _ := newCipher(c)
	e := newEncryption(chosen)
	_, row := p.decapsulator()
	id := recipientIdentifier{issuer: p.Certificate.RawIssuer, serial: integer(p.Certificate.SerialNumber)}
	info, err := e.encryptKEM(row, secret, ciphertext, id)
	if err != nil {
		tb.Fatal(err)
	}
	return e.message(tb, ber.SetOf(ber.TagSet, [][]byte{info}))
}
