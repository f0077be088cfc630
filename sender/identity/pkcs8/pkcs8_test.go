package pkcs8

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func privateKey(tb testing.TB) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func TestEncrypt(t *testing.T) {
	t.Parallel()
	key := privateKey(t)
	encrypted, err := Encrypt(key, "pässphrase")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decrypt(encrypted, "pässphrase")
	if err != nil || !bytes.Equal(got, key) {
		t.Errorf("Decrypt = %x, %v, want %x", got, err, key)
	}
	if _, err = Decrypt(encrypted, "passphrase"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another passphrase: %v", err)
	}
	again, err := Encrypt(key, "pässphrase")
	if err != nil || bytes.Equal(again, encrypted) {
		t.Errorf("the same salt twice, %v", err)
	}
	if _, err = Encrypt(key, ""); !errors.Is(err, ErrUnsupported) {
		t.Errorf("no passphrase: %v", err)
	}
}

// scryptKey is an EncryptedPrivateKeyInfo with these parameters, and of no key.
func scryptKey(n, r, p int64) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, oidPBES2, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addAlgorithm(b, oidScrypt, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1OctetString([]byte("salt"))
						b.AddASN1Int64(n)
						b.AddASN1Int64(r)
						b.AddASN1Int64(p)
					})
				})
				addAlgorithm(b, oidAES256CBC, func(b *cryptobyte.Builder) { b.AddASN1OctetString(make([]byte, 16)) })
			})
		})
		b.AddASN1OctetString(make([]byte, 32))
	})
	return b.BytesOrPanic()
}

// TestCostsAreBounded: what costs too much is refused before it is derived.
func TestCostsAreBounded(t *testing.T) {
	t.Parallel()
	for _, v := range [][3]int64{{1 << 20, 8, 1}, {1 << 40, 8, 1}, {1 << 14, 1 << 40, 1}, {1 << 14, 8, 17}, {0, 8, 1}, {-1, 8, 1}, {1 << 14, 0, 1}, {1 << 14, 8, 0}, {1000, 8, 1}} {
		if _, err := Decrypt(scryptKey(v[0], v[1], v[2]), "x"); !errors.Is(err, ErrUnsupported) {
			t.Errorf("scrypt with N=%d, r=%d, p=%d: %v", v[0], v[1], v[2], err)
		}
	}
	if _, err := Decrypt(scryptKey(1<<14, 8, 1), "x"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("scrypt as openssl uses it: %v", err)
	}
	for _, n := range []int64{0, -1, MaxIterations + 1} {
		var b cryptobyte.Builder
		b.AddASN1OctetString([]byte("salt"))
		b.AddASN1Int64(n)
		if _, err := parsePBKDF2(b.BytesOrPanic()); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%d iterations: %v", n, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	encrypted, err := Encrypt(privateKey(t), "x")
	if err != nil {
		t.Fatal(err)
	}
	for n := range encrypted {
		if _, err := Decrypt(encrypted[:n], "x"); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d of %d octets: %v", n, len(encrypted), err)
		}
	}
	if _, err := Decrypt(append(encrypted, 0), "x"); !errors.Is(err, ErrMalformed) {
		t.Errorf("an octet after it: %v", err)
	}
}

// FuzzDecrypt: no file makes Decrypt panic, and what it returns begins as a private key.
func FuzzDecrypt(f *testing.F) {
	f.Add(scryptKey(16, 1, 1))
	encrypted, err := Encrypt(privateKey(f), "x")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encrypted)
	f.Fuzz(func(t *testing.T, data []byte) {
		var s cryptobyte.String
		outer := cryptobyte.String(data)
		if outer.ReadASN1(&s, cbasn1.SEQUENCE) {
			scheme, err := parsePBES2(&s)
			if err != nil {
				return
			}
			switch k := scheme.kdf.(type) { // only the work that is allowed would be measured
			case *pbkdf2Parameters:
				if k.iterations > 1000 {
					return
				}
			case *scryptParameters:
				if k.n*k.r*k.p > 1<<12 {
					return
				}
			}
		}
		if der, err := Decrypt(data, "x"); err == nil && !isPrivateKeyInfo(der) {
			t.Errorf("Decrypt = %x", der)
		}
	})
}
