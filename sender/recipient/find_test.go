package recipient_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/recipient"
)

const bob = "bob@example.org"

func at() time.Time { return clock }

// describe is what was found: the kinds of the keys, or the code and what to do.
func describe(f *recipient.Found) string {
	var out []string
	for _, k := range f.Keys {
		text := k.Algorithm
		if k.Certificate == nil {
			text += " bare"
		}
		for _, c := range k.Reads {
			text += " " + string(c)
		}
		out = append(out, text)
	}
	if f.Err != nil {
		out = append(out, string(f.Err.Code))
		if f.Err.Temporary {
			out = append(out, "temporary")
		}
		if f.Err.Absent {
			out = append(out, "absent")
		}
	}
	return strings.Join(out, ", ")
}

// TestRecords: which records of a secure answer hold a key, and why others do not.
func TestRecords(t *testing.T) {
	t.Parallel()
	root, _ := ca()
	digest := sha256.Sum256(spki(t, "p256"))
	usage := func(u x509.KeyUsage) func(*x509.Certificate) { return func(c *x509.Certificate) { c.KeyUsage = u } }
	purpose := func(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = u }
	}
	empty := func(oid ...int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtKeyUsage, c.ExtraExtensions = nil, []pkix.Extension{{Id: oid, Value: []byte{0x30, 0}}}
		}
	}
	expired := func(c *x509.Certificate) { c.NotAfter = clock.Add(-time.Second) }
	early := func(c *x509.Certificate) { c.NotBefore = clock.Add(24 * time.Hour) }
	three := func(key string, change func(*x509.Certificate)) []dane.Record {
		return []dane.Record{record(3, 0, 0, certify(t, key, change, bob))}
	}
	const unusable = "unusable-records, absent"
	for name, test := range map[string]struct {
		records []dane.Record
		roots   bool
		want    string
		reason  string // of the error, or of the record that is left out
	}{
		"certificate rsa":         {records: three("rsa2048", nil), want: "rsa2048"},
		"certificate p256":        {records: three("p256", nil), want: "p256"},
		"certificate p384":        {records: three("p384", nil), want: "p384"},
		"certificate p521":        {records: three("p521", nil), want: "p521"},
		"certificate ml-kem-768":  {records: three("ml-kem-768", usage(x509.KeyUsageKeyEncipherment)), want: "ml-kem-768 aes-128-gcm aes-256-gcm"},
		"certificate ml-kem-1024": {records: three("ml-kem-1024", nil), want: "ml-kem-1024 aes-128-gcm aes-256-gcm"},
		"bare rsa":                {records: []dane.Record{record(3, 1, 0, spki(t, "rsa2048"))}, want: "rsa2048 bare"},
		"bare p256":               {records: []dane.Record{record(3, 1, 0, spki(t, "p256"))}, want: "p256 bare"},
		"bare x25519":             {records: []dane.Record{record(3, 1, 0, spki(t, "x25519"))}, want: "x25519 bare aes-128-gcm aes-256-gcm"},
		"bare ml-kem-768":         {records: []dane.Record{record(3, 1, 0, spki(t, "ml-kem-768"))}, want: "ml-kem-768 bare aes-128-gcm aes-256-gcm"},
		"bare ml-kem-1024":        {records: []dane.Record{record(3, 1, 0, spki(t, "ml-kem-1024"))}, want: "ml-kem-1024 bare aes-128-gcm aes-256-gcm"},
		"reads gcm":               {records: three("p256", capabilitiesOf(t, aes128CBC, aes256GCM)), want: "p256 aes-256-gcm"},
		"reads cbc":               {records: three("p256", capabilitiesOf(t, aes128CBC)), want: "p256"},
		"two certificates":        {records: slices.Concat(three("rsa2048", nil), three("p256", nil)), want: "p256, rsa2048"},
		"certificate, bare":       {records: append(three("p256", nil), record(3, 1, 0, spki(t, "p256"))), want: "p256"},
		"bare beside one":         {records: append(three("rsa2048", nil), record(3, 1, 0, spki(t, "p256"))), want: "rsa2048", reason: "it is a key alone, and another record has a certificate"},
		"bare beside ml-kem":      {records: append(three("ml-kem-768", nil), record(3, 1, 0, spki(t, "p256"))), want: "ml-kem-768 aes-128-gcm aes-256-gcm"},
		"bare beside a signer's":  {records: append(three("rsa2048", usage(x509.KeyUsageDigitalSignature)), record(3, 1, 0, spki(t, "p256"))), want: "p256 bare"},
		"beside a digest":         {records: append(three("p256", nil), record(3, 1, 1, digest[:])), want: "p256", reason: "it is a digest"},
		"classical first":         {records: append(three("p256", nil), record(3, 1, 0, spki(t, "x25519")), record(3, 1, 0, spki(t, "ml-kem-768"))), want: "p256"},

		"digest":               {records: []dane.Record{record(3, 1, 1, digest[:])}, want: unusable, reason: "3 1 1: it is a digest, and holds no key"},
		"usage 0":              {records: []dane.Record{record(0, 0, 0, certify(t, "p256", nil, bob))}, roots: true, want: unusable, reason: "0 0 0: it names a certification authority"},
		"usage 2":              {records: []dane.Record{record(2, 0, 0, root.Raw)}, want: unusable, reason: "2 0 0: it names a certification authority"},
		"usage 2, bare":        {records: []dane.Record{record(2, 1, 0, spki(t, "p256"))}, want: unusable, reason: "2 1 0: it names a certification authority"},
		"usage 1, bare":        {records: []dane.Record{record(1, 1, 0, spki(t, "p256"))}, roots: true, want: unusable, reason: "wants a certificate"},
		"usage 1 without root": {records: []dane.Record{record(1, 0, 0, certify(t, "p256", nil, bob))}, want: unusable, reason: "no mail roots configured"},
		"usage 1":              {records: []dane.Record{record(1, 0, 0, certify(t, "p256", nil, bob))}, roots: true, want: "p256"},
		"usage 1, no name":     {records: []dane.Record{record(1, 0, 0, certify(t, "p256", nil))}, roots: true, want: unusable, reason: "does not carry the name"},
		"usage 1, no path":     {records: []dane.Record{record(1, 0, 0, certify(t, "ml-kem-768", nil, bob))}, roots: true, want: unusable, reason: "1 0 0: "},
		"unknown usage":        {records: []dane.Record{record(4, 0, 0, []byte{1})}, want: unusable, reason: "unknown usage 4"},
		"no certificate":       {records: []dane.Record{record(3, 0, 0, []byte{1})}, want: unusable, reason: "its data is no certificate"},
		"no key":               {records: []dane.Record{record(3, 1, 0, []byte{1})}, want: unusable, reason: "its data is no public key"},

		"no name":         {records: []dane.Record{record(3, 0, 0, certify(t, "p256", nil))}, want: "p256"},
		"two names":       {records: []dane.Record{record(3, 0, 0, certify(t, "p256", nil, "robert@example.org", bob))}, want: "p256"},
		"another's":       {records: []dane.Record{record(3, 0, 0, certify(t, "p256", nil, "eve@example.org"))}, want: unusable, reason: "its certificate is for eve@example.org, and not for bob@example.org"},
		"in another case": {records: []dane.Record{record(3, 0, 0, certify(t, "p256", nil, "Bob@example.org"))}, want: unusable, reason: "for Bob@example.org"},

		"expired":       {records: three("p256", expired), want: unusable, reason: "its certificate expired on 2026-11-30"},
		"not yet valid": {records: three("p256", early), want: unusable, reason: "not valid before 2026-12-01"},
		"sign only":     {records: three("p256", usage(x509.KeyUsageDigitalSignature)), want: unusable, reason: "does not allow keyAgreement: it is not for encryption"},
		"sign only rsa": {records: three("rsa2048", usage(x509.KeyUsageDigitalSignature)), want: unusable, reason: "does not allow keyEncipherment"},
		"agreement":     {records: three("p256", usage(x509.KeyUsageDigitalSignature|x509.KeyUsageKeyAgreement)), want: "p256"},
		"agreement rsa": {records: three("rsa2048", usage(x509.KeyUsageKeyAgreement)), want: unusable, reason: "does not allow keyEncipherment"},
		"encipherment":  {records: three("rsa2048", usage(x509.KeyUsageKeyEncipherment)), want: "rsa2048"},
		"agreement kem": {records: three("ml-kem-768", usage(x509.KeyUsageKeyAgreement)), want: unusable, reason: "does not allow keyEncipherment"},
		"usage of none": {records: three("p256", empty(2, 5, 29, 15)), want: unusable, reason: "the key usage of its certificate names none"},
		"for servers":   {records: three("p256", purpose(x509.ExtKeyUsageServerAuth)), want: unusable, reason: "does not allow mail"},
		"for anything":  {records: three("p256", purpose(x509.ExtKeyUsageAny)), want: "p256"},
		"no purpose":    {records: three("p256", purpose()), want: "p256"},
		"purpose empty": {records: three("p256", empty(2, 5, 29, 37)), want: unusable, reason: "the extended key usage of its certificate names none"},

		"small rsa":  {records: three("rsa1024", nil), want: unusable, reason: "its RSA key has 1024 bits, and 2048 are the least"},
		"bare small": {records: []dane.Record{record(3, 1, 0, spki(t, "rsa1024"))}, want: unusable, reason: "1024 bits"},
		"ed25519":    {records: three("ed25519", nil), want: unusable, reason: "of a kind that only signs"},
		"p224":       {records: three("p224", nil), want: unusable, reason: "3 0 0: "},
		"low order":  {records: []dane.Record{record(3, 1, 0, spki(t, "low order"))}, want: unusable, reason: "keeps no secret"},
		"ml-kem short": {records: []dane.Record{record(3, 1, 0, must(asn1.Marshal(struct {
			A pkix.AlgorithmIdentifier
			B asn1.BitString
		}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}}, asn1.BitString{Bytes: []byte{1}, BitLength: 8}}))(t))}, want: unusable, reason: "3 1 0: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := recipient.Options{Lookup: newWorld(t, published{bob: test.records}, nil), Now: at}
			if test.roots {
				opts.Roots = []*x509.Certificate{root}
			}
			f := recipient.Find(t.Context(), []string{bob}, opts)[0]
			got := strings.Split(describe(f), ", ")
			if f.Err == nil {
				slices.Sort(got) // the order of the records is nobody's
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("%s, want %s; %v", got, test.want, f.Err)
			}
			text := fmt.Sprint(f.Err)
			for _, u := range f.Unusable {
				text += "; " + u.Reason
			}
			if !strings.Contains(text, test.reason) || strings.Contains(text, "cms:") {
				t.Errorf("%s, want %q", text, test.reason)
			}
		})
	}
}

