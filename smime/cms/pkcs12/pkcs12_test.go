//go:build !submit

package pkcs12

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"dnseal/smime/cms/internal/ber"
)

// encode writes a file of a new key.
func encode(tb testing.TB, encoder *pkcs12.Encoder, password string) []byte {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := encoder.Encode(key, cert, nil, password)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestRead: each form is read with its password only, and not when it was changed.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, encoder := range map[string]*pkcs12.Encoder{"RC2": pkcs12.LegacyRC2, "3DES": pkcs12.LegacyDES, "2023": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026} {
		data := encode(t, encoder, "pässword")
		if contents, err := Read(data, "pässword"); err != nil || len(contents.Certificates) != 1 || contents.Key == nil {
			t.Errorf("%s: Read = %+v, %v", name, contents, err)
		}
		if _, err := Read(data, "other"); !errors.Is(err, ErrPassword) {
			t.Errorf("%s: Read with another password: %v", name, err)
		}
		// A certificate bag is in the middle: only the MAC can know.
		data[len(data)/2] ^= 1
		if _, err := Read(data, "pässword"); err == nil {
			t.Errorf("%s: Read of a changed file: no error", name)
		}
	}
	if _, err := Read(encode(t, pkcs12.Passwordless, ""), ""); err != nil {
		t.Error(err)
	}
}

// TestMAC: the MAC alone shows that the contents were changed.
func TestMAC(t *testing.T) {
	t.Parallel()
	for name, encoder := range map[string]*pkcs12.Encoder{"RC2": pkcs12.LegacyRC2, "2023": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026} {
		p, err := parse(encode(t, encoder, "x"))
		if err != nil || p.checkMAC("x") != nil {
			t.Fatalf("%s: %v, %v", name, err, p.checkMAC("x"))
		}
		p.content = bytes.Clone(p.content)
		p.content[len(p.content)-1] ^= 1
		if err = p.checkMAC("x"); !errors.Is(err, ErrPassword) {
			t.Errorf("%s: checkMAC of changed contents = %v", name, err)
		}
	}
}

// TestKeyOfMAC: a key of PBMAC1 that is so short that it can be guessed, or longer than any hash
// needs, is refused.
func TestKeyOfMAC(t *testing.T) {
	t.Parallel()
	mac, err := newPBMAC1("x", make([]byte, 16), nil)
	before := []byte{ber.TagInteger, 1, 1, ber.TagInteger, 1, sha256.Size}
	if err != nil || bytes.Count(mac, before) != 1 {
		t.Fatalf("newPBMAC1 = %x, %v", mac, err)
	}
	for length, ok := range map[byte]bool{minMACKey - 1: false, minMACKey: true, maxMACKey: true, maxMACKey + 1: false} {
		after := append(bytes.Clone(before[:5]), length)
		err := new(pfx).parseMAC(bytes.Replace(mac, before, after, 1))
		if ok && err != nil || !ok && !errors.Is(err, ErrUnsupported) {
			t.Errorf("a key of %d octets: %v", length, err)
		}
	}
}

// TestIterationsAreBounded: the iterations of all derivations count together, before any is made.
func TestIterationsAreBounded(t *testing.T) {
	t.Parallel()
	data := encode(t, pkcs12.Modern2023.WithIterations(0x7a31), "x")
	p, err := parse(data)
	if err != nil || p.iterations != 3*0x7a31 {
		t.Fatalf("%d iterations, %v", p.iterations, err)
	}
	if p.keyIterations != 0x7a31 {
		t.Errorf("%d iterations for the key", p.keyIterations)
	}
	// One for the MAC, two derivations for each of key and certificate.
	if older, err := parse(encode(t, pkcs12.LegacyDES.WithIterations(1000), "x")); err != nil || older.iterations != 5*1000 {
		t.Errorf("%d iterations of the older algorithms, %v", older.iterations, err)
	}
	for _, n := range []int64{0, -1, MaxIterations + 1} {
		if err := new(pfx).work(n); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%d iterations: %v", n, err)
		}
	}
	p.iterations = MaxIterations - 1
	if err := p.work(2); !errors.Is(err, ErrUnsupported) {
		t.Errorf("one iteration too many: %v", err)
	}
}

// TestNotRebuilt: a file with no key or two, with too many parts, or whose key would be decrypted
// too often, is refused before anything is decrypted.
func TestNotRebuilt(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*pfx{
		"no key": {}, "two keys": {keys: 2},
		"parts":      {keys: 1, encrypted: make([][]byte, maxEncrypted+1)},
		"iterations": {keys: 1, encrypted: make([][]byte, 2), keyIterations: MaxIterations},
	} {
		if files, err := p.rebuild(""); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
	}
}

// TestLargeKey: a private key larger than any that is computed with is refused before it is
// decrypted.
func TestLargeKey(t *testing.T) {
	t.Parallel()
	for _, oid := range []string{oidKeyBag, oidShroudedKey} {
		bag := ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oid)), ber.TLV(ber.TagContext0, ber.TLV(ber.TagOctetString, make([]byte, maxKeyBag))))
		content := ber.TLV(ber.TagOctetString, ber.TLV(ber.TagSequence, bag))
		if err := new(pfx).parseBags(content); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "private key of") {
			t.Error(err)
		}
	}
}

// TestMalformed: what is no PKCS #12 is said to be malformed.
func TestMalformed(t *testing.T) {
	t.Parallel()
	data := encode(t, pkcs12.Modern2023, "")
	for n := range data {
		if _, err := Read(data[:n], ""); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d of %d octets: %v", n, len(data), err)
		}
	}
	if _, err := Read(make([]byte, MaxSize+1), ""); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a file that is too large: %v", err)
	}
}

// FuzzRead: no input makes Read panic or work long, and what it returns is whole.
func FuzzRead(f *testing.F) {
	for _, encoder := range []*pkcs12.Encoder{pkcs12.LegacyRC2, pkcs12.Modern2023, pkcs12.Modern2026, pkcs12.Passwordless} {
		f.Add(encode(f, encoder, ""))
	}
	f.Add([]byte{ber.TagSequence, 0x80, ber.TagInteger, 1, 3, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse(data)
		if err != nil || p.iterations > 10_000 {
			return // only the work that is allowed would be measured
		}
		contents, err := Read(data, "")
		if err == nil && (contents.Key == nil && contents.KeyInfo == nil || len(contents.Certificates) == 0) {
			t.Errorf("Read = %+v", contents)
		}
	})
}
