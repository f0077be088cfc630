package dane

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	matchTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	anyName   = func(*x509.Certificate) bool { return true }
)

// issued is a certificate with its key.
type issued struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate; a nil issuer: self-signed.
func issue(t *testing.T, name string, ca bool, by *issued, edit ...func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: matchTime.Add(-time.Hour), NotAfter: matchTime.Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if ca {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	for _, e := range edit {
		e(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

// record makes the record that names a certificate.
func record(usage, selector, matching uint8, c *issued) Record {
	data := c.Raw
	if selector == PublicKey {
		data = c.RawSubjectPublicKeyInfo
	}
	switch matching {
	case SHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case SHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return Record{usage, selector, matching, data}
}

func roots(certs ...*issued) []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range certs {
		out = append(out, c.Certificate)
	}
	return out
}

// people is a hierarchy: root -> intermediate -> leaf, root -> CA for web servers -> leaf, and
// strangers.
type people struct{ root, middle, leaf, webCA, byWebCA, stranger, self *issued }

func newPeople(t *testing.T) people {
	t.Helper()
	var p people
	p.root = issue(t, "root", true, nil)
	p.middle = issue(t, "middle", true, p.root)
	p.leaf = issue(t, "leaf", false, p.middle)
	p.webCA = issue(t, "web CA", true, p.root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	p.byWebCA = issue(t, "by web CA", false, p.webCA)
	p.stranger = issue(t, "stranger", true, nil)
	p.self = issue(t, "self", false, nil)
	return p
}

func (p people) options() MatchOptions {
	return MatchOptions{
		Certificate: p.leaf.Certificate, Chain: []*x509.Certificate{p.middle.Certificate, p.root.Certificate},
		NameOK: anyName, Roots: roots(p.root), At: matchTime,
	}
}

// TestMatchCombinations goes through all usages, selectors and matching types, with the certificate
// meant and with another.
func TestMatchCombinations(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	meant := map[uint8]*issued{PKIXTA: p.middle, PKIXEE: p.leaf, DANETA: p.root, DANEEE: p.leaf}
	for usage := range uint8(4) {
		for selector := range uint8(2) {
			for matching := range uint8(3) {
				r := record(usage, selector, matching, meant[usage])
				results, matched, usable := Match(t.Context(), []Record{r}, p.options())
				if !matched || !usable || results[0].Result != "match" || results[0].Reason != "" {
					t.Errorf("%d %d %d: %q (%s), want match", usage, selector, matching, results[0].Result, results[0].Reason)
				}
				results, matched, usable = Match(t.Context(), []Record{record(usage, selector, matching, p.stranger)}, p.options())
				if matched || !usable || results[0].Result != "no-match" {
					t.Errorf("%d %d %d with another certificate: %q, want no-match", usage, selector, matching, results[0].Result)
				}
			}
		}
	}
}

// rule is one rule beyond the data of a record.
type rule struct {
	name   string
	record Record
	edit   func(*MatchOptions)
	want   string
}

func (p people) testRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, tt := range rules {
		opts := p.options()
		if tt.edit != nil {
			tt.edit(&opts)
		}
		results, matched, usable := Match(t.Context(), []Record{tt.record}, opts)
		if got := results[0].Result; got != tt.want {
			t.Errorf("%s: %q (%s), want %q", tt.name, got, results[0].Reason, tt.want)
		}
		if matched != (tt.want == "match") || usable == strings.HasPrefix(tt.want, "unusable") {
			t.Errorf("%s: matched %t, usable %t with %q", tt.name, matched, usable, tt.want)
		}
	}
}

func noName(*x509.Certificate) bool { return false }

var digestOfNothing = sha256.Sum256(nil)

// tooLate is after everything has expired.
var tooLate = matchTime.Add(2 * time.Hour)

// TestMatchDANEEE: name, dates and issuer do not count (RFC 7671, Section 5.1).
func TestMatchDANEEE(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.testRules(t, []rule{
		{"DANE-EE: name, dates and issuer do not count (RFC 7671, 5.1)", record(3, 1, 1, p.leaf), func(o *MatchOptions) {
			o.NameOK, o.At, o.Chain, o.Roots = noName, tooLate, nil, nil
		}, "match"},
		{"DANE-EE: a CA's certificate says nothing about the leaf", record(3, 1, 1, p.middle), nil, "no-match"},
		{"nothing at all", record(3, 1, 1, p.leaf), func(o *MatchOptions) { *o = MatchOptions{} }, "no-match"},
		{"nothing at all, and its digest", Record{DANEEE, PublicKey, SHA256, digestOfNothing[:]}, func(o *MatchOptions) { *o = MatchOptions{} }, "no-match"},
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[fmt.Stringer]string{Unknown: "unknown", Absent: "absent", Present: "present", TLSA: "TLSA", SMIMEA: "SMIMEA", Type(1): "TYPE1"} {
		if word.String() != want {
			t.Errorf("%s, want %s", word, want)
		}
	}
}

// TestMatchDANETA: the anchor is in the record or in the chain, and everything down to the leaf
// counts (RFC 7671, Section 5.2).
func TestMatchDANETA(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	expired := issue(t, "expired middle", true, p.root, func(c *x509.Certificate) { c.NotAfter = matchTime.Add(-time.Minute) })
	below := issue(t, "below", false, expired)
	noCA := issue(t, "no CA", false, p.root)
	byNoCA := issue(t, "by no CA", false, noCA)
	p.testRules(t, []rule{
		{"DANE-TA: intermediate as anchor", record(2, 0, 1, p.middle), nil, "match"},
		{"DANE-TA: anchor only in the record (2 0 0)", record(2, 0, 0, p.root), func(o *MatchOptions) {
			o.Chain = []*x509.Certificate{p.middle.Certificate}
		}, "match"},
		{"DANE-TA: intermediate's key only in the record (2 1 0)", record(2, 1, 0, p.middle), func(o *MatchOptions) { o.Chain = nil }, "match"},
		{"DANE-TA: root's key only in the record (2 1 0)", record(2, 1, 0, p.root), func(o *MatchOptions) {
			o.Chain = []*x509.Certificate{p.middle.Certificate}
		}, "match"},
		{"DANE-TA: anchor by digest, but not in the chain", record(2, 0, 1, p.root), func(o *MatchOptions) {
			o.Chain = []*x509.Certificate{p.middle.Certificate}
		}, "no-match"},
		{"DANE-TA: the link between is missing", record(2, 0, 1, p.root), func(o *MatchOptions) {
			o.Chain = []*x509.Certificate{p.root.Certificate}
		}, "no-match"},
		{"DANE-TA: anchor in the chain that did not sign", record(2, 0, 1, p.stranger), func(o *MatchOptions) {
			o.Chain = append(o.Chain, p.stranger.Certificate)
		}, "no-match"},
		{"DANE-TA: certificate without the name (RFC 7671, 5.2.2)", record(2, 0, 1, p.root), func(o *MatchOptions) { o.NameOK = noName }, "no-match"},
		{"DANE-TA: nobody says what the name is", record(2, 0, 1, p.root), func(o *MatchOptions) { o.NameOK = nil }, "no-match"},
		{"DANE-TA: expired", record(2, 0, 1, p.root), func(o *MatchOptions) { o.At = tooLate }, "no-match"},
		{"DANE-TA: no time to judge at", record(2, 0, 1, p.root), func(o *MatchOptions) { o.At = time.Time{} }, "no-match"},
		{"DANE-TA by key: expired", record(2, 1, 0, p.middle), func(o *MatchOptions) { o.At, o.Chain = tooLate, nil }, "no-match"},
		{"DANE-TA by key: no time to judge at", record(2, 1, 0, p.middle), func(o *MatchOptions) { o.At, o.Chain = time.Time{}, nil }, "no-match"},
		{"DANE-TA: expired CA between", record(2, 0, 1, p.root), func(o *MatchOptions) {
			o.Certificate, o.Chain = below.Certificate, []*x509.Certificate{expired.Certificate, p.root.Certificate}
		}, "no-match"},
		{"DANE-TA: signed by a certificate that is no CA", record(2, 0, 1, p.root), func(o *MatchOptions) {
			o.Certificate, o.Chain = byNoCA.Certificate, []*x509.Certificate{noCA.Certificate, p.root.Certificate}
		}, "no-match"},
		{"DANE-TA: the leaf itself is no anchor of itself", record(2, 0, 1, p.self), func(o *MatchOptions) {
			o.Certificate, o.Chain = p.self.Certificate, []*x509.Certificate{p.self.Certificate}
		}, "no-match"},
		{"DANE-TA: a CA for web servers between, any purpose", record(2, 0, 1, p.root), p.underWebCA(), "match"},
		{"DANE-TA: a CA for web servers between, for mail", record(2, 0, 1, p.root), p.underWebCA(x509.ExtKeyUsageEmailProtection), "no-match"},
	})
}

// TestAnchorMissing: a digest of a CA's certificate that did not come along is told from one of
// another CA.
func TestAnchorMissing(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	alone := func(o *MatchOptions) { o.Chain = []*x509.Certificate{p.leaf.Certificate} }
	below := func(o *MatchOptions) { o.Chain = []*x509.Certificate{p.leaf.Certificate, p.middle.Certificate} }
	self := func(o *MatchOptions) {
		o.Certificate, o.Chain = p.self.Certificate, []*x509.Certificate{p.self.Certificate}
	}
	for _, tt := range []struct {
		name    string
		r       Record
		change  func(*MatchOptions)
		missing bool
		reason  string
	}{
		{"2 0 1", record(2, 0, 1, p.middle), alone, true, "did not come along"},
		{"2 0 2", record(2, 0, 2, p.middle), alone, true, "did not come along"},
		{"2 1 1", record(2, 1, 1, p.middle), alone, true, "did not come along"},
		{"2 1 2", record(2, 1, 2, p.middle), alone, true, "did not come along"},
		{"the root, and only what is below it came", record(2, 0, 1, p.root), below, true, "did not come along"},
		{"0 0 1", record(0, 0, 1, p.middle), alone, true, "did not come along"},
		{"0 1 1", record(0, 1, 1, p.middle), alone, true, "did not come along"},
		{"0 1 1 of a root", record(0, 1, 1, p.root), alone, false, "do not lead"},
		{"all came, of another CA", record(2, 1, 1, p.stranger), nil, false, "another CA"},
		{"all came, of another CA, usage 0", record(0, 1, 1, p.stranger), nil, false, "another CA"},
		{"nobody else issued it", record(2, 1, 1, p.stranger), self, false, "no other as its issuer"},
		{"its own key", record(2, 1, 1, p.self), self, false, "the signer's own"},
		{"the leaf's key", record(2, 1, 1, p.leaf), alone, false, "the signer's own"},
		{"whole, of another CA", record(2, 0, 0, p.stranger), alone, false, "do not lead"},
		{"usage 3", record(3, 1, 1, p.stranger), alone, false, ""},
	} {
		opts := p.options()
		if tt.change != nil {
			tt.change(&opts)
		}
		results, matched, _ := Match(t.Context(), []Record{tt.r}, opts)
		if r := results[0]; matched || r.AnchorMissing != tt.missing || !strings.Contains(r.Reason, tt.reason) || tt.reason == "" && r.Reason != "" {
			t.Errorf("%s: %+v", tt.name, r)
		}
		if tt.missing && !tt.r.NeedsCertificate() {
			t.Errorf("%s: it needs no certificate", tt.name)
		}
	}
	for _, r := range []Record{record(2, 0, 0, p.root), record(2, 1, 0, p.root), record(3, 1, 1, p.leaf), record(1, 1, 1, p.leaf), {Usage: 2, MatchingType: 9}} {
		if r.NeedsCertificate() {
			t.Errorf("%d %d %d needs a certificate", r.Usage, r.Selector, r.MatchingType)
		}
	}
}

// TestMatchPKIX: usages 0 and 1 need a path to a root as well.
func TestMatchPKIX(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.testRules(t, []rule{
		{"PKIX-EE: a CA for web servers between, for mail", record(1, 1, 1, p.byWebCA), p.underWebCA(x509.ExtKeyUsageEmailProtection), "no-match"},
		{"PKIX-EE: no path to a root", record(1, 0, 1, p.leaf), func(o *MatchOptions) { o.Roots = roots(p.stranger) }, "no-match"},
		{"PKIX-EE: without the name", record(1, 0, 1, p.leaf), func(o *MatchOptions) { o.NameOK = noName }, "no-match"},
		{"PKIX-EE: expired", record(1, 0, 1, p.leaf), func(o *MatchOptions) { o.At = tooLate }, "no-match"},
		{"PKIX-EE: no roots", record(1, 0, 1, p.leaf), func(o *MatchOptions) { o.Roots = nil }, "unusable: no mail roots configured"},
		{"PKIX-TA: the root", record(0, 0, 1, p.root), nil, "match"},
		{"PKIX-TA: the leaf is no CA of itself", record(0, 0, 1, p.leaf), nil, "no-match"},
		{"PKIX-TA: no path to a root", record(0, 0, 1, p.middle), func(o *MatchOptions) { o.Roots = roots(p.stranger) }, "no-match"},
		{"PKIX-TA: no roots", record(0, 0, 1, p.middle), func(o *MatchOptions) { o.Roots = nil }, "unusable: no mail roots configured"},
	})
}

// TestMatchKeyOnly: without a certificate, a record says something of the key or nothing.
func TestMatchKeyOnly(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.testRules(t, []rule{
		{"key only: DANE-EE by key", record(3, 1, 1, p.leaf), keyOnly(p.leaf), "match"},
		{"key only: DANE-EE whole key", record(3, 1, 0, p.leaf), keyOnly(p.leaf), "match"},
		{"key only: DANE-EE whole certificate", record(3, 0, 0, p.leaf), keyOnly(p.leaf), "match"},
		{"key only: whole certificate of another", record(3, 0, 0, p.self), keyOnly(p.leaf), "no-match"},
		{"key only: another key", record(3, 1, 2, p.self), keyOnly(p.leaf), "no-match"},
		{"key only: digest of a certificate", record(3, 0, 1, p.leaf), keyOnly(p.leaf), "unusable: it is the digest of a certificate, and there is only a key"},
		{"key only: DANE-TA", record(2, 0, 0, p.root), keyOnly(p.leaf), "unusable: it needs a certificate, and there is only a key"},
	})
}

// TestMatchUnusable: parameters that are unknown and data that is none.
func TestMatchUnusable(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.testRules(t, []rule{
		{"unknown usage", Record{4, 1, 1, make([]byte, 32)}, nil, "unusable: unknown usage 4"},
		{"private usage", Record{255, 0, 0, p.leaf.Raw}, nil, "unusable: unknown usage 255"},
		{"unknown selector", Record{3, 2, 1, make([]byte, 32)}, nil, "unusable: unknown selector 2"},
		{"unknown matching type", Record{3, 1, 3, make([]byte, 32)}, nil, "unusable: unknown matching type 3"},
		{"digest of the wrong size", Record{3, 1, 1, make([]byte, 20)}, nil, "unusable: digest of 20 octets"},
		{"digest of the other algorithm", Record{3, 1, 2, make([]byte, 32)}, nil, "unusable: digest of 32 octets"},
		{"empty digest", Record{3, 1, 1, nil}, nil, "unusable: digest of 0 octets"},
		{"whole certificate that is none", Record{3, 0, 0, []byte("certificate")}, nil, "unusable: its data is no certificate"},
		{"whole key that is none", Record{3, 1, 0, p.leaf.Raw}, nil, "unusable: its data is no public key"},
		{"empty whole key", Record{3, 1, 0, nil}, nil, "unusable: its data is no public key"},
	})
}

// underWebCA has p's web server certificate under a CA for web servers, verified for these usages.
func (p people) underWebCA(usages ...x509.ExtKeyUsage) func(*MatchOptions) {
	return func(o *MatchOptions) {
		o.Certificate, o.Chain, o.KeyUsages = p.byWebCA.Certificate, []*x509.Certificate{p.webCA.Certificate, p.root.Certificate}, usages
	}
}

func keyOnly(c *issued) func(*MatchOptions) {
	return func(o *MatchOptions) {
		*o = MatchOptions{SPKI: c.RawSubjectPublicKeyInfo, At: matchTime}
	}
}

// TestMatchReason says what else was wrong when the data would fit.
func TestMatchReason(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	opts := p.options()
	opts.NameOK = nil
	results, _, _ := Match(t.Context(), []Record{record(2, 0, 1, p.root), record(3, 1, 1, p.stranger)}, opts)
	if got := results[0].Reason; got != "the certificate does not carry the name" {
		t.Errorf("reason %q, want that the name is missing", got)
	}
	if got := results[1].Reason; got != "" {
		t.Errorf("reason %q for other data, want none", got)
	}
}

// TestDigestAgility leaves only the strongest digest of each usage and selector (RFC 7671, Section
// 9).
func TestDigestAgility(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	const weaker = "unusable: a stronger digest is published beside it"
	for _, tt := range []struct {
		name    string
		records []Record
		want    []string
		matched bool
	}{
		{"the stronger one speaks", []Record{record(3, 1, 1, p.leaf), record(3, 1, 2, p.leaf)}, []string{weaker, "match"}, true},
		{"the stronger one speaks against", []Record{record(3, 1, 2, p.self), record(3, 1, 1, p.leaf)}, []string{"no-match", weaker}, false},
		{"other selectors keep theirs", []Record{record(3, 0, 2, p.self), record(3, 1, 1, p.leaf)}, []string{"no-match", "match"}, true},
		{"other usages keep theirs", []Record{record(2, 1, 2, p.stranger), record(3, 1, 1, p.leaf)}, []string{"no-match", "match"}, true},
		{"whole data always counts", []Record{record(3, 1, 0, p.leaf), record(3, 1, 2, p.self)}, []string{"match", "no-match"}, true},
		{"an unusable one does not count", []Record{{3, 1, 2, make([]byte, 5)}, record(3, 1, 1, p.leaf)}, []string{"unusable: digest of 5 octets", "match"}, true},
		{"two keys in a rollover", []Record{record(3, 1, 1, p.self), record(3, 1, 1, p.leaf)}, []string{"no-match", "match"}, true},
	} {
		results, matched, _ := Match(t.Context(), tt.records, p.options())
		for i, r := range results {
			if r.Result != tt.want[i] {
				t.Errorf("%s: record %d is %q, want %q", tt.name, i, r.Result, tt.want[i])
			}
		}
		if matched != tt.matched {
			t.Errorf("%s: matched %t, want %t", tt.name, matched, tt.matched)
		}
	}
}

// TestMatchNothing never matches without records.
func TestMatchNothing(t *testing.T) {
	t.Parallel()
	if results, matched, usable := Match(t.Context(), nil, newPeople(t).options()); len(results) > 0 || matched || usable {
		t.Errorf("Match(nil) = %v, %t, %t", results, matched, usable)
	}
}

// TestMatchChain looks at 16 certificates beside the signer's.
func TestMatchChain(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	opts := p.options()
	opts.Chain = nil
	for range maxChain - 1 {
		opts.Chain = append(opts.Chain, p.stranger.Certificate)
	}
	opts.Chain = append(opts.Chain, p.middle.Certificate)
	if _, matched, _ := Match(t.Context(), []Record{record(2, 0, 1, p.middle)}, opts); !matched {
		t.Error("the 16th certificate is not looked at")
	}
	opts.Chain = append([]*x509.Certificate{p.stranger.Certificate}, opts.Chain...)
	if _, matched, _ := Match(t.Context(), []Record{record(2, 0, 1, p.middle)}, opts); matched {
		t.Error("a 17th certificate is looked at")
	}
}

// TestMatchProperty holds for any record: it matches only data that is the certificate's, and never
// changes.
func TestMatchProperty(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			Usage: rapid.Uint8Range(0, 5).Draw(t, "usage"), Selector: rapid.Uint8Range(0, 2).Draw(t, "selector"),
			MatchingType: rapid.Uint8Range(0, 3).Draw(t, "matching"),
			Data:         rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "data"),
		}
		before := bytes.Clone(r.Data)
		results, matched, _ := Match(context.Background(), []Record{r, r}, p.options())
		if matched {
			t.Fatalf("%d %d %d %x matches", r.Usage, r.Selector, r.MatchingType, r.Data)
		}
		if results[0].Result != results[1].Result || !bytes.Equal(before, results[0].Record.Data) {
			t.Fatalf("%+v", results)
		}
	})
}

// TestMatchCostly: nothing is computed with a key that is too large, wherever a record has it.
func TestMatchCostly(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	// without a private half
	key := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16383, 1), E: 65537}
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: matchTime, NotAfter: matchTime}
	cert, err := x509.CreateCertificate(rand.Reader, template, p.root.Certificate, key, p.root.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Record{{DANETA, FullCertificate, Exact, cert}, {DANETA, PublicKey, Exact, spki}, {DANEEE, FullCertificate, Exact, cert}, {DANEEE, PublicKey, Exact, spki}} {
		results, matched, usable := Match(t.Context(), []Record{r}, p.options())
		if matched || usable || !strings.Contains(results[0].Result, "RSA key of 16384 bits") {
			t.Errorf("%d %d %d: %q", r.Usage, r.Selector, r.MatchingType, results[0].Result)
		}
		if _, ok := r.SPKI(); ok {
			t.Errorf("%d %d %d hands out its key", r.Usage, r.Selector, r.MatchingType)
		}
	}
}

