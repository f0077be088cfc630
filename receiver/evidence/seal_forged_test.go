package evidence_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime"
	"dnseal/smime/cms"
)

// seals is a world in which mx.example.net signs seals over a report.
type seals struct {
	*world
	own, other cms.Signer
	ca         *x509.Certificate
	caKey      *ecdsa.PrivateKey
	report     *receiver.Report
}

func newSeals(t *testing.T) *seals {
	t.Helper()
	id, record := signer(t, "alice@example.org")
	own, ownRecord := signer(t, "mx.example.net")
	other, _ := signer(t, "mx.example.net")
	s := &seals{own: own.Signer(), other: other.Signer()}
	s.ca, s.caKey = newCA(t)
	digest := sha256.Sum256(s.ca.Raw)
	zone := ownRecord + fmt.Sprintf("ta TLSA 2 0 1 %x\n", digest) + strings.ReplaceAll(ownRecord, "TLSA", "SMIMEA") + strings.ReplaceAll(ownRecord, "mx.", "copy.")
	s.world = start(t, clock, lookuptest.Zone{Origin: "example.org.", Text: record}, lookuptest.Zone{Origin: "example.net.", Text: zone})
	s.report = judge(t, s.options(), sign(t, id, letter("alice@example.org", "sealed"), smime.SignOptions{}))
	return s
}

// of is the lookup of a name at a time.
func (s *seals) of(t *testing.T, name string, typ dane.Type, at time.Time) func() *lookup.Result {
	t.Helper()
	return func() *lookup.Result {
		r := *s.client.Lookup(t.Context(), name, typ)
		r.At = at
		return &r
	}
}

// mx is the lookup of mx.example.net when its seal is made.
func (s *seals) mx(t *testing.T) func() *lookup.Result {
	t.Helper()
	return s.of(t, "mx.example.net.", dane.TLSA, clock)
}

// file is a file that was sealed at a time.
func (s *seals) file(t *testing.T, own func() *lookup.Result, proof evidence.Proof, at time.Time) []byte {
	t.Helper()
	dir := t.TempDir()
	d := openDiary(t, dir, func(o *evidence.JournalOptions) { o.Own, o.Proof = own, proof })
	d.Add(s.report, evidence.JudgedBy(s.anchors, evidence.Policy{}))
	d.set(at)
	_ = d.Close()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v\n%s", names, err, d.text())
	}
	file, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// signs is a proof by a CMS signature; NoTime, Certificates and more signers as in opts.
func (s *seals) signs(opts cms.SignOptions, edit ...func(der []byte) []byte) evidence.Proof {
	return func(seal *evidence.Seal, _ [sha256.Size]byte, content io.ReaderAt) error {
		if opts.Signers == nil {
			opts.Signers = []cms.Signer{s.own}
		}
		if opts.Certificates == nil {
			opts.Certificates = []*x509.Certificate{s.own.Certificate}
		}
		opts.Time = seal.Sealed
		der, err := cms.Sign(io.NewSectionReader(content, 0, 1<<30), opts)
		for _, e := range edit {
			der = e(der)
		}
		seal.Signature = der
		return err
	}
}

// witness says who proves the time of a file, when, and what is noted about that.
func (s *seals) witness(t *testing.T, file []byte, by func(*evidence.Seal, io.Reader) (string, time.Time, error)) (name string, at time.Time, notes string) {
	t.Helper()
	a, err := past(file, evidence.Options{Anchors: s.anchors, Witness: by})
	if err != nil {
		t.Fatal(err)
	}
	e := a.Past(context.Background(), *s.report.Digests).Evidence
	if (e.Witness == "") != (e.WitnessedAt == nil) {
		t.Errorf("witness %q at %v", e.Witness, e.WitnessedAt)
	}
	if e.WitnessedAt != nil {
		at = *e.WitnessedAt
	}
	return e.Witness, at, strings.Join(e.Notes, "\n")
}

