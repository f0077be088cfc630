package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// keyRecords is a DNS of key records by owner name, all of one state.
type keyRecords struct {
	records map[string][]string
	status  dnssec.Status
	code    dnssec.Code

	mu    sync.Mutex
	asked []string
}

func (k *keyRecords) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, name)
	r := &lookup.Result{Name: name, Type: t, Status: k.status, Code: k.code, Reason: "as the test has it"}
	if t != dane.TXT || k.status == dnssec.Bogus || k.status == dnssec.Indeterminate {
		return r
	}
	r.Presence = dane.Absent
	if texts := k.records[name]; texts != nil {
		r.Presence, r.Texts = dane.Present, texts
	}
	return r
}

func (k *keyRecords) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return k.Lookup(ctx, name, t)
}

func secureKeys(records map[string]string) *keyRecords {
	k := &keyRecords{records: map[string][]string{}, status: dnssec.Secure}
	for name, text := range records {
		k.records[name] = []string{text}
	}
	return k
}

func read(tb testing.TB, raw string) *message.Message {
	tb.Helper()
	m, err := message.Read(strings.NewReader(raw), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	return m
}

// verified are the results on a message, in short: "pass", "fail body-changed".
func verified(tb testing.TB, v *Verifier, raw string) (out []string) {
	tb.Helper()
	for _, d := range v.Verify(tb.Context(), read(tb, raw)) {
		out = append(out, strings.TrimSuffix(string(d.Result)+" "+d.Code, " "))
	}
	return out
}

// testRSA and testEd are the keys of example.org: s1 and s2.
var testRSA, testEd = func() (*rsa.PrivateKey, ed25519.PrivateKey) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
}()

func rsaRecord(key *rsa.PublicKey) string {
	der, _ := x509.MarshalPKIXPublicKey(key)
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

var testRecords = map[string]string{
	"s1._domainkey.example.org.": rsaRecord(&testRSA.PublicKey),
	"s2._domainkey.example.org.": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(testEd.Public().(ed25519.PublicKey)),
}

// signer has the options of go-msgauth.
func signer(selector string, key crypto.Signer, canonical string) *dkim.SignOptions {
	header, body, _ := strings.Cut(canonical, "/")
	return &dkim.SignOptions{
		Domain: "example.org", Selector: selector, Signer: key, HeaderCanonicalization: dkim.Canonicalization(header),
		BodyCanonicalization: dkim.Canonicalization(body), HeaderKeys: []string{"From", "Subject", "To", "From", "X-Long"},
	}
}

func signedBy(tb testing.TB, raw string, o *dkim.SignOptions) string {
	tb.Helper()
	var out bytes.Buffer
	if err := dkim.Sign(&out, strings.NewReader(raw), o); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

const mail = "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject:  Plan \t for\r\n Tuesday  \r\nX-Long: a\r\n\tb\r\n" +
	"Message-ID: <1@example.org>\r\n\r\nHello,  \t Bob.\r\n\r\n  indented \r\n\r\n\r\nbye\r\n\r\n\r\n"

var canonicals = []string{"simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"}

// TestVerify: what go-msgauth signs passes; what was tampered with fails, without a lookup where it
// was the body; what the canonicalisation allows still passes.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, canonical := range canonicals {
		for selector, key := range map[string]crypto.Signer{"s1": testRSA, "s2": testEd} {
			header, body, _ := strings.Cut(canonical, "/")
			raw := signedBy(t, mail, signer(selector, key, canonical))
			for _, tt := range []struct {
				from, to string
				want     string
				lookups  int
			}{
				{"", "", "pass", 1},
				{"Bob.", "Bop.", "fail body-changed", 0},
				{"bye\r\n", "bye\r\nmore\r\n", "fail body-changed", 0},
				{"bye\r\n\r\n\r\n", "bye\r\n", "pass", 1},
				{"bye\r\n\r\n\r\n", "bye", "pass", 1},
				{"  indented", " indented", map[string]string{"simple": "fail body-changed", "relaxed": "pass"}[body], 1},
				{"indented \r\n", "indented\r\n", map[string]string{"simple": "fail body-changed", "relaxed": "pass"}[body], 1},
				{"\r\n  indented", "\r\n\r\n  indented", "fail body-changed", 0},
				{"To: bob", "To: bop", "fail bad-signature", 2},
				{"From: Alice", "From: Malice", "fail bad-signature", 2},
				{"Plan \t for\r\n Tuesday  ", "Plan for Tuesday", map[string]string{"simple": "fail bad-signature", "relaxed": "pass"}[header], 2},
				{"To: bob", "TO: bob", map[string]string{"simple": "fail bad-signature", "relaxed": "pass"}[header], 2},
				{"Message-ID: <1@", "Message-ID: <2@", "pass", 1}, // not covered
				{"X-Long: a\r\n\tb\r\n", "", "fail bad-signature", 2},
				{"From: Alice", "From: mallory@example.org\r\nFrom: Alice", "fail bad-signature", 2},
				{"d=example.org", "d=example.com", "permerror no-key", 2},
				{"s=" + selector, "s=s9", "permerror no-key", 2},
			} {
				dns := secureKeys(testRecords)
				changed := strings.Replace(raw, tt.from, tt.to, 1)
				got := verified(t, &Verifier{Lookup: dns}, changed)
				if !slices.Equal(got, []string{tt.want}) {
					t.Errorf("%s %s, %q to %q: %q, want %s", selector, canonical, tt.from, tt.to, got, tt.want)
				}
				if tt.lookups < len(dns.asked) || strings.HasPrefix(tt.want, "fail body") && len(dns.asked) > 0 {
					t.Errorf("%s %s, %q to %q: %d lookups", selector, canonical, tt.from, tt.to, len(dns.asked))
				}
			}
		}
	}
}