// TestAnswers: what is not known stays apart from what is proven.
func TestAnswers(t *testing.T) {
	t.Parallel()
	key := []dane.Record{record(3, 1, 0, spki(t, "p256"))}
	c := newWorld(t, published{
		bob: key, "Carol.Jones@example.org": key, "dave@example.org": key, "jürgen@example.org": key,
		"bob@unsigned.example": key, "bob@bogus.example": key, "bob@servfail.example": key,
	}, nil)
	for address, want := range map[string]string{
		bob:                                      "p256 bare",
		" bob@EXAMPLE.org ":                      "p256 bare",
		`"bob"@example.org`:                      "p256 bare",
		"jürgen@example.org":                     "p256 bare",
		"nobody@example.org":                     "no-record, absent",
		"BOB@example.org":                        "no-record, absent; there is a record for bob@example.org: local parts are compared letter by letter",
		"carol.jones@example.org":                "no-record, absent; there is a record for Carol.Jones@example.org: local parts are compared letter by letter",
		"bob@unsigned.example":                   "insecure, absent",
		"nobody@unsigned.example":                "insecure, absent",
		"bob@bogus.example":                      "bogus, temporary",
		"bob@servfail.example":                   "servfail, temporary",
		"bob@denied.example":                     "denied",
		"bob":                                    "bad-address, absent",
		"":                                       "bad-address, absent",
		"bob@[192.0.2.1]":                        "bad-address, absent",
		strings.Repeat("b", 65) + "@example.org": "bad-address, absent",
		"bob@b_b.example":                        "bad-address, absent",
		"bob@nowhere.example":                    "no-record, absent",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			f := recipient.Find(t.Context(), []string{address}, recipient.Options{Lookup: c, Now: at})[0]
			got := describe(f)
			if f.Err != nil && f.Err.Hint != "" {
				got += "; " + f.Err.Hint
			}
			if got != want || f.Address != address {
				t.Errorf("%s: %s, want %s; %v", f.Address, got, want, f.Err)
			}
			if f.Err != nil && (f.Err.Address != address || !strings.Contains(f.Err.Error(), "cannot encrypt to "+address)) {
				t.Errorf("%v", f.Err)
			}
		})
	}
}

