//go:build !submit || tpm

package tpm

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"
)

func TestKeyFile(t *testing.T) {
	t.Parallel()
	template, err := templateOf("rsa2048")
	if err != nil {
		t.Fatal(err)
	}
	template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: bytes.Repeat([]byte{0xff}, 256)})
	good := &keyFile{emptyAuth: true, parent: handleOwner, public: tpm2.Marshal(tpm2.New2B(template)), private: []byte{0, 1, 7}}
	block, _ := pem.Decode(good.encode())
	got, err := parseKeyFile(block.Bytes)
	if err != nil || !got.emptyAuth || got.parent != handleOwner || got.importable || !bytes.Equal(got.public, good.public) || !bytes.Equal(got.private, good.private) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err = got.signingKey(); err != nil {
		t.Error(err)
	}
	template.ObjectAttributes.UserWithAuth = false
	got.public = tpm2.Marshal(tpm2.New2B(template))
	if _, err = got.signingKey(); err == nil || !strings.Contains(err.Error(), "policy is not supported") {
		t.Errorf("a key with a policy: %v", err)
	}
	for i := range block.Bytes {
		if _, err = parseKeyFile(block.Bytes[:i]); err == nil {
			t.Fatalf("%d octets of it are read", i)
		}
	}
}

func FuzzKeyFile(f *testing.F) {
	template, err := templateOf("p256")
	if err != nil {
		f.Fatal(err)
	}
	template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{})
	key := &keyFile{emptyAuth: true, parent: handleOwner, public: tpm2.Marshal(tpm2.New2B(template)), private: []byte{0, 1, 7}}
	block, _ := pem.Decode(key.encode())
	f.Add(block.Bytes)
	f.Fuzz(func(t *testing.T, der []byte) {
		file, err := parseKeyFile(der)
		if err != nil {
			return
		}
		if public, err := file.signingKey(); err == nil && public == nil {
			t.Error("no key and no error")
		}
	})
}