// TestVerifyStandards: the examples of RFC 6376, Appendix A.2, and RFC 8463, Appendix A.
func TestVerifyStandards(t *testing.T) {
	t.Parallel()
	const rsaKey = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v" +
		"/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
	v := &Verifier{Lookup: secureKeys(map[string]string{
		"brisbane._domainkey.example.com.": rsaKey,
		"test._domainkey.football.example.com.": "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/b" +
			"yYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
		"brisbane._domainkey.football.example.com.": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
	})}
	for file, want := range map[string][]receiver.DKIM{
		"rfc6376-a2": {{Domain: "example.com", Selector: "brisbane", Result: receiver.Pass, DNS: "secure", Algorithm: "rsa-sha256", Signature: "AuUoFEfD", OfFrom: true}},
		"rfc8463-a": {
			{Domain: "football.example.com", Selector: "brisbane", Result: receiver.Pass, DNS: "secure", Algorithm: "ed25519-sha256", Signature: "/gCrinpc", OfFrom: true},
			{Domain: "football.example.com", Selector: "test", Result: receiver.Pass, DNS: "secure", Algorithm: "rsa-sha256", Signature: "F45dVWDf", OfFrom: true},
		},
	} {
		raw, err := os.ReadFile("testdata/" + file + ".eml")
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Verify(t.Context(), read(t, string(raw))); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", file, got, want)
		}
	}
}

