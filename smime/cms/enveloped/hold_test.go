package enveloped

import (
	"bytes"
	"errors"
	"testing"
)

// TestHold: memory is asked for once, where content is held for a key at hand, and given back after
// it was written, whatever came of it.
func TestHold(t *testing.T) {
	t.Parallel()
	p, stranger := newPerson(t, "p256", 1), newPerson(t, "p256", 2)
	refused := errors.New("no memory")
	for _, c := range ciphers {
		der := mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate}}, Cipher: c})
		damaged := bytes.Clone(der)
		damaged[len(damaged)-1] ^= 1
		asked := 0
		if c.Authenticated() {
			asked = 1
		}
		for _, tt := range []struct {
			name  string
			der   []byte
			key   Key
			err   error
			asked int
		}{
			{"for him", der, p.Key, nil, asked},
			{"damaged", damaged, p.Key, nil, asked},
			{"truncated", der[:len(der)-20], p.Key, nil, asked},
			{"for another", der, stranger.Key, nil, 0},
			{"refused", der, p.Key, refused, asked},
		} {
			took, gave := 0, 0
			written := writerFunc(func(b []byte) (int, error) {
				if gave > 0 {
					t.Errorf("%s, %s: given back before it was written", c, tt.name)
				}
				return len(b), nil
			})
			_, err := Decrypt(bytes.NewReader(tt.der), written, DecryptOptions{Keys: []Key{tt.key}, Hold: func() (func(), error) {
				took++
				return func() { gave++ }, tt.err
			}})
			if asked > 0 && tt.err != nil && (!errors.Is(err, refused) || gave > 0) {
				t.Errorf("%s: %v, gave back %d times", c, err, gave)
			}
			if took != tt.asked || tt.err == nil && gave != took {
				t.Errorf("%s, %s: asked %d times, gave back %d times", c, tt.name, took, gave)
			}
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