// TestProfiles: which keys of a person with several count.
func TestProfiles(t *testing.T) {
	t.Parallel()
	all := []dane.Record{record(3, 1, 0, spki(t, "p256")), record(3, 1, 0, spki(t, "x25519")), record(3, 1, 0, spki(t, "ml-kem-768"))}
	const gcm = " bare aes-128-gcm aes-256-gcm"
	c := newWorld(t, published{"all@example.org": all, "two@example.org": all[:2], "one@example.org": all[:1], "new@example.org": all[1:]}, nil)
	for profile, want := range map[recipient.Profile][4]string{
		"":                   {"p256 bare", "p256 bare", "p256 bare", "x25519" + gcm},
		recipient.Compatible: {"p256 bare", "p256 bare", "p256 bare", "x25519" + gcm},
		recipient.Modern:     {"ml-kem-768" + gcm, "x25519" + gcm, "p256 bare", "ml-kem-768" + gcm},
		recipient.PQ:         {"ml-kem-768" + gcm, "no-ml-kem-key", "no-ml-kem-key", "ml-kem-768" + gcm},
	} {
		found := recipient.Find(t.Context(), []string{"all@example.org", "two@example.org", "one@example.org", "new@example.org"}, recipient.Options{Lookup: c, Now: at, Profile: profile})
		for i, f := range found {
			if got := describe(f); got != want[i] {
				t.Errorf("%q, %s: %s, want %s", profile, f.Address, got, want[i])
			}
		}
	}
}

