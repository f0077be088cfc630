//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// How the benchmarks measure: all peers one after the other, again and again, and the median of the
// rounds.
const (
	benchRounds = 5
	benchRun    = 400 * time.Millisecond
)

// benchBody is text of about the size, in lines that need no encoding.
func benchBody(size int) string {
	line := "The quick brown fox jumps over the lazy dog; what then came nobody knows.\r\n"
	return strings.Repeat(line, size/len(line)+1)[:size-2] + "\r\n"
}

// benchMail has eight fields.
func benchMail(size int) string {
	return "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: a benchmark\r\nDate: Wed, 25 Nov 2026 00:00:00 +0000\r\n" +
		"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\nX-Mailer: bench\r\n\r\n" + benchBody(size)
}

var benchSizes = []struct {
	name string
	size int
}{{"4KiB", 4 << 10}, {"100KiB", 100 << 10}, {"5MiB", 5 << 20}}

// BenchmarkSign runs our signer beside an echo (a milter of the same library
// that gives the body back) and DKIM signers, which give back a field only. One
// run of it gives one table; what counts is the ratios in it. Nothing that signs
// can be faster than the limit: the echo, then a digest of the body and a signature.
func BenchmarkSign(b *testing.B) {
	rsaKey, edKey := dkimKeys(b)
	peers := []*process{
		startRole(b, "echo", "bare echo"),
		startRole(b, "echo-milter", "echo"),
		startRole(b, "noop", "bare noop"),
		startSigner(b, "dnseal-p256", "p256"),
		startSigner(b, "dnseal-ed25519", "ed25519"),
		startSigner(b, "dnseal-rsa2048", "rsa2048"),
		startDKIM(b, "opendkim-rsa2048", "rsa-sha256", rsaKey),
		startDKIM(b, "opendkim-ed25519", "ed25519-sha256", edKey),
		startMsgauth(b, "msgauth-rsa2048", rsaKey),
		startMsgauth(b, "msgauth-ed25519", edKey),
	}
	for _, size := range benchSizes {
		p := newParcel(benchMail(size.size))
		most := limit{"echo", p.text, signBare(b)}
		against := []string{"echo", "opendkim-rsa2048", "opendkim-ed25519", "msgauth-ed25519"}
		for _, conns := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%s/%dconns", size.name, conns), func(b *testing.B) {
				for b.Loop() {
					compare(b, dialDriver, peers, p, conns, most, "dnseal-p256", against...)
				}
			})
		}
		b.Run(size.name+"/8conns-library", func(b *testing.B) {
			for b.Loop() {
				compare(b, dialLibrary, peers, p, 8, most, "dnseal-p256", against...)
			}
		})
	}
}

// BenchmarkVerify runs our verifier with a warm cache beside a milter of the same library that does
// nothing. Its limit is that one, then a digest of the body and one signature verified.
func BenchmarkVerify(b *testing.B) {
	o := openOffice(b)
	peers := []*process{
		startRole(b, "noop", "bare noop"),
		startRole(b, "noop-milter", "noop"),
		startRole(b, "dnseal-verify", "verify", o.dns.Addr(), o.dns.Anchor()),
	}
	raw := signedBy(b, o, benchMail(4<<10))
	most := limit{"noop", newParcel(raw).text, verifyBare(b)}
	for _, conns := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("4KiB/%dconns", conns), func(b *testing.B) {
			for b.Loop() {
				compare(b, dialDriver, peers, newParcel(raw), conns, most, "dnseal-verify", "noop")
			}
		})
	}
	b.Run("4KiB/8conns-library", func(b *testing.B) {
		for b.Loop() {
			compare(b, dialLibrary, peers, newParcel(raw), 8, most, "dnseal-verify", "noop")
		}
	})
}

// ownCPU is the time this process has had.
func ownCPU() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// limit is the work that cannot be left out, after what a peer does.
type limit struct {
	peer, body string
	work       func(digest []byte)
}

// cpu is the time the work takes.
func (l limit) cpu() time.Duration {
	body, n := []byte(l.body), time.Duration(0)
	before := ownCPU()
	for began := time.Now(); time.Since(began) < benchRun/4; n++ {
		digest := sha256.Sum256(body)
		l.work(digest[:])
	}
	return (ownCPU() - before) / n
}

// rate is what a peer of this rate would make with the work to do as well, on the same processors:
// times add up.
func (l limit) rate(peer float64, work time.Duration) float64 {
	return 1 / (1/peer + work.Seconds()/float64(runtime.GOMAXPROCS(0)))
}

// signBare signs with P-256, verifyBare verifies such a signature.
func signBare(b *testing.B) func([]byte) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return func(digest []byte) { _, _ = key.Sign(rand.Reader, digest, crypto.SHA256) }
}

func verifyBare(b *testing.B) func([]byte) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, make([]byte, sha256.Size))
	if err != nil {
		b.Fatal(err)
	}
	return func(digest []byte) { ecdsa.VerifyASN1(&key.PublicKey, digest, signature) }
}

