package receiver_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// fakeDNS answers from maps, and remembers what it was asked: "name TYPE", with "!" in front when
// past the cache.
type fakeDNS struct {
	cached, fresh map[string]*lookup.Result
	mu            sync.Mutex
	asked         []string
	budget        *dnssec.Budget
}

func (f *fakeDNS) Lookup(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return f.answer(ctx, f.cached, "", name, t)
}

func (f *fakeDNS) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return f.answer(ctx, f.fresh, "!", name, t)
}

func (f *fakeDNS) answer(ctx context.Context, from map[string]*lookup.Result, mark, name string, t dane.Type) *lookup.Result {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := name + " " + t.String()
	f.asked = append(f.asked, mark+key)
	f.budget = dnssec.BudgetFrom(ctx)
	if res := from[key]; res != nil {
		return res
	}
	return &lookup.Result{Name: name, Type: t, Status: dnssec.Secure, Presence: dane.Absent}
}

// publish puts a person's record into an answer.
func publish(tb testing.TB, into map[string]*lookup.Result, people ...person) {
	tb.Helper()
	for _, p := range people {
		id := p.identity()
		owner, typ, err := id.OwnerName()
		if err != nil {
			tb.Fatal(err)
		}
		r, err := id.Record(3, 1, 1)
		if err != nil {
			tb.Fatal(err)
		}
		into[owner+" "+typ.String()] = &lookup.Result{Name: owner, Type: typ, Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{r}, TTL: time.Minute}
	}
}

func newFakeDNS() *fakeDNS {
	return &fakeDNS{cached: map[string]*lookup.Result{}, fresh: map[string]*lookup.Result{}}
}

