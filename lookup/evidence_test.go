package lookup

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
	"dnseal/lookup/lookuptest"
)

// evidenceLab has a zone in every state that evidence can be about, and names in them.
func evidenceLab(tb testing.TB) (c *Client, names []string) {
	tb.Helper()
	zones := []lookuptest.Zone{
		zone("example.lab"), zone("other.lab"), zone("plain.lab", unsigned),
		zone("nsec3.lab", func(z *lookuptest.Zone) { z.NSEC3 = true }),
		zone("optout.lab", func(z *lookuptest.Zone) { z.NSEC3, z.OptOut = true, true }),
	}
	names = []string{
		"sensor._device.example.lab", "away._device.example.lab", "sensor._device.d.example.lab", "x.wild._device.example.lab",
		"no._device.example.lab", "ns.example.lab", "no._device.nsec3.lab", "x.wild._device.nsec3.lab", "no._device.optout.lab",
		"sensor._device.plain.lab", "no._device.plain.lab", "no._device.missing-denial.lab",
	}
	for _, b := range lookuptest.Breaks() {
		zones = append(zones, zone(string(b)+".lab", broken(b)))
		if b != lookuptest.Slow && b != lookuptest.Unreachable {
			names = append(names, "sensor._device."+string(b)+".lab")
		}
	}
	return startLab(tb, lookuptest.Options{}, zones...).client(tb), names
}

// evidenceOf looks up and takes the evidence through its JSON form.
func evidenceOf(tb testing.TB, c *Client, name string) (*Result, *evidence.Evidence) {
	tb.Helper()
	r := c.Lookup(tb.Context(), name, dane.TLSA)
	e, err := evidence.Of(r)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		tb.Fatal(err)
	}
	back := new(evidence.Evidence)
	if err := json.Unmarshal(text, back); err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff(e, back); diff != "" {
		tb.Fatalf("evidence through JSON: %s", diff)
	}
	return r, back
}

// TestEvidence judges kept evidence as it was judged when it was fresh, from a cold and a warm
// cache.
func TestEvidence(t *testing.T) {
	t.Parallel()
	c, names := evidenceLab(t)
	for range 2 {
		for _, name := range names {
			want, e := evidenceOf(t, c, name)
			got, err := c.VerifyEvidence(e, e.At)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got.Status != want.Status || got.Presence != want.Presence || got.Code != want.Code || !cmp.Equal(got.Records, want.Records) {
				t.Errorf("%s: %s, presence %d, %q (%s), want %s, presence %d, %q", name, got.Status, got.Presence, got.Code, got.Reason, want.Status, want.Presence, want.Code)
			}
			late, err := c.VerifyEvidence(e, e.At.AddDate(1, 0, 0))
			if err != nil || late.Status == dnssec.Secure || late.Status == dnssec.Insecure {
				t.Errorf("%s a year later: %v, %v", name, late.Status, err)
			}
		}
	}
}

// TestEvidenceWithoutTrust does not believe the evidence's own words, nor other anchors.
func TestEvidenceWithoutTrust(t *testing.T) {
	t.Parallel()
	c, _ := evidenceLab(t)
	_, e := evidenceOf(t, c, "sensor._device.wrong-signature.lab")
	e.Status, e.Code = "secure", ""
	if r, err := c.VerifyEvidence(e, e.At); err != nil || r.Status != dnssec.Bogus {
		t.Errorf("bogus evidence that calls itself secure: %v, %v", r.Status, err)
	}
	_, e = evidenceOf(t, c, sensor)
	if r, err := evidence.Verify(e, e.At, nil); err != nil || r.Status == dnssec.Secure {
		t.Errorf("evidence from the lab, by the anchors of the real root: %v, %v", r.Status, err)
	}
}

// TestEvidenceChain is in the order of RFC 9102 and can be read as one string.
func TestEvidenceChain(t *testing.T) {
	t.Parallel()
	c, _ := evidenceLab(t)
	_, e := evidenceOf(t, c, sensor)
	var got []string
	chain := e.Chain()
	for at := 0; at < len(chain); {
		rr, next, err := dns.UnpackRR(chain, at)
		if err != nil {
			t.Fatal(err)
		}
		at = next
		got = append(got, rr.Header().Name+" "+dns.Type(rr.Header().Rrtype).String())
	}
	want := []string{
		sensor + ". TLSA", sensor + ". RRSIG", "example.lab. DNSKEY", "example.lab. RRSIG", "example.lab. DS", "example.lab. RRSIG",
		"lab. DNSKEY", "lab. RRSIG", "lab. DS", "lab. RRSIG", ". DNSKEY", ". RRSIG",
	}
	if !slices.Equal(got, want) {
		t.Errorf("chain %q, want %q", got, want)
	}
}

func TestNoEvidence(t *testing.T) {
	t.Parallel()
	for _, r := range []*Result{
		undecided(key{"example.lab.", dane.TLSA}, dnssec.CodeTimeout, "no answer"),
		// as mode ad-only makes them
		chain.New("example.lab.", dane.TLSA, &dnssec.Answer{Status: dnssec.Secure}),
	} {
		if e, err := evidence.Of(r); err == nil {
			t.Errorf("Evidence() of %s = %+v, want an error", r.Status, e)
		}
	}
}

