package cms

import (
	"bytes"
	"crypto"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dnseal/smime/cms/internal/ber"
)

// The cost of any input below 64 KiB stays below 100 ms and 64 MiB. It is the processor's time, and
// a slow machine gets ten times as much.
const (
	maxCostTime   = 10 * 100 * time.Millisecond
	maxCostMemory = 64 << 20
	cheapInput    = 64 << 10
)

// cost runs f over an input of n octets and fails if that takes too much. Tests that use it do not
// run in parallel with others.
func cost(t *testing.T, n int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpuTime()
	f()
	took := cpuTime() - start
	runtime.ReadMemStats(&after)
	memory := after.TotalAlloc - before.TotalAlloc
	if n < cheapInput && (took > maxCostTime || memory > maxCostMemory) {
		t.Errorf("%d octets took %s and %d octets of memory", n, took, memory)
	}
}

// corpus is the CMS fuzz corpus of OpenSSL: hostile parser input, read where it stands and not part
// of this repository.
func corpus(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, _ := filepath.Glob("../../../shared/vectors/cms-fuzz/*")
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

func TestCorpus(t *testing.T) {
	files := corpus(t)
	if len(files) == 0 {
		t.Skip("skipped: no shared/vectors/cms-fuzz beside the repository")
	}
	start, read := cpuTime(), 0
	for name, data := range files {
		cost(t, len(data), func() {
			if readAll(t, data) {
				read++
			}
		})
		if t.Failed() {
			t.Fatalf("the file was %s", name)
		}
	}
	took := cpuTime() - start
	t.Logf("%d files in %s; %d are a SignedData", len(files), took, read)
	if took > 10*5*time.Second {
		t.Errorf("all files together took %s", took)
	}
}

// readAll reads data and judges all signers with all certificates; it says whether there was a
// SignedData.
func readAll(t *testing.T, data []byte) bool {
	t.Helper()
	var content bytes.Buffer
	sd, err := Read(bytes.NewReader(data), &content)
	if err != nil {
		checkError(t, err)
		return false
	}
	if int64(content.Len()) != sd.ContentSize {
		t.Errorf("ContentSize = %d, written %d", sd.ContentSize, content.Len())
	}
	d := sd.Digests()
	for _, si := range sd.Signers {
		for _, cert := range sd.Certificates {
			_ = si.Match(cert)
			pub, err := PublicKey(cert)
			if err != nil {
				continue
			}
			_ = si.AlgorithmWith(pub)
			_ = si.Verify(d, pub)
			_ = si.MatchKey(cert.RawSubjectPublicKeyInfo)
		}
	}
	return true
}

// checkError says whether err is one that Read is documented to return for what is wrong with its
// input.
func checkError(t *testing.T, err error) {
	t.Helper()
	_, syntax := errors.AsType[*SyntaxError](err)
	_, limit := errors.AsType[*LimitError](err)
	_, other := errors.AsType[*ContentTypeError](err)
	if !syntax && !limit && !other {
		t.Errorf("Read = %v (%T)", err, err)
	}
}

// addSeeds gives f messages of every kind, hostile ones and the corpus.
func addSeeds(f *testing.F) {
	f.Helper()
	for _, m := range messagesOfAllKinds(f) {
		f.Add(m.der)
	}
	for _, c := range hostileCases {
		f.Add(c.message(f))
	}
	for _, h := range hybridForgeries(f) {
		f.Add(h.der)
	}
	for _, data := range corpus(f) {
		f.Add(data)
	}
}

// FuzzElement: whatever is read as BER is written as DER, which reads as itself.
func FuzzElement(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		cost(t, len(encoded), func() {
			size := ber.Limit{What: "test", Max: 1 << 20}
			der, err := readElement(encoded, size)
			if err != nil {
				checkError(t, err)
				return
			}
			if again, err := readElement(der, size); err != nil || !bytes.Equal(again, der) {
				t.Errorf("element(% x) = % x, and of that % x, %v", encoded, der, again, err)
			}
		})
	})
}

// FuzzRead: anything is read, or refused with an error that is documented.
func FuzzRead(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		cost(t, len(data), func() { readAll(t, data) })
	})
}

// FuzzVerify: under keys that signed testContent only, nothing else passes.
func FuzzVerify(f *testing.F) {
	addSeeds(f)
	var keys []crypto.PublicKey
	for _, id := range identities {
		keys = append(keys, testKey(f, id.key).Public())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var content strings.Builder
		sd, err := Read(bytes.NewReader(data), &content)
		if err != nil || len(sd.Signers) == 0 {
			return
		}
		d := sd.Digests()
		if !sd.Attached {
			content.WriteString(testContent + "changed")
			d.Write([]byte(content.String()))
		}
		for _, si := range sd.Signers {
			if values, err := si.Unsigned(OIDStaple); err != nil && values != nil {
				t.Errorf("%d values and %v", len(values), err)
			}
		}
		signers := sd.Signers
		for _, si := range sd.Signers {
			if beside, err := si.PostQuantum(); err == nil && beside != nil {
				signers = append(signers, beside.Signers...)
			}
		}
		for _, pub := range keys {
			for _, si := range signers {
				if si.Verify(d, pub) == nil && content.String() != testContent {
					t.Errorf("%q passes", content.String())
				}
			}
		}
	})
}
