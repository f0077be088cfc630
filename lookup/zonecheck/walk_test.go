package zonecheck

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// endless makes up a next name for ever.
func endless(q dns.Question, out *dns.Msg) *dns.Msg {
	if q.Qtype != dns.TypeNSEC {
		return out
	}
	next := "a.example.org."
	if first, rest, ok := strings.Cut(q.Name, "."); ok && rest == "example.org." {
		var n int
		_, _ = fmt.Sscanf(first, "a%d", &n)
		next = fmt.Sprintf("a%08d.example.org.", n+1)
	}
	out.Rcode, out.Ns = dns.RcodeSuccess, nil
	out.Answer = []dns.RR{&dns.NSEC{
		Hdr:        dns.RR_Header{Name: q.Name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 60},
		NextDomain: next, TypeBitMap: []uint16{dns.TypeRRSIG, dns.TypeNSEC, uint16(dane.TLSA)},
	}}
	return out
}

// TestEndlessWalk: a server that makes up names for ever is asked for as many as the limit says.
func TestEndlessWalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clean(), nil, &fake{edit: endless})
	w.opts.Walk = 50
	r := w.run(t)
	if !strings.Contains(textOf(r), "was read up to 50 names, and goes on") {
		t.Errorf("the walk did not end at its limit:\n%s", textOf(r))
	}
}

// TestWalkEndsInTime: the time of the check ends a walk too, and that is said.
func TestWalkEndsInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clean(), nil, &fake{edit: endless})
	w.opts.Walk, w.opts.Interval, w.opts.Total = maxWalk, 20*time.Millisecond, 500*time.Millisecond
	r := w.run(t)
	if r.Worst() != Wrong && r.Worst() != Undecided || !strings.Contains(textOf(r), "the check was ended after") {
		t.Errorf("worst %q\n%s", r.Worst(), textOf(r))
	}
}

// TestPace: questions for many names go out at the given rate.
func TestPace(t *testing.T) {
	t.Parallel()
	c := &check{opts: Options{Interval: 10 * time.Millisecond}}
	began := time.Now()
	for range 11 {
		if !c.pace(t.Context()) {
			t.Fatal("no time")
		}
	}
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("11 questions in %s", took)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if c.pace(ended) {
		t.Error("a question after the end")
	}
}

// TestMinimal tells denials that are made for a question from those of a chain.
func TestMinimal(t *testing.T) {
	t.Parallel()
	const name = "x0123.example.org."
	for _, tt := range []struct {
		owner, next string
		want        bool
	}{
		{name, `\000.` + name, true},                         // RFC 9824
		{"x0122~.example.org.", "x0123!.example.org.", true}, // RFC 4470
		{`x0123\000.example.org.`, "y.example.org.", false},  // after the name
		{"ns.example.org.", "zz.example.org.", false},        // a chain
		{"ns.example.org.", "example.org.", false},           // its end
	} {
		nsec := &dns.NSEC{Hdr: dns.RR_Header{Name: tt.owner}, NextDomain: tt.next}
		if got := minimal(nsec, name); got != tt.want {
			t.Errorf("minimal(%s to %s) = %t", tt.owner, tt.next, got)
		}
	}
}

// TestShow: names for people.
func TestShow(t *testing.T) {
	t.Parallel()
	for _, tt := range [][2]string{
		{".", "the root"}, {"", ""}, {"example.org.", "example.org"}, {aliceName, "2bd806c9…._smimecert.example.org"},
	} {
		if got := show(tt[0]); got != tt[1] {
			t.Errorf("show(%q) = %q, want %q", tt[0], got, tt[1])
		}
	}
	for d, want := range map[time.Duration]string{0: "0 s", 90 * time.Second: "1 min 30 s", 14 * day: "14 d", 25 * time.Hour: "1 d 1 h", day + time.Minute: "1 d"} {
		if got := span(d); got != want {
			t.Errorf("span(%s) = %q, want %q", d, got, want)
		}
	}
}

// FuzzAnswers takes any message for the answer of a name server: nothing panics, and a walk never
// leaves its zone or goes back.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{
		"example.org. 60 IN NSEC a.example.org. NS SOA", "a.example.org. 60 IN NSEC example.org. TLSA",
		"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.org. 60 IN NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
		"example.org. 60 IN DNSKEY 257 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3", "x._device.example.org. 60 IN TLSA 3 1 1 00",
	} {
		r, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		m := new(dns.Msg)
		m.SetQuestion("example.org.", dns.TypeNSEC)
		m.Ns = []dns.RR{r}
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m := new(dns.Msg)
		if m.Unpack(wire) != nil {
			return
		}
		z := &zone{check: &check{opts: Options{Revocation: day, Now: time.Now}, report: &Report{Domain: "example.org."}}, place: place{apex: "example.org.", base: "example.org."}}
		z.form(m, "x1.example.org.")
		if rr := z.nsecIn(m, "a.example.org."); rr != nil && !dns.IsSubDomain(z.apex, dns.CanonicalName(rr.Hdr.Name)) {
			t.Errorf("NSEC of %s", rr.Hdr.Name)
		}
		_ = sizeOf(m)
		_ = soaOf(m, z.apex)
		denies(m, &leaf{Name: Name{Owner: "a.example.org.", Type: dane.TLSA}})
		var keys []*dns.DNSKEY
		for _, r := range m.Ns {
			if k, ok := r.(*dns.DNSKEY); ok {
				keys = append(keys, k)
			}
			if rec, ok := recordOf(r); ok {
				_ = rec.Check()
			}
		}
		z.checkKeys(keys)
		if err := z.report.WriteText(new(strings.Builder), 80); err != nil {
			t.Error(err)
		}
	})
}
