package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnseal/smime/cms"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// cpu is the process CPU time used so far: other processes share the machine.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ratio runs ours and the limit in turns, and reports the CPU time of ours in units of that of the
// limit.
func ratio(b *testing.B, name string, ours, limit func()) {
	b.Helper()
	var a, l time.Duration
	for b.Loop() {
		for range 10 {
			t := cpu(b)
			for range 5 {
				ours()
			}
			a += cpu(b) - t
			t = cpu(b)
			for range 5 {
				limit()
			}
			l += cpu(b) - t
		}
	}
	b.ReportMetric(float64(a)/float64(l), name)
	b.ReportMetric(float64(a.Microseconds())/float64(50*b.N), "cpu-µs")
	b.ReportMetric(0, "ns/op")
}

// mailOf makes a message of about size octets: text, and for a big one an attachment.
func mailOf(size int) []byte {
	header := "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: Minutes of the meeting\r\n" +
		"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1234567890@example.org>\r\nMIME-Version: 1.0\r\n"
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, and so on and so forth.\r\n", 60)
	if size < 10<<10 {
		return []byte(header + "Content-Type: text/plain; charset=us-ascii\r\n\r\n" + text[:size-len(header)-46] + "\r\n")
	}
	attachment := make([]byte, size/78*57)
	var out bytes.Buffer
	out.WriteString(header + "Content-Type: multipart/mixed; boundary=\"b1_1234567890\"\r\n\r\n--b1_1234567890\r\nContent-Type: text/plain\r\n\r\n" + text +
		"--b1_1234567890\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	w := transit.NewBase64Writer(&out)
	w.Write(attachment)
	w.Close()
	out.WriteString("--b1_1234567890--\r\n")
	return out.Bytes()
}

func readMail(b *testing.B, raw []byte) *message.Message {
	b.Helper()
	m, err := message.Read(bytes.NewReader(raw), message.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func signMail(b *testing.B, raw []byte, opts SignOptions) []byte {
	b.Helper()
	m := readMail(b, raw)
	defer m.Close()
	edit, err := Sign(b.Context(), m, opts)
	if err != nil {
		b.Fatal(err)
	}
	defer edit.Close()
	out := bytes.NewBuffer(make([]byte, 0, 2*len(raw)))
	if _, err := m.WriteEdited(out, edit); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// ready is what an identity signs with.
func ready(b *testing.B, s cms.Signer) cms.Signer {
	b.Helper()
	s, err := s.Ready()
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkSign(b *testing.B) {
	for _, c := range []struct {
		name   string
		signer cms.Signer
	}{{"P256", alice()}, {"P384", bob()}, {"RSA2048", carol()}, {"Ed25519", dave()}} {
		b.Run(c.name, func(b *testing.B) {
			raw := mailOf(4 << 10)
			m := readMail(b, raw)
			defer m.Close()
			opts := SignOptions{Signers: []cms.Signer{ready(b, c.signer)}, Time: signedAt}
			ratio(b, "x-raw", func() {
				edit, err := Sign(b.Context(), m, opts)
				if err != nil {
					b.Fatal(err)
				}
				edit.Close()
			}, func() { rawSign(b, c.signer.Key, raw) })
		})
	}
}

// rawSign is what signing cannot do without.
func rawSign(b *testing.B, key crypto.Signer, raw []byte) {
	b.Helper()
	digest := sha256.Sum256(raw)
	var err error
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		_, err = ecdsa.SignASN1(rand.Reader, key, digest[:])
	case *rsa.PrivateKey:
		_, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	default:
		_, err = key.Sign(rand.Reader, digest[:], crypto.Hash(0))
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSelfCheck is what the self-check adds.
func BenchmarkSelfCheck(b *testing.B) {
	m := readMail(b, mailOf(4<<10))
	defer m.Close()
	opts := SignOptions{Signers: []cms.Signer{ready(b, alice())}, Time: signedAt}
	s := &signing{ctx: b.Context(), m: m, src: m.Open(), opts: opts, certificates: opts.sent()}
	ratio(b, "x-signing", func() {
		body := message.NewSpool(0)
		if err := s.prepare(); err != nil {
			b.Fatal(err)
		}
		if err := s.makeClear(body); err != nil {
			b.Fatal(err)
		}
		if err := s.selfCheck(body); err != nil {
			b.Fatal(err)
		}
		body.Close()
	}, func() {
		body := message.NewSpool(0)
		if err := s.prepare(); err != nil {
			b.Fatal(err)
		}
		if err := s.makeClear(body); err != nil {
			b.Fatal(err)
		}
		body.Close()
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct {
		name   string
		signer cms.Signer
		opaque bool
	}{{"P256", alice(), false}, {"P256-opaque", alice(), true}, {"P384", bob(), false}, {"RSA2048", carol(), false}, {"Ed25519", dave(), false}} {
		b.Run(c.name, func(b *testing.B) {
			signed := signMail(b, mailOf(4<<10), SignOptions{Signers: []cms.Signer{c.signer}, Time: signedAt, Opaque: c.opaque})
			m := readMail(b, signed)
			defer m.Close()
			ratio(b, "x-raw", func() {
				if r, err := Verify(b.Context(), m); err != nil || r.Signatures[0].Integrity != IntegrityGood {
					b.Fatal(err)
				}
			}, rawVerify(b, c.signer.Key, signed))
		})
	}
}

// rawVerify is what verifying cannot do without.
func rawVerify(b *testing.B, key crypto.Signer, raw []byte) func() {
	b.Helper()
	digest := sha256.Sum256(raw)
	opts := crypto.SignerOpts(crypto.SHA256)
	if _, ok := key.(*ecdsa.PrivateKey); !ok {
		if _, ok := key.(*rsa.PrivateKey); !ok {
			opts = crypto.Hash(0)
		}
	}
	sig, err := key.Sign(rand.Reader, digest[:], opts)
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		digest := sha256.Sum256(raw)
		var ok bool
		switch pub := key.Public().(type) {
		case *ecdsa.PublicKey:
			ok = ecdsa.VerifyASN1(pub, digest[:], sig)
		case *rsa.PublicKey:
			ok = rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) == nil
		default:
			ok = ed25519.Verify(pub.(ed25519.PublicKey), digest[:], sig)
		}
		if !ok {
			b.Fatal("raw verification")
		}
	}
}

// BenchmarkLarge compares with SHA-256 and base64 of the content.
func BenchmarkLarge(b *testing.B) {
	raw := mailOf(5 << 20)
	for _, opaque := range []bool{false, true} {
		name := "clear"
		if opaque {
			name = "opaque"
		}
		opts := SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, Opaque: opaque}
		limit := func() {
			sum := sha256.Sum256(raw)
			io.Discard.Write(sum[:])
			base64.StdEncoding.EncodeToString(raw)
		}
		b.Run("sign/"+name, func(b *testing.B) {
			m := readMail(b, raw)
			defer m.Close()
			ratio(b, "x-raw", func() {
				edit, err := Sign(b.Context(), m, opts)
				if err != nil {
					b.Fatal(err)
				}
				edit.Close()
			}, limit)
		})
		b.Run("verify/"+name, func(b *testing.B) {
			m := readMail(b, signMail(b, raw, opts))
			defer m.Close()
			ratio(b, "x-raw", func() {
				if r, err := Verify(b.Context(), m); err != nil || r.Signatures[0].Integrity != IntegrityGood {
					b.Fatal(err)
				}
			}, limit)
		})
	}
}

// BenchmarkWide signs text whose lines are over 76 columns: all of it becomes quoted-printable.
func BenchmarkWide(b *testing.B) {
	line := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 2) + "\r\n"
	line = strings.Replace(line, " \r", "\r", 1)
	raw := []byte("From: Alice <alice@example.org>\r\nSubject: Wide\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" +
		strings.Repeat(line, 5<<20/len(line)))
	m := readMail(b, raw)
	defer m.Close()
	opts := SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt}
	ratio(b, "x-sha256", func() {
		edit, err := Sign(b.Context(), m, opts)
		if err != nil {
			b.Fatal(err)
		}
		edit.Close()
	}, func() { rawSign(b, opts.Signers[0].Key, raw) })
}