// TestVerifyStates: the state of the key's record is told, and decides what can be said.
func TestVerifyStates(t *testing.T) {
	t.Parallel()
	raw := signedBy(t, mail, signer("s1", testRSA, "relaxed/relaxed"))
	for _, tt := range []struct {
		status dnssec.Status
		code   dnssec.Code
		want   string
	}{
		{dnssec.Secure, "", "pass "},
		{dnssec.Insecure, "unsigned-delegation", "pass "},
		{dnssec.Bogus, "bad-signature", "temperror bogus"},
		{dnssec.Indeterminate, "timeout", "temperror timeout"},
		{dnssec.Indeterminate, "budget:queries", "temperror budget:queries"},
		{dnssec.Indeterminate, "", "temperror timeout"},
	} {
		dns := secureKeys(testRecords)
		dns.status, dns.code = tt.status, tt.code
		got := (&Verifier{Lookup: dns}).Verify(t.Context(), read(t, raw))
		if len(got) != 1 || string(got[0].Result)+" "+got[0].Code != tt.want || got[0].DNS != tt.status.String() || (got[0].Reason == "") != (tt.want == "pass ") {
			t.Errorf("%s %s: %+v, want %s", tt.status, tt.code, got, tt.want)
		}
	}
	// A key that is gone says nothing about an old message.
	for saved, want := range map[bool]bool{true: true, false: false} {
		got := (&Verifier{Lookup: secureKeys(nil), Saved: saved}).Verify(t.Context(), read(t, raw))
		if strings.Contains(got[0].Reason, "says nothing about an old message") != want {
			t.Errorf("saved %v: %s", saved, got[0].Reason)
		}
	}
	if got := (&Verifier{Lookup: secureKeys(nil)}).Verify(t.Context(), read(t, mail)); got != nil {
		t.Errorf("unsigned: %+v", got)
	}
}

// TestVerifyFields: what can be wrong with a field, all of which costs no lookup.
func TestVerifyFields(t *testing.T) {
	t.Parallel()
	raw := signedBy(t, mail, signer("s1", testRSA, "relaxed/relaxed"))
	field, rest, _ := strings.Cut(raw, "\r\nFrom:")
	_, bh, _ := strings.Cut(field, "bh=")
	bh, _, _ = strings.Cut(bh, ";")
	ok := "v=1; a=rsa-sha256; d=example.org; s=s1; h=from:from; bh=" + bh + "; b=AAAA"
	for _, tt := range []struct{ tags, want string }{
		{"", "neutral malformed"},
		{";", "neutral malformed"},
		{"v", "neutral malformed"},
		{"=1", "neutral malformed"},
		{ok + "; b=BBBB", "neutral malformed"},
		{ok + "; 1=x", "neutral malformed"},
		{ok + "; x-y=x", "neutral malformed"},
		{ok + ";; y=x", "neutral malformed"},
		{ok + "; y=a\x01b", "neutral malformed"},
		{strings.Replace(ok, "v=1", "v=2", 1), "neutral malformed"},
		{strings.Replace(ok, "v=1; ", "", 1), "neutral malformed"},
		{strings.Replace(ok, "b=AAAA", "b=", 1), "permerror malformed"},
		{strings.Replace(ok, "b=AAAA", "b=A A*A", 1), "neutral malformed"},
		{strings.Replace(ok, "b=AAAA", "b="+strings.Repeat("A", 1372), 1), "neutral limit"},
		{strings.Replace(ok, "b=AAAA", "b=AAAA; z="+strings.Repeat("A", 1<<19), 1), "neutral limit"},
		{strings.Replace(ok, "bh="+bh, "bh=AAAA", 1), "permerror malformed"},
		{strings.Replace(ok, "d=example.org", "d=", 1), "permerror malformed"},
		{strings.Replace(ok, "d=example.org", "d=exa mple.o/rg", 1), "permerror malformed"},
		{strings.Replace(ok, "d=example.org", "d=example..org", 1), "permerror malformed"},
		{strings.Replace(ok, "d=example.org", "d="+strings.Repeat("a.", 130)+"org", 1), "permerror malformed"},
		{strings.Replace(ok, "s=s1", "s="+strings.Repeat("a", 64), 1), "permerror malformed"},
		{strings.Replace(ok, "h=from:from", "h=to:subject", 1), "permerror malformed"},
		{strings.Replace(ok, "h=from:from", "h=from"+strings.Repeat(":x", 200), 1), "neutral limit"},
		{strings.Replace(ok, "rsa-sha256", "rsa-sha1", 1), "policy weak"},
		{strings.Replace(ok, "rsa-sha256", "rsa-sha512", 1), "neutral unsupported"},
		{ok + "; c=nofws", "neutral unsupported"},
		{ok + "; c=relaxed/nofws", "neutral unsupported"},
		{ok + "; q=dns/svc", "neutral unsupported"},
		{ok + "; l=5", "policy partial"},
		{ok + "; x=1", "permerror expired"},
		{ok + "; x=-1", "neutral malformed"},
		{ok + "; t=99999999999999999999", "neutral malformed"},
		{ok + "; t=200; x=100", "permerror malformed"},
		{ok + "; i=alice@example.com", "permerror malformed"},
		{ok + "; i=alice@badexample.org", "permerror malformed"},
		{ok + "; i=example.org", "permerror malformed"},
	} {
		dns := secureKeys(testRecords)
		got := verified(t, &Verifier{Lookup: dns}, "DKIM-Signature: "+tt.tags+"\r\nFrom:"+rest)
		if !slices.Equal(got, []string{tt.want}) || len(dns.asked) > 0 {
			t.Errorf("%.300q: %q after %d lookups, want %s", tt.tags, got, len(dns.asked), tt.want)
		}
	}
	// And what is not wrong.
	for _, tags := range []string{
		ok + ";", ok + "; i=a@sub.Example.ORG", strings.ReplaceAll(ok, "=", " \r\n = "), ok + "; c=simple/relaxed; q=x:dns/txt", ok + "; x=99999999999",
		strings.Replace(ok, "example.org", "EXAMPLE.org", 1), ok + "; y=\xc3\xa9",
	} {
		dns := secureKeys(testRecords)
		tags = strings.Replace(tags, "c=simple/relaxed; ", "c=relaxed/relaxed; ", 1)
		if !strings.Contains(tags, "c=") {
			tags += "; c=relaxed/relaxed"
			tags = strings.ReplaceAll(tags, ";;", ";")
		}
		if got := verified(t, &Verifier{Lookup: dns}, "DKIM-Signature: "+tags+"\r\nFrom:"+rest); !slices.Equal(got, []string{"fail bad-signature"}) {
			t.Errorf("%q: %q", tags, got)
		}
	}
}

