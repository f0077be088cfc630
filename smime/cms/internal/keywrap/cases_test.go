package keywrap

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The keys of the cases below.
const (
	caseKEK = "6c0f3a52d1e84b97a35ec6f01b2d4d880f1e2d3c4b5a69788796a5b4c3d2e1f0"
	caseKey = "93a1c5e7082b4d6f7e5c3a18f6d4b290"
)

// wrapCase is one case of the kinds that Project Wycheproof has for AES key wrap. The values are of
// our own, and what they are wrapped as is that of "openssl enc -id-aes128-wrap" with the IV of the
// case (OpenSSL 3.0.19).
type wrapCase struct {
	kind, name string
	kekBits    int
	key        string // what is wrapped; "" where nothing sensible is
	wrapped    string
	ok         bool
}

var wrapCases = []wrapCase{
	{"Normal", "AES-128", 128, caseKey, "4e15ab9de681ad5ccda2a37f68d84661d254b11d73186181", true},
	{"Normal", "AES-192", 192, caseKey, "75347015422a4673044fc0f81518b590fa2af118b24749f3", true},
	{"Normal", "AES-256", 256, caseKey, "2290db44a0310867c1680ae2ec76b2c7bf88739aa23354c8", true},
	{"Normal", "192 bits under AES-128", 128, caseKey + caseKey[:16], "32df6900cf0183565f09334d87a5ae0d0dc422f98f2f93070dca2f3154555674", true},
	{"Normal", "256 bits under AES-128", 128, caseKey + caseKey, "7ef474eaf24e924f8a87fdcfc7ea751e0e112b1e32b123bc70b6b4ac24b2958524ab6029bf4a870e", true},
	{"Normal", "256 bits under AES-192", 192, caseKey + caseKey, "d2c96b28f507bdcde6e28e736004f2ce48c78361e91440e72a08e4b57a56f63e8a473352fbb9c277", true},
	{"EmptyKey", "the initial value alone", 128, "", "a6a6a6a6a6a6a6a6", false},
	{"ShortKey", "8 octets, one block of AES", 128, caseKey[:16], "708cfdeed6c11b98855e39d61b8a1920", false},
	{"ShortKey", "8 octets, six rounds", 128, caseKey[:16], "0b0a20f0d914fdf44a24e1943a687695", false},
	{"InvalidWrappingSize", "nothing", 128, "", "", false},
	{"InvalidWrappingSize", "1 octet", 128, "", "9e", false},
	{"InvalidWrappingSize", "4 octets", 128, "", "4e15ab9d", false},
	{"InvalidWrappingSize", "8 octets", 128, "", "4e15ab9de681ad5c", false},
	{"InvalidWrappingSize", "15 octets", 128, "", "4e15ab9de681ad5ccda2a37f68d846", false},
	{"InvalidWrappingSize", "17 octets", 128, "", "4e15ab9de681ad5ccda2a37f68d84661d2", false},
	{"InvalidWrappingSize", "20 octets", 128, "", "4e15ab9de681ad5ccda2a37f68d84661d254b11d", false},
	{"InvalidWrappingSize", "an octet behind it", 128, caseKey, "4e15ab9de681ad5ccda2a37f68d84661d254b11d7318618100", false},
	{"InvalidWrappingSize", "8 octets behind it", 128, caseKey, "4e15ab9de681ad5ccda2a37f68d84661d254b11d731861810000000000000000", false},
	{"ModifiedIv", "octet 0", 128, caseKey, "e0aa6dc357f78746d8e941517c09a56de6da3d16a59b993f", false},
	{"ModifiedIv", "octet 1", 128, caseKey, "5306036a95667b47caa30a7f24cab55d1c84b4a3f387f6c5", false},
	{"ModifiedIv", "octet 2", 128, caseKey, "945179c4cf27dc0350f15323b10f8392589898e3871cdb15", false},
	{"ModifiedIv", "octet 3", 128, caseKey, "0a06682b0296ee9efce5bbdd582aa9c97714981f5d170eac", false},
	{"ModifiedIv", "octet 4", 128, caseKey, "bdc0f86c5be2480007858d5500f9e8801d61aa68f810c039", false},
	{"ModifiedIv", "octet 5", 128, caseKey, "66c52070939953385e7567b73986339e9f7f1e25a7e6d948", false},
	{"ModifiedIv", "octet 6", 128, caseKey, "2c2f81d69f3a507ee3b6538476eeab044423b33258b4495c", false},
	{"ModifiedIv", "octet 7", 128, caseKey, "85d9922b8b23c12ec642f6adac405415840a8293deb7ef44", false},
	{"ModifiedIv", "all bits 0", 256, caseKey, "e4d64ae903919e6b769b3fb61e71f119a07cd8a3b1dd53bd", false},
	{"ModifiedIv", "all bits 1", 256, caseKey, "c93bd26b4d07fee6562dec24b7c269a084b7dbfadfbf3ba1", false},
	{"ModifiedIv", "that of padding, RFC 5649", 256, caseKey, "3a064e50797c6009dfc227931447256df8edd99d63db6f74", false},
	{"KWP", "16 octets with padding, RFC 5649", 128, caseKey, "75c244b5df33cdff484e743223212c04f963270d618af78c", false},
	{"KWP", "10 octets with padding, RFC 5649", 128, caseKey[:20], "201b2afb95235dceab16acea16ded0dd5c5791955605f4c8", false},
}

// TestCases: each case is unwrapped to its key and wrapped again, or refused.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, tt := range wrapCases {
		t.Run(tt.kind+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			kek, key, wrapped := unhex(t, caseKEK[:tt.kekBits/4]), unhex(t, tt.key), unhex(t, tt.wrapped)
			got, err := Unwrap(kek, wrapped)
			if !tt.ok {
				if !errors.Is(err, ErrUnwrap) || got != nil {
					t.Errorf("Unwrap = %x, %v", got, err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, key) {
				t.Errorf("Unwrap = %x, %v", got, err)
			}
			if again, err := Wrap(kek, key); err != nil || !bytes.Equal(again, wrapped) {
				t.Errorf("Wrap = %x, %v", again, err)
			}
		})
	}
}

// TestWrongDataSize: the kind of that name, and those of an empty and a short key: what is no
// multiple of 8 octets, or fewer than 16, is not wrapped.
func TestWrongDataSize(t *testing.T) {
	t.Parallel()
	kek := unhex(t, caseKEK[:32])
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 20, 23} {
		if got, err := Wrap(kek, make([]byte, n)); got != nil || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("a key of %d octets", n)) {
			t.Errorf("%d octets: %x, %v", n, got, err)
		}
	}
}

// TestCounterOverflow: the kind of that name: the steps of a long key are numbered beyond what an
// octet holds.
func TestCounterOverflow(t *testing.T) {
	t.Parallel()
	kek, key := unhex(t, caseKEK[:32]), bytes.Repeat([]byte{0x5a}, 344)
	wrapped, err := Wrap(kek, key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(wrapped)
	if want := "127511972ad6b75dfbdd166999259752a3bf01db917e765491414bcfc6abcaca"; hex.EncodeToString(sum[:]) != want {
		t.Errorf("the SHA-256 of what it is wrapped as is %x, want %s", sum, want)
	}
	if got, err := Unwrap(kek, wrapped); err != nil || !bytes.Equal(got, key) {
		t.Errorf("Unwrap = %x, %v", got, err)
	}
}
