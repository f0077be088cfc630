package recipient_test

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/sender/recipient"
	"dnseal/smime/cms/enveloped"
)

// person is one whose certificates were found; "gcm" behind an algorithm says that its owner reads
// AES-GCM, "gcm256" that he reads AES-256-GCM alone.
func person(tb testing.TB, name string, algorithms ...string) *recipient.Found {
	tb.Helper()
	f := &recipient.Found{Address: name + "@example.org", Name: name}
	for _, a := range algorithms {
		var change func(*x509.Certificate)
		key, reads, _ := strings.Cut(a, " ")
		switch reads {
		case "gcm":
			change = capabilitiesOf(tb, aes128GCM, aes256GCM)
		case "gcm256":
			change = capabilitiesOf(tb, aes256GCM)
		}
		cert := must(x509.ParseCertificate(certify(tb, key, change, f.Address)))(tb)
		f.Keys = append(f.Keys, must(recipient.FromCertificate(cert, clock))(tb))
	}
	return f
}

// TestPlan: who shares an encryption, and how it is made.
func TestPlan(t *testing.T) {
	t.Parallel()
	type people = []*recipient.Found
	rsa, ec, strong := person(t, "rsa", "rsa2048"), person(t, "ec", "p256"), person(t, "strong", "p384")
	gcm, gcm256, both := person(t, "gcm", "p256 gcm"), person(t, "gcm256", "rsa2048 gcm256"), person(t, "both", "rsa2048", "p521")
	kem, strongKEM, x := person(t, "kem", "ml-kem-768"), person(t, "kem1024", "ml-kem-1024"), person(t, "x", "x25519")
	for name, test := range map[string]struct {
		visible, bcc people
		profile      recipient.Profile
		self         *recipient.Found
		want         string
	}{
		"nobody":               {want: ""},
		"one":                  {visible: people{ec}, want: "ec/1 aes-128-cbc"},
		"classical together":   {visible: people{ec, rsa}, want: "ec rsa/2 aes-128-cbc"},
		"twice":                {visible: people{ec, ec}, bcc: people{ec}, want: "ec/1 aes-128-cbc"},
		"strong":               {visible: people{ec, strong}, want: "ec strong/2 aes-256-cbc"},
		"all keys of a person": {visible: people{both}, want: "both/2 aes-256-cbc"},
		"reads gcm":            {visible: people{gcm}, want: "gcm/1 aes-128-gcm"},
		"reads gcm256":         {visible: people{gcm, gcm256}, want: "gcm gcm256/2 aes-256-gcm"},
		"one does not":         {visible: people{gcm, rsa}, want: "gcm rsa/2 aes-128-cbc"},
		"self does not":        {visible: people{gcm}, self: ec, want: "gcm/2 aes-128-cbc"},
		"x25519 apart":         {visible: people{ec, x}, want: "ec/1 aes-128-cbc; x/1 aes-128-gcm"},
		"kem apart":            {visible: people{kem, ec, rsa, strongKEM}, want: "kem kem1024/2 aes-256-gcm; ec rsa/2 aes-128-cbc"},
		"three classes":        {visible: people{kem, x, ec}, want: "kem/1 aes-128-gcm; x/1 aes-128-gcm; ec/1 aes-128-cbc"},
		"bcc":                  {visible: people{ec}, bcc: people{rsa, gcm}, self: ec, want: "ec/1 aes-128-cbc; bcc rsa/1 aes-128-cbc; bcc gcm/1 aes-128-gcm"},
		"bcc alone":            {bcc: people{ec, rsa}, self: ec, want: "bcc ec/1 aes-128-cbc; bcc rsa/1 aes-128-cbc"},
		"bcc of one class":     {visible: people{kem}, bcc: people{strongKEM}, want: "kem/1 aes-128-gcm; bcc kem1024/1 aes-256-gcm"},
		"self":                 {visible: people{ec, kem}, self: rsa, want: "ec/2 aes-128-cbc; kem/1 aes-128-gcm"},
		"modern":               {visible: people{rsa, ec, x, kem}, profile: recipient.Modern, want: "rsa ec/2 oaep aes-256-gcm; x/1 aes-256-gcm; kem/1 aes-256-gcm"},
		"pq":                   {visible: people{kem, strongKEM}, profile: recipient.PQ, want: "kem kem1024/2 aes-256-gcm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := recipient.PlanOptions{Profile: test.profile}
			if test.self != nil {
				opts.Self = test.self.Keys
			}
			groups, err := recipient.Plan(test.visible, test.bcc, opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := describeGroups(groups); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// describeGroups is "names/keys cipher; …", "oaep" where it is used by the RSA key.
func describeGroups(groups []recipient.Group) string {
	var out []string
	for _, g := range groups {
		text := fmt.Sprintf("%s/%d", strings.ReplaceAll(strings.Join(g.Addresses, " "), "@example.org", ""), len(g.Recipients))
		if g.Bcc {
			text = "bcc " + text
		}
		for _, r := range g.Recipients {
			if r.OAEP && r.Certificate.PublicKeyAlgorithm == x509.RSA {
				text += " oaep"
			}
		}
		out = append(out, text+" "+string(g.Cipher))
	}
	return strings.Join(out, "; ")
}

// TestPlanRefuses: nobody is left out without a word.
func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	ec, none := person(t, "ec", "p256"), &recipient.Found{Address: "none@example.org", Err: &recipient.Error{Address: "none@example.org", Code: recipient.CodeNoRecord, Reason: "no record"}}
	for _, lists := range [][2][]*recipient.Found{{{ec, none}, nil}, {{ec}, {none}}, {{{Address: "none@example.org"}}, nil}} {
		if groups, err := recipient.Plan(lists[0], lists[1], recipient.PlanOptions{}); err == nil || !strings.Contains(err.Error(), "none@example.org") {
			t.Errorf("%v, %v", groups, err)
		}
	}
}

// TestBareKeys: a key without certificate is named by its identifier, and never stands beside the
// certificate of the same key.
func TestBareKeys(t *testing.T) {
	t.Parallel()
	bare := record(3, 1, 0, spki(t, "p256"))
	c := newWorld(t, published{bob: {bare}, "robert@example.org": {record(3, 0, 0, certify(t, "p256", nil))}}, nil)
	for i, addresses := range [][]string{{bob}, {bob, "robert@example.org"}, {"robert@example.org", bob}} {
		groups, err := recipient.Plan(recipient.Find(t.Context(), addresses, recipient.Options{Lookup: c, Now: at}), nil, recipient.PlanOptions{})
		if err != nil || len(groups) != 1 || len(groups[0].Recipients) != 1 {
			t.Fatalf("%v: %v, %v", addresses, groups, err)
		}
		if r := groups[0].Recipients[0]; (r.Certificate != nil) != (i > 0) || (r.Key != nil) != (i == 0) {
			t.Errorf("%v: %v", addresses, r)
		}
	}
}

// TestParseProfile: three names, and nothing for compatible.
func TestParseProfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]recipient.Profile{"": "compatible", "compatible": "compatible", "modern": "modern", "pq": "pq", "PQ": "", "new": ""} {
		if got, err := recipient.ParseProfile(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestRecordKept: a key says which record it is from.
func TestRecordKept(t *testing.T) {
	t.Parallel()
	want := record(3, 1, 0, spki(t, "p256"))
	c := newWorld(t, published{bob: {want}}, nil)
	f := recipient.Find(t.Context(), []string{bob}, recipient.Options{Lookup: c, Now: at})[0]
	if f.Err != nil || f.Keys[0].Record.Usage != dane.DANEEE || string(f.Keys[0].Record.Data) != string(want.Data) {
		t.Errorf("%v", f)
	}
}

// TestPlanLarge: an encryption has no more keys than readers accept.
func TestPlanLarge(t *testing.T) {
	t.Parallel()
	one, self := person(t, "ec", "p256").Keys[0], person(t, "self", "p256").Keys
	var people []*recipient.Found
	for i := range enveloped.MaxRecipients {
		key, c := one, *one.Certificate
		c.Raw = fmt.Append(nil, i) // another certificate of the same key
		key.Certificate = &c
		people = append(people, &recipient.Found{Address: fmt.Sprintf("p%d@example.org", i), Keys: []recipient.Key{key}})
	}
	groups, err := recipient.Plan(people, nil, recipient.PlanOptions{Self: self})
	if err != nil || len(groups) != 2 {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	if a, b := groups[0], groups[1]; len(a.Recipients) != enveloped.MaxRecipients || len(b.Recipients) != 2 || len(a.Addresses)+len(b.Addresses) != len(people) {
		t.Errorf("%d and %d keys, %d and %d addresses", len(a.Recipients), len(b.Recipients), len(a.Addresses), len(b.Addresses))
	}
}
