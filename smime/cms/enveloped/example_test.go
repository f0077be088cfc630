package enveloped_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"strings"

	"dnseal/smime/cms/enveloped"
)

// Example encrypts a text for two people, and decrypts it with the key of one of them.
func Example() {
	alice, bob, mallory := newKey(), newKey(), newKey()
	const text = "Meet me at noon.\r\n"

	var der bytes.Buffer
	err := enveloped.Encrypt(&der, strings.NewReader(text), int64(len(text)), enveloped.EncryptOptions{
		Recipients: []enveloped.Recipient{{Key: alice.PublicKey()}, {Key: bob.PublicKey()}},
		Cipher:     enveloped.AES256GCM,
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, key := range []*ecdh.PrivateKey{bob, mallory} {
		var content strings.Builder
		got, err := enveloped.Decrypt(bytes.NewReader(der.Bytes()), &content, enveloped.DecryptOptions{
			Keys: []enveloped.Key{{Private: key}},
		})
		switch {
		case errors.Is(err, enveloped.ErrNoKey):
			fmt.Println("it is for others")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Printf("%s by %s, authenticated: %t: %q\n", got.Cipher, got.KeyEncryption, got.Authenticated, content.String())
		}
	}
	// Output:
	// aes-256-gcm by x25519, authenticated: true: "Meet me at noon.\r\n"
	// it is for others
}

func newKey() *ecdh.PrivateKey {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	return key
}
