package staple_test

import (
	"bytes"
	"context"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dnseal/lookup"
	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/lookup/lookuptest"
)

const labZone = `$ORIGIN example.lab.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
sensor._device TLSA 3 1 1 0102030405060708091011121314151617181920212223242526272829303132
away._device CNAME Sensor._device.Other.lab.
*.wild._device TLSA 3 1 1 0102030405060708091011121314151617181920212223242526272829303132
d DNAME other.lab.
`

// lab is the DNS as a signer sees it.
type lab struct {
	client    *lookup.Client
	validator *dnssec.Validator
}

func newLab(tb testing.TB, edit ...func(*lookuptest.Zone)) *lab {
	tb.Helper()
	var zones []lookuptest.Zone
	for _, name := range []string{"example.lab", "other.lab", "nsec3.lab", "plain.lab"} {
		z := lookuptest.Zone{Text: strings.ReplaceAll(labZone, "example.lab", name), NSEC3: name == "nsec3.lab", Unsigned: name == "plain.lab"}
		for _, e := range edit {
			e(&z)
		}
		zones = append(zones, z)
	}
	s, err := lookuptest.New(zones, lookuptest.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	if err = s.Start("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	anchors, err := dnssec.ParseAnchors(s.Anchor(), "lab")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lookup.New(lookup.Options{Resolvers: []string{s.Addr()}, Anchors: anchors, Timeout: 30 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return &lab{c, &dnssec.Validator{Anchors: anchors}}
}

// staple is that of names.
func (l *lab) staple(tb testing.TB, names ...string) []byte {
	tb.Helper()
	var results []*chain.Result
	for _, name := range names {
		results = append(results, l.client.Lookup(tb.Context(), name, dane.TLSA))
	}
	der, err := staple.Make(l.client, time.Now(), results...)
	if err != nil {
		tb.Fatalf("%q: %v", names, err)
	}
	return der
}

// read looks name up in a staple, after a time.
func (l *lab) read(der []byte, name string, after, maxAge time.Duration) *chain.Result {
	now := func() time.Time { return time.Now().Add(after) }
	r := staple.NewResolver([][]byte{der}, nil, staple.Options{Validator: l.validator, MaxAge: maxAge, Now: now})
	return r.Lookup(context.Background(), name, dane.TLSA)
}

const (
	sensor = "sensor._device.example.lab"
	none   = "none._device.example.lab"
)

// secureNames are all ways to a secure answer.
func secureNames() []string {
	return []string{
		sensor, "away._device.example.lab", "sensor._device.d.example.lab", "x.wild._device.example.lab", none, "ns.example.lab",
		"sensor._device.nsec3.lab", "x.wild._device.nsec3.lab", "none._device.nsec3.lab",
	}
}

// TestStaple: a staple answers as the DNS did, from a cold and a warm cache.
func TestStaple(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for range 2 {
		for _, name := range secureNames() {
			want := l.client.Lookup(t.Context(), name, dane.TLSA)
			der := l.staple(t, name)
			got := l.read(der, name, 0, 0)
			if got.Status != dnssec.Secure || got.Presence != want.Presence || !cmp.Equal(got.Records, want.Records) {
				t.Errorf("%s: %s, %q (%s), want %+v", name, got.Status, got.Code, got.Reason, want.Records)
			}
			if age := staple.Age(got); age < time.Hour || age > time.Hour+time.Minute {
				t.Errorf("%s: signed %s ago, want an hour", name, age)
			}
			if len(der) > 3000 {
				t.Errorf("%s: %d octets", name, len(der))
			}
		}
	}
}

// TestStapleOfTwo: a name without record of its own, and that of its domain's CA.
func TestStapleOfTwo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	der := l.staple(t, none, sensor)
	if r := l.read(der, none, 0, 0); r.Status != dnssec.Secure || r.Presence != dane.Absent {
		t.Errorf("%s: %s, presence %d", none, r.Status, r.Presence)
	}
	if r := l.read(der, sensor, 0, 0); r.Status != dnssec.Secure || r.Presence != dane.Present {
		t.Errorf("%s: %s, presence %d", sensor, r.Status, r.Presence)
	}
}

// TestStapleProvesNothing: what does not prove the records of a name now, and lately, is no answer.
func TestStapleProvesNothing(t *testing.T) {
	t.Parallel()
	l, stranger := newLab(t), newLab(t)
	day := 24 * time.Hour
	der := l.staple(t, sensor)
	two := asn1Staple(t, func(s *stapleASN1) { s.Chains = append(s.Chains, s.Chains[0]) }, der)
	for _, tt := range []struct {
		name          string
		der           []byte
		after, maxAge time.Duration
		want          dnssec.Code
	}{
		{"right", der, 0, 2 * time.Hour, ""},
		{"too old", der, 0, 30 * time.Minute, staple.CodeTooOld},
		{"too old later", der, 3 * day, 2 * day, staple.CodeTooOld},
		{"old enough still", der, 3 * day, 4 * day, ""},
		{"expired", der, 15 * day, 100 * day, staple.CodeExpired},
		{"not valid yet", der, -2 * time.Hour, 0, staple.CodeExpired},
		{"another trust anchor", stranger.staple(t, sensor), 0, 0, staple.CodeInvalid},
		{"another name", l.staple(t, "ns.example.lab"), 0, 0, staple.CodeMissing},
		{"empty", nil, 0, 0, staple.CodeMalformed},
		{"cut off", der[:len(der)-1], 0, 0, staple.CodeMalformed},
		{"more after it", append(bytes.Clone(der), 0), 0, 0, staple.CodeMalformed},
		{"huge", make([]byte, staple.MaxSize+1), 0, 0, staple.CodeMalformed},
		{"garbage", []byte("garbage"), 0, 0, staple.CodeMalformed},
		{"of one name twice", two, 0, 0, staple.CodeMalformed},
		{"no chain", asn1Staple(t, func(s *stapleASN1) { s.Chains = nil }, der), 0, 0, staple.CodeMalformed},
		{"an empty chain", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Chain = nil }, der), 0, 0, staple.CodeMalformed},
		{"another version", asn1Staple(t, func(s *stapleASN1) { s.Version = 2 }, der), 0, 0, staple.CodeMalformed},
		{"another type", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Type = 1 }, der), 0, 0, staple.CodeMalformed},
		{"SMIMEA", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Type = 53 }, der), 0, 0, staple.CodeMissing},
		{"upper case", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Name = strings.ToUpper(s.Chains[0].Name) }, der), 0, 0, staple.CodeMalformed},
		{"relative", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Name = sensor }, der), 0, 0, staple.CodeMalformed},
		{"garbage for a chain", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Chain = []byte("garbage") }, der), 0, 0, staple.CodeMalformed},
		{"a set more", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Chain = append(s.Chains[0].Chain, lastChain(t, l.staple(t, none))...) }, der), 0, 0, staple.CodeMalformed},
		{"the chain of another name", asn1Staple(t, func(s *stapleASN1) { s.Chains[0].Chain = lastChain(t, l.staple(t, "away._device.example.lab")) }, der), 0, 0, staple.CodeInvalid},
	} {
		r := l.read(tt.der, sensor, tt.after, tt.maxAge)
		wanted := dnssec.Indeterminate
		if tt.want == "" {
			wanted = dnssec.Secure
		}
		if r.Status != wanted || r.Code != tt.want || tt.want != "" && (r.Reason == "" || len(r.Records) > 0) {
			t.Errorf("%s: %s, %q (%s), want %q", tt.name, r.Status, r.Code, r.Reason, tt.want)
		}
	}
	r := staple.NewResolver([][]byte{der, der}, nil, staple.Options{Validator: l.validator}).Lookup(t.Context(), sensor, dane.TLSA)
	if r.Code != staple.CodeMalformed {
		t.Errorf("two staples: %q", r.Code)
	}
	if r := staple.NewResolver(nil, errors.New("x"), staple.Options{}).LookupFresh(t.Context(), sensor, dane.TLSA); r.Code != staple.CodeMalformed {
		t.Errorf("unreadable: %q", r.Code)
	}
	if r := staple.NewResolver(nil, nil, staple.Options{}).Lookup(t.Context(), sensor, dane.TLSA); r.Code != staple.CodeMissing {
		t.Errorf("none: %q", r.Code)
	}
}