// judge verifies a text against the fake.
func judge(tb testing.TB, dns *fakeDNS, text string, change func(*receiver.Options)) *receiver.Report {
	tb.Helper()
	opts := receiver.Options{Lookup: dns, Now: func() time.Time { return clock }}
	if change != nil {
		change(&opts)
	}
	r, err := receiver.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	report, err := r.Verify(tb.Context(), parse(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

func parse(tb testing.TB, text string) *message.Message {
	tb.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	return m
}

// TestLookupsMade: what asks the DNS, and what does not (bad integrity fails without any lookup).
func TestLookupsMade(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	good := signed(t, mail("alice@example.org"), smime.SignOptions{}, c.alice)
	alices := strings.Fields(c.alice.record(t, "3 1 1"))[0] + " SMIMEA"
	nine := func(sd *signedData) {
		for range 7 {
			sd.signers = append(sd.signers, sd.signers[0])
		}
	}
	for _, tt := range []struct {
		name, text string
		asked      []string
		verdict    receiver.Verdict
	}{
		{"unsigned", mail("alice@example.org"), nil, receiver.None},
		{"changed", replaceOnce(t, good, "100 euros", "900 euros"), nil, receiver.Fail},
		{"malformed", replaceOnce(t, good, "--dnseal-vector--", ""), nil, receiver.PermError},
		{"good", good, []string{alices}, receiver.Pass},
		{"eight signatures of one identity", header("alice@example.org") + clear(bare, signedBy(bare, c.alice, nine)), []string{alices}, receiver.Pass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dns := newFakeDNS()
			publish(t, dns.cached, c.alice)
			report := judge(t, dns, tt.text, nil)
			if fmt.Sprint(dns.asked) != fmt.Sprint(tt.asked) || report.Verdict != tt.verdict {
				t.Errorf("%s (%s), asked %v; want %s, %v", report.Verdict, report.Code, dns.asked, tt.verdict, tt.asked)
			}
		})
	}
}

// TestFresh: before a fail that rests on the cache the DNS is asked once more past it.
func TestFresh(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	text := signed(t, mail("alice@example.org"), smime.SignOptions{}, c.alice)
	bareKey := signed(t, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, c.alice)
	rolled := newPerson(t, "alice@example.org", "bob", person{}, nil)
	silent := &lookup.Result{Status: dnssec.Indeterminate, Code: "timeout", Reason: "no reply in time"}
	name, typ, err := c.alice.identity().OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := c.alice.identity().Record(3, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	carries := &lookup.Result{Name: name, Type: typ, Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{whole}}
	for _, tt := range []struct {
		name, text string
		prepare    func(dns *fakeDNS)
		lookups    int
		verdict    receiver.Verdict
		code       receiver.Code
	}{
		{"published a minute ago", text, func(d *fakeDNS) { publish(t, d.fresh, c.alice) }, 2, receiver.Pass, ""},
		{"rolled a minute ago", text, func(d *fakeDNS) { publish(t, d.cached, rolled); publish(t, d.fresh, c.alice) }, 2, receiver.Pass, ""},
		{"still another key", text, func(d *fakeDNS) { publish(t, d.cached, rolled); publish(t, d.fresh, rolled) }, 2, receiver.Fail, receiver.CodeKeyMismatch},
		{"gone", text, func(d *fakeDNS) { publish(t, d.cached, rolled) }, 2, receiver.Fail, receiver.CodeRevoked},
		{"cannot be asked again", text, func(d *fakeDNS) { d.fresh[name+" SMIMEA"] = silent }, 2, receiver.TempError, "timeout"},
		{"a raw key published a minute ago", bareKey, func(d *fakeDNS) { d.fresh[name+" SMIMEA"] = carries }, 2, receiver.Pass, ""},
		{"in the cache", text, func(d *fakeDNS) { publish(t, d.cached, c.alice) }, 1, receiver.Pass, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dns := newFakeDNS()
			tt.prepare(dns)
			report := judge(t, dns, tt.text, nil)
			if report.Verdict != tt.verdict || report.Code != tt.code || len(dns.asked) != tt.lookups {
				t.Errorf("%s, %q, asked %v; want %s, %q, %d lookups", report.Verdict, report.Code, dns.asked, tt.verdict, tt.code, tt.lookups)
			}
		})
	}
}

// strangers is what four of them and, last, alice signed.
func strangers(tb testing.TB) signedData {
	tb.Helper()
	sd := signedData{}
	for i, key := range []string{"mallory", "bob", "sensor", "camera", "alice"} {
		name := fmt.Sprintf("m%d@mallory.example", i)
		if key == "alice" {
			name = "alice@example.org"
		}
		p := newPerson(tb, name, key, person{}, nil)
		sd.certs = append(sd.certs, p.cert)
		sd.signers = append(sd.signers, signer{person: p, content: []byte(bare)})
	}
	return sd
}

// TestStrangersFirst: signatures that a stranger puts in front do not use up the limits of the
// author's.
func TestStrangersFirst(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	sd := strangers(t)
	dns := newFakeDNS()
	publish(t, dns.cached, c.alice)
	report := judge(t, dns, header("alice@example.org")+clear(bare, sd.der()), nil)
	if report.Verdict != receiver.Pass {
		t.Errorf("%s, %s: %s", report.Verdict, report.Code, report.Reason)
	}
	if got := report.Signatures[3]; got.Verdict != receiver.PermError || got.Code != "limit:identities" {
		t.Errorf("the fifth identity: %s, %s", got.Verdict, got.Code)
	}
	if dns.budget == nil {
		t.Error("the lookups had no budget")
	}
}

// TestStatuses: the four outcomes of a lookup stay four.
func TestStatuses(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	text := signed(t, mail("alice@example.org"), smime.SignOptions{}, c.alice)
	name, _, err := c.alice.identity().OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		res     lookup.Result
		verdict receiver.Verdict
		code    receiver.Code
	}{
		{lookup.Result{Status: dnssec.Insecure, Presence: dane.Present}, receiver.Neutral, receiver.CodeInsecure},
		{lookup.Result{Status: dnssec.Insecure, Presence: dane.Absent}, receiver.Neutral, receiver.CodeInsecure},
		{lookup.Result{Status: dnssec.Bogus, Code: "signature-expired"}, receiver.TempError, receiver.CodeBogus},
		{lookup.Result{Status: dnssec.Indeterminate, Code: "timeout"}, receiver.TempError, "timeout"},
		{lookup.Result{Status: dnssec.Indeterminate, Code: chain.CodeDenied}, receiver.Neutral, receiver.CodeDenied},
		{lookup.Result{Status: dnssec.Indeterminate, Code: "budget:queries"}, receiver.TempError, "budget:queries"},
		{lookup.Result{Status: dnssec.Indeterminate, Code: chain.CodeStrips}, receiver.TempError, "resolver-strips-dnssec"},
		{lookup.Result{Status: dnssec.Indeterminate, Code: chain.CodeIncomplete}, receiver.TempError, "incomplete-reply"},
		{lookup.Result{Status: dnssec.Insecure, Code: chain.CodeNoAD}, receiver.Neutral, receiver.CodeInsecure},
		{lookup.Result{Status: dnssec.Indeterminate}, receiver.TempError, "indeterminate"},
		{lookup.Result{Status: dnssec.Secure, Presence: dane.Unknown}, receiver.TempError, "indeterminate"},
		{lookup.Result{Status: dnssec.Secure, Presence: dane.Present}, receiver.Neutral, receiver.CodeUnusableRecords},
	} {
		dns := newFakeDNS()
		res := tt.res
		res.Name, res.Type = name, dane.SMIMEA
		dns.cached[name+" SMIMEA"] = &res
		report := judge(t, dns, text, nil)
		if report.Verdict != tt.verdict || report.Code != tt.code {
			t.Errorf("%v %v %q: %s, %q; want %s, %q", tt.res.Status, tt.res.Presence, tt.res.Code, report.Verdict, report.Code, tt.verdict, tt.code)
		}
	}
}

// TestInsecureWords: the report blames the zone that is not signed, and none where that is not
// known; what the resolver did is in it.
func TestInsecureWords(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	text := signed(t, mail("alice@example.org"), smime.SignOptions{}, c.alice)
	owner, _, err := c.alice.identity().OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	links := []dnssec.Link{
		{Zone: ".", Status: dnssec.Secure, Keys: []dnssec.Key{{}}},
		{Zone: "example.org.", Status: dnssec.Secure, Keys: []dnssec.Key{{}}},
		{Zone: "insecure.org.", Status: dnssec.Insecure},
	}
	for _, tt := range []struct {
		res   lookup.Result
		words []string
		never string
	}{
		{
			lookup.Result{Status: dnssec.Insecure, Code: dnssec.CodeUnsigned, Answer: &dnssec.Answer{Links: links}},
			[]string{"the zone insecure.org. is not signed"},
			"zone example.org. is",
		},
		{
			lookup.Result{Status: dnssec.Insecure, Code: chain.CodeNoAD, Reason: "the resolver does not call the answer authentic", Believed: true},
			[]string{"does not call the answer authentic", "nothing was validated here"},
			"is not signed",
		},
		{
			lookup.Result{Status: dnssec.Indeterminate, Code: chain.CodeStrips, Reason: "resolver X leaves out", Warnings: []string{"resolver Y refuses"}},
			[]string{"resolver X leaves out", "warning: resolver Y refuses"},
			"bogus",
		},
	} {
		dns := newFakeDNS()
		res := tt.res
		res.Name, res.Type = owner, dane.SMIMEA
		dns.cached[owner+" SMIMEA"] = &res
		var out strings.Builder
		if err := judge(t, dns, text, nil).WriteText(&out); err != nil {
			t.Fatal(err)
		}
		said := strings.Join(strings.Fields(out.String()), " ")
		for _, w := range tt.words {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q is not said: %s", res.Code, w, said)
			}
		}
		if strings.Contains(said, tt.never) {
			t.Errorf("%s: %q is said: %s", res.Code, tt.never, said)
		}
	}
}

