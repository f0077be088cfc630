package enveloped

import (
	"bytes"
	"slices"
	"testing"
)

// TestEveryKey: all keys at hand are named that open a message, however many, and none that opens
// something else.
func TestEveryKey(t *testing.T) {
	t.Parallel()
	var all []Key
	var to []Recipient
	for i, key := range []string{"p256", "rsa2048", "x25519", "ml-kem-768", "rsa2048", "p256", "p256", "p256", "p256", "p384"} {
		p := newPerson(t, key, int64(i+1))
		all, to = append(all, p.Key), append(to, Recipient{Certificate: p.Certificate, OAEP: i == 1})
	}
	other := newPerson(t, "p256", 100)
	all = append([]Key{other.Key}, all...)
	for _, c := range ciphers {
		der := mustEncrypt(t, testContent, EncryptOptions{Recipients: to, Cipher: c})
		var out bytes.Buffer
		content, err := Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: all, EveryKey: true})
		if err != nil || out.String() != testContent {
			t.Fatalf("%s: %v", c, err)
		}
		if slices.Sort(content.Keys); !slices.Equal(content.Keys, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
			t.Errorf("%s: %v", c, content.Keys)
		}
		content, err = Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: all})
		if err != nil || len(content.Keys) != 1 || content.Keys[0] != content.Key {
			t.Errorf("%s: the first: %+v, %v", c, content, err)
		}
	}
}

// TestOtherContentKey: a recipient whose RecipientInfo has another content-encryption key than that
// by which the content was opened does not open it.
func TestOtherContentKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"p256", "rsa2048"} {
		first, second := newPerson(t, "p256", 1), newPerson(t, key, 2)
		c, _ := newCipher(AES128CBC)
		var infos [][]byte
		for _, p := range []person{first, second} {
			// Each encryption has a key of its own.
			info, err := newEncryption(c).recipientInfo(&Recipient{Certificate: p.Certificate})
			if err != nil {
				t.Fatal(err)
			}
			infos = append(infos, info)
		}
		r := recipients{most: maxTried}
		keys := []Key{first.Key, second.Key}
		var err error
		if r.index, err = newKeyIndex(keys); err != nil {
			t.Fatal(err)
		}
		for _, info := range infos {
			if field := r.readInfo(info); field != "" {
				t.Fatal(field)
			}
		}
		content := new(Content)
		if _, err = r.open(&DecryptOptions{Keys: keys, EveryKey: true}, c.keySize, content); err != nil || !slices.Equal(content.Keys, []int{0}) {
			t.Errorf("%s: %v, %v", key, content.Keys, err)
		}
	}
}