// TestStapleFlipped: no bit of a staple can be changed.
func TestStapleFlipped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ders := map[string][]byte{}
	for _, name := range secureNames() {
		ders[name] = l.staple(t, name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(secureNames()).Draw(rt, "name")
		der := bytes.Clone(ders[name])
		der[rapid.IntRange(0, len(der)-1).Draw(rt, "octet")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if r := l.read(der, name, 0, 0); r.Status == dnssec.Secure {
			rt.Errorf("%s is secure by a changed staple", name)
		}
	})
}

// TestMakeRefuses: what is not proven is not stapled.
func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	believed := *l.client.Lookup(t.Context(), sensor, dane.TLSA)
	believed.Believed = true
	for name, r := range map[string]*chain.Result{
		"insecure": l.client.Lookup(t.Context(), "sensor._device.plain.lab", dane.TLSA),
		"believed": &believed,
		"unasked":  chain.New("example.lab.", dane.TLSA, &dnssec.Answer{}),
	} {
		if _, err := staple.Make(l.client, time.Now(), r); err == nil || !strings.HasPrefix(err.Error(), "staple: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := staple.Make(newLab(t).client, time.Now(), l.client.Lookup(t.Context(), sensor, dane.TLSA)); err == nil {
		t.Error("stapled what the verifier does not accept")
	}
	if _, err := staple.Make(l.client, time.Now()); err == nil {
		t.Error("an empty staple")
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 seconds", 90 * time.Second: "1.5 minutes", time.Hour: "1 hour", time.Hour + time.Second: "1.1 hours", 36 * time.Hour: "1.5 days", 14 * 24 * time.Hour: "14 days",
		400 * 24 * time.Hour: "400 days",
	} {
		if got := staple.Days(d); got != want {
			t.Errorf("Days(%s) = %q, want %q", d, got, want)
		}
	}
}

