package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// raw is how long n keys and signatures take on all processors.
func raw(b *testing.B, n int) time.Duration {
	b.Helper()
	begin := time.Now()
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for range workers {
		group.Go(func() {
			digest := sha256.Sum256(nil)
			for range n / workers {
				key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
				if err == nil {
					_, err = ecdsa.SignASN1(rand.Reader, key, digest[:])
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	return time.Since(begin)
}

// BenchmarkEnroll is the time of a table of 20,000 devices, with a zone file, beside that of as
// many P-256 keys and signatures on all processors: raw-ratio 1 is as fast as these. The raw ones
// are measured before and after, because others use the machine too.
func BenchmarkEnroll(b *testing.B) {
	const many = 20_000
	text := table(many)
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the command does
	for name, place := range map[string]func(b *testing.B, inv *Inventory, opts *EnrollOptions){
		"key-file": func(b *testing.B, inv *Inventory, opts *EnrollOptions) {
			b.Helper()
			keys, err := inv.OpenKeyFile(filepath.Join(filepath.Dir(inv.path), "keys.pem"))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = keys.Close() })
			opts.Keys = keys
		},
		"folders": func(_ *testing.B, inv *Inventory, opts *EnrollOptions) { opts.Dir = filepath.Dir(inv.path) },
	} {
		b.Run(name, func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				inv, err := OpenInventory(filepath.Join(dir, DefaultInventory))
				if err != nil {
					b.Fatal(err)
				}
				opts := options(b, text, devices)
				opts.Expect = many
				place(b, inv, &opts)
				theirs += raw(b, many/2)
				b.StartTimer()
				begin := time.Now()
				if opts.Zone, err = inv.BeginZoneFile(filepath.Join(dir, "zone"), nil); err != nil {
					b.Fatal(err)
				}
				if sum, e := inv.Enroll(context.Background(), opts); e != nil || sum.Enrolled != many {
					b.Fatal(sum, e)
				}
				if _, err = opts.Zone.Commit(); err != nil {
					b.Fatal(err)
				}
				ours += time.Since(begin)
				b.StopTimer()
				theirs += raw(b, many/2)
				_ = inv.Close()
				b.StartTimer()
			}
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "raw-ratio")
			b.ReportMetric(float64(b.N*many)/ours.Seconds(), "identities/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
