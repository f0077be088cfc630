package receiver_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// FuzzHandle: whatever comes in, there is a verdict, our field is one field, and what passes is by
// somebody who publishes a key, and states who that is.
func FuzzHandle(f *testing.F) {
	c := newCast(f)
	dns := newFakeDNS()
	publish(f, dns.cached, c.alice, c.bob, c.mallory, c.sensor)
	r, err := receiver.New(receiver.Options{Lookup: dns, AuthservID: "mx.example.net", Now: func() time.Time { return clock }})
	if err != nil {
		f.Fatal(err)
	}
	restoring, err := receiver.New(receiver.Options{Lookup: dns, AuthservID: "mx.example.net", RestoreHeader: true, Now: func() time.Time { return clock }})
	if err != nil {
		f.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.eml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(readFile(f, file))
	}
	published := []string{c.alice.name, c.bob.name, c.mallory.name}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
		if err != nil {
			return
		}
		defer m.Close()
		report, err := r.Verify(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		checkReport(t, report, published)
		out := r.Handle(t.Context(), m, &message.Envelope{})
		defer out.Close()
		if out.Result != string(report.Verdict) {
			t.Fatalf("%s, then %s", report.Verdict, out.Result)
		}
		checkField(t, m, out.Edit)
		if out := restoring.Handle(t.Context(), m, &message.Envelope{}); out.Header == "restored" {
			checkRestored(t, restoring, m, out.Edit)
		}
	})
}

func checkReport(t *testing.T, report *receiver.Report, published []string) {
	t.Helper()
	if _, err := json.Marshal(report); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := (receiver.TextStyle{Width: 60}).Write(&text, report); err != nil || !utf8.Valid(text.Bytes()) {
		t.Fatalf("%v: %q", err, text.Bytes())
	}
	for line := range strings.Lines(text.String()) {
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q", line)
		}
	}
	if report.Verdict == "" {
		t.Fatal("no verdict")
	}
	if report.Verdict != receiver.Pass {
		return
	}
	passes := false
	for _, s := range report.Signatures {
		passes = passes || s.Verdict == receiver.Pass && s.Binding == "from" && s.Identity == report.From && s.Covers == smime.CoversMessage
	}
	if !passes || !strings.Contains(strings.Join(published, " ")+" ", report.From+" ") {
		t.Fatalf("passes as %q", report.From)
	}
}

// checkField: exactly one field of ours is left, on top.
func checkField(t *testing.T, m *message.Message, edit *message.Edit) {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteEdited(&b, edit); err != nil {
		t.Fatal(err)
	}
	after, err := message.Read(&b, message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	for i, f := range after.Fields("Authentication-Results") {
		ours := strings.HasPrefix(f.Unfolded(), "mx.example.net;")
		if ours != (i == 0) {
			t.Fatalf("field %d: %q", i, f.Value())
		}
	}
}

// checkRestored: a message whose header was restored passes, with that header.
func checkRestored(t *testing.T, r *receiver.Receiver, m *message.Message, edit *message.Edit) {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteEdited(&b, edit); err != nil {
		t.Fatal(err)
	}
	report, err := r.Verify(t.Context(), parse(t, b.String()))
	if err != nil || report.Verdict != receiver.Pass || report.HeaderState != "protected" {
		t.Fatalf("restored, and then %s, %s, %s, %v:\n%q", report.Verdict, report.Code, report.HeaderState, err, b.String())
	}
}

// TestConcurrent: one receiver judges many messages at once.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	dns := newFakeDNS()
	publish(t, dns.cached, c.alice, c.bob)
	r, err := receiver.New(receiver.Options{Lookup: dns, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	good := header("alice@example.org") + clear(bare, signedBy(bare, c.alice, nil))
	bad := header("alice@example.org") + clear(bare, signedBy(bare, c.bob, nil))
	var wg sync.WaitGroup
	for i := range 8 {
		text, want := good, receiver.Pass
		if i%2 == 1 {
			text, want = bad, receiver.Policy
		}
		wg.Go(func() {
			for range 20 {
				m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				report, err := r.Verify(t.Context(), m)
				if err != nil || report.Verdict != want {
					t.Errorf("%v, %v; want %s", report, err, want)
				}
				m.Close()
			}
		})
	}
	wg.Wait()
}
