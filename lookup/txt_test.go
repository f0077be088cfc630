package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

const keysZone = `$ORIGIN example.lab.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
s1._domainkey TXT "v=DKIM1; p=" "QUJD"
two._domainkey TXT "one"
two._domainkey TXT "other"
provider._domainkey CNAME s1._domainkey.other.lab.
plain._domainkey CNAME s1._domainkey.plain.lab.
broken._domainkey CNAME s1._domainkey.broken.lab.
back._domainkey CNAME back._domainkey.other.lab.
gone._domainkey CNAME nothing._domainkey.other.lab.
*.wild._domainkey TXT "v=DKIM1; p="
`

// TestTXT: texts are answered in all states, along aliases by the weakest zone of the chain.
func TestTXT(t *testing.T) {
	t.Parallel()
	of := func(name string, edit func(*lookuptest.Zone)) lookuptest.Zone {
		z := lookuptest.Zone{Text: strings.ReplaceAll(keysZone, "example.lab", name)}
		edit(&z)
		return z
	}
	whole := func(*lookuptest.Zone) {}
	l := startLab(t, lookuptest.Options{},
		of("example.lab", whole), of("other.lab", func(z *lookuptest.Zone) {
			z.Text += "back._domainkey CNAME back._domainkey.example.lab.\n"
			z.Text = strings.Replace(z.Text, "back._domainkey CNAME back._domainkey.other.lab.\n", "", 1)
			z.NSEC3 = true
		}),
		of("plain.lab", func(z *lookuptest.Zone) { z.Unsigned = true }),
		of("broken.lab", func(z *lookuptest.Zone) { z.Break = lookuptest.WrongSignature }))
	c := l.client(t)
	for _, tt := range []struct {
		name     string
		status   dnssec.Status
		presence dane.Presence
		code     dnssec.Code
		texts    []string
	}{
		{"s1._domainkey.example.lab", dnssec.Secure, dane.Present, "", []string{"v=DKIM1; p=QUJD"}},
		{"S1._DomainKey.Example.lab.", dnssec.Secure, dane.Present, "", []string{"v=DKIM1; p=QUJD"}},
		{"two._domainkey.example.lab", dnssec.Secure, dane.Present, "", []string{"one", "other"}},
		{"any.wild._domainkey.example.lab", dnssec.Secure, dane.Present, "", []string{"v=DKIM1; p="}},
		{"provider._domainkey.example.lab", dnssec.Secure, dane.Present, "", []string{"v=DKIM1; p=QUJD"}},
		{"plain._domainkey.example.lab", dnssec.Insecure, dane.Present, dnssec.CodeUnsigned, []string{"v=DKIM1; p=QUJD"}},
		{"s1._domainkey.plain.lab", dnssec.Insecure, dane.Present, dnssec.CodeUnsigned, []string{"v=DKIM1; p=QUJD"}},
		// An insecure zone on the way to a secure one.
		{"provider._domainkey.plain.lab", dnssec.Insecure, dane.Present, dnssec.CodeUnsigned, []string{"v=DKIM1; p=QUJD"}},
		{"s1._domainkey.broken.lab", dnssec.Bogus, dane.Unknown, dnssec.CodeBadSignature, nil},
		{"broken._domainkey.example.lab", dnssec.Bogus, dane.Unknown, dnssec.CodeBadSignature, nil},
		// The resolver of the lab gives up on a loop.
		{"back._domainkey.example.lab", dnssec.Indeterminate, dane.Unknown, dnssec.CodeServfail, nil},
		{"gone._domainkey.example.lab", dnssec.Secure, dane.Absent, "", nil},
		{"none._domainkey.example.lab", dnssec.Secure, dane.Absent, "", nil},
		{"_domainkey.example.lab", dnssec.Secure, dane.Absent, "", nil},
		{"none._domainkey.other.lab", dnssec.Secure, dane.Absent, "", nil},
		{"none._domainkey.plain.lab", dnssec.Insecure, dane.Absent, dnssec.CodeUnsigned, nil},
	} {
		for range 2 { // the second time from the cache
			r := c.Lookup(t.Context(), tt.name, dane.TXT)
			texts := slices.Sorted(slices.Values(r.Texts))
			if r.Status != tt.status || r.Presence != tt.presence || r.Code != tt.code || !slices.Equal(texts, tt.texts) || len(r.Records) != 0 {
				t.Errorf("%s: %s, %s, %q, %q: %s", tt.name, r.Status, r.Presence, r.Code, r.Texts, r.Reason)
			}
		}
	}
	// A name has one result a type.
	if r := c.Lookup(t.Context(), "s1._domainkey.example.lab", dane.TLSA); r.Presence != dane.Absent || r.Status != dnssec.Secure {
		t.Errorf("TLSA: %s, %s", r.Status, r.Presence)
	}
}

// TestTXTLimits: what is too much is indeterminate, and is not handed out; so is what the lists and
// the budget of the message do not allow.
func TestTXTLimits(t *testing.T) {
	t.Parallel()
	z := keysZone
	for i := range 17 {
		z += fmt.Sprintf("many._domainkey TXT \"%d\"\n", i)
	}
	z += "big._domainkey TXT" + strings.Repeat(` "`+strings.Repeat("x", 255)+`"`, 33) + "\n"
	l := startLab(t, lookuptest.Options{},
		lookuptest.Zone{Text: z}, lookuptest.Zone{Text: strings.ReplaceAll(keysZone, "example.lab", "other.lab")})
	c := l.client(t, func(o *Options) { o.Deny = []string{"other.lab"} })
	none := func() context.Context { return t.Context() }
	spent := func() context.Context {
		return dnssec.WithBudget(t.Context(), dnssec.NewBudget(dnssec.Limits{Queries: 1}))
	}
	for _, tt := range []struct {
		name string
		ctx  func() context.Context
		code dnssec.Code
	}{
		{"s1._domainkey.example.lab", spent, "budget:queries"},
		{"many._domainkey.example.lab", none, "budget:leaf-records"},
		{"big._domainkey.example.lab", none, "budget:leaf-record-size"},
		{"s1._domainkey.other.lab", none, "denied"},
		{"provider._domainkey.example.lab", none, "denied"},
	} {
		r := c.Lookup(tt.ctx(), tt.name, dane.TXT)
		if r.Status != dnssec.Indeterminate || r.Code != tt.code || r.Texts != nil || r.Presence != dane.Unknown {
			t.Errorf("%s: %s, %q, %q: %s", tt.name, r.Status, r.Code, r.Texts, r.Reason)
		}
	}
}

// TestTXTByResolver: mode ad-only reads texts from the reply as it is.
func TestTXTByResolver(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{Validating: true}, lookuptest.Zone{Text: keysZone},
		lookuptest.Zone{Text: strings.ReplaceAll(keysZone, "example.lab", "bogus.lab"), Break: lookuptest.WrongSignature})
	c := l.client(t, func(o *Options) { o.Mode, o.Probe = ADOnly, "bogus.lab" })
	r := c.Lookup(t.Context(), "s1._domainkey.example.lab", dane.TXT)
	if r.Status != dnssec.Secure || !r.Believed || !slices.Equal(r.Texts, []string{"v=DKIM1; p=QUJD"}) {
		t.Errorf("%s, %v, %q: %s", r.Status, r.Believed, r.Texts, r.Reason)
	}
}
