package receiver_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// searchTime is how long BenchmarkWorst looks for the message that costs most.
var searchTime = flag.Duration("search", 20*time.Second, "how long BenchmarkWorst searches")

// worstSize is the most octets of a message of the search.
const worstSize = 1 << 20

// grammar makes messages of choices: the same choices make the same message, and a change in them
// makes a similar one.
type grammar struct {
	choices []byte
	left    int // octets of message that may still come
	keys    *worstKeys
	records []dane.Record
	depth   int
}

// worstKeys are what is dear to make.
type worstKeys struct {
	people []person // of every algorithm and size, certified by themselves or by each other
}

// choose takes the next choice of n.
func (g *grammar) choose(n int) int {
	if len(g.choices) == 0 {
		return 0
	}
	c := int(g.choices[0])
	g.choices = g.choices[1:]
	return c % n
}

// much is a share of what is left, often all of it.
func (g *grammar) much() int { return g.left * (1 + g.choose(8)) / 8 }

func (g *grammar) spend(s string) string {
	if len(s) > g.left {
		s = s[:max(0, g.left)]
	}
	g.left -= len(s)
	return s
}

func (g *grammar) repeat(s string, size int) string {
	return g.spend(strings.Repeat(s, max(0, min(size, g.left))/len(s)))
}

// message is the root of the grammar.
func (g *grammar) message() string {
	p := g.person()
	for range g.choose(64) {
		q := g.person()
		usage, selector := byte([]int{2, 3, 2, 1, 0}[g.choose(5)]), byte(g.choose(2))
		if r, err := q.identity().Record(usage, selector, byte(g.choose(3))); err == nil {
			g.records = append(g.records, r)
		}
	}
	var head strings.Builder
	for range g.choose(3) {
		head.WriteString(g.field())
	}
	head.WriteString(g.spend(header(p.name)))
	return head.String() + g.entity()
}

// field is a header field, or many, that are long or odd.
func (g *grammar) field() string {
	name := []string{"From", "To", "Subject", "Authentication-Results", "Received", "X-Y", "References", "Content-Type"}[g.choose(8)]
	piece := []string{
		"a@b.example,\r\n ", "(", "(())", "=?utf-8?q?=41?= ", "=?utf-8?b?7br7?=\r\n ", `"\\" `, "\ufdfa", "a;b=c\r\n\t", "<a@b.example>", "x", `\(`, "@", "x\r\n " + strings.Repeat(" ", 70),
	}[g.choose(13)]
	if g.choose(2) == 0 {
		return g.repeat(name+": "+piece+"\r\n", g.much())
	}
	return g.spend(name+": ") + g.repeat(piece, g.much()) + g.spend("\r\n")
}

// entity is header and body of a part.
func (g *grammar) entity() string {
	g.depth++
	defer func() { g.depth-- }()
	kind := g.choose(8)
	if g.depth > 60 || g.left < 2000 {
		kind = 7
	}
	switch kind {
	case 0, 1:
		content := strings.TrimSuffix(g.entity(), "\r\n")
		return clearWithin(fmt.Sprintf("b%d", g.depth), content, g.spendCMS(content, false))
	case 2, 3:
		content := g.entity()
		return opaque(g.spendCMS(content, true))
	case 4:
		var parts []string
		for range 1 + g.choose(8) {
			parts = append(parts, g.entity())
		}
		return mixed([]string{"mixed", "alternative", "digest", "signed"}[g.choose(4)], parts...)
	case 5:
		n := g.much() / 60
		return mixed("mixed", slices.Repeat([]string{g.spend("\r\nx")}, max(1, min(n, 3000)))...)
	case 6:
		return g.spend("Content-Type: message/rfc822\r\n\r\n") + g.entity()
	}
	return g.leaf()
}

// leaf is a part with text that costs its readers something.
func (g *grammar) leaf() string {
	cte := []string{"7bit", "base64", "quoted-printable", "8bit", "x"}[g.choose(5)]
	line := []string{"x", "--\r\n", "--out\r\n", "\r\n", " \r\n", "=\r\n", "QUJD\r\n", "From x\r\n", "=41", "\xff\xfe\r\n", "--b1--\r\n"}[g.choose(11)]
	return g.spend("Content-Type: text/plain\r\nContent-Transfer-Encoding: "+cte+"\r\n\r\n") + g.repeat(line, g.much()) + "\r\n"
}

