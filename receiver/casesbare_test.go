package receiver_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/receiver"
)

// TestNoCertificate: a message without certificate passes by a record that holds the certificate or
// the key that the signature names, and says else what is missing.
func TestNoCertificate(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	mine := c.alice.cert
	other := newPerson(t, "alice@example.org", "mallory", person{}, nil).cert
	renewed := newPerson(t, "alice@example.org", "alice", person{}, func(x *x509.Certificate) { x.Subject.CommonName = "renewed" }).cert
	byRoot := newPerson(t, "alice@example.org", "alice", c.mailCA, nil)
	nameless := newPerson(t, "mallory@example.org", "alice", c.mailCA, nil)
	content := protected("alice@example.org")
	owner, err := dane.SMIMEAName("alice", "example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		ski     bool
		records []dane.Record
		verdict receiver.Verdict
		code    receiver.Code
		reason  string
	}{
		{"3 0 0 by issuer and serial", false, []dane.Record{recordOf(3, 0, 0, mine)}, receiver.Pass, "", ""},
		{"3 0 0 by key", true, []dane.Record{recordOf(3, 0, 0, mine)}, receiver.Pass, "", ""},
		{"3 1 0 by key", true, []dane.Record{recordOf(3, 1, 0, mine)}, receiver.Pass, "", ""},
		{"3 1 0 by issuer and serial", false, []dane.Record{recordOf(3, 1, 0, mine)}, receiver.Neutral, receiver.CodeNoKey, "by its issuer and serial number"},
		{"two certificates, the second", false, []dane.Record{recordOf(3, 0, 0, other), recordOf(3, 0, 0, mine)}, receiver.Pass, "", ""},
		{"two certificates of the key", true, []dane.Record{recordOf(3, 0, 0, renewed), recordOf(3, 0, 0, mine)}, receiver.Pass, "", ""},
		{"a certificate of the key with another serial number", false, []dane.Record{recordOf(3, 0, 0, renewed)}, receiver.Fail, receiver.CodeKeyMismatch, "holds no certificate, and no record"},
		{"another's certificate", false, []dane.Record{recordOf(3, 0, 0, other)}, receiver.Fail, receiver.CodeKeyMismatch, "holds no certificate, and no record"},
		{"another's key", true, []dane.Record{recordOf(3, 1, 0, other)}, receiver.Fail, receiver.CodeKeyMismatch, "holds no certificate, and no record"},
		{"1 0 0 of a root's", false, []dane.Record{recordOf(1, 0, 0, byRoot.cert)}, receiver.Pass, "", ""},
		{"1 0 0 without a path", false, []dane.Record{recordOf(1, 0, 0, mine)}, receiver.Fail, receiver.CodeKeyMismatch, ""},
		{"1 0 0 of another", false, []dane.Record{recordOf(1, 0, 0, other)}, receiver.Fail, receiver.CodeKeyMismatch, "holds no certificate"},
		{"1 0 0 in another name", false, []dane.Record{recordOf(1, 0, 0, nameless.cert)}, receiver.Fail, receiver.CodeKeyMismatch, "does not carry the name"},
		{"3 1 1 alone", false, []dane.Record{recordOf(3, 1, 1, mine)}, receiver.Neutral, receiver.CodeNoKey, "the message holds no certificate"},
		{"3 1 1 alone, by key", true, []dane.Record{recordOf(3, 1, 1, mine)}, receiver.Neutral, receiver.CodeNoKey, "the message holds no certificate"},
	} {
		for _, saved := range []bool{false, true} {
			signer := c.alice
			for _, p := range []person{byRoot, nameless} {
				if string(p.cert.Raw) == string(tt.records[0].Data) {
					signer = p
				}
			}
			eml := header("alice@example.org") + clear(content, signedBy(content, signer, func(sd *signedData) {
				sd.certs, sd.signers[0].bySKI = nil, tt.ski
			}))
			dns := newFakeDNS()
			answer := answerWith(owner, dane.SMIMEA, tt.records...)
			dns.cached[owner+" SMIMEA"], dns.fresh[owner+" SMIMEA"] = answer, answer
			report := judge(t, dns, eml, func(o *receiver.Options) { o.Saved, o.PKIXRoots = saved, []*x509.Certificate{c.mailCA.cert} })
			if report.Verdict != tt.verdict || report.Code != tt.code || !strings.Contains(report.Reason, tt.reason) {
				t.Errorf("%s, saved %t: %s: %s (%s)", tt.name, saved, report.Verdict, report.Reason, report.Code)
			}
		}
	}
}
