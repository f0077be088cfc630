package keywrap

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

const (
	kek256 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	key256 = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"
)

// TestRFC3394 has the values of RFC 3394, Sections 4.1 to 4.6.
func TestRFC3394(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kek, key, want string }{
		{kek256[:32], key256[:32], "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
		{kek256[:48], key256[:32], "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"},
		{kek256, key256[:32], "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"},
		{kek256[:48], key256[:48], "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"},
		{kek256, key256[:48], "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"},
		{kek256, key256, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
	} {
		kek, key, want := unhex(t, tt.kek), unhex(t, tt.key), unhex(t, tt.want)
		if got, err := Wrap(kek, key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("Wrap = %x, %v, want %x", got, err, want)
		}
		if got, err := Unwrap(kek, want); err != nil || !bytes.Equal(got, key) {
			t.Errorf("Unwrap = %x, %v, want %x", got, err, key)
		}
	}
}

// TestChanged: no wrapped key with one bit changed is unwrapped, and none of a wrong length.
func TestChanged(t *testing.T) {
	t.Parallel()
	kek := unhex(t, kek256)
	wrapped, err := Wrap(kek, unhex(t, key256))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(wrapped) {
		changed := bytes.Clone(wrapped)
		changed[i/8] ^= 1 << (i % 8)
		if got, err := Unwrap(kek, changed); !errors.Is(err, ErrUnwrap) || got != nil {
			t.Errorf("bit %d: %x, %v", i, got, err)
		}
	}
	for n := range wrapped {
		if _, err := Unwrap(kek, wrapped[:n]); !errors.Is(err, ErrUnwrap) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	// RFC 3394, Section 2.2.3.1: another initial value, as RFC 5649 has it, is another algorithm.
	if _, err := Unwrap(unhex(t, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"), unhex(t, "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")); !errors.Is(err, ErrUnwrap) {
		t.Errorf("wrapped with padding: %v", err)
	}
}

// TestSizes: what is no key is an error, never a panic.
func TestSizes(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		p := make([]byte, n)
		if _, err := Wrap(unhex(t, kek256), p); (err == nil) != (n == 16 || n == 24 || n == 32) {
			t.Errorf("a key of %d octets: %v", n, err)
		}
		aes := n == 16 || n == 24 || n == 32
		if _, err := Wrap(p, make([]byte, 16)); (err == nil) != aes {
			t.Errorf("Wrap with %d octets: %v", n, err)
		}
		if _, err := Unwrap(p, make([]byte, 24)); err == nil || errors.Is(err, ErrUnwrap) != aes {
			t.Errorf("Unwrap with %d octets: %v", n, err)
		}
		if _, err := UnwrapTripleDES(p, make([]byte, TripleDESSize)); !errors.Is(err, ErrUnwrap) {
			t.Errorf("UnwrapTripleDES with %d octets: %v", n, err)
		}
	}
}

// wrapTripleDES is RFC 3217, Section 3.1.
func wrapTripleDES(tb testing.TB, kek, key, iv []byte) []byte {
	tb.Helper()
	c, err := des.NewTripleDESCipher(kek)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha1.Sum(key)
	body := append(bytes.Clone(key), sum[:8]...)
	cipher.NewCBCEncrypter(c, iv).CryptBlocks(body, body)
	out := append(bytes.Clone(iv), body...)
	slices.Reverse(out)
	cipher.NewCBCEncrypter(c, tripleDESInitial).CryptBlocks(out, out)
	return out
}

// TestRFC3217 has the values of RFC 3217, Section 3.4.
func TestRFC3217(t *testing.T) {
	t.Parallel()
	key := unhex(t, "2923bf85e06dd6ae529149f1f1bae9eab3a7da3d860d3e98")
	kek := unhex(t, "255e0d1c07b646dfb3134cc843ba8aa71f025b7c0838251f")
	iv := unhex(t, "5dd4cbfc96f5453b")
	want := unhex(t, "690107618ef092b3b48ca1796b234ae9fa33ebb4159604037db5d6a84eb3aac2768c632775a467d4")
	if got := wrapTripleDES(t, kek, key, iv); !bytes.Equal(got, want) {
		t.Errorf("wrapped: %x, want %x", got, want)
	}
	if got, err := UnwrapTripleDES(kek, want); err != nil || !bytes.Equal(got, key) {
		t.Errorf("UnwrapTripleDES = %x, %v", got, err)
	}
	for i := range 8 * len(want) {
		changed := bytes.Clone(want)
		changed[i/8] ^= 1 << (i % 8)
		if got, err := UnwrapTripleDES(kek, changed); !errors.Is(err, ErrUnwrap) {
			t.Errorf("bit %d: %x, %v", i, got, err)
		}
	}
}

// TestRoundTrip: what is wrapped is unwrapped with the same key only.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "size")
		kek := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "kek")
		n := 8 * rapid.IntRange(2, 8).Draw(t, "blocks")
		key := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "key")
		wrapped, err := Wrap(kek, key)
		if err != nil || len(wrapped) != n+Overhead {
			t.Fatalf("Wrap = %x, %v", wrapped, err)
		}
		if got, err := Unwrap(kek, wrapped); err != nil || !bytes.Equal(got, key) {
			t.Fatalf("Unwrap = %x, %v", got, err)
		}
		kek[0] ^= 1
		if _, err := Unwrap(kek, wrapped); !errors.Is(err, ErrUnwrap) {
			t.Fatalf("Unwrap with another key: %v", err)
		}
	})
}

// FuzzUnwrap: anything is unwrapped or refused.
func FuzzUnwrap(f *testing.F) {
	f.Add(make([]byte, 16), make([]byte, 24))
	f.Add(make([]byte, 24), make([]byte, TripleDESSize))
	f.Fuzz(func(t *testing.T, kek, wrapped []byte) {
		if key, err := Unwrap(kek, wrapped); err == nil && len(key) != len(wrapped)-Overhead {
			t.Errorf("%d octets from %d", len(key), len(wrapped))
		}
		if key, err := UnwrapTripleDES(kek, wrapped); err == nil && len(key) != tripleDESKey {
			t.Errorf("%d octets", len(key))
		}
	})
}
