package receiver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime"
	"dnseal/smime/message"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// oneAnswer answers every question with what the test drew for the name.
type oneAnswer map[string]*lookup.Result

func (a oneAnswer) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	if res := a[name]; res != nil {
		return res
	}
	return &lookup.Result{Name: name, Type: t, Status: dnssec.Secure, Presence: dane.Absent}
}

func (a oneAnswer) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return a.Lookup(ctx, name, t)
}

func certificateWith(tb testing.TB, mails, names []string) *x509.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, EmailAddresses: mails, DNSNames: names,
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

// draft is one drawn signature with the answers to the five questions beside it.
type draft struct {
	sig    *smime.Signature
	name   string // what its certificate states
	intact bool
	whole  bool
	dns    bool // a secure record matches
	fresh  bool
	inner  string // protected From, "" for none
}

const (
	author = "alice@example.org"
	other  = "bob@example.org"
	device = "s7._device.example.net"
)

// TestFiveQuestions: a signature passes exactly when all five questions are answered with yes, and
// a message exactly when every signature that counts does. The questions are answered here once
// more, from what was drawn.
func TestFiveQuestions(t *testing.T) {
	t.Parallel()
	certs := map[string]*x509.Certificate{
		author: certificateWith(t, []string{author}, nil), other: certificateWith(t, []string{other}, nil), device: certificateWith(t, nil, []string{device}),
	}
	rapid.Check(t, func(t *rapid.T) {
		answers := oneAnswer{}
		matching := map[string]bool{}
		for name, cert := range certs {
			matching[name] = drawAnswer(t, answers, name, cert)
		}
		ruled := rapid.Bool().Draw(t, "rule")
		opts := Options{Lookup: answers, Now: func() time.Time { return noon }}
		if ruled {
			opts.Domains = []Domain{{Names: []string{"example.org"}, Devices: map[string][]string{device: {author}}}}
		}
		r, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		from := usually(t, "from", []string{author}, []string{author, other}, nil)
		found := &smime.Report{Kind: "signed", From: addresses(from)}
		if rapid.IntRange(0, 19).Draw(t, "malformed") == 0 {
			found.Code = "malformed"
		}
		var drafts []draft
		for range rapid.IntRange(1, 3).Draw(t, "signatures") {
			d := drawSignature(t, certs)
			d.dns = matching[d.name]
			drafts = append(drafts, d)
			found.Signatures = append(found.Signatures, d.sig)
		}
		m, err := message.Read(strings.NewReader("From: "+strings.Join(from, ", ")+"\r\n\r\n"), message.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		report := r.judge(t.Context(), m, found)
		one := len(from) == 1
		bound := func(d draft) bool { return one && (d.name == author || d.name == device && ruled) }
		wholeBound := false
		for _, d := range drafts {
			wholeBound = wholeBound || bound(d) && d.whole
		}
		want := found.Code == "" && wholeBound
		for i, d := range drafts {
			passes := d.intact && d.whole && bound(d) && d.dns && d.fresh && (d.inner == "" || d.inner == author)
			if got := report.Signatures[i].Verdict; (got == Pass) != passes {
				t.Fatalf("signature %d: %s (%s), want pass: %v; %+v", i, got, report.Signatures[i].Code, passes, d)
			}
			if bound(d) && d.whole && !passes {
				want = false
			}
		}
		if (report.Verdict == Pass) != want {
			t.Fatalf("message: %s (%s), want pass: %v", report.Verdict, report.Code, want)
		}
		if !wholeBound && report.Verdict.severity() < Policy.severity() {
			t.Fatalf("message: %s, though no signature on the whole speaks for From", report.Verdict)
		}
		if c := ClassOf(report.Verdict, report.Code); (c == "") != want {
			t.Fatalf("class %q of %s", c, report.Verdict)
		}
	})
}

// usually draws the first value in three of four cases, so that all questions are answered with yes
// often enough.
func usually[T any](t *rapid.T, what string, most T, others ...T) T {
	if rapid.IntRange(0, 3).Draw(t, what+" as usual") > 0 {
		return most
	}
	return rapid.SampledFrom(others).Draw(t, what)
}

func addresses(list []string) []message.Address {
	var out []message.Address
	for _, s := range list {
		a, err := message.ParseAddress(s)
		if err != nil {
			panic(err)
		}
		out = append(out, a)
	}
	return out
}

// drawAnswer draws what the DNS says about a name, and whether it says that the key is right.
func drawAnswer(t *rapid.T, answers oneAnswer, name string, cert *x509.Certificate) bool {
	c := claim{dnsName: name}
	if a, err := message.ParseAddress(name); err == nil {
		c = claim{address: a}
	}
	owner, typ, err := c.owner()
	if err != nil {
		t.Fatal(err)
	}
	res := &lookup.Result{
		Name: owner, Type: typ,
		Status:   usually(t, "status", dnssec.Secure, dnssec.Insecure, dnssec.Bogus, dnssec.Indeterminate),
		Presence: usually(t, "presence", dane.Present, dane.Absent, dane.Unknown),
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	right := usually(t, "right key", true, false)
	if !right {
		sum[0] ^= 1
	}
	res.Records = []dane.Record{{Usage: 3, Selector: 1, MatchingType: 1, Data: sum[:]}}
	answers[owner] = res
	return right && res.Status == dnssec.Secure && res.Presence == dane.Present
}

func drawSignature(t *rapid.T, certs map[string]*x509.Certificate) draft {
	d := draft{name: usually(t, "signer", author, other, device)}
	s := &smime.Signature{Part: "2", Covers: smime.CoversMessage, Certificate: certs[d.name], HeaderProtection: smime.ProtectionNone, SigningTime: noon}
	switch usually(t, "integrity", "good", "bad", "weak", "malformed") {
	case "good":
		s.Integrity, d.intact = smime.IntegrityGood, true
	case "bad":
		s.Integrity, s.Code = smime.IntegrityBad, smime.CodeBadDigest
	case "weak":
		s.Weak, s.Code = true, smime.CodeWeak
	case "malformed":
		s.Integrity, s.Code = smime.IntegrityBad, smime.CodeMalformed
	}
	if d.whole = usually(t, "whole", true, false); !d.whole {
		s.Covers = "part 1"
	}
	const tolerated = 5 * time.Minute
	ahead := rapid.SampledFrom([]time.Duration{0, -10 * 365 * 24 * time.Hour, tolerated, tolerated + time.Second}).Draw(t, "ahead")
	s.SigningTime, d.fresh = noon.Add(ahead), ahead <= tolerated
	if d.inner = usually(t, "inner", author, "", other); d.inner != "" {
		s.HeaderProtection, s.ProtectedFrom = "clear", addresses([]string{d.inner})
	}
	d.sig = s
	return d
}