// resealed is a file with its seal changed, as someone would write it who knows the form.
func resealed(tb testing.TB, file []byte, edit func(*evidence.Seal)) []byte {
	tb.Helper()
	at := bytes.LastIndexByte(file[:len(file)-1], '\n') + 1
	var l struct {
		Seal *evidence.Seal `json:"seal"`
	}
	if err := json.Unmarshal(file[at:], &l); err != nil {
		tb.Fatal(err)
	}
	edit(l.Seal)
	text, err := json.Marshal(l)
	if err != nil {
		tb.Fatal(err)
	}
	text = text[:len(text)-1]
	sum := sha256.Sum256(slices.Concat(file[at-35:at-3], text))
	return fmt.Appendf(bytes.Clone(file[:at]), "%s,\"sum\":%q}\n", text, hex.EncodeToString(sum[:16]))
}

const bySeal = "the signature of mx.example.net"

// TestSealTime: the time that the signature of a seal proves is the signing time in it, and one
// beside it that was moved is noticed, also where all checksums are right.
func TestSealTime(t *testing.T) {
	t.Parallel()
	s := newSeals(t)
	file := s.file(t, s.mx(t), s.signs(cms.SignOptions{}), clock)
	for moved, want := range map[time.Duration]string{
		0: bySeal, 5 * time.Minute: bySeal, -5 * time.Minute: bySeal,
		5*time.Minute + time.Second: "", -5*time.Minute - time.Second: "", 20 * time.Hour: "", -20 * time.Hour: "", 24 * 365 * 100 * time.Hour: "",
	} {
		by, at, notes := s.witness(t, resealed(t, file, func(seal *evidence.Seal) { seal.Sealed = clock.Add(moved) }), nil)
		if by != want || by != "" && !at.Equal(clock) || (want == "") != strings.Contains(notes, "is of 2026-11-24T12:00:00Z, and the seal says that it was made on ") {
			t.Errorf("moved by %s: %q at %s; %s", moved, by, at, notes)
		}
	}
}

// TestSealRefused: each thing that makes the signature of a seal prove nothing.
func TestSealRefused(t *testing.T) {
	t.Parallel()
	s := newSeals(t)
	bare := cms.Signer{Key: s.own.Key} // named by its key alone
	days := func(n int) time.Time { return clock.AddDate(0, 0, n) }
	for name, c := range map[string]struct {
		own   func() *lookup.Result
		proof evidence.Proof
		at    time.Time
		want  string // "": it is believed
	}{
		"right":                              {s.mx(t), s.signs(cms.SignOptions{}), clock, ""},
		"no time":                            {s.mx(t), s.signs(cms.SignOptions{NoTime: true}), clock, "does not say when"},
		"no certificate":                     {s.mx(t), s.signs(cms.SignOptions{Certificates: []*x509.Certificate{s.other.Certificate}}), clock, "holds no certificate"},
		"no hash of the certificate":         {s.mx(t), s.signs(cms.SignOptions{Signers: []cms.Signer{bare}}), clock, "which certificate its signer has"},
		"another signer, too":                {s.mx(t), s.signs(cms.SignOptions{Signers: []cms.Signer{s.own, s.other}}), clock, "cannot be read"},
		"attached, with nothing":             {s.mx(t), s.signs(cms.SignOptions{}, attached(t)), clock, "cannot be read"},
		"more after it":                      {s.mx(t), s.signs(cms.SignOptions{}, func(der []byte) []byte { return append(der, 0) }), clock, "cannot be read"},
		"a lookup at once after":             {s.of(t, "mx.example.net.", dane.TLSA, clock.Add(5*time.Minute)), s.signs(cms.SignOptions{}), clock, ""},
		"a lookup after":                     {s.of(t, "mx.example.net.", dane.TLSA, clock.Add(5*time.Minute+time.Second)), s.signs(cms.SignOptions{}), clock, "nothing in it proves by whom"},
		"a lookup of a day before":           {s.of(t, "mx.example.net.", dane.TLSA, clock.Add(-25*time.Hour)), s.signs(cms.SignOptions{}), clock, "are indeterminate"},
		"a lookup of more than a day before": {s.of(t, "mx.example.net.", dane.TLSA, clock.Add(-25*time.Hour-time.Second)), s.signs(cms.SignOptions{}), clock, "nothing in it proves by whom"},
		"a lookup from a cache":              {s.of(t, "mx.example.net.", dane.TLSA, days(13)), s.signs(cms.SignOptions{}), days(14), ""},
		"a lookup whose signatures are over": {s.of(t, "mx.example.net.", dane.TLSA, days(13)), s.signs(cms.SignOptions{}), days(14).Add(10 * time.Minute), "held until 2026-12-08T12:00:00Z"},
		"an absent record":                   {s.of(t, "no.example.net.", dane.TLSA, clock), s.signs(cms.SignOptions{}), clock, "were absent"},
		"this key by another name":           {s.of(t, "copy.example.net.", dane.TLSA, clock), s.signs(cms.SignOptions{}), clock, "another key"},
		"records of another type":            {s.of(t, "mx.example.net.", dane.SMIMEA, clock), s.signs(cms.SignOptions{}), clock, "another key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			by, at, notes := s.witness(t, s.file(t, c.own, c.proof, c.at), nil)
			if c.want == "" && (by != bySeal || !at.Equal(c.at) || strings.Contains(notes, "proves")) || c.want != "" && (by != "" || !strings.HasPrefix(notes, "nothing proves its time: ") || !strings.Contains(notes, c.want)) {
				t.Errorf("%q at %s: %s", by, at, notes)
			}
		})
	}
}

