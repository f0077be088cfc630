package evidence_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/sender/identity"
	"dnseal/smime"
)

// TestLater judges a message that passed when it came, after everything has changed that it rested
// on: live it is no pass any more, and by evidence it is as it was.
func TestLater(t *testing.T) {
	t.Parallel()
	id, record := signer(t, "alice@example.org")
	_, next := signer(t, "alice@example.org")
	text := sign(t, id, letter("alice@example.org", "an order"), smime.SignOptions{})
	zone := func(record string) lookuptest.Zone { return lookuptest.Zone{Origin: "example.org.", Text: record} }
	w := start(t, clock, zone(record))
	file, live := w.keep(w.options(), text)
	if line(live[0]) != "pass " {
		t.Fatal(line(live[0]), live[0].Reason)
	}
	later := clock.AddDate(5, 0, 0)
	for name, now := range map[string]*world{
		"rollover":                start(t, later, zone(next)),
		"revocation":              start(t, later, zone("other TXT x\n")),
		"the zone is not signed":  start(t, later, lookuptest.Zone{Origin: "example.org.", Text: record, Unsigned: true}),
		"the zone is gone":        start(t, later, lookuptest.Zone{Origin: "example.com.", Text: "x TXT x\n"}),
		"the signatures expired":  start(t, later, lookuptest.Zone{Origin: "example.org.", Text: record, Break: lookuptest.Expired}),
		"a key that stayed there": start(t, later, zone(record)),
	} {
		if r := judge(t, now.options(), text); (r.Verdict == receiver.Pass) != (name == "a key that stayed there") {
			t.Errorf("%s: live it is %s", name, line(r))
		}
		// The root's key is another one by now, too: IANA's file has the old one with its period.
		both := xmlAnchors(w, clock.AddDate(-1, 0, 0), clock.AddDate(1, 0, 0)) + "<!-- -->"
		if r := recall(t, file, evidence.Options{Anchors: anchorsOf(t, both)}, now.options(), text); line(r) != "pass " || !r.AsOf.Equal(clock) {
			t.Errorf("%s: by evidence it is %s: %s", name, line(r), r.Reason)
		}
		if r := recall(t, file, evidence.Options{Anchors: now.anchors}, now.options(), text); r.Code != receiver.CodeEvidenceAnchor {
			t.Errorf("%s: by the new root alone it is %s: %s", name, line(r), r.Reason)
		}
	}
	// The key of the root was not valid any more when the evidence says that it was made.
	ended := anchorsOf(t, xmlAnchors(w, clock.AddDate(-2, 0, 0), clock.AddDate(0, 0, -1)))
	if r := recall(t, file, evidence.Options{Anchors: ended}, w.options(), text); r.Code != receiver.CodeEvidenceAnchor {
		t.Errorf("by a root key that had ended it is %s: %s", line(r), r.Reason)
	}
}

// xmlAnchors is the root's key of w as IANA would publish it (RFC 9718).
func xmlAnchors(w *world, from, until time.Time) string {
	var keys strings.Builder
	for _, r := range w.anchors.Records() {
		f := strings.Fields(r)
		fmt.Fprintf(&keys, "<KeyDigest validFrom=%q validUntil=%q><KeyTag>%s</KeyTag><Algorithm>%s</Algorithm><DigestType>%s</DigestType><Digest>%s</Digest></KeyDigest>",
			from.Format(time.RFC3339), until.Format(time.RFC3339), f[3], f[4], f[5], f[6])
	}
	return "<TrustAnchor><Zone>.</Zone>" + keys.String() + "</TrustAnchor>"
}

// TestAbsent: that a record was absent when the message came is proven as well, when it is there by
// now.
func TestAbsent(t *testing.T) {
	t.Parallel()
	for name, zone := range map[string]lookuptest.Zone{
		"NSEC": {}, "NSEC3": {NSEC3: true}, "compact": {Narrow: true}, "narrow NSEC3": {NSEC3: true, Narrow: true},
	} {
		for _, saved := range []bool{true, false} {
			id, record := signer(t, "alice@example.org")
			text := sign(t, id, letter("alice@example.org", "a claim"), smime.SignOptions{})
			zone.Origin, zone.Text = "example.org.", "other TXT x\n"
			w := start(t, clock, zone)
			opts := w.options()
			opts.Saved = saved
			file, live := w.keep(opts, text)
			zone.Text = record
			now := start(t, clock.AddDate(1, 0, 0), zone)
			if r := judge(t, now.options(), text); r.Verdict != receiver.Pass {
				t.Fatalf("%s: live it is %s", name, line(r))
			}
			want := map[bool]string{true: "fail not-published-now", false: "fail revoked-or-unpublished"}[saved]
			r := recall(t, file, evidence.Options{Anchors: w.anchors}, now.options(), text)
			if line(live[0]) != want || line(r) != want || r.Signatures[0].DNS.Presence != "absent" || r.Signatures[0].DNS.Status != "secure" || strings.Contains(r.Reason, " now") {
				t.Errorf("%s: %s, by evidence %s %+v", name, line(live[0]), line(r), r.Signatures[0].DNS)
			}
		}
	}
}

