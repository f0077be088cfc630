package handover_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/fleet/handover"
	"dnseal/sender/identity"
	"dnseal/smime/cms"
)

// dns answers with what it holds, for the name it holds it for.
type dns struct {
	owner    string
	records  []dane.Record
	status   dnssec.Status
	presence dane.Presence
	asked    int
	fresh    []dane.Record // what is there past the cache; nil: the same
}

func (d *dns) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	d.asked++
	return d.answer(name, t, d.records)
}

func (d *dns) LookupFresh(_ context.Context, name string, t dane.Type) *lookup.Result {
	if d.fresh != nil {
		return d.answer(name, t, d.fresh)
	}
	return d.answer(name, t, d.records)
}

func (d *dns) answer(name string, t dane.Type, records []dane.Record) *lookup.Result {
	res := &lookup.Result{Name: name, Type: t, Status: d.status, Presence: d.presence, Records: records}
	if name != d.owner {
		res.Presence, res.Records = dane.Absent, nil
	}
	return res
}

const maker = "_handover.maker.example"

// world is a giver with his record, and a hand-over of two devices.
type world struct {
	giver   *identity.Identity
	dns     *dns
	entries []handover.Entry
	header  handover.Header
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	dir := tb.TempDir()
	w := &world{giver: create(tb, dir, maker), header: handover.Header{
		ID: "0123", Part: 1, Parts: 1, Columns: []string{"serial", "batch"}, Taker: "integrator.example",
	}}
	r, err := w.giver.Record(3, 1, 1)
	if err != nil {
		tb.Fatal(err)
	}
	w.dns = &dns{owner: maker + ".", records: []dane.Record{r}, status: dnssec.Secure, presence: dane.Present}
	for _, name := range []string{"s1._device.example.net", "s2._device.example.net"} {
		device := create(tb, dir, name)
		e := handover.Entry{Name: name, Columns: map[string]string{"serial": name[:2], "batch": "7"}}
		if name[1] == '1' {
			e.Certificate = device.Certificate.Raw
		} else {
			e.PublicKey = device.Certificate.RawSubjectPublicKeyInfo
			e.Provenance = []handover.Origin{{Giver: "chips.example", ID: "9", At: time.Unix(1e9, 0).UTC()}}
		}
		w.entries = append(w.entries, e)
	}
	return w
}

