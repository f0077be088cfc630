package enveloped

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// forms are the ways to name a recipient.
var forms = []struct {
	name      string
	recipient func(p person) Recipient
	key       func(p person) Key
}{
	{"issuer and serial", func(p person) Recipient { return Recipient{Certificate: p.Certificate} }, func(p person) Key { return p.Key }},
	{"key identifier", func(p person) Recipient { return Recipient{Certificate: p.Certificate, ByKeyIdentifier: true} }, func(p person) Key { return p.Key }},
	{"bare key", func(p person) Recipient { return Recipient{Key: p.pub} }, func(p person) Key { return Key{Private: p.Private} }},
	{"bare key, with certificate", func(p person) Recipient { return Recipient{Key: p.pub} }, func(p person) Key { return p.Key }},
}

// TestRoundTrip: what is encrypted for a key of any kind, named in any way, under any cipher, is
// decrypted with that key.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for i, kind := range kinds {
		p := newPerson(t, kind.key, int64(i+1))
		for _, form := range forms {
			for _, c := range ciphers {
				r := form.recipient(p)
				r.OAEP = kind.oaep
				der := mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{r}, Cipher: c})
				var out strings.Builder
				got, err := Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: []Key{form.key(p)}})
				name := kind.method + ", " + form.name + ", " + string(c)
				if err != nil || out.String() != testContent {
					t.Errorf("%s: %q, %v", name, out.String(), err)
					continue
				}
				want := Content{
					Type: objectIdentifier("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"), Cipher: c, Authenticated: !strings.HasSuffix(string(c), "cbc"),
					KeyEncryption: kind.method, Recipients: 1, Size: int64(len(testContent)),
				}
				if got.Type.String() != want.Type.String() || got.Cipher != want.Cipher || got.Authenticated != want.Authenticated ||
					got.KeyEncryption != want.KeyEncryption || got.Key != 0 || got.Recipients != 1 || got.Size != want.Size {
					t.Errorf("%s: %+v, want %+v", name, got, want)
				}
			}
		}
	}
}

// opaque keys live elsewhere: nothing is known of them but what they can do.
type (
	opaqueDecrypter    struct{ crypto.Decrypter }
	opaqueExchanger    struct{ ecdh.KeyExchanger }
	opaqueDecapsulator struct{ crypto.Decapsulator }
	opaqueEncapsulator struct{ crypto.Encapsulator }
)

func (d opaqueDecapsulator) Encapsulator() crypto.Encapsulator {
	return opaqueEncapsulator{d.Decapsulator.Encapsulator()}
}

// TestOpaqueKeys: keys in other places decrypt as well.
func TestOpaqueKeys(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		p := newPerson(t, kind.key, 1)
		key := Key{}
		switch private := p.Private.(type) {
		case *ecdsa.PrivateKey:
			exchanger, err := private.ECDH()
			if err != nil {
				t.Fatal(err)
			}
			key.Private = opaqueExchanger{exchanger}
		case ecdh.KeyExchanger:
			key.Private = opaqueExchanger{private}
		case crypto.Decapsulator:
			key.Private = opaqueDecapsulator{private}
		case crypto.Decrypter:
			key.Private = opaqueDecrypter{private}
		}
		der := mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{{Key: p.pub, OAEP: kind.oaep}}})
		var out strings.Builder
		got, err := Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: []Key{key}})
		if err != nil || out.String() != testContent || got.KeyEncryption != kind.method {
			t.Errorf("%s: %q, %v", kind.method, out.String(), err)
		}
	}
}

// TestManyRecipients: everybody among many of all kinds opens the message, and nobody else.
func TestManyRecipients(t *testing.T) {
	t.Parallel()
	var people []person
	var to []Recipient
	for i, kind := range kinds {
		people = append(people, newPerson(t, kind.key, int64(i+1)))
		to = append(to, Recipient{Certificate: people[i].Certificate, OAEP: kind.oaep, ByKeyIdentifier: i%2 == 1})
	}
	// The same RSA key stands in two of them, with and without OAEP.
	for _, c := range ciphers {
		der := mustEncrypt(t, testContent, EncryptOptions{Recipients: to, Cipher: c})
		for i, kind := range kinds {
			var out strings.Builder
			got, err := Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: []Key{newPerson(t, "p256b", 99).Key, people[i].Key}})
			if err != nil || out.String() != testContent || got.Key != 1 || got.Recipients != len(kinds) {
				t.Errorf("%s, %s: %q, %+v, %v", c, kind.method, out.String(), got, err)
			}
		}
		_, err := Decrypt(bytes.NewReader(der), io.Discard, DecryptOptions{Keys: []Key{newPerson(t, "p256b", 99).Key}})
		if !errors.Is(err, ErrNoKey) {
			t.Errorf("%s: somebody else: %v", c, err)
		}
	}
}

