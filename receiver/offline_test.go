package receiver_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime"
	"dnseal/smime/cms"
)

// harbour is a place with a DNS, where messages are signed; what is verified offline never sees it.
type harbour struct {
	*cast
	anchors *dnssec.Anchors
	staples map[string][]byte // by name of the signer
	mail    string            // alice's, signed by dnseal with her staple
}

// newHarbour publishes alice, bob and sensor7, and the CA of carol, who has no record of her own.
func newHarbour(t *testing.T) *harbour {
	t.Helper()
	h := &harbour{cast: newCast(t), staples: map[string][]byte{}}
	zone := h.zoneOf(h.alice, h.bob, h.sensor) + "; zone example.com.\n_user.example.com. 300 IN TLSA " + record(2, 0, 1, h.userCA.cert.Raw) + "\n"
	s := serve(t, []byte(zone))
	var err error
	if h.anchors, err = dnssec.ParseAnchors(s.Anchor(), "harbour"); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, s)
	for _, p := range []person{h.alice, h.bob, h.sensor, h.carol} {
		a, err := sender.Staple(t.Context(), client, p.identity(), dnssec.Limits{}, clock)
		if err != nil {
			t.Fatal(err)
		}
		h.staples[p.name] = a.Value
	}
	h.mail = signed(t, mail("alice@example.org"), smime.SignOptions{Unsigned: [][]cms.Attribute{{{Type: cms.OIDStaple, Value: h.staples["alice@example.org"]}}}}, h.alice)
	return h
}

// offline judges without a DNS, some time later.
func (h *harbour) offline(tb testing.TB, text string, later time.Duration, change func(*receiver.Options)) *receiver.Report {
	tb.Helper()
	opts := receiver.Options{
		Saved: true, Offline: &receiver.Offline{Validator: &dnssec.Validator{Anchors: h.anchors}, MaxAge: 7 * 24 * time.Hour},
		Now: func() time.Time { return clock.Add(later) },
	}
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

// stapled is an unsigned attribute with these values.
func stapled(values ...[]byte) []byte {
	oid, err := cms.OIDStaple.MarshalBinary()
	if err != nil {
		panic(err) // a constant
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(oid) })
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(values, nil)) })
		})
	})
}

// by is a message signed by a person, with unsigned attributes.
func (h *harbour) by(p person, from string, unsigned ...[]byte) string {
	return header(from) + clear(bare, signedBy(bare, p, func(sd *signedData) { sd.signers[0].unsigned = unsigned }))
}

// TestOffline: what a staple proves and what it does not, and that it says so.
func TestOffline(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	alices, bobs, carols := h.staples["alice@example.org"], h.staples["bob@example.org"], h.staples["carol@example.com"]
	day := 24 * time.Hour
	onlyAbsent := firstChainOnly(t, carols)
	other := newCast(t).alice // with another key under the same name
	other.key, other.cert = h.bob.key, newPerson(t, "alice@example.org", "bob", person{}, nil).cert
	for _, tt := range []struct {
		name, text string
		later      time.Duration
		verdict    receiver.Verdict
		code       receiver.Code
	}{
		{"signed by dnseal", h.mail, 0, receiver.Pass, ""},
		{"days later", h.mail, 6 * day, receiver.Pass, ""},
		{"after max-age", h.mail, 8 * day, receiver.TempError, "staple-too-old"},
		{"after the signatures of DNSSEC", h.mail, 20 * day, receiver.TempError, "staple-expired"},
		{"changed", replaceOnce(t, h.mail, "100 euros", "900 euros"), 0, receiver.Fail, receiver.CodeBadDigest},
		{"from another message of the signer", h.by(h.alice, "alice@example.org", stapled(alices)), 0, receiver.Pass, ""},
		{"of another signer", h.by(h.alice, "alice@example.org", stapled(bobs)), 0, receiver.TempError, "staple-missing"},
		{"none", h.by(h.alice, "alice@example.org"), 0, receiver.TempError, "staple-missing"},
		{"no value", h.by(h.alice, "alice@example.org", stapled()), 0, receiver.TempError, "staple-missing"},
		{"two", h.by(h.alice, "alice@example.org", stapled(alices), stapled(bobs)), 0, receiver.TempError, "staple-malformed"},
		{"the same twice", h.by(h.alice, "alice@example.org", stapled(alices, alices)), 0, receiver.TempError, "staple-malformed"},
		{"garbage", h.by(h.alice, "alice@example.org", stapled(derOctets([]byte("garbage")))), 0, receiver.TempError, "staple-malformed"},
		{"cut off", h.by(h.alice, "alice@example.org", stapled(derOctets(alices[:len(alices)-9]))), 0, receiver.TempError, "staple-malformed"},
		{"huge", h.by(h.alice, "alice@example.org", stapled(derOctets(make([]byte, 70<<10)))), 0, receiver.TempError, "staple-malformed"},
		{"larger than a signature may be", h.by(h.alice, "alice@example.org", stapled(derOctets(make([]byte, 200<<10)))), 0, receiver.PermError, receiver.CodeMalformed},
		{"of the author, for another's key", h.by(h.mallory, "alice@example.org", stapled(alices)), 0, receiver.Policy, receiver.CodeFromMismatch},
		{"of the author, for another key under her name", h.by(other, "alice@example.org", stapled(alices)), 0, receiver.Fail, receiver.CodeKeyReplaced},
		{"of the signer, who is not the author", h.by(h.bob, "alice@example.org", stapled(bobs)), 0, receiver.Policy, receiver.CodeFromMismatch},
		{"a user by the CA of her domain", h.by(h.carol, "carol@example.com", stapled(carols)), 0, receiver.Pass, ""},
		{"the proof of absence alone", h.by(h.carol, "carol@example.com", stapled(onlyAbsent)), 0, receiver.TempError, "staple-missing"},
		{"among the signed attributes", header("alice@example.org") + clear(bare, signedBy(bare, h.alice, func(sd *signedData) {
			sd.signers[0].attributes = func(as [][]byte) [][]byte { return append(as, stapled(alices)) }
		})), 0, receiver.TempError, "staple-missing"},
	} {
		r := h.offline(t, tt.text, tt.later, nil)
		if r.Verdict != tt.verdict || r.Code != tt.code {
			t.Errorf("%s: %s, %q (%s), want %s, %q", tt.name, r.Verdict, r.Code, r.Reason, tt.verdict, tt.code)
		}
		if s := r.Signatures[0]; s.DNS != nil && (s.DNS.Source != receiver.SourceStaple || s.DNS.TTL != 0 || s.DNS.Status == "secure" != strings.Contains(strings.Join(s.DNS.Warnings, ""), "stapled by the signer, DNSSEC signatures made at most ")) {
			t.Errorf("%s: %+v", tt.name, s.DNS)
		}
	}
}