func create(tb testing.TB, dir, name string) *identity.Identity {
	tb.Helper()
	id, err := identity.Create(dir, name, identity.CreateOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func sequence(entries []handover.Entry) iter.Seq2[handover.Entry, error] {
	return func(yield func(handover.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (w *world) write(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := handover.Write(&b, w.giver, w.header, sequence(w.entries)); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) options() handover.ReadOptions {
	return handover.ReadOptions{Giver: maker, Taker: "integrator.example", Lookup: w.dns}
}

// read reads a file, and says what was handed out.
func (w *world) read(tb testing.TB, file []byte, opts handover.ReadOptions) (*handover.Header, []handover.Entry, error) {
	tb.Helper()
	var got []handover.Entry
	h, err := handover.Read(tb.Context(), bytes.NewReader(file), opts, func(_ *handover.Header, e handover.Entry) error {
		got = append(got, e)
		return nil
	})
	if err != nil && got != nil {
		tb.Errorf("entries were handed out before the error: %v", err)
	}
	return h, got, err
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, got, err := w.read(t, w.write(t), w.options())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.entries, got); diff != "" {
		t.Error(diff)
	}
	if h.Giver != maker || h.Entries != 2 || time.Since(h.At) > time.Minute || h.Origin().ID != "0123" {
		t.Errorf("%+v", h)
	}
}

// TestChanged: where an octet of the file is another, none is handed out, or all are as the giver
// signed them (a few octets of CMS say nothing); and none can be missing or added.
func TestChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.write(t)
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 0x20
		if _, got, err := w.read(t, changed, w.options()); err == nil && !cmp.Equal(got, w.entries) {
			t.Errorf("octet %d changed: no error", i)
		}
	}
	for i := range file {
		if _, _, err := w.read(t, file[:i], w.options()); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
	}
	if _, _, err := w.read(t, append(bytes.Clone(file), 0), w.options()); err == nil {
		t.Error("an octet behind it: no error")
	}
}

func TestGiver(t *testing.T) {
	t.Parallel()
	other, err := newWorld(t).giver.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what   string
		change func(w *world, opts *handover.ReadOptions)
		want   error
	}{
		{"another name is wanted", func(_ *world, o *handover.ReadOptions) { o.Giver = "_handover.other.example" }, handover.ErrNotProven},
		{"for another", func(_ *world, o *handover.ReadOptions) { o.Taker = "" }, handover.ErrNotProven},
		{"of tomorrow", func(_ *world, o *handover.ReadOptions) { o.Now = time.Now().Add(-time.Hour) }, handover.ErrNotProven},
		{"another key in the DNS", func(w *world, _ *handover.ReadOptions) { w.dns.records = []dane.Record{other} }, handover.ErrNotProven},
		{"no record", func(w *world, _ *handover.ReadOptions) { w.dns.presence, w.dns.records = dane.Absent, nil }, handover.ErrNotProven},
		{"insecure", func(w *world, _ *handover.ReadOptions) { w.dns.status = dnssec.Insecure }, handover.ErrNotProven},
		{"bogus", func(w *world, _ *handover.ReadOptions) { w.dns.status = dnssec.Bogus }, handover.ErrUndecided},
		{"indeterminate", func(w *world, _ *handover.ReadOptions) { w.dns.status = dnssec.Indeterminate }, handover.ErrUndecided},
		{"the zero answer", func(w *world, _ *handover.ReadOptions) { w.dns.status, w.dns.presence = 0, 0 }, handover.ErrUndecided},
		{"published a moment ago", func(w *world, _ *handover.ReadOptions) {
			w.dns.fresh, w.dns.records = w.dns.records, []dane.Record{other}
		}, nil},
	} {
		w := newWorld(t)
		file, opts := w.write(t), w.options()
		tt.change(w, &opts)
		_, got, err := w.read(t, file, opts)
		if !errors.Is(err, tt.want) || tt.want == nil && len(got) != 2 {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

// TestOtherSignatures: nothing that the giver signed for another purpose, or that another signed in
// his name, is a hand-over; and no lookup is made for what needs none.
func TestOtherSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	impostor := newWorld(t)
	content := fmt.Sprintf(`{"dnseal_handover":1,"id":"1","giver":%q,"at":"2026-01-01T00:00:00Z","part":1,"parts":1,"entries":0}`+"\n", maker)
	attached := func(content string, s cms.Signer, certs ...*x509.Certificate) []byte {
		var b bytes.Buffer
		err := cms.SignAttached(&b, strings.NewReader(content), int64(len(content)), cms.SignOptions{Signers: []cms.Signer{s}, Certificates: certs, Time: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if _, _, err := w.read(t, attached(content, w.giver.Signer(), w.giver.Certificate), w.options()); err != nil {
		t.Fatal("the control:", err)
	}
	w.dns.asked = 0
	detached, err := cms.Sign(strings.NewReader(content), cms.SignOptions{Signers: []cms.Signer{w.giver.Signer()}, Certificates: []*x509.Certificate{w.giver.Certificate}, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for what, file := range map[string][]byte{
		"nothing":                    nil,
		"text":                       []byte(content),
		"a detached signature":       detached,
		"a mail":                     attached("Content-Type: text/plain\r\n\r\nThe devices are yours.\r\n", w.giver.Signer(), w.giver.Certificate),
		"an impostor's certificate":  attached(content, impostor.giver.Signer(), impostor.giver.Certificate),
		"no certificate in it":       attached(content, w.giver.Signer()),
		"no certificate at all":      attached(content, cms.Signer{Key: w.giver.Key}),
		"without its name":           attached(content, cms.Signer{Key: w.giver.Key}, w.giver.Certificate),
		"of a certificate of others": attached(content, impostor.giver.Signer(), w.giver.Certificate),
	} {
		if _, _, err := w.read(t, file, w.options()); err == nil {
			t.Errorf("%s: no error", what)
		} else {
			t.Log(what, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what   string
		change func(w *world)
	}{
		{"no key", func(w *world) { w.entries[0].Certificate = nil }},
		{"two keys", func(w *world) { w.entries[0].PublicKey = w.entries[1].PublicKey }},
		{"a key that is none", func(w *world) { w.entries[1].PublicKey = []byte{1, 2, 3} }},
		{"a name that is none", func(w *world) { w.entries[0].Name = "a b" }},
		{"a name in another form", func(w *world) { w.entries[0].Name = "S1._device.example.net" }},
		{"an unknown column", func(w *world) { w.entries[0].Columns["x"] = "y" }},
		{"a long line", func(w *world) { w.entries[0].Columns["serial"] = strings.Repeat("1", handover.MaxLine) }},
		{"part 2 of 1", func(w *world) { w.header.Part = 2 }},
		{"no id", func(w *world) { w.header.ID = "" }},
		{"an id that is text", func(w *world) { w.header.ID = "\x1b[2J" }},
		{"a taker that moves the cursor", func(w *world) { w.header.Taker = "a\x1b[2J" }},
		{"no private key", func(w *world) { w.giver.Key = nil }},
		{"no certificate", func(w *world) { w.giver.Certificate = nil }},
		{"a certificate of another name", func(w *world) { w.giver.Name = "other.example" }},
	} {
		w := newWorld(t)
		tt.change(w)
		var b bytes.Buffer
		if err := handover.Write(&b, w.giver, w.header, sequence(w.entries)); err == nil || b.Len() > 0 {
			t.Errorf("%s: %d octets written, %v", tt.what, b.Len(), err)
		}
	}
}

// TestOpenSSL: others can verify and read it.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	openssl := peertest.Program(t, "openssl")
	w := newWorld(t)
	dir := t.TempDir()
	file, cert := filepath.Join(dir, "h.p7m"), filepath.Join(dir, "c.pem")
	if err := errors.Join(os.WriteFile(file, w.write(t), 0o600), os.WriteFile(cert, identity.EncodeCertificates(w.giver.Certificate), 0o600)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", file, "-CAfile", cert, "-purpose", "any").Output()
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(out), "\n"); lines < 3 || !strings.Contains(string(out), `"name":"s2._device.example.net"`) {
		t.Errorf("%d lines: %s", lines, out)
	}
}

// BenchmarkEntries is what an entry costs to write and to read.
func BenchmarkEntries(b *testing.B) {
	w := newWorld(b)
	w.entries = w.entries[1:]
	many := func(yield func(handover.Entry, error) bool) {
		for range handover.MaxEntries {
			if !yield(w.entries[0], nil) {
				return
			}
		}
	}
	for b.Loop() {
		var file bytes.Buffer
		if err := handover.Write(&file, w.giver, w.header, many); err != nil {
			b.Fatal(err)
		}
		n := 0
		if _, err := handover.Read(b.Context(), &file, w.options(), func(*handover.Header, handover.Entry) error { n++; return nil }); err != nil || n != handover.MaxEntries {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*handover.MaxEntries), "µs/entry")
}

// TestCheck: a giver knows what he made, and nothing else.
func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.write(t)
	if h, err := handover.Check(t.Context(), bytes.NewReader(file), w.giver); err != nil || h.ID != "0123" {
		t.Error(h, err)
	}
	if _, err := handover.Check(t.Context(), bytes.NewReader(file), newWorld(t).giver); !errors.Is(err, handover.ErrNotProven) {
		t.Error(err)
	}
	if _, err := handover.Check(t.Context(), bytes.NewReader(file[:len(file)/2]), w.giver); err == nil {
		t.Error("a half file: no error")
	}
}