func (g *grammar) person() person { return g.keys.people[g.choose(len(g.keys.people))] }

// spendCMS is a SignedData with many signers and certificates.
func (g *grammar) spendCMS(content string, attached bool) []byte {
	sd := signedData{}
	if attached {
		sd.attached = []byte(content)
	}
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA1}
	for range 1 + g.choose(8) {
		s := signer{person: g.person(), content: []byte("x"), hash: hashes[g.choose(4)], bySKI: g.choose(4) == 0}
		if g.choose(2) == 0 {
			s.content = []byte(content)
		}
		// A wrong value of the right length costs the reader as much, and is had at once.
		if key, ok := s.key.(*rsa.PrivateKey); ok {
			s.value = bytes.Repeat([]byte{0x5a}, key.Size())
		} else if g.choose(4) == 0 {
			s.value = bytes.Repeat([]byte{0x5a}, 64+64*g.choose(16))
		}
		if g.choose(4) == 0 {
			n := g.choose(200)
			s.attributes = func(list [][]byte) [][]byte {
				for range n {
					list = append(list, attribute(oidTSTInfo, derOctets([]byte{byte(n)})))
				}
				return list
			}
		}
		sd.signers = append(sd.signers, s)
	}
	for range g.choose(40) {
		sd.certs = append(sd.certs, g.person().cert)
	}
	for _, s := range sd.signers[:g.choose(len(sd.signers)+1)] {
		sd.certs = append(sd.certs, s.cert)
	}
	der := sd.der()
	g.left = max(0, g.left-len(der)*4/3)
	return der
}

// newWorstKeys makes people whose certificates are dear to check: long keys, one name for many
// issuers, names in thousands.
func newWorstKeys(tb testing.TB) *worstKeys {
	tb.Helper()
	k := &worstKeys{}
	serial := int64(1)
	certify := func(key crypto.Signer, issuer *person, change func(*x509.Certificate)) person {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "the same"}, EmailAddresses: []string{"alice@example.org"},
			NotBefore: clock.Add(-hour), NotAfter: clock.Add(1000 * hour), IsCA: true, BasicConstraintsValid: true, SubjectKeyId: keyID(tb, key.Public()),
		}
		serial++
		if change != nil {
			change(template)
		}
		parent, by := template, key
		if issuer != nil {
			parent, by = issuer.cert, issuer.key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
		if err != nil {
			tb.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			tb.Fatal(err)
		}
		return person{name: "alice@example.org", key: key, cert: cert, chain: []*x509.Certificate{cert}}
	}
	var keys []crypto.Signer
	for _, bits := range []int{2048, 4096, 8192, 8704} {
		keys = append(keys, largeKey(tb, bits))
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		keys = append(keys, key)
	}
	names := func(c *x509.Certificate) {
		for i := range 2000 {
			c.EmailAddresses = append(c.EmailAddresses, fmt.Sprintf("m%d@mallory.example", i))
		}
	}
	constraints := func(c *x509.Certificate) {
		for i := range 1000 {
			c.PermittedEmailAddresses = append(c.PermittedEmailAddresses, fmt.Sprintf("m%d.mallory.example", i))
		}
	}
	for _, key := range keys {
		ca := certify(key, nil, nil)
		k.people = append(k.people, ca)
		for _, other := range keys {
			if len(k.people) < 60 {
				k.people = append(k.people, certify(other, &ca, nil))
			}
		}
	}
	k.people = append(k.people, certify(keys[4], nil, names), certify(keys[5], nil, constraints), certify(keys[4], &k.people[0], constraints))
	return k
}

// largeKey makes an RSA key of primes of 512 bits: of two large ones it would take a minute.
// Verifying costs the same.
func largeKey(tb testing.TB, bits int) *rsa.PrivateKey {
	tb.Helper()
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(1), E: 65537}}
	one, totient := big.NewInt(1), big.NewInt(1)
	for range bits / 512 {
		p, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			tb.Fatal(err)
		}
		key.Primes = append(key.Primes, p)
		key.N.Mul(key.N, p)
		totient.Mul(totient, new(big.Int).Sub(p, one))
	}
	if key.D = new(big.Int).ModInverse(big.NewInt(65537), totient); key.D == nil {
		return largeKey(tb, bits)
	}
	return key
}