// firstChainOnly is a staple without its second chain.
func firstChainOnly(tb testing.TB, der []byte) []byte {
	tb.Helper()
	var s struct {
		Version int
		Chains  []asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &s); err != nil || len(s.Chains) != 2 {
		tb.Fatalf("%d chains, %v", len(s.Chains), err)
	}
	s.Chains = s.Chains[:1]
	out, err := asn1.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// TestOfflineAnchor: the receiver's own trust anchors count, those of the DNS root where none are
// given.
func TestOfflineAnchor(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	r := h.offline(t, h.mail, 0, func(o *receiver.Options) { o.Offline = &receiver.Offline{} })
	if r.Verdict != receiver.TempError || r.Code != "staple-invalid" {
		t.Errorf("%s, %q: %s", r.Verdict, r.Code, r.Reason)
	}
}

// TestStapleIsNotReadOnline: with a DNS a staple makes no verdict better or worse, and no question
// is asked because of it.
func TestStapleIsNotReadOnline(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	owner := strings.Fields(h.alice.record(t, "3 1 1"))[0]
	for name, unsigned := range map[string][][]byte{
		"none": nil, "right": {stapled(h.staples["alice@example.org"])}, "another's": {stapled(h.staples["bob@example.org"])},
		"garbage": {stapled(derOctets([]byte("garbage")))}, "two": {stapled(derOctets(nil)), stapled()},
	} {
		published, withdrawn := newFakeDNS(), newFakeDNS()
		publish(t, published.cached, h.alice)
		text := h.by(h.alice, "alice@example.org", unsigned...)
		for dns, want := range map[*fakeDNS]string{published: "pass  " + owner + " SMIMEA", withdrawn: "fail not-published-now " + owner + " SMIMEA !" + owner + " SMIMEA"} {
			r := judge(t, dns, text, func(o *receiver.Options) { o.Saved = true })
			if got := fmt.Sprint(r.Verdict, " ", r.Code, " ", strings.Join(dns.asked, " ")); got != want || r.Signatures[0].DNS.Source != "" {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}

// TestOfflineAsksNothing: not even where a resolver is given, and each name is judged once.
func TestOfflineAsksNothing(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	dns := newFakeDNS()
	for _, text := range []string{h.mail, h.by(h.bob, "alice@example.org", stapled(h.staples["bob@example.org"])), h.by(h.alice, "alice@example.org")} {
		r := h.offline(t, text, 0, func(o *receiver.Options) { o.Lookup = dns })
		if len(dns.asked) > 0 || len(r.Lookups()) != 1 {
			t.Errorf("asked %q, %d results", dns.asked, len(r.Lookups()))
		}
	}
}

// TestOfflineEveryBit: no bit of a staple in a message can be changed so that it still passes.
func TestOfflineEveryBit(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	der := signedBy(bare, h.alice, func(sd *signedData) { sd.signers[0].unsigned = [][]byte{stapled(h.staples["alice@example.org"])} })
	at := bytes.Index(der, h.staples["alice@example.org"])
	begin := at - len(stapled(h.staples["alice@example.org"])) + len(h.staples["alice@example.org"])
	if at < 0 {
		t.Fatal("the staple is not in the message")
	}
	message := func() string { return header("alice@example.org") + clear(bare, der) }
	if r := h.offline(t, message(), 0, nil); r.Verdict != receiver.Pass {
		t.Fatalf("%s, %s: %s", r.Verdict, r.Code, r.Reason)
	}
	for i := begin; i < len(der); i++ {
		bit := byte(1) << (i % 8)
		der[i] ^= bit
		if r := h.offline(t, message(), 0, nil); r.Verdict == receiver.Pass {
			t.Errorf("octet %d of %d, bit %02x: pass", i, len(der), bit)
		}
		der[i] ^= bit
	}
}

// TestOfflineJSON has the words of the stable form.
func TestOfflineJSON(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	text, err := json.Marshal(h.offline(t, h.mail, 0, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"source":"staple"`, `"status":"secure"`, `"presence":"present"`, `"result":"match"`, `"stapled by the signer, DNSSEC signatures made at most 1 hour ago; not looked up"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
