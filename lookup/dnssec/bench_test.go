package dnssec_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// canned answers without work of its own.
type canned map[question]*dns.Msg

// Exchange implements dnssec.Exchanger.
func (c canned) Exchange(_ context.Context, name string, qtype uint16, _ bool) (*dns.Msg, error) {
	if m := c[question{name, qtype}]; m != nil {
		return m, nil
	}
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.Response, m.Rcode = true, dns.RcodeServerFailure
	return m, nil
}

// freeze asks once and keeps all replies.
func freeze(b *testing.B, v *dnssec.Validator, q question) *dnssec.Answer {
	b.Helper()
	rec := &recorder{Exchanger: v.Exchanger}
	v.Exchanger = rec
	a := v.Resolve(b.Context(), q.name, q.qtype)
	c := canned{}
	for asked, m := range rec.seen {
		c[question{asked.Name, asked.Qtype}] = m
	}
	v.Exchanger = c
	return a
}

// measure reports the CPU time of one look-up against a limit in milliseconds.
func measure(b *testing.B, v *dnssec.Validator, q question, code dnssec.Code) {
	b.Helper()
	if a := freeze(b, v, q); a.Code != code {
		b.Fatalf("%v %q (%s), want %q", a.Status, a.Code, a.Reason, code)
	}
	before := cpuTime(b)
	for b.Loop() {
		v.Resolve(b.Context(), q.name, q.qtype)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/lookup")
}

// cpuTime is what this process has used so far: other work on the machine does not count.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchForger is the hierarchy of the vectors.
func benchForger(b *testing.B, change func(*forger, dns.Question, *dns.Msg)) *forger {
	b.Helper()
	s := newServer(b, vectorHierarchy(), lookuptest.Options{Now: vectorNow})
	return &forger{tb: b, s: s, now: vectorTime, change: change, keys: &spareKeys{}}
}

// keyTrap gives example.org keys of one tag, and its leaf signatures that all fit that tag and no
// key (CVE-2023-50387).
func keyTrap(b *testing.B, keys, signatures int) *dnssec.Validator {
	b.Helper()
	many := make([]dns.RR, 0, keys)
	f := benchForger(b, nil)
	f.change = both(
		keysOf("example.org.", func(f *forger) []dns.RR {
			for len(many) < keys-1 {
				f.keys.keys = map[string]spareKey{}
				many = append(many, f.collision("example.org.").record)
			}
			return many
		}),
		answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			var sigs []*dns.RRSIG
			for range signatures {
				sigs = append(sigs, f.sign("example.org.", set, func(s *dns.RRSIG) { s.OrigTtl++ }))
			}
			for _, sig := range sigs {
				sig.OrigTtl--
			}
			m.Answer = put(m.Answer, set, sigs...)
		}),
	)
	return f.validator()
}

// BenchmarkKeyTrap: under 5 ms each; without limits it were 40,000 verifications.
func BenchmarkKeyTrap(b *testing.B) {
	b.Run("200x200", func(b *testing.B) { measure(b, keyTrap(b, 200, 200), question{leaf, dns.TypeA}, "budget:keys") })
	b.Run("32x200", func(b *testing.B) { measure(b, keyTrap(b, 32, 200), question{leaf, dns.TypeA}, "budget:same-tag-keys") })
}

// BenchmarkNSEC3Iterations: the costliest name in zones with as many iterations as are checked, and
// with more.
func BenchmarkNSEC3Iterations(b *testing.B) {
	deep := strings.Repeat("a.", 15)
	for zone, code := range map[string]dnssec.Code{"iterated.org.": dnssec.CodeIterations, "ground.org.": dnssec.CodeIterations} {
		b.Run(zone, func(b *testing.B) {
			measure(b, benchForger(b, nil).validator(), question{deep + zone, dns.TypeA}, code)
		})
	}
	b.Run("50", func(b *testing.B) {
		text := "$ORIGIN fifty.org.\n@ 300 SOA ns hostmaster 1 7200 3600 1209600 300\n@ 300 NS ns\n"
		s := newServer(b, []lookuptest.Zone{{Text: text, NSEC3: true, Iterations: 50, Salt: strings.Repeat("ab", 255)}}, lookuptest.Options{Now: vectorNow})
		f := &forger{tb: b, s: s, now: vectorTime}
		measure(b, f.validator(), question{deep + "fifty.org.", dns.TypeA}, "")
	})
}

// BenchmarkWarmZone is a look-up whose zone's keys are known: one signature. "×verify" is its
// median time over that of the bare verification, measured in the same run; at most 1.3.
func BenchmarkWarmZone(b *testing.B) {
	v := benchForger(b, nil).validator()
	v.Keys = new(zoneMap)
	q := question{"alice._smimecert.example.org.", dns.TypeSMIMEA}
	freeze(b, v, q)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("x"))
	sr, ss, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	var bare, whole []time.Duration
	for b.Loop() {
		start := time.Now()
		ecdsa.Verify(&key.PublicKey, sum[:], sr, ss)
		middle := time.Now()
		if a := v.Resolve(b.Context(), q.name, q.qtype); a.Status != dnssec.Secure {
			b.Fatal(a.Reason)
		}
		bare, whole = append(bare, middle.Sub(start)), append(whole, time.Since(middle))
	}
	b.ReportMetric(float64(median(whole))/float64(median(bare)), "×verify")
}

// median is robust against what else the machine does.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkCold is a look-up of three levels with nothing known.
func BenchmarkCold(b *testing.B) {
	v := benchForger(b, nil).validator()
	q := question{"alice._smimecert.example.org.", dns.TypeSMIMEA}
	freeze(b, v, q)
	for b.Loop() {
		v.Resolve(b.Context(), q.name, q.qtype)
	}
}