// trial is a message and what judging it cost.
type trial struct {
	choices []byte
	cost    time.Duration // of CPU
	memory  uint64        // octets that were allocated at once, at most
	text    string
}

// try judges the message of some choices.
func try(tb testing.TB, keys *worstKeys, choices []byte) trial {
	tb.Helper()
	g := &grammar{choices: choices, left: worstSize, keys: keys}
	text := g.message()
	if len(text) > worstSize {
		text = text[:worstSize]
	}
	dns := newFakeDNS()
	owner, err := dane.SMIMEAName("alice", "example.org")
	if err != nil {
		tb.Fatal(err)
	}
	if len(g.records) > 0 {
		dns.cached[owner+" SMIMEA"] = answerWith(owner, dane.SMIMEA, g.records...)
		dns.fresh[owner+" SMIMEA"] = dns.cached[owner+" SMIMEA"]
	}
	r, err := receiver.New(receiver.Options{Lookup: dns, AuthservID: "mx.example.net", Now: func() time.Time { return clock }})
	if err != nil {
		tb.Fatal(err)
	}
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		return trial{choices: choices, text: text}
	}
	defer m.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpuTime(tb)
	out := r.Handle(tb.Context(), m, &message.Envelope{})
	cost := cpuTime(tb) - start
	runtime.ReadMemStats(&after)
	out.Close()
	return trial{choices, cost, after.TotalAlloc - before.TotalAlloc, text}
}

// peak is how far the heap grows while a message is judged, with a collector that runs often.
func peak(tb testing.TB, keys *worstKeys, choices []byte) uint64 {
	tb.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		try(tb, keys, choices)
	}()
	most := uint64(0)
	for {
		select {
		case <-done:
			return most
		default:
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > before.HeapAlloc {
				most = max(most, now.HeapAlloc-before.HeapAlloc)
			}
		}
	}
}

// cpuTime is the processor's time of this process.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// mutate changes some choices.
func mutate(r *mathrand.Rand, choices []byte) []byte {
	out := slices.Clone(choices)
	for range 1 + r.IntN(4) {
		at := r.IntN(len(out))
		switch r.IntN(4) {
		case 0:
			out = slices.Insert(out, at, byte(r.IntN(256)))
		case 1:
			n := min(len(out)-at, 1+r.IntN(16))
			out = slices.Insert(out, at, out[at:at+n]...)
		case 2:
			if len(out) > 8 {
				out = slices.Delete(out, at, at+1)
			}
		default:
			out[at] = byte(r.IntN(256))
		}
	}
	return out[:min(len(out), 4096)]
}

// BenchmarkWorst searches for the message of at most 1 MiB that costs most to judge, by keeping the
// dearest and changing them, and reports the processor's seconds of that, and how far the heap grew
// with the one that allocates most (the making of the message included).
func BenchmarkWorst(b *testing.B) {
	keys := newWorstKeys(b)
	r := mathrand.New(mathrand.NewPCG(1, uint64(time.Now().UnixNano())))
	const kept = 24
	var best []trial
	largest := trial{}
	tried := 0
	for end := time.Now().Add(*searchTime); time.Now().Before(end); tried++ {
		choices := make([]byte, 8+r.IntN(400))
		for i := range choices {
			choices[i] = byte(r.IntN(256))
		}
		if len(best) == kept && r.IntN(8) > 0 {
			choices = mutate(r, best[r.IntN(kept)].choices)
		}
		one := try(b, keys, choices)
		if one.memory > largest.memory {
			largest = one
		}
		best = append(best, one)
		slices.SortFunc(best, func(x, y trial) int { return int(y.cost - x.cost) })
		best = best[:min(len(best), kept)]
	}
	worst := best[0]
	again := worst
	for range 3 {
		if t := try(b, keys, worst.choices); t.cost < again.cost {
			again = t // without what else this machine did
		}
	}
	for b.Loop() {
	}
	b.ReportMetric(again.cost.Seconds(), "cpu-s")
	b.ReportMetric(float64(largest.memory)/(1<<20), "MiB-allocated")
	b.ReportMetric(float64(peak(b, keys, largest.choices))/(1<<20), "MiB-peak")
	b.ReportMetric(float64(tried), "messages")
	b.ReportMetric(0, "ns/op")
	b.Logf("the worst message begins:\n%.200q", worst.text)
}
