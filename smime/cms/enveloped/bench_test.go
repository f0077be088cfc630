//go:build unix

package enveloped

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/mlkem"
	"crypto/rand"
	"encoding/base64"
	"io"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// cpuTime is what the process, or its children, used so far: on a busy machine it tells more than a
// clock.
func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
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
		start := cpuTime(syscall.RUSAGE_SELF)
		for range turn {
			limit()
		}
		middle := cpuTime(syscall.RUSAGE_SELF)
		for range turn {
			op()
		}
		theirs += middle - start
		ours += cpuTime(syscall.RUSAGE_SELF) - middle
		b.StartTimer()
		op()
	}
	b.ReportMetric(float64(ours)/float64(theirs), "×raw")
}

// BenchmarkGCM compares 5 MiB, as they go out in base64, with AES-GCM and base64 alone.
func BenchmarkGCM(b *testing.B) {
	const size = 5 << 20
	content := make([]byte, size)
	p := newPerson(b, "p256", 1)
	for _, c := range []struct {
		name Cipher
		key  int
	}{{AES128GCM, 16}, {AES256GCM, 32}} {
		block, err := aes.NewCipher(make([]byte, c.key))
		if err != nil {
			b.Fatal(err)
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			b.Fatal(err)
		}
		opts := EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate}}, Cipher: c.name}
		raw := func() {
			buf := make([]byte, size, size+gcm.Overhead())
			copy(buf, content)
			sealed := gcm.Seal(buf[:0], make([]byte, nonceSize), buf, nil)
			w := base64.NewEncoder(base64.StdEncoding, io.Discard)
			w.Write(sealed)
			w.Close()
		}
		b.Run(string(c.name)+"/encrypt", func(b *testing.B) {
			b.SetBytes(size)
			against(b, func() {
				w := base64.NewEncoder(base64.StdEncoding, io.Discard)
				if err := Encrypt(w, bytes.NewReader(content), size, opts); err != nil {
					b.Fatal(err)
				}
				w.Close()
			}, raw)
		})
		der := mustEncrypt(b, string(content), opts)
		encoded := []byte(base64.StdEncoding.EncodeToString(der))
		sealed := gcm.Seal(nil, make([]byte, nonceSize), content, nil)
		b.Run(string(c.name)+"/decrypt", func(b *testing.B) {
			b.SetBytes(size)
			against(b, func() {
				r := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(encoded))
				if _, err := Decrypt(r, io.Discard, DecryptOptions{Keys: []Key{p.Key}}); err != nil {
					b.Fatal(err)
				}
			}, func() {
				if _, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, bytes.NewReader(encoded))); err != nil {
					b.Fatal(err)
				}
				if _, err := gcm.Open(nil, make([]byte, nonceSize), sealed, nil); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkDecrypt compares 4 KiB with one private key operation.
func BenchmarkDecrypt(b *testing.B) {
	content := string(make([]byte, 4<<10))
	for _, kind := range []string{"p256", "p384", "p521", "x25519", "ml-kem-768", "ml-kem-1024", "rsa2048"} {
		for _, c := range []Cipher{AES128CBC, AES128GCM} {
			b.Run(kind+"/"+string(c), func(b *testing.B) {
				p := newPerson(b, kind, 1)
				ready, err := p.Ready()
				if err != nil {
					b.Fatal(err)
				}
				der := mustEncrypt(b, content, EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate}}, Cipher: c})
				against(b, func() {
					if _, err := Decrypt(bytes.NewReader(der), io.Discard, DecryptOptions{Keys: []Key{ready}}); err != nil {
						b.Fatal(err)
					}
				}, rawDecrypt(b, p))
			})
		}
	}
}

