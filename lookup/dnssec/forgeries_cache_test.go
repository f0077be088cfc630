package dnssec_test

import (
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// honestQuestions are asked before and after forgeries, through the same caches.
var honestQuestions = []question{
	{leaf, dns.TypeA},
	{leaf, dns.TypeTXT},
	{"www.child.example.org.", dns.TypeA},
	{"alice._smimecert.example.org.", dns.TypeSMIMEA},
	{"x.y.wild.example.org.", dns.TypeA},
	{"www.d.example.org.", dns.TypeA},
	{"unsafe.example.org.", dns.TypeA},
	{"no.nsec3.org.", dns.TypeA},
	{"www.child.nsec3.org.", dns.TypeA},
	{"www.island.optout.org.", dns.TypeA},
	{"www.rsa.org.", dns.TypeA},
}

// cachedForgery is the validator of one forgery with caches that keep what it learns.
func cachedForgery(t *testing.T, s *lookuptest.Server, keys *spareKeys, tt *forgery) (f *forger, v *dnssec.Validator) {
	t.Helper()
	f = &forger{tb: t, s: s, now: vectorTime, keys: keys}
	v = f.validator()
	v.Keys, v.Signatures = new(zoneMap), new(signatureMap)
	if tt.change != nil {
		f.change = tt.change
	}
	return f, v
}

// everyForgery runs f over the forgeries that need no circumstances of their own.
func everyForgery(f func(tt *forgery)) {
	for _, tt := range forgeries() {
		if _, special := circumstances[tt.id]; !special {
			f(&tt)
		}
	}
}

// TestForgeriesLeaveNoTrace: what was found to be forged changes nothing for those who ask
// afterwards.
func TestForgeriesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	s := newServer(t, vectorHierarchy(), lookuptest.Options{Now: vectorNow})
	honest := (&forger{tb: t, s: s, now: vectorTime}).validator()
	want := map[question]*dnssec.Answer{}
	for _, q := range honestQuestions {
		want[q] = honest.Resolve(t.Context(), q.name, q.qtype)
	}
	keys := &spareKeys{}
	everyForgery(func(tt *forgery) {
		f, v := cachedForgery(t, s, keys, tt)
		if a := v.Resolve(t.Context(), tt.name, tt.qtype); a.Status == dnssec.Secure || a.Status == dnssec.Insecure {
			return
		}
		f.change = nil
		for _, q := range honestQuestions {
			a := v.Resolve(t.Context(), q.name, q.qtype)
			if a.Status != want[q].Status || a.Code != want[q].Code || said(a) != said(want[q]) {
				t.Errorf("after %s: %v = %v %q (%s), want %v %q", tt.id, q, a.Status, a.Code, a.Reason, want[q].Status, want[q].Code)
			}
		}
	})
}

// TestForgeriesWarm: whoever knows the zones on the way already is not misled either.
func TestForgeriesWarm(t *testing.T) {
	t.Parallel()
	s := newServer(t, vectorHierarchy(), lookuptest.Options{Now: vectorNow})
	keys := &spareKeys{}
	everyForgery(func(tt *forgery) {
		if tt.want == dnssec.Secure {
			return
		}
		for _, before := range honestQuestions {
			f, v := cachedForgery(t, s, keys, tt)
			f.change = nil
			v.Resolve(t.Context(), before.name, before.qtype)
			f.change = tt.change
			a := v.Resolve(t.Context(), tt.name, tt.qtype)
			if a.Status == dnssec.Secure && said(a) != said(honestly(t, s, tt)) {
				t.Errorf("%s after %v = %v %s, want %v", tt.id, before, a.Status, said(a), tt.want)
			}
			if a.Status == dnssec.Insecure && tt.want == dnssec.Bogus {
				t.Errorf("%s after %v = %v, want %v", tt.id, before, a.Status, tt.want)
			}
		}
	})
}

// honestly is what the hierarchy says itself.
func honestly(t *testing.T, s *lookuptest.Server, tt *forgery) *dnssec.Answer {
	t.Helper()
	return (&forger{tb: t, s: s, now: vectorTime}).validator().Resolve(t.Context(), tt.name, tt.qtype)
}

// parentSigned are forgeries that the parent has signed: without the proof of the delegation they
// are its word.
var parentSigned = map[string]bool{"0322-above-cut": true, "0323-above-broken-cut": true, "0726-grandparent-leaf": true}

// TestForgeriesEvidence: the evidence of a forgery is worth what the forgery was, and no part of it
// is worth more.
func TestForgeriesEvidence(t *testing.T) {
	t.Parallel()
	s := newServer(t, vectorHierarchy(), lookuptest.Options{Now: vectorNow})
	keys := &spareKeys{}
	everyForgery(func(tt *forgery) {
		_, v := cachedForgery(t, s, keys, tt)
		a := v.Resolve(t.Context(), tt.name, tt.qtype)
		if a.Status == dnssec.Indeterminate {
			return
		}
		e := a.Evidence()
		if b := v.Verify(e, vectorTime); b.Status != a.Status || b.Code != a.Code {
			t.Errorf("%s: evidence = %v %q (%s), was %v %q (%s)", tt.id, b.Status, b.Code, b.Reason, a.Status, a.Code, a.Reason)
		}
		for i, left := range e.RRsets {
			if t := left.Records[0].Header().Rrtype; t == dns.TypeSOA || t == dns.TypeDS && parentSigned[tt.id] {
				continue // the SOA only bounds the life of a negative answer
			}
			part := e
			part.RRsets = append(append([]dnssec.RRset{}, e.RRsets[:i]...), e.RRsets[i+1:]...)
			for _, rcode := range []int{dns.RcodeSuccess, dns.RcodeNameError} {
				part.Rcode = rcode
				b := v.Verify(part, vectorTime)
				if b.Status == dnssec.Secure && a.Status != dnssec.Secure || b.Status == dnssec.Secure && said(b) != said(a) {
					t.Errorf("%s: evidence without %v = %v %s, was %v %q %s", tt.id, left.Records[0], b.Status, said(b), a.Status, a.Code, said(a))
				}
			}
		}
	})
}