// TestSyntaxFirst: nothing is asked for what is no address, and once for one that occurs twice.
func TestSyntaxFirst(t *testing.T) {
	t.Parallel()
	var asked []string
	r := answers(func(_ context.Context, name string, _ bool) *lookup.Result {
		asked = append(asked, name)
		return &lookup.Result{Name: name, Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{record(3, 1, 0, spki(t, "p256"))}}
	})
	found := recipient.Find(t.Context(), []string{"bob", bob, "bob@[::1]", "<bob@example.org", "bob@EXAMPLE.ORG"}, recipient.Options{Lookup: r, Now: at})
	if len(asked) != 1 || found[1] != found[4] || found[1].Err != nil {
		t.Errorf("asked %q; %v", asked, found)
	}
	if got := recipient.Find(t.Context(), nil, recipient.Options{Lookup: r}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// TestFresh: before a caller refuses, the cache is passed by once; and only where he says so, and
// only for what is proven.
func TestFresh(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cached lookup.Result
		fresh  bool
		want   string
		asked  int
	}{
		"absent":        {lookup.Result{Status: dnssec.Secure, Presence: dane.Absent}, true, "p256 bare", 1},
		"unusable":      {lookup.Result{Status: dnssec.Secure, Presence: dane.Present}, true, "p256 bare", 1},
		"not asked for": {lookup.Result{Status: dnssec.Secure, Presence: dane.Absent}, false, "no-record, absent", 0},
		"timeout":       {lookup.Result{Status: dnssec.Indeterminate, Code: dnssec.CodeTimeout}, true, "timeout, temporary", 0},
		"unknown":       {lookup.Result{Status: dnssec.Secure, Presence: dane.Unknown}, true, "indeterminate, temporary", 0},
		"insecure":      {lookup.Result{Status: dnssec.Insecure, Presence: dane.Present}, true, "insecure, absent", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			r := answers(func(_ context.Context, _ string, fresh bool) *lookup.Result {
				if !fresh {
					return &test.cached
				}
				asked++
				return &lookup.Result{Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{record(3, 1, 0, spki(t, "p256"))}}
			})
			f := recipient.Find(t.Context(), []string{bob}, recipient.Options{Lookup: r, Now: at, Fresh: test.fresh})[0]
			if got := describe(f); got != test.want || asked != test.asked {
				t.Errorf("%s, asked past the cache %d times; want %s, %d", got, asked, test.want, test.asked)
			}
		})
	}
}