// TestVerifyKeys: what can be wrong with a key record.
func TestVerifyKeys(t *testing.T) {
	t.Parallel()
	raw := signedBy(t, mail, signer("s1", testRSA, "relaxed/relaxed"))
	below := signer("s1", testRSA, "relaxed/relaxed")
	below.Identifier = "alice@sub.example.org"
	record := testRecords["s1._domainkey.example.org."]
	p := strings.TrimPrefix(record, "v=DKIM1; k=rsa; ")
	for _, tt := range []struct{ record, want string }{
		{record, "pass"},
		{p, "pass"},
		{"v=DKIM1;t=y:x; n=a note; h=sha1:sha256; s=*:x; g=*; " + p, "pass"},
		{"v=DKIM1; s=email; " + strings.ReplaceAll(p, "A", " \tA") + ";", "pass"},
		{"", "permerror bad-key"},
		{"v=spf1 -all", "permerror bad-key"},
		{"v=spf1; " + p, "permerror bad-key"},
		{p + "; v=DKIM1", "permerror bad-key"},
		{"v=DKIM1; k=rsa", "permerror bad-key"},
		{"v=DKIM1; p=", "permerror revoked"},
		{"v=DKIM1; p=*", "permerror bad-key"},
		{"v=DKIM1; p=AAAA", "permerror bad-key"},
		{"v=DKIM1; k=ed25519; " + p, "permerror bad-key"},
		{"v=DKIM1; k=rsa; k=rsa; " + p, "permerror bad-key"},
		{"v=DKIM1; h=sha1; " + p, "permerror bad-key"},
		{"v=DKIM1; s=tlsrpt; " + p, "permerror bad-key"},
		{"v=DKIM1; n=" + strings.Repeat("x", maxRecord) + "; " + p, "permerror bad-key"},
		{testRecords["s2._domainkey.example.org."], "permerror bad-key"},
		{rsaRecord(&rsa.PublicKey{N: bigOfBits(1023), E: 65537}), "policy weak"},
		{rsaRecord(&rsa.PublicKey{N: bigOfBits(1024), E: 65537}), "fail bad-signature"},
		{rsaRecord(&rsa.PublicKey{N: bigOfBits(8192), E: 65537}), "fail bad-signature"},
		{rsaRecord(&rsa.PublicKey{N: bigOfBits(8193), E: 65537}), "policy limit"},
		{rsaRecord(&rsa.PublicKey{N: bigOfBits(16384), E: 65537}), "policy limit"},
		{rsaRecord(&rsa.PublicKey{N: bigOfBits(2048), E: 1}), "permerror bad-key"},
		{rsaRecord(&rsa.PublicKey{N: bigOfBits(2048), E: 4}), "permerror bad-key"},
	} {
		dns := secureKeys(map[string]string{"s1._domainkey.example.org.": tt.record})
		got := (&Verifier{Lookup: dns}).Verify(t.Context(), read(t, raw))
		if text := strings.TrimSuffix(string(got[0].Result)+" "+got[0].Code, " "); text != tt.want {
			t.Errorf("%.80q: %s (%s), want %s", tt.record, text, got[0].Reason, tt.want)
		}
		if got[0].Testing != strings.Contains(tt.record, "t=y") {
			t.Errorf("%.80q: testing %v", tt.record, got[0].Testing)
		}
	}
	dns := secureKeys(nil)
	dns.records["s1._domainkey.example.org."] = []string{record, "another"}
	if got := verified(t, &Verifier{Lookup: dns}, raw); !slices.Equal(got, []string{"permerror bad-key"}) {
		t.Errorf("two records: %q", got)
	}
	for flags, want := range map[string]string{"t=y; ": "pass", "t=y:s; ": "permerror malformed"} {
		dns := secureKeys(map[string]string{"s1._domainkey.example.org.": flags + p})
		if got := verified(t, &Verifier{Lookup: dns}, signedBy(t, mail, below)); !slices.Equal(got, []string{want}) {
			t.Errorf("i= below d=, %q: %q, want %s", flags, got, want)
		}
	}
}

