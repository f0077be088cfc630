package status

import (
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// TestEnds: where dates count, those of the certificate and of the CA's above it are told.
func TestEnds(t *testing.T) {
	t.Parallel()
	dir, made := t.TempDir(), time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	a, err := ca.New(dir, "example.org", ca.Options{Now: made, Days: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = identity.Create(dir, "alice@example.org", identity.CreateOptions{Now: made}); err != nil {
		t.Fatal(err)
	}
	id, err := a.SignIdentity(t.Context(), dir, "alice@example.org", ca.IssueOptions{Now: made, Days: 90})
	if err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]string{10: "", 65: "its certificate ends at", 75: "its certificate ends at; the certificate of its CA, \"CN=example.org CA\", ends at 2027-03-04"} {
		for _, usage := range []uint8{2, 3} {
			o := &provision.Outcome{Name: id.Name, Keys: provision.Keys{Active: id}}
			o.Step.Memory.Form = &lifecycle.Form{Usage: usage, Selector: 1, Matching: 1}
			var texts []string
			for _, trouble := range Troubles(o, made.AddDate(0, 0, days)) {
				if trouble.Code == CodeCertificate {
					texts = append(texts, trouble.Text)
				}
			}
			parts := strings.Split(want, "; ")
			if want == "" || usage == 3 {
				parts = nil
			}
			good := len(texts) == len(parts)
			for i := range parts {
				good = good && strings.HasPrefix(texts[i], parts[i])
			}
			if !good {
				t.Errorf("day %d, usage %d: %q", days, usage, texts)
			}
		}
	}
}

// TestNameInWords: a name is one in a text, and not the word for it.
func TestNameInWords(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	l := Lines{Out: &out, Err: &out}
	for _, name := range []string{"alias.example.org", "other.example.org"} {
		l.add("warning", name, "ns1 has a CNAME at "+name, "")
	}
	l.Print(nil)
	if want := "dnseal: warning: ns1 has a CNAME at alias.example.org (and so for 1 more)\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// TestSent: a record that was sent is not said to be not published where nobody can tell.
func TestSent(t *testing.T) {
	t.Parallel()
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := &provision.Outcome{Name: id.Name, Keys: provision.Keys{Active: id}, Step: lifecycle.Step{Condition: lifecycle.New, Do: lifecycle.Wait}}
	if got := Sentence(o); got != "not published" {
		t.Error(got)
	}
	r, _ := o.Wanted()
	o.Step.Memory.Shown = map[string]lifecycle.Shown{lifecycle.RecordID(r): {Sent: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}}
	if got := Sentence(o); !strings.HasPrefix(got, "sent at 2026-11-24 10:00:00 UTC, and shown by no name server in an answer that can be relied on: SMIMEA 3 1 1 at ") {
		t.Error(got)
	}
}