// rawDecrypt is one operation with the private key of p.
func rawDecrypt(b *testing.B, p person) func() {
	b.Helper()
	exchange := func(private ecdh.KeyExchanger) func() {
		ephemeral, err := private.Curve().GenerateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return func() {
			if _, err := private.ECDH(ephemeral.PublicKey()); err != nil {
				b.Fatal(err)
			}
		}
	}
	switch private := p.Private.(type) {
	case *ecdsa.PrivateKey:
		key, err := private.ECDH()
		if err != nil {
			b.Fatal(err)
		}
		return exchange(key)
	case *ecdh.PrivateKey:
		return exchange(private)
	case *mlkem.DecapsulationKey768:
		_, ciphertext := private.EncapsulationKey().Encapsulate()
		return func() { _, _ = private.Decapsulate(ciphertext) }
	case *mlkem.DecapsulationKey1024:
		_, ciphertext := private.EncapsulationKey().Encapsulate()
		return func() { _, _ = private.Decapsulate(ciphertext) }
	}
	private, pub := p.decrypter()
	ciphertext, err := encryptPKCS1(pub, make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	return func() { openPKCS1(private, ciphertext, 16) }
}

// BenchmarkRecipients compares an encryption of 4 KiB for 50 with 50 public key operations.
func BenchmarkRecipients(b *testing.B) {
	const many = 50
	content := make([]byte, 4<<10)
	for _, kind := range []string{"p256", "x25519", "ml-kem-768", "ml-kem-1024"} {
		b.Run(kind, func(b *testing.B) {
			p := newPerson(b, kind, 1)
			opts := EncryptOptions{}
			var raw []byte
			if kem, ok := p.pub.(interface{ Bytes() []byte }); ok {
				raw = kem.Bytes()
			}
			for i := range many {
				opts.Recipients = append(opts.Recipients, Recipient{Certificate: testCertificate(b, p.pub, int64(i+1))})
			}
			against(b, func() {
				if err := Encrypt(io.Discard, bytes.NewReader(content), int64(len(content)), opts); err != nil {
					b.Fatal(err)
				}
			}, func() {
				for range many {
					rawEncrypt(b, p, raw)
				}
			})
		})
	}
}

// rawEncrypt is one operation with the public key of p: ECDH with a key that is there, or
// encapsulation to a key that is read, as nobody keeps those of others.
func rawEncrypt(b *testing.B, p person, raw []byte) {
	b.Helper()
	switch private := p.Private.(type) {
	case *mlkem.DecapsulationKey768:
		key, err := mlkem.NewEncapsulationKey768(raw)
		if err != nil {
			b.Fatal(err)
		}
		key.Encapsulate()
	case *mlkem.DecapsulationKey1024:
		key, err := mlkem.NewEncapsulationKey1024(raw)
		if err != nil {
			b.Fatal(err)
		}
		key.Encapsulate()
	case *ecdh.PrivateKey:
		private.ECDH(private.PublicKey())
	case *ecdsa.PrivateKey:
		rawECDH(b, private)
	}
}

var rawKeys = map[*ecdsa.PrivateKey]*ecdh.PrivateKey{}

func rawECDH(b *testing.B, private *ecdsa.PrivateKey) {
	b.Helper()
	key := rawKeys[private]
	if key == nil {
		var err error
		if key, err = private.ECDH(); err != nil {
			b.Fatal(err)
		}
		rawKeys[private] = key
	}
	if _, err := key.ECDH(key.PublicKey()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkOpenSSL compares 4 KiB with a process of openssl.
func BenchmarkOpenSSL(b *testing.B) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		b.Skip("skipped: openssl is missing")
	}
	dir, p := b.TempDir(), newPerson(b, "p256", 1)
	content := make([]byte, 4<<10)
	writePerson(b, dir, "p256", p)
	writeFile(b, dir, "body", content)
	opts := EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate}}, Cipher: AES128GCM}
	var ours, theirs time.Duration
	for b.Loop() {
		start := cpuTime(syscall.RUSAGE_CHILDREN)
		cmd := exec.CommandContext(b.Context(), openssl, "cms", "-encrypt", "-binary", "-aes-128-gcm", "-in", "body", "-outform", "DER", "-out", "out", "-recip", "p256.pem")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		theirs += cpuTime(syscall.RUSAGE_CHILDREN) - start
		start = cpuTime(syscall.RUSAGE_SELF)
		if err := Encrypt(io.Discard, bytes.NewReader(content), int64(len(content)), opts); err != nil {
			b.Fatal(err)
		}
		ours += cpuTime(syscall.RUSAGE_SELF) - start
	}
	b.ReportMetric(float64(theirs)/float64(ours), "×openssl")
}