// attached puts an empty content into a detached signature, which changes no digest.
func attached(tb testing.TB) func([]byte) []byte {
	tb.Helper()
	return func(der []byte) []byte {
		tb.Helper()
		// encapContentInfo with id-data alone; each header around it is longer by 4 octets
		detached := []byte{0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1}
		at := bytes.Index(der, detached)
		if at < 0 || der[1] != 0x82 || der[16] != 0x82 || der[20] != 0x82 {
			tb.Fatalf("%x", der)
		}
		out := slices.Concat(der[:at], []byte{0x30, 15}, detached[2:], []byte{0xa0, 2, 4, 0}, der[at+len(detached):])
		for _, header := range []int{2, 17, 21} {
			n := int(out[header])<<8 + int(out[header+1]) + 4
			out[header], out[header+1] = byte(n>>8), byte(n)
		}
		return out
	}
}

// TestSealOfCA: under usage 2 the certificate counts as of when the seal was signed.
func TestSealOfCA(t *testing.T) {
	t.Parallel()
	s := newSeals(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ta"}, DNSNames: []string{"ta.example.net"},
		NotBefore: clock.Add(-time.Hour), NotAfter: clock.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.ca, key.Public(), s.caKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	signs := func(chain ...*x509.Certificate) evidence.Proof {
		return func(seal *evidence.Seal, _ [sha256.Size]byte, content io.ReaderAt) error {
			return evidence.Sign(seal, io.NewSectionReader(content, 0, 1<<30), cms.Signer{Key: key, Certificate: cert}, chain...)
		}
	}
	own := s.of(t, "ta.example.net.", dane.TLSA, clock)
	for name, c := range map[string]struct {
		proof evidence.Proof
		at    time.Time
		want  string
	}{
		"right":      {signs(s.ca), clock.Add(30 * time.Minute), "the signature of ta.example.net"},
		"without CA": {signs(), clock, ""},
		"expired":    {signs(s.ca), clock.Add(2 * time.Hour), ""},
		"a stranger": {s.signs(cms.SignOptions{}), clock, ""},
	} {
		if by, at, notes := s.witness(t, s.file(t, own, c.proof, c.at), nil); by != c.want || by != "" && !at.Equal(c.at) {
			t.Errorf("%s: %q at %s: %s", name, by, at, notes)
		}
	}
}

// TestSealEveryBit: a signature of a seal with any bit flipped names no other witness, and no other
// time.
func TestSealEveryBit(t *testing.T) {
	t.Parallel()
	s := newSeals(t)
	file := s.file(t, s.mx(t), s.signs(cms.SignOptions{}), clock)
	size, held := 0, 0
	resealed(t, file, func(seal *evidence.Seal) { size = len(seal.Signature) })
	for i := range size {
		for bit := range 8 {
			by, at, notes := s.witness(t, resealed(t, file, func(seal *evidence.Seal) { seal.Signature[i] ^= 1 << bit }), nil)
			switch {
			case by != "" && (by != bySeal || !at.Equal(clock)):
				t.Errorf("bit %d of octet %d: %q at %s", bit, i, by, at)
			case by != "":
				held++
			case !strings.HasPrefix(notes, "nothing proves its time: "):
				t.Errorf("bit %d of octet %d: %s", bit, i, notes)
			}
		}
	}
	t.Logf("%d of %d flipped bits are in what no signature covers", held, 8*size)
}

// TestSealBoth: of a time stamp and a signature in one seal, what holds is the witness, and what
// does not is said.
func TestSealBoth(t *testing.T) {
	t.Parallel()
	s := newSeals(t)
	right := s.file(t, s.mx(t), s.signs(cms.SignOptions{}), clock)
	wrong := resealed(t, right, func(seal *evidence.Seal) { seal.Signature[len(seal.Signature)-1] ^= 1 })
	stamped := clock.Add(time.Hour)
	holds := func(*evidence.Seal, io.Reader) (string, time.Time, error) { return "a stamp", stamped, nil }
	fails := func(*evidence.Seal, io.Reader) (string, time.Time, error) {
		return "a stamp", stamped, errors.New("the token is over another digest")
	}
	early := func(*evidence.Seal, io.Reader) (string, time.Time, error) {
		return "a stamp", clock.Add(-time.Hour), nil
	}
	for name, c := range map[string]struct {
		file  []byte
		stamp func(*evidence.Seal, io.Reader) (string, time.Time, error)
		by    string
		at    time.Time
		notes string
	}{
		"both":               {right, holds, "a stamp", stamped, ""},
		"the signature":      {right, fails, bySeal, clock, "of its seal the signature of mx.example.net alone holds: the token is over another digest"},
		"the stamp":          {wrong, holds, "a stamp", stamped, "of its seal a stamp alone holds: the signature of its seal is wrong"},
		"none":               {wrong, fails, "", time.Time{}, "nothing proves its time: the token is over another digest; the signature of its seal is wrong"},
		"no stamp":           {right, holds, bySeal, clock, ""},
		"nobody asked":       {right, nil, bySeal, clock, ""},
		"before the message": {right, early, "", time.Time{}, "nothing proves its time: a stamp is of 2026-11-24T11:00:00Z, and by the word of the file the message was checked after that, on 2026-11-24T12:00:00Z"},
	} {
		file := resealed(t, c.file, func(seal *evidence.Seal) { seal.Token = []byte{0} })
		if name == "no stamp" {
			file = c.file
		}
		if by, at, notes := s.witness(t, file, c.stamp); by != c.by || !at.Equal(c.at) || notes != c.notes {
			t.Errorf("%s: %q at %s: %s", name, by, at, notes)
		}
	}
}

// TestAtApart: a verdict as of another time than that of the check says how far apart they are.
func TestAtApart(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	for after, want := range map[time.Duration]string{
		0: "", 5 * time.Minute: "", -5 * time.Minute: "", 6 * time.Minute: "6 minutes before", 90 * time.Minute: "1 hour before", 23 * time.Hour: "23 hours before",
		50 * time.Hour: "2 days before", -30 * time.Minute: "30 minutes after",
	} {
		r := recall(t, file, evidence.Options{Anchors: w.anchors, At: clock.Add(after)}, w.options(), text)
		notes := strings.Join(r.Evidence.Notes, "\n")
		if want != "" {
			want = "what the DNS said was kept on 2026-11-24T12:00:00Z, " + want + " the time asked for: what was published or withdrawn in between is not known"
		}
		if notes != want && after > -time.Minute || !strings.HasPrefix(notes, want) {
			t.Errorf("%s: %s: %s", after, line(r), notes)
		}
	}
}