// compare measures all peers in rounds, prints a table and reports the ratios of one of them to
// others and to its limit.
func compare(b *testing.B, dial func(path string) (mtaUnderLoad, error), peers []*process, p *parcel, conns int, l limit, ours string, others ...string) {
	b.Helper()
	all := map[string][]measurement{}
	var bare []measurement
	peaks := map[string]float64{}
	for round := range benchRounds {
		for i := range peers {
			peer := peers[(i+round)%len(peers)]
			peer.resetPeak()
			before := peer.cpu(b)
			m := run(b, dial, peer.path, p, conns, benchRun, !strings.HasPrefix(peer.name, "noop"))
			m.cpu = time.Duration(float64(peer.cpu(b)-before) / (m.rate * benchRun.Seconds()))
			all[peer.name] = append(all[peer.name], m)
			peaks[peer.name] = max(peaks[peer.name], peer.peak())
		}
		bare = append(bare, measurement{cpu: l.cpu()})
	}
	mid := map[string]measurement{}
	for name, ms := range all {
		slices.SortFunc(ms, func(a, b measurement) int { return int(a.rate - b.rate) })
		mid[name] = measurement{rate: ms[len(ms)/2].rate, cpu: median(ms, func(m measurement) time.Duration { return m.cpu }), p99: median(ms, func(m measurement) time.Duration { return m.p99 })}
	}
	var table []string
	for _, name := range slices.Sorted(maps.Keys(mid)) {
		m := mid[name]
		table = append(table, fmt.Sprintf("%-18s %8.0f/s (%.0f-%.0f)  %8v cpu  p99 %8v  %5.1f MiB", name, m.rate, all[name][0].rate, all[name][len(all[name])-1].rate,
			m.cpu.Round(time.Microsecond), m.p99.Round(10*time.Microsecond), peaks[name]))
	}
	b.Log(strings.Join(table, "\n")) // ten lines are shown
	work := median(bare, func(m measurement) time.Duration { return m.cpu })
	most := l.rate(mid[l.peer].rate, work)
	b.ReportMetric(most, "limit-msg/s")
	b.ReportMetric(most/mid[l.peer].rate, "limit-x-"+l.peer)
	b.ReportMetric(mid[ours].rate/most, "x-limit")
	b.ReportMetric(float64(mid[ours].cpu)/float64(mid[l.peer].cpu+work), "cpu-of-limit")
	b.ReportMetric(mid[ours].rate, "msg/s")
	b.ReportMetric(float64(mid[ours].cpu.Microseconds()), "cpu-µs/msg")
	b.ReportMetric(peaks[ours], "peak-MiB")
	for _, name := range others {
		b.ReportMetric(mid[ours].rate/mid[name].rate, "x-"+name)
		b.ReportMetric(float64(mid[ours].cpu)/float64(max(1, mid[name].cpu)), "cpu-of-"+name)
	}
	b.ReportMetric(0, "ns/op")
}

func median(ms []measurement, of func(measurement) time.Duration) time.Duration {
	var all []time.Duration
	for _, m := range ms {
		all = append(all, of(m))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkProcess takes one message after the other through a server in this
// process, for profiles (-cpuprofile, -memprofile).
func BenchmarkProcess(b *testing.B) {
	o := openOffice(b)
	for name, h := range map[string]message.Handler{
		"noop": handle(accepting), "echo": handle(echo), "sign": o.signer(sender.Options{}), "verify": o.verifier(receiver.Options{}),
	} {
		for _, size := range benchSizes {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				srv := serve(b, Options{Handler: h})
				raw := benchMail(size.size)
				if name == "verify" {
					raw = signedBy(b, o, raw)
				}
				p := newParcel(raw)
				d, err := newDriver(srv.path)
				if err != nil {
					b.Fatal(err)
				}
				defer d.conn.Close()
				b.SetBytes(int64(len(raw)))
				b.ReportAllocs()
				before := ownCPU()
				for b.Loop() {
					if _, err := d.send(p); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((ownCPU()-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// BenchmarkSilent verifies mail of one signer while other connections bring
// mail of signers whose zones never answer, and compares that with the same
// mail alone: medians of five interleaved runs.
func BenchmarkSilent(b *testing.B) {
	const zones, silentConns = 50, 16
	o := openOffice(b)
	good := newParcel(signedBy(b, o, benchMail(4<<10)))
	var silent []*parcel
	for n := range zones {
		zone := fmt.Sprintf("silent%d.example", n)
		id := o.publish("carol@"+zone, lookuptest.Slow)
		silent = append(silent, newParcel(signed(b, id, strings.Replace(benchMail(4<<10), author, "carol@"+zone, 1), time.Now())))
	}
	peer := startRole(b, "dnseal-verify", "verify", o.dns.Addr(), o.dns.Anchor())
	for b.Loop() {
		var alone, beside []measurement
		for range benchRounds {
			alone = append(alone, run(b, dialDriver, peer.path, good, 8, 5*benchRun, true))
			stop := flood(b, peer.path, silent, silentConns)
			beside = append(beside, run(b, dialDriver, peer.path, good, 8, 5*benchRun, true))
			stop()
		}
		rate := func(m measurement) time.Duration { return time.Duration(m.rate) }
		p99 := func(m measurement) time.Duration { return m.p99 }
		b.ReportMetric(float64(median(alone, rate)), "alone-msg/s")
		b.ReportMetric(float64(median(beside, rate)), "beside-msg/s")
		b.ReportMetric(float64(median(beside, rate))/float64(median(alone, rate)), "rate-ratio")
		b.ReportMetric(float64(median(beside, p99))/float64(median(alone, p99)), "p99-ratio")
		b.ReportMetric(0, "ns/op")
	}
}

// flood sends parcels over connections of its own until it is stopped.
func flood(b *testing.B, path string, parcels []*parcel, conns int) (stop func()) {
	b.Helper()
	var wg sync.WaitGroup
	var all []*driver
	for i := range conns {
		d, err := newDriver(path)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, d)
		wg.Go(func() {
			for n := i; ; n++ {
				if _, err := d.send(parcels[n%len(parcels)]); err != nil {
					return // stopped
				}
			}
		})
	}
	return func() {
		for _, d := range all {
			d.close()
		}
		wg.Wait()
	}
}