// waiting answers nothing until its caller gives up.
type waiting struct{ asked []string }

func (w *waiting) Lookup(ctx context.Context, name string, t dane.Type) *lookup.Result {
	w.asked = append(w.asked, name)
	<-ctx.Done()
	return &lookup.Result{Name: name, Type: t, Code: "timeout", Reason: "no reply in time"}
}

func (w *waiting) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return w.Lookup(ctx, name, t)
}

// TestSlowZones: four signers in zones that do not answer take the time of one message, not of
// four.
func TestSlowZones(t *testing.T) {
	t.Parallel()
	text := header("alice@example.org") + clear(bare, strangers(t).der())
	owner, err := dane.SMIMEAName("alice", "example.org")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{}
		r, err := receiver.New(receiver.Options{Lookup: w, Timeout: 10 * time.Second, Now: func() time.Time { return clock }})
		if err != nil {
			t.Fatal(err)
		}
		m := parse(t, text)
		start := time.Now()
		report, err := r.Verify(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 10*time.Second || report.Signatures[4].Verdict != receiver.TempError || report.Signatures[4].Code != "timeout" {
			t.Errorf("%s (%s) after %s", report.Signatures[4].Verdict, report.Signatures[4].Code, took)
		}
		if w.asked[0] != owner {
			t.Errorf("asked for %s first, and not for the author", w.asked[0])
		}
	})
}

func TestTooBig(t *testing.T) {
	t.Parallel()
	report := judge(t, newFakeDNS(), mail("alice@example.org"), func(o *receiver.Options) { o.MaxBytes = 10 })
	if report.Verdict != receiver.PermError || report.Code != receiver.CodeTooBig || report.From != "alice@example.org" {
		t.Errorf("%+v", report)
	}
}

// TestCancelled: what could not be judged because the caller gave up is no verdict.
func TestCancelled(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	r, err := receiver.New(receiver.Options{Lookup: newFakeDNS(), Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := parse(t, signed(t, mail("alice@example.org"), smime.SignOptions{}, c.alice))
	if report, err := r.Verify(ctx, m); err == nil {
		t.Errorf("Verify = %s, want an error", report.Verdict)
	}
}

// hurried is a resolver without patience.
type hurried struct{ lookup.Resolver }

func (h hurried) Lookup(ctx context.Context, name string, t dane.Type) *lookup.Result {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	return h.Resolver.Lookup(ctx, name, t)
}

// BenchmarkVerify judges a signed message of 4 KiB; the DNS answers at once.
func BenchmarkVerify(b *testing.B) {
	alice := newPerson(b, "alice@example.org", "alice", person{}, nil)
	dns := newFakeDNS()
	publish(b, dns.cached, alice)
	m := parse(b, signed(b, mail("alice@example.org")+strings.Repeat("hello, this is a line of text that goes on for a while.\r\n", 74), smime.SignOptions{}, alice))
	r, err := receiver.New(receiver.Options{Lookup: dns, AuthservID: "mx.example.net", Now: func() time.Time { return clock }})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		out := r.Handle(b.Context(), m, &message.Envelope{})
		if out.Result != "pass" {
			b.Fatal(out.Attrs)
		}
		out.Close()
	}
}