// TestVerifyMany: of a thousand signatures five are checked, those of the domain of From first.
func TestVerifyMany(t *testing.T) {
	t.Parallel()
	raw := signedBy(t, mail, signer("s1", testRSA, "relaxed/relaxed"))
	_, bh, _ := strings.Cut(raw, "bh=")
	bh, _, _ = strings.Cut(bh, ";")
	var many strings.Builder
	for i := range 999 {
		fmt.Fprintf(&many, "DKIM-Signature: v=1; a=rsa-sha256; d=d%d.example; s=s1; h=from; bh=%s; b=AAAA; c=relaxed/relaxed\r\n", i, bh)
	}
	dns := secureKeys(testRecords)
	got := (&Verifier{Lookup: dns}).Verify(t.Context(), read(t, many.String()+raw))
	if len(got) != maxChecked+1 || got[0].Result != receiver.Pass || got[maxChecked].Reason != "995 more signatures are not checked, at most 5 are" {
		t.Errorf("%+v", got)
	}
	if len(dns.asked) > 2*maxChecked {
		t.Errorf("%d lookups", len(dns.asked))
	}
	// Incomplete ones of the domain of From cost nothing, and displace none that can pass.
	junk := strings.Repeat("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from; b=AAAA\r\n", maxChecked)
	if got := verified(t, &Verifier{Lookup: dns}, junk+raw); got[0] != "pass" {
		t.Errorf("junk before it: %q", got)
	}
	// A second From, which it does not cover.
	once := signer("s1", testRSA, "relaxed/relaxed")
	once.HeaderKeys = []string{"From"}
	for _, second := range []string{
		"From: mallory@example.org\r\n" + signedBy(t, mail, once),
		strings.Replace(signedBy(t, mail, once), "\r\n\r\n", "\r\nfrom : mallory@example.org\r\n\r\n", 1),
	} {
		if got := verified(t, &Verifier{Lookup: dns}, second); !slices.Equal(got, []string{"policy partial"}) {
			t.Errorf("a second From: %q", got)
		}
	}
}

