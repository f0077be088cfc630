package chain

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// TestAdvice has something to say about every code that a validator or client can give.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for _, code := range []dnssec.Code{
		dnssec.CodeNoAnchor, dnssec.CodeClock, dnssec.CodeTimeout, dnssec.CodeUnreachable, dnssec.CodeServfail, dnssec.CodeRefused,
		dnssec.CodeStale, dnssec.CodeMalformed, dnssec.CodeAliasLoop, dnssec.CodeUnsupported, dnssec.CodeUnusableKeys, dnssec.CodeUnsigned,
		dnssec.CodeOptOut, dnssec.CodeIterations, dnssec.CodeNoSignature, dnssec.CodeBadSignature, dnssec.CodeExpired, dnssec.CodeNotYetValid,
		dnssec.CodeTimesInverted, dnssec.CodeSigner, dnssec.CodeLabels, dnssec.CodeNoKey, dnssec.CodeRevoked, dnssec.CodeNotZoneKey,
		dnssec.CodeNoDenial, dnssec.CodeBadDenial, dnssec.CodeNoWildcard, dnssec.CodeBadAlias, dnssec.CodeNotAZone,
		CodeDenied, CodeBusy, CodeDisagree, CodeStrips, CodeBogus, CodeNoAD, CodeIncomplete, "budget:hashes",
	} {
		r := Result{Code: code, Answer: &dnssec.Answer{}}
		if got := r.Advice(); got == "" || strings.Contains(got, "ZONE") {
			t.Errorf("advice for %q is %q", code, got)
		}
	}
}

// TestParagraph breaks lines between words.
func TestParagraph(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 120)
	for text, want := range map[string]string{
		"":                           "\n",
		"a word":                     "a word\n",
		long:                         long + "\n",
		"a " + long + " b":           "a\n  " + long + "\n  b\n",
		strings.Repeat("12345 ", 17): strings.TrimSpace(strings.Repeat("12345 ", 16)) + "\n  12345\n",
	} {
		p := &page{width: 100}
		p.paragraph("%s", text)
		if p.String() != want {
			t.Errorf("paragraph(%q) = %q, want %q", text, p, want)
		}
	}
}

// TestFold: what is too wide goes on in the next line, but words stay whole.
func TestFold(t *testing.T) {
	t.Parallel()
	p := &page{width: 20}
	digest := &dns.TLSA{Hdr: dns.RR_Header{Name: "child.", Rrtype: dns.TypeTLSA}, Usage: 3, Certificate: strings.Repeat("0123456789abcdef", 2)}
	n := &Node{Zone: "a.title.", Status: dnssec.Indeterminate, Keys: []Key{{Algorithm: 13}}, Reason: "a line that is too wide"}
	n.Children = []*Node{{Set: &dnssec.RRset{Records: []dns.RR{digest}}, Fault: "a line that is too wide for it"}}
	n.draw(p, "", "")
	p.paragraph("a  paragraph\nof two lines")
	const want = `? a.title. 
│    indeterminate
│  key 0
│    ECDSAP256SHA256
│  a line that is
│    too wide
└─ ? child. TLSA,
        TTL 0 s
      3 0 0 
        DANE-EE,
        whole
        certificate,
        in full
        0123456789abcdef0123456789abcdef
      not signed
      a line that is
        too wide for
        it
a paragraph of two
  lines
`
	if p.String() != want {
		t.Errorf("drawing is\n%s\nwant\n%s", p, want)
	}
}

// TestAdviceOnRecords: what is secure and there can still be of no use to most signers.
func TestAdviceOnRecords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		typ    dane.Type
		record dane.Record
		want   string
	}{
		{"x._smimecert.example.org.", dane.SMIMEA, dane.Record{Usage: 2, Selector: 1, MatchingType: 1}, "2 1 1 names the certificate of a CA only by a digest"},
		{"x._smimecert.example.org.", dane.SMIMEA, dane.Record{Usage: 2, MatchingType: 2}, "publish the certificate or its key whole (2 0 0 or 2 1 0)"},
		{"x._smimecert.example.org.", dane.SMIMEA, dane.Record{Usage: 0, MatchingType: 1}, "0 0 1 names"},
		{"_user.example.org.", dane.TLSA, dane.Record{Usage: 2, MatchingType: 1}, "2 0 1 names"},
		{"device._device.example.org.", dane.TLSA, dane.Record{Usage: 2, MatchingType: 1}, ""},
		{"x._smimecert.example.org.", dane.SMIMEA, dane.Record{Usage: 2}, ""},
		{"x._smimecert.example.org.", dane.SMIMEA, dane.Record{Usage: 3, Selector: 1, MatchingType: 1}, ""},
	} {
		r := Result{
			Name: tt.name, Type: tt.typ, Status: dnssec.Secure, Presence: dane.Present, Answer: &dnssec.Answer{},
			Records: []dane.Record{{Usage: 3, Selector: 1, MatchingType: 1}, tt.record},
		}
		if got := r.Advice(); !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%+v: advice %q, want %q", tt.record, got, tt.want)
		}
	}
}
