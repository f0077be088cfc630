package dkim

import (
	"crypto"
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// BenchmarkSign signs messages of 4 KiB by RSA-2048 and Ed25519 and reports the part of the time
// that the two bare signatures and the digest of the body take in the same run.
func BenchmarkSign(b *testing.B) {
	keys := both("example.org")
	text := "From: alice@example.org\r\nTo: b@example.net\r\nSubject: x\r\nDate: Mon, 30 Nov 2026 20:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n" + strings.Repeat("a line of a body that is as long as most lines of mail are\r\n", 4096/60)
	m := readMail(b, text)
	signer := NewSigner(keys, "mx.example.org")
	var bare, full time.Duration
	for b.Loop() {
		start := time.Now()
		digest := sha256.Sum256([]byte(text))
		for _, k := range keys {
			hash := crypto.Hash(0)
			if k.Bits() > 0 {
				hash = crypto.SHA256
			}
			if _, err := k.Private.Sign(nil, digest[:], hash); err != nil {
				b.Fatal(err)
			}
		}
		between := time.Now()
		if _, _, err := signer.Sign(b.Context(), m, nil); err != nil {
			b.Fatal(err)
		}
		bare, full = bare+between.Sub(start), full+time.Since(between)
	}
	b.ReportMetric(float64(bare)/float64(full), "bare/signed")
}