// TestSizes: content of any size comes back, in whatever pieces it is read.
func TestSizes(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "p256", 1)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(32<<10-20, 32<<10+20), rapid.IntRange(0, 200<<10)).Draw(t, "size")
		c := rapid.SampledFrom(ciphers).Draw(t, "cipher")
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i * 7)
		}
		var der, out bytes.Buffer
		in := iotest.HalfReader(bytes.NewReader(content))
		if err := Encrypt(&der, in, int64(size), EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate}}, Cipher: c}); err != nil {
			t.Fatal(err)
		}
		var encrypted io.Reader = &der
		if rapid.Bool().Draw(t, "octets") && size < 1000 {
			encrypted = iotest.OneByteReader(&der)
		}
		got, err := Decrypt(encrypted, &out, DecryptOptions{Keys: []Key{p.Key}})
		if err != nil || !bytes.Equal(out.Bytes(), content) || got.Size != int64(size) {
			t.Fatalf("%d octets of %d, %v", out.Len(), size, err)
		}
	})
}

// TestWriteErrors: what cannot be written is said before anything is written; content that ends
// early is an error.
func TestWriteErrors(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "p256", 1)
	to := []Recipient{{Certificate: p.Certificate}}
	for name, tt := range map[string]struct {
		size int64
		opts EncryptOptions
		want string
	}{
		"no recipient":     {1, EncryptOptions{}, "no recipient"},
		"no key":           {1, EncryptOptions{Recipients: []Recipient{{}}}, "neither certificate nor key"},
		"a cipher":         {1, EncryptOptions{Recipients: to, Cipher: "3des-cbc"}, "no cipher"},
		"a size":           {-1, EncryptOptions{Recipients: to}, "content of -1 octets"},
		"many recipients":  {1, EncryptOptions{Recipients: make([]Recipient, MaxRecipients+1)}, "limit of 1000 for recipients"},
		"large content":    {DefaultMaxContent + 1, EncryptOptions{Recipients: to, Cipher: AES128GCM}, "for content-size"},
		"a signing key":    {1, EncryptOptions{Recipients: []Recipient{{Key: publicOf(t, testKey(t, "ed25519"))}}}, "recipient 1: cms: public key algorithm is not supported: it only signs"},
		"a weak key":       {1, EncryptOptions{Recipients: []Recipient{{Key: publicOf(t, testKey(t, "rsa1024"))}}}, "recipient 1: cms: weak: RSA key of 1024 bits"},
		"an unknown key":   {1, EncryptOptions{Recipients: []Recipient{{Key: "key"}}}, "recipient 1"},
		"a point at order": {1, EncryptOptions{Recipients: []Recipient{{Key: smallOrderKey(t)}}}, "recipient 1: ECDH"},
	} {
		var out bytes.Buffer
		err := Encrypt(&out, strings.NewReader("x"), tt.size, tt.opts)
		if err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
			t.Errorf("%s: %v, and %d octets", name, err, out.Len())
		}
	}
	for _, c := range ciphers {
		if err := Encrypt(io.Discard, strings.NewReader("x"), 2, EncryptOptions{Recipients: to, Cipher: c}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, short content: %v", c, err)
		}
		broken := iotest.ErrReader(io.ErrNoProgress)
		if err := Encrypt(io.Discard, broken, 2, EncryptOptions{Recipients: to, Cipher: c}); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%s, broken content: %v", c, err)
		}
	}
}

// smallOrderKey is an X25519 key whose shared secret with every other is 0.
func smallOrderKey(tb testing.TB) *ecdh.PublicKey {
	tb.Helper()
	key, err := ecdh.X25519().NewPublicKey(make([]byte, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}
