//go:build unix

package cms

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"io"
	"syscall"
	"testing"
	"time"
)

// cpuTime is what the process has used so far: on a busy machine it tells more than a clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// against reports how many times the CPU time of limit op takes, both running turn and turn about.
func against(b *testing.B, op, limit func()) {
	b.Helper()
	const turn = 16
	var ours, theirs time.Duration
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%turn != 0 {
			op()
			continue
		}
		b.StopTimer()
		start := cpuTime()
		for range turn {
			limit()
		}
		middle := cpuTime()
		for range turn {
			op()
		}
		theirs += middle - start
		ours += cpuTime() - middle
		b.StartTimer()
		op()
	}
	b.ReportMetric(float64(ours)/float64(theirs), "×raw")
}

// rawSign is the least that signing content costs: its digest, and one operation with the key.
func rawSign(b *testing.B, s *signer, content []byte) func() {
	b.Helper()
	return func() {
		if _, err := s.key.Sign(rand.Reader, s.input(content), s.options()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	content := make([]byte, 4<<10)
	for _, id := range identities {
		b.Run(id.name+"/"+id.key, func(b *testing.B) {
			s := id.signer(b)
			raw, err := newSigner(s)
			if err != nil {
				b.Fatal(err)
			}
			opts := SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}, Time: testTime}
			against(b, func() {
				if _, err := Sign(bytes.NewReader(content), opts); err != nil {
					b.Fatal(err)
				}
			}, rawSign(b, raw, content))
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	content := make([]byte, 4<<10)
	for _, id := range identities {
		b.Run(id.name+"/"+id.key, func(b *testing.B) {
			s := id.signer(b)
			raw, err := newSigner(s)
			if err != nil {
				b.Fatal(err)
			}
			pub := s.Key.Public()
			value, err := s.Key.Sign(rand.Reader, raw.input(content), raw.options())
			if err != nil {
				b.Fatal(err)
			}
			der, err := Sign(bytes.NewReader(content), SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}, Time: testTime})
			if err != nil {
				b.Fatal(err)
			}
			against(b, func() { benchmarkVerify(b, der, content) }, func() {
				if !raw.verify(pub, raw.input(content), value) {
					b.Fatal("the raw signature is wrong")
				}
			})
		})
	}
}

func benchmarkVerify(b *testing.B, der, content []byte) {
	b.Helper()
	sd, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		b.Fatal(err)
	}
	d := sd.Digests()
	d.Write(content)
	si := sd.Signers[0]
	pub, err := PublicKey(si.Certificate(sd, nil))
	if err != nil {
		b.Fatal(err)
	}
	if err := si.Verify(d, pub); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAttached compares the throughput of reading and writing attached content with that of
// SHA-256.
func BenchmarkAttached(b *testing.B) {
	const size = 5 << 20
	content := make([]byte, size)
	opts := SignOptions{Signers: []Signer{{Key: testKey(b, "p256")}}, Time: testTime}
	var der bytes.Buffer
	if err := SignAttached(&der, bytes.NewReader(content), size, opts); err != nil {
		b.Fatal(err)
	}
	sha256 := func() {
		h := crypto.SHA256.New()
		h.Write(content)
	}
	b.Run("write", func(b *testing.B) {
		b.SetBytes(size)
		against(b, func() {
			if err := SignAttached(io.Discard, bytes.NewReader(content), size, opts); err != nil {
				b.Fatal(err)
			}
		}, sha256)
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(size)
		against(b, func() {
			if _, err := Read(bytes.NewReader(der.Bytes()), io.Discard); err != nil {
				b.Fatal(err)
			}
		}, sha256)
	})
}
