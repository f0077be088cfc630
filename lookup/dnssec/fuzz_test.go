package dnssec_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// fuzzed are vectors whose secret keys nobody has kept.
var fuzzed = []string{
	"0101-good", "0115-removed", "0305-island", "0401-wildcard", "0406-over-name", "0408-over-person", "0502-cname-away", "0506-dname",
	"0601-nodata", "0602-nxdomain", "0617-nxname", "0701-nodata3", "0702-nxdomain3", "0705-narrow", "0716-optout-nxdomain", "0718-iterations-forged",
}

// FuzzReply puts any message in place of one reply of a vector: which one, and of which vector, is
// the fuzzer's choice too. It must never panic, and never be secure with other data than the
// vector's own.
func FuzzReply(f *testing.F) {
	var scenarios []*scenario
	for i, id := range fuzzed {
		s, err := readScenario(filepath.Join("testdata", id+".rpl"))
		if err != nil {
			f.Fatal(err)
		}
		scenarios = append(scenarios, s)
		for n, e := range s.entries {
			wire, err := e.message().Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), uint8(n), wire)
		}
	}
	f.Fuzz(func(t *testing.T, which, entry uint8, wire []byte) {
		s := scenarios[int(which)%len(scenarios)]
		e := s.entries[int(entry)%len(s.entries)]
		m := new(dns.Msg)
		if m.Unpack(wire) != nil {
			return
		}
		anchors, err := dnssec.ParseAnchors(s.anchors.String(), "anchor")
		if err != nil {
			t.Fatal(err)
		}
		honest := &recursor{scenario: s, step: 1}
		v := &dnssec.Validator{Exchanger: honest, Anchors: anchors, Now: func() time.Time { return s.now }}
		query := s.steps[0].rplEntry
		want := v.Resolve(t.Context(), query.name, query.qtype)
		m.Question = []dns.Question{{Name: e.name, Qtype: e.qtype, Qclass: dns.ClassINET}}
		v.Exchanger = replies{Exchanger: honest, question: dns.Question{Name: dns.CanonicalName(e.name), Qtype: e.qtype, Qclass: dns.ClassINET}, reply: m}
		got := v.Resolve(t.Context(), query.name, query.qtype)
		if got.Status == dnssec.Secure && (want.Status != dnssec.Secure || said(got) != said(want)) {
			t.Errorf("secure %s, want %v %s\n%v", said(got), want.Status, said(want), m)
		}
		if again := v.Verify(got.Evidence(), s.now); got.Status != dnssec.Indeterminate && again.Status == dnssec.Secure && got.Status != dnssec.Secure {
			t.Errorf("its evidence is secure, the answer %v", got.Status)
		}
	})
}

// message is the entry as a reply.
func (e *rplEntry) message() *dns.Msg {
	m := new(dns.Msg)
	m.Response, m.Rcode = true, e.rcode
	m.Question = []dns.Question{{Name: e.name, Qtype: e.qtype, Qclass: dns.ClassINET}}
	m.Answer, m.Ns, m.Extra = e.answer, e.ns, e.extra
	return m
}

// FuzzParseAnchors: whatever the file, no panic, and nothing without an anchor.
func FuzzParseAnchors(f *testing.F) {
	f.Add(". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
	f.Add("example. 300 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n")
	f.Add("$TTL 1\n$INCLUDE /etc/passwd\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := dnssec.ParseAnchors(text, "fuzz")
		if err == nil && len(a.Zones()) == 0 {
			t.Error("no error and no anchor")
		}
	})
}
