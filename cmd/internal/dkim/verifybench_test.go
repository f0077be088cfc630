package dkim

import (
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
)

// BenchmarkReceive judges a message of 4 KiB with and without its DKIM signature by RSA-2048, keys
// at hand; "with/without" is how much longer the receiver takes.
func BenchmarkReceive(b *testing.B) {
	body := strings.Repeat("The quick brown fox jumps over the lazy dog; what then came nobody knows.\r\n", 56)
	raw := signedBy(b, mail+body, signer("s1", testRSA, "relaxed/relaxed"))
	m, dns := read(b, raw), secureKeys(testRecords)
	handle := func(o receiver.Options) func() {
		o.Lookup, o.AuthservID = dns, "mx.example.net"
		r, err := receiver.New(o)
		if err != nil {
			b.Fatal(err)
		}
		return func() { _ = r.Handle(b.Context(), m, nil).Close() }
	}
	without, with := handle(receiver.Options{}), handle(receiver.Options{DKIM: (&Verifier{Lookup: dns}).Verify})
	var took [2]time.Duration
	for b.Loop() {
		for i, f := range []func(){without, with} {
			start := time.Now()
			f()
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "with/without")
	b.ReportMetric(float64(took[1]-took[0])/float64(b.N), "dkim-ns/op")
}