func TestSPKI(t *testing.T) {
	t.Parallel()
	c := issue(t, "leaf", false, nil)
	for _, tt := range []struct {
		record Record
		ok     bool
	}{
		{record(3, 0, 0, c), true},
		{record(3, 1, 0, c), true},
		{record(3, 1, 1, c), false},
		{Record{3, 0, 0, c.RawSubjectPublicKeyInfo}, false},
		{Record{3, 2, 0, c.Raw}, false},
		{Record{3, 1, 0, []byte{1}}, false},
	} {
		spki, ok := tt.record.SPKI()
		if ok != tt.ok || ok && !bytes.Equal(spki, c.RawSubjectPublicKeyInfo) {
			t.Errorf("SPKI() of %d %d %d = %d octets, %t, want %t", tt.record.Usage, tt.record.Selector, tt.record.MatchingType, len(spki), ok, tt.ok)
		}
	}
}

// TestUsualKey: a record of a key in its usual form is of a certificate that has it in another, and
// of no other certificate.
func TestUsualKey(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	usual, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(usual)
	cert := &x509.Certificate{PublicKey: key.Public(), RawSubjectPublicKeyInfo: []byte("another form")}
	for _, r := range []Record{{DANEEE, PublicKey, Exact, usual}, {DANEEE, PublicKey, SHA256, digest[:]}} {
		if !selected(r, cert) {
			t.Errorf("%v does not select the certificate", r)
		}
		r.Data = append(bytes.Clone(r.Data[:len(r.Data)-1]), r.Data[len(r.Data)-1]^1)
		if selected(r, cert) {
			t.Errorf("%v selects the certificate", r)
		}
	}
}

// TestUnknownKey: a key of an algorithm that is not known can be compared, and no more.
func TestUnknownKey(t *testing.T) {
	t.Parallel()
	spki := []byte("\x30\x0a\x30\x05\x06\x03\x2a\x03\x04\x03\x01\x00")
	data, pub, err := Record{DANEEE, PublicKey, Exact, spki}.key()
	if err != nil || pub != nil || !bytes.Equal(data, spki) {
		t.Errorf("key = %x, %v, %v", data, pub, err)
	}
	if _, _, err = (Record{DANEEE, PublicKey, Exact, spki[:len(spki)-1]}).key(); err == nil {
		t.Error("a key that is cut off is read")
	}
}
