package receiver_test

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/receiver"
)

// TestCANotInMessage: most programs send the signer's certificate alone. Where the record names the
// CA's only by a digest, every door says so; it stays as bad as a mismatch.
func TestCANotInMessage(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	alone := c.carol
	alone.chain = nil
	content := protected("carol@example.com")
	leafOnly := header("carol@example.com") + clear(content, signedBy(content, alone, nil))
	whole := header("carol@example.com") + clear(content, signedBy(content, c.carol, nil))
	for _, usage := range []uint8{0, 2} {
		for selector := range uint8(2) {
			for matching := range uint8(3) {
				for _, saved := range []bool{false, true} {
					name := fmt.Sprintf("%d %d %d, saved %t", usage, selector, matching, saved)
					dns := newFakeDNS()
					owner, err := dane.SMIMEAName("carol", "example.com")
					if err != nil {
						t.Fatal(err)
					}
					answer := answerWith(owner, dane.SMIMEA, recordOf(usage, selector, matching, c.userCA.cert))
					dns.cached[owner+" SMIMEA"], dns.fresh[owner+" SMIMEA"] = answer, answer
					options := func(o *receiver.Options) { o.Saved, o.PKIXRoots = saved, []*x509.Certificate{c.mailCA.cert} }
					report := judge(t, dns, leafOnly, options)
					missing := matching != 0
					if (report.Code == receiver.CodeCAMissing) != missing || missing && (report.Verdict != receiver.Fail || !strings.Contains(report.Reason, fmt.Sprintf("the record %d %d %d", usage, selector, matching)) ||
						!strings.Contains(report.Reason, "names the CA certificate only by a digest, and the message does not bring it")) {
						t.Errorf("%s: %s: %s (%s)", name, report.Verdict, report.Reason, report.Code)
					}
					if got := receiver.ClassOf(report.Verdict, report.Code); missing && got != receiver.ClassKeyMismatch {
						t.Errorf("%s: class %s", name, got)
					}
					if usage == 2 && (report.Verdict == receiver.Pass) != (matching == 0) {
						t.Errorf("%s: %s: %s", name, report.Verdict, report.Reason)
					}
					if report = judge(t, dns, whole, options); usage == 2 && report.Verdict != receiver.Pass {
						t.Errorf("%s, with the CA certificate: %s: %s", name, report.Verdict, report.Reason)
					}
				}
			}
		}
	}
}

// recordOf is a record of a certificate.
func recordOf(usage, selector, matching uint8, cert *x509.Certificate) dane.Record {
	r := dane.Record{Usage: usage, Selector: selector, MatchingType: matching, Data: cert.Raw}
	if selector == dane.PublicKey {
		r.Data = cert.RawSubjectPublicKeyInfo
	}
	switch matching {
	case dane.SHA256:
		r.Data = digest(crypto.SHA256, r.Data)
	case dane.SHA512:
		r.Data = digest(crypto.SHA512, r.Data)
	}
	return r
}
