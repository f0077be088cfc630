package enveloped

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"dnseal/smime/cms"
)

// Any input below cheapInput takes less than maxCostMemory.
const (
	maxCostMemory = 64 << 20
	cheapInput    = 64 << 10
)

// cost runs f over an input of n octets and fails if that takes too much memory. Tests that use it
// do not run in parallel with others.
func cost(t *testing.T, n int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if memory := after.TotalAlloc - before.TotalAlloc; n < cheapInput && memory > maxCostMemory {
		t.Errorf("%d octets took %d octets of memory", n, memory)
	}
}

// corpus is the CMS fuzz corpus of OpenSSL: hostile parser input, read where it stands and not part
// of this repository.
func corpus(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, _ := filepath.Glob("../../../../shared/vectors/cms-fuzz/*")
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

// keysAtHand are one key of every kind, with certificates.
func keysAtHand(tb testing.TB) []Key {
	tb.Helper()
	var keys []Key
	for i, name := range []string{"rsa2048", "p256", "p384", "p521", "x25519", "ml-kem-768", "ml-kem-1024"} {
		keys = append(keys, newPerson(tb, name, int64(i+1)).Key)
	}
	return keys
}

// tryAll decrypts data, and fails where the error is none that is documented.
func tryAll(t *testing.T, data []byte, keys []Key) {
	t.Helper()
	var out bytes.Buffer
	got, err := Decrypt(bytes.NewReader(data), &out, DecryptOptions{Keys: keys})
	if err != nil {
		checkError(t, err)
		return
	}
	if got.Size != int64(out.Len()) || got.Recipients < 1 || got.Cipher == "" || got.KeyEncryption == "" {
		t.Errorf("%+v, and %d octets", got, out.Len())
	}
}

func checkError(t *testing.T, err error) {
	t.Helper()
	_, syntax := errors.AsType[*cms.SyntaxError](err)
	_, limit := errors.AsType[*cms.LimitError](err)
	_, other := errors.AsType[*cms.ContentTypeError](err)
	_, algorithm := errors.AsType[*UnsupportedError](err)
	if !syntax && !limit && !other && !algorithm && !errors.Is(err, ErrNoKey) && !errors.Is(err, ErrDecrypt) {
		t.Errorf("Decrypt = %v (%T)", err, err)
	}
}

// TestCorpus: nothing of the corpus costs much, or ends in another way than is documented.
func TestCorpus(t *testing.T) {
	files := corpus(t)
	if len(files) == 0 {
		t.Skip("skipped: no shared/vectors/cms-fuzz beside the repository")
	}
	keys := keysAtHand(t)
	for name, data := range files {
		cost(t, len(data), func() { tryAll(t, data, keys) })
		if t.Failed() {
			t.Fatalf("the file was %s", name)
		}
	}
}

// messages are one for each of keys, under every cipher, and for all together.
func messages(tb testing.TB, keys []Key) [][]byte {
	tb.Helper()
	var all []Recipient
	for i := range keys {
		all = append(all, Recipient{Certificate: keys[i].Certificate, ByKeyIdentifier: i%2 == 1})
	}
	var out [][]byte
	for _, c := range ciphers {
		out = append(out, mustEncrypt(tb, testContent, EncryptOptions{Recipients: all, Cipher: c}))
		for i := range all {
			out = append(out, mustEncrypt(tb, testContent, EncryptOptions{Recipients: all[i : i+1], Cipher: c}))
		}
	}
	return out
}

// FuzzDecrypt: anything is decrypted, or refused with an error that is documented.
func FuzzDecrypt(f *testing.F) {
	keys := keysAtHand(f)
	for _, der := range messages(f, keys) {
		f.Add(der)
	}
	for _, known := range knownAnswers(f) {
		f.Add(known.der)
	}
	for _, data := range corpus(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cost(t, len(data), func() { tryAll(t, data, keys) })
	})
}

// FuzzRecipients: any RecipientInfo among others is read, passed over or refused.
func FuzzRecipients(f *testing.F) {
	keys := keysAtHand(f)
	index, err := newKeyIndex(keys)
	if err != nil {
		f.Fatal(err)
	}
	for i := range keys {
		c, _ := newCipher(AES128CBC)
		info, err := newEncryption(c).recipientInfo(&Recipient{Certificate: keys[i].Certificate, ByKeyIdentifier: i%2 == 0})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(info)
	}
	f.Fuzz(func(_ *testing.T, der []byte) {
		r := recipients{index: index, most: maxTried}
		if r.readInfo(der) == "" {
			_, _ = r.open(&DecryptOptions{Keys: keys}, 16, new(Content))
			_, _ = r.open(&DecryptOptions{Keys: keys}, 24, new(Content))
		}
	})
}
