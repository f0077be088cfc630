package page

import (
	"bytes"
	"io"
	"testing"

	"dnseal/smime/message"
)

// BenchmarkPages renders pages of a signed message on all processors: pages/s is to be at least
// 2,000 with two. verify+render adds verifying each, with the DNS in the cache.
func BenchmarkPages(b *testing.B) {
	text := readFile(b, vectors+"400-hs-subject.eml")
	r := newReceiver(b, readFile(b, vectors+"400-hs-subject.zone"))
	read := func(tb testing.TB) *message.Message {
		tb.Helper()
		m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
		if err != nil {
			tb.Error(err)
		}
		return m
	}
	b.Run("render", func(b *testing.B) {
		m := read(b)
		defer m.Close()
		report, err := r.Verify(b.Context(), m)
		if err != nil {
			b.Fatal(err)
		}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := Write(b.Context(), io.Discard, report, m, Options{}); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
	})
	for name, render := range map[string]bool{"verify": false, "verify+render": true} {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					m := read(b)
					report, err := r.Verify(b.Context(), m)
					if err == nil && render {
						err = Write(b.Context(), io.Discard, report, m, Options{})
					}
					if err != nil {
						b.Error(err)
					}
					_ = m.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