func TestEvidenceErrors(t *testing.T) {
	t.Parallel()
	c, _ := evidenceLab(t)
	for name, edit := range map[string]func(e *evidence.Evidence){
		"version":      func(e *evidence.Evidence) { e.Version = 2 },
		"type":         func(e *evidence.Evidence) { e.Type = "A" },
		"set type":     func(e *evidence.Evidence) { e.Sets[0].Type = "" },
		"too many":     func(e *evidence.Evidence) { e.Sets = make([]evidence.Set, 201) },
		"too large":    func(e *evidence.Evidence) { e.Sets[0].Wire = make([]byte, 1<<20) },
		"empty set":    func(e *evidence.Evidence) { e.Sets[0].Wire = nil },
		"cut off":      func(e *evidence.Evidence) { e.Sets[0].Wire = e.Sets[0].Wire[:20] },
		"two in a set": func(e *evidence.Evidence) { e.Sets[0].Wire = slices.Concat(e.Sets[0].Wire, e.Sets[1].Wire) },
		"no records":   func(e *evidence.Evidence) { e.Sets[0].Wire = e.Sets[0].Wire[len(e.Sets[0].Wire)/2:] },
	} {
		_, e := evidenceOf(t, c, sensor)
		edit(e)
		if r, err := c.VerifyEvidence(e, e.At); err == nil {
			t.Errorf("%s: VerifyEvidence() = %s, want an error", name, r.Status)
		}
	}
}

// TestEvidenceAltered changes any octet or drops any set: what comes out is the same data, or not
// secure.
func TestEvidenceAltered(t *testing.T) {
	t.Parallel()
	c, names := evidenceLab(t)
	var secure []string
	for _, name := range names {
		if c.Lookup(t.Context(), name, dane.TLSA).Status == dnssec.Secure {
			secure = append(secure, name)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		want, e := evidenceOf(t, c, rapid.SampledFrom(secure).Draw(rt, "name"))
		i := rapid.IntRange(0, len(e.Sets)-1).Draw(rt, "set")
		if rapid.Bool().Draw(rt, "drop") {
			e.Sets = slices.Delete(e.Sets, i, i+1)
		} else {
			wire := bytes.Clone(e.Sets[i].Wire)
			wire[rapid.IntRange(0, len(wire)-1).Draw(rt, "octet")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			e.Sets[i].Wire = wire
		}
		checkAltered(rt, c, want, e)
	})
}

func checkAltered(t interface {
	Fatalf(format string, args ...any)
}, c *Client, want *Result, e *evidence.Evidence,
) {
	got, err := c.VerifyEvidence(e, e.At)
	if err != nil || got.Status != dnssec.Secure {
		return
	}
	if got.Presence != want.Presence || !cmp.Equal(got.Records, want.Records) {
		t.Fatalf("altered evidence about %s is secure with %+v, want %+v", want.Name, got.Records, want.Records)
	}
}

// FuzzVerifyEvidence reads anything, and finds nothing secure but what was.
func FuzzVerifyEvidence(f *testing.F) {
	c, names := evidenceLab(f)
	at := time.Now()
	known := map[string]*Result{}
	for _, name := range names {
		r, e := evidenceOf(f, c, name)
		known[r.Name] = r
		text, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e := new(evidence.Evidence)
		if json.Unmarshal(text, e) != nil {
			return
		}
		r, err := c.VerifyEvidence(e, at)
		if err != nil || r.Status != dnssec.Secure {
			return
		}
		if want := known[r.Name]; want != nil && r.Presence == dane.Present && !cmp.Equal(r.Records, want.Records) {
			t.Errorf("%s is secure with %+v", r.Name, r.Records)
		}
	})
}

// TestEvidenceOfShared takes evidence of one cached result in many goroutines: the records are
// everybody's.
func TestEvidenceOfShared(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"))
	c := l.client(t)
	c.Lookup(t.Context(), "sensor._device.example.lab", dane.TLSA)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			if _, err := evidence.Of(c.Lookup(t.Context(), "sensor._device.example.lab", dane.TLSA)); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
}

// TestEvidenceFromChain: the chain alone, without the questions, proves the same of what is secure.
func TestEvidenceFromChain(t *testing.T) {
	t.Parallel()
	c, names := evidenceLab(t)
	for _, name := range names {
		want, e := evidenceOf(t, c, name)
		back, err := evidence.FromChain(want.Name, dane.TLSA, e.Chain())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := c.VerifyEvidence(back, e.At)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want.Status == dnssec.Secure && (got.Status != want.Status || got.Presence != want.Presence || !cmp.Equal(got.Records, want.Records)) {
			t.Errorf("%s: %s, presence %d, %q (%s), want %s, presence %d", name, got.Status, got.Presence, got.Code, got.Reason, want.Status, want.Presence)
		}
		if want.Status != dnssec.Secure && got.Status == dnssec.Secure {
			t.Errorf("%s is secure, want %s", name, want.Status)
		}
		t.Logf("%s %s: %d sets, %d octets, verified %d", name, want.Status, len(e.Sets), len(e.Chain()), len(got.Answer.RRsets))
	}
}