// TestVerifyEnds: a context that is over ends the work, and nothing passes.
func TestVerifyEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dns := secureKeys(testRecords)
	got := (&Verifier{Lookup: dns}).Verify(ctx, read(t, signedBy(t, mail, signer("s1", testRSA, "relaxed/relaxed"))))
	if len(got) != 1 || got[0].Result != receiver.TempError || len(dns.asked) > 0 {
		t.Errorf("%+v", got)
	}
}

// TestVerifyMemory: a body costs no memory, whatever it holds; one of empty lines alone is where
// others keep all.
func TestVerifyMemory(t *testing.T) { // not parallel: allocations are counted
	for _, line := range []string{"\r\n", "\r", " \t", "x", " \r\n", "\r\n\r\nx"} {
		block := bytes.Repeat([]byte(line), 32<<10/len(line))
		h := newBodyHash(true)
		if n := testing.AllocsPerRun(100, func() { _, _ = h.Write(block) }); n > 0 || cap(h.out) > 4*flushAt {
			t.Errorf("%q: %v allocations a block, %d octets kept", line, n, cap(h.out))
		}
	}
}

// FuzzVerify: our result is that of go-msgauth, where that has one of its own.
func FuzzVerify(f *testing.F) {
	for _, canonical := range canonicals {
		f.Add(signedBy(f, mail, signer("s1", testRSA, canonical)))
		f.Add(signedBy(f, mail, signer("s2", testEd, canonical)))
	}
	f.Add(mail)
	f.Add("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=AAAA; b=AAAA; l=1\r\nFrom: a@example.org\r\n\r\n \r\r\n x")
	f.Fuzz(func(t *testing.T, raw string) {
		m, err := message.Read(strings.NewReader(raw), message.ReadOptions{})
		if err != nil {
			return
		}
		defer m.Close()
		now := time.Unix(1_800_000_000, 0)
		got := (&Verifier{Lookup: secureKeys(testRecords), Now: func() time.Time { return now }}).Verify(t.Context(), m)
		if len(got) != 1 || got[0].Result != receiver.Pass {
			return
		}
		theirs, err := dkim.VerifyWithOptions(m.Open(), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			return []string{testRecords[strings.ToLower(name)+"."]}, nil
		}})
		if err != nil || len(theirs) != 1 || theirs[0].Err != nil && !peculiar(theirs[0].Err.Error()) {
			t.Errorf("we pass, go-msgauth says %v %+v", err, theirs)
		}
	})
}

// peculiar are errors of go-msgauth about what RFC 6376 allows.
func peculiar(text string) bool {
	return strings.Contains(text, "domain mismatch") || // d= and i= in different case
		strings.Contains(text, "expired") // by its own clock
}

// bigOfBits is an odd number of so many bits.
func bigOfBits(bits int) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return n.SetBit(n, 0, 1)
}

// broken is a resolver with a fault.
type broken struct{ lookup.Resolver }

func (broken) Lookup(context.Context, string, dane.Type) *lookup.Result { panic("a fault") }

// TestVerifyFault: a fault while one signature is checked is the result of that one, and ends
// nothing else.
func TestVerifyFault(t *testing.T) {
	t.Parallel()
	v := &Verifier{Lookup: broken{}}
	c := &check{signature: &signature{}}
	v.judge(t.Context(), []*check{c}, nil)
	if c.problem == nil || c.problem.code != codeInternal {
		t.Errorf("got %+v", c.problem)
	}
}