// FuzzRead reads anything as a staple, and finds nothing secure in it but what was stapled.
func FuzzRead(f *testing.F) {
	l := newLab(f)
	known := map[string]*chain.Result{}
	for _, name := range secureNames() {
		der := l.staple(f, name)
		f.Add(der)
		r := l.read(der, name, 0, 0)
		known[r.Name] = r
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		es, err := staple.Read(der)
		if err != nil {
			return
		}
		for _, e := range es {
			r := l.read(der, e.Name, 0, 0)
			if want := known[r.Name]; r.Status == dnssec.Secure && want != nil && (r.Presence != want.Presence || !cmp.Equal(r.Records, want.Records)) {
				t.Errorf("%s is secure with %+v", r.Name, r.Records)
			}
		}
	})
}

// stapleASN1 is the ASN.1 of the package documentation, by another library.
type stapleASN1 struct {
	Version int
	Chains  []chainASN1
}

type chainASN1 struct {
	Name  string `asn1:"ia5"`
	Type  int
	Chain []byte
}

// asn1Staple changes a staple.
func asn1Staple(tb testing.TB, edit func(*stapleASN1), der []byte) []byte {
	tb.Helper()
	var s stapleASN1
	if rest, err := asn1.Unmarshal(der, &s); err != nil || len(rest) > 0 {
		tb.Fatal(err)
	}
	edit(&s)
	out, err := asn1.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func lastChain(tb testing.TB, der []byte) []byte {
	tb.Helper()
	var out []byte
	asn1Staple(tb, func(s *stapleASN1) { out = s.Chains[len(s.Chains)-1].Chain }, der)
	return out
}