// TestCertificateExpired: under usage 2 dates count, and they count as of then.
func TestCertificateExpired(t *testing.T) {
	t.Parallel()
	ca, caKey := newCA(t)
	id := certified(t, ca, caKey)
	owner, _, err := id.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	zone := lookuptest.Zone{Origin: "example.org.", Text: fmt.Sprintf("%s SMIMEA 2 0 0 %x\n", owner, ca.Raw)}
	text := sign(t, id, letter("alice@example.org", "dated"), smime.SignOptions{})
	w := start(t, clock, zone)
	file, live := w.keep(w.options(), text)
	now := start(t, clock.AddDate(1, 0, 0), zone)
	if line(live[0]) != "pass " || judge(t, now.options(), text).Verdict == receiver.Pass {
		t.Fatalf("%s %s, a year later %s", line(live[0]), live[0].Reason, line(judge(t, now.options(), text)))
	}
	if r := recall(t, file, evidence.Options{Anchors: w.anchors}, now.options(), text); line(r) != "pass " {
		t.Errorf("by evidence: %s: %s", line(r), r.Reason)
	}
}

// certified makes an identity that a CA certifies for a month before and after.
func certified(tb testing.TB, ca *x509.Certificate, caKey *ecdsa.PrivateKey) *identity.Identity {
	tb.Helper()
	id, err := identity.Create(tb.TempDir(), "alice@example.org", identity.CreateOptions{Now: clock.AddDate(0, -1, 0), Certify: func(id *identity.Identity) (*x509.Certificate, error) {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Alice"}, EmailAddresses: []string{"alice@example.org"},
			NotBefore: clock.AddDate(0, -1, 0), NotAfter: clock.AddDate(0, 1, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, ca, id.Public, caKey)
		if err != nil {
			return nil, err
		}
		id.Chain = []*x509.Certificate{ca}
		return x509.ParseCertificate(der)
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// TestRoots: a verdict that rests on roots of CAs is given again by the roots of the reader alone,
// as of then, also when all certificates have expired; without them, or by others, it is not.
func TestRoots(t *testing.T) {
	t.Parallel()
	ca, caKey := newCA(t)
	other, _ := newCA(t)
	text := sign(t, certified(t, ca, caKey), letter("alice@example.org", "by a CA"), smime.SignOptions{})
	w := start(t, clock, lookuptest.Zone{Origin: "example.org."})
	with, without := w.options(), w.options()
	with.PKIXRoots = []*x509.Certificate{ca}
	for name, c := range map[string]struct {
		kept  receiver.Options
		roots []*x509.Certificate
		at    time.Time
		want  string
		note  string
	}{
		"the same":               {with, []*x509.Certificate{ca}, time.Time{}, "pass pkix", ""},
		"one more":               {with, []*x509.Certificate{ca, other}, time.Time{}, "pass pkix", ""},
		"none":                   {with, nil, time.Time{}, "neutral no-record", "the verdict of then was pass (pkix): it had 1 PKIX root, and others are given here"},
		"another":                {with, []*x509.Certificate{other}, time.Time{}, "neutral no-record", "the verdict of then was pass (pkix): it had 1 PKIX root, and others are given here"},
		"only now":               {without, []*x509.Certificate{ca}, time.Time{}, "pass pkix", "the verdict of then was neutral (no-record): it had no PKIX roots, and others are given here"},
		"when its zone had none": {with, []*x509.Certificate{ca}, clock.AddDate(0, 2, 0), "temperror evidence-time", ""},
	} {
		file, _ := w.keep(c.kept, text)
		opts := w.options()
		opts.PKIXRoots = c.roots
		r := recall(t, file, evidence.Options{Anchors: w.anchors, At: c.at, Policy: evidence.PolicyOf(&opts)}, opts, text)
		if line(r) != c.want || c.at.IsZero() && strings.Join(r.Evidence.Notes, "; ") != c.note {
			t.Errorf("%s: %s, want %s: %q", name, line(r), c.want, r.Evidence.Notes)
		}
	}
}

func newCA(tb testing.TB) (*x509.Certificate, *ecdsa.PrivateKey) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: clock.AddDate(-1, 0, 0), NotAfter: clock.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert, key
}

// TestPolicy: what a file says about policy is shown, and never used.
func TestPolicy(t *testing.T) {
	t.Parallel()
	id, record := signer(t, "sensor7._device.example.org")
	w := start(t, clock, lookuptest.Zone{Origin: "example.org.", Text: record})
	text := sign(t, id, letter("alarm@example.org", "alarm"), smime.SignOptions{})
	opts := w.options()
	opts.Domains = []receiver.Domain{{Names: []string{"example.org"}, Devices: map[string][]string{"*._device.example.org": {"alarm@example.org"}}}}
	file, live := w.keep(opts, text)
	if line(live[0]) != "pass " {
		t.Fatal(line(live[0]), live[0].Reason)
	}
	ours := evidence.Options{Anchors: w.anchors, Policy: evidence.PolicyOf(&opts)}
	if r := recall(t, file, ours, opts, text); line(r) != "pass " || len(r.Evidence.Notes) > 0 {
		t.Errorf("by the same policy: %s %+v", line(r), r.Evidence)
	}
	r := recall(t, file, evidence.Options{Anchors: w.anchors}, w.options(), text)
	if line(r) != "policy no-rule" || !strings.Contains(strings.Join(r.Evidence.Notes, ""), "the verdict of then was pass: its policy was another one than is given here, with the security domains example.org") {
		t.Errorf("without policy: %s %q", line(r), r.Evidence.Notes)
	}
}