// TestParallel: many are looked up at a time, and not all; all have one budget, and Find waits for
// them.
func TestParallel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var budgets []*dnssec.Budget
		r := answers(func(ctx context.Context, _ string, _ bool) *lookup.Result {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			budgets = append(budgets, dnssec.BudgetFrom(ctx))
			return &lookup.Result{Status: dnssec.Indeterminate, Code: dnssec.CodeTimeout}
		})
		var addresses []string
		for i := range 80 {
			addresses = append(addresses, fmt.Sprintf("bob%d@example.org", i))
		}
		start := time.Now()
		recipient.Find(t.Context(), addresses, recipient.Options{Lookup: r, Fresh: true})
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("80 lookups of 1 s took %s, want 10 s", took)
		}
		if len(slices.Compact(budgets)) != 1 || budgets[0] == nil {
			t.Errorf("%d budgets", len(budgets))
		}
	})
}

// TestBudget: the budget of the caller counts where there is one.
func TestBudget(t *testing.T) {
	t.Parallel()
	own := dnssec.NewBudget(dnssec.Limits{Queries: 1})
	c := newWorld(t, published{bob: {record(3, 1, 0, spki(t, "p256"))}}, nil)
	f := recipient.Find(dnssec.WithBudget(t.Context(), own), []string{bob}, recipient.Options{Lookup: c, Now: at})[0]
	if got := describe(f); got != "budget:queries, temporary" {
		t.Error(got)
	}
	f = recipient.Find(t.Context(), []string{"bob2@example.org"}, recipient.Options{Lookup: c, Now: at, Limits: dnssec.Limits{Queries: 1}})[0]
	if got := describe(f); got != "budget:queries, temporary" {
		t.Error(got)
	}
}

// TestCancelled: what was not judged in time is not known; a path is what takes long.
func TestCancelled(t *testing.T) {
	t.Parallel()
	root, _ := ca()
	ctx, cancel := context.WithCancel(t.Context())
	der := certify(t, "p256", nil, bob)
	r := answers(func(_ context.Context, _ string, _ bool) *lookup.Result {
		cancel()
		return &lookup.Result{Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{record(1, 0, 0, der)}}
	})
	f := recipient.Find(ctx, []string{bob}, recipient.Options{Lookup: r, Now: at, Fresh: true, Roots: []*x509.Certificate{root}})[0]
	if got := describe(f); got != "undecided, temporary" {
		t.Error(got)
	}
}

// TestIntermediate: a path leads through an authority that stands in a record beside.
func TestIntermediate(t *testing.T) {
	t.Parallel()
	root, _ := ca()
	leaf, middle := throughIntermediate(t, bob)
	for _, records := range [][]dane.Record{{record(1, 0, 0, leaf)}, {record(1, 0, 0, leaf), record(0, 0, 0, middle)}} {
		c := newWorld(t, published{bob: records}, nil)
		f := recipient.Find(t.Context(), []string{bob}, recipient.Options{Lookup: c, Now: at, Roots: []*x509.Certificate{root}})[0]
		if want := len(records) == 2; (f.Err == nil) != want {
			t.Errorf("%d records: %v", len(records), f.Err)
		}
	}
}
