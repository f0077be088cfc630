package receiver_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
)

// TestCaseOfLocalPart: a certificate for Alice@ is none for alice@, and the reason says so whatever
// the DNS holds, with both forms.
func TestCaseOfLocalPart(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	upper := newPerson(t, "Alice@example.org", "alice", person{}, nil)
	second := newPerson(t, "other@example.org", "alice", person{}, func(x *x509.Certificate) { x.EmailAddresses = append(x.EmailAddresses, "ALICE@example.org") })
	issued := newPerson(t, "Alice@example.org", "alice", c.mailCA, nil)
	spki := upper.cert.RawSubjectPublicKeyInfo
	for name, res := range map[string]*lookup.Result{
		"absent":        {Status: dnssec.Secure, Presence: dane.Absent},
		"insecure":      {Status: dnssec.Insecure, Presence: dane.Absent},
		"bogus":         {Status: dnssec.Bogus},
		"indeterminate": {Status: dnssec.Indeterminate, Code: "servfail"},
		"present":       answerWith("", dane.SMIMEA, dane.Record{Usage: 3, Selector: 1, Data: spki}),
		"another key":   answerWith("", dane.SMIMEA, dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: make([]byte, 32)}),
	} {
		for _, p := range []person{upper, second, issued} {
			dns := newFakeDNS()
			for _, local := range []string{"alice", "Alice", "ALICE", "other"} {
				owner, err := dane.SMIMEAName(local, "example.org")
				if err != nil {
					t.Fatal(err)
				}
				dns.cached[owner+" SMIMEA"], dns.fresh[owner+" SMIMEA"] = res, res
			}
			content := "Content-Type: text/plain\r\n\r\nThe plan is good.\r\n"
			eml := header("alice@example.org") + clear(content, signedBy(content, p, nil))
			for _, saved := range []bool{false, true} {
				report := judge(t, dns, eml, func(o *receiver.Options) { o.Saved = saved })
				if report.Verdict == receiver.Pass || !strings.Contains(strings.ToLower(report.Reason), "the certificate says alice@example.org, and from says alice@example.org: local parts are compared letter by letter") {
					t.Errorf("%s, %s: %s: %s", name, p.name, report.Verdict, report.Reason)
				}
			}
			// Where the content is another, that is the cause.
			report := judge(t, dns, strings.Replace(eml, "good", "evil", 1), nil)
			if report.Verdict != receiver.Fail || strings.Contains(report.Reason, "letter") {
				t.Errorf("%s, %s, changed: %s: %s", name, p.name, report.Verdict, report.Reason)
			}
		}
	}
}
