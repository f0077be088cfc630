package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver/evidence"
	"dnseal/smime"
	"dnseal/smime/cms"
)

// TestSealSigned: the signature of a seal is a witness where its signer's records are in the file
// and name the key that signed; else the report says why it proves nothing.
func TestSealSigned(t *testing.T) {
	t.Parallel()
	id, record := signer(t, "alice@example.org")
	own, ownRecord := signer(t, "mx.example.net")
	other, _ := signer(t, "mx.example.net")
	w := start(t, clock, lookuptest.Zone{Origin: "example.org.", Text: record}, lookuptest.Zone{Origin: "example.net.", Text: ownRecord})
	text := sign(t, id, letter("alice@example.org", "sealed"), smime.SignOptions{})
	report := judge(t, w.options(), text)
	mx := func(at time.Time) func() *lookup.Result {
		return func() *lookup.Result {
			r := *w.client.Lookup(t.Context(), "mx.example.net.", dane.TLSA)
			r.At = at
			return &r
		}
	}
	of := func(name string, typ dane.Type) func() *lookup.Result {
		return func() *lookup.Result { return w.client.Lookup(t.Context(), name, typ) }
	}
	for name, c := range map[string]struct {
		key   *evidence.Proof
		own   func() *lookup.Result
		by    string
		doubt string
	}{
		"its own key":       {proofBy(own.Signer()), mx(clock), "the signature of mx.example.net", ""},
		"another key":       {proofBy(other.Signer()), mx(clock), "", "another key"},
		"no records":        {proofBy(own.Signer()), nil, "", "nothing in it proves by whom"},
		"of another name":   {proofBy(own.Signer()), of(report.Signatures[0].DNS.Name, dane.SMIMEA), "", "another key"},
		"of another time":   {proofBy(own.Signer()), mx(clock.AddDate(0, 0, -3)), "", "nothing in it proves by whom"},
		"an absent record":  {proofBy(own.Signer()), of("no.example.net.", dane.TLSA), "", "the records of the signer"},
		"a wrong signature": {wrongProof(own.Signer()), mx(clock), "", "is wrong"},
		"no signature":      {nil, mx(clock), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := openDiary(t, dir, func(o *evidence.JournalOptions) {
				o.Own = c.own
				if c.key != nil {
					o.Proof = *c.key
				}
			})
			d.Add(report, evidence.JudgedBy(w.anchors, evidence.Policy{}))
			_ = d.Close()
			a, err := evidence.Open(dir, evidence.Options{Anchors: w.anchors})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			opts := w.options()
			opts.Past = a.Past
			r := judge(t, opts, text)
			notes := strings.Join(r.Evidence.Notes, " ")
			if line(r) != "pass " || r.Evidence.Witness != c.by || !strings.Contains(notes, c.doubt) || (c.by != "") != (r.Evidence.WitnessedAt != nil) {
				t.Errorf("%s, by %q at %v: %s\n%s", line(r), r.Evidence.Witness, r.Evidence.WitnessedAt, notes, d.text())
			}
		})
	}
}

func proofBy(s cms.Signer) *evidence.Proof {
	p := evidence.Proof(func(seal *evidence.Seal, _ [sha256.Size]byte, content io.ReaderAt) error {
		return evidence.Sign(seal, io.NewSectionReader(content, 0, 1<<30), s)
	})
	return &p
}

func wrongProof(s cms.Signer) *evidence.Proof {
	p := evidence.Proof(func(seal *evidence.Seal, _ [sha256.Size]byte, _ io.ReaderAt) error {
		return evidence.Sign(seal, bytes.NewReader([]byte("something else")), s)
	})
	return &p
}
