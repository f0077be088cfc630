package receiver

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/smime"
	"dnseal/smime/message"
)

func TestWriteText(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	r := newReport([]message.Address{{Local: "alice", Domain: "example.org"}}, nil)
	r.File, r.Verdict, r.Code, r.Reason, r.ProtectedFrom = "a.eml", Fail, CodeKeyMismatch, "no record is of the key", "alice@example.org"
	r.Uncovered = []string{"epilogue after the signed part"}
	r.HeaderState, r.ResentBy = "protected", []string{"bob@example.net"}
	r.Hops = []Hop{{By: "a.example"}, {By: "b.example", At: &at}}
	r.Signatures = []*SignatureReport{{
		Part: "2", Covers: "message", Verdict: Fail, Code: CodeKeyMismatch, Reason: "no record is of the key", Integrity: "good",
		Identity: "alice@example.org", NameBound: true, Algorithm: "ecdsa-p256-sha256", SigningTime: &at, Binding: "from", Freshness: "good", HeaderProtection: "clear", Differences: []string{"Subject"},
		Certificate: &CertificateReport{Subject: "CN=alice", Issuer: "CN=alice", NotBefore: at, NotAfter: at.AddDate(1, 0, 0)},
		DNS:         &DNSReport{Name: "x._smimecert.example.org.", Type: "SMIMEA", Status: "secure", Presence: "present", TTL: 300, Records: []RecordReport{{3, 1, 1, "no-match"}}},
	}}
	want := `a.eml: fail: no record is of the key (key-mismatch)
From        alice@example.org (protected)
Header      protected; resent by bob@example.net
Unsigned    epilogue after the signed part
Signature   in part 2, over the whole message: fail
  integrity   good: ecdsa-p256-sha256, signing time 2026-11-24 10:00:00 UTC (claimed)
  identity    alice@example.org, by a self-issued certificate
  DNS         secure, present: SMIMEA x._smimecert.example.org., for 300 s
              3 1 1  no-match
  binding     the signer is the author in From
  freshness   good; certificate from 2026-11-24 to 2027-11-24
  header      protected; changed since: Subject
Path        a.example (unproven)
            b.example at 2026-11-24 10:00:00 UTC
`
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil || b.String() != want {
		t.Errorf("err %v\n%s\nwant\n%s", err, b.String(), want)
	}
}

// TestShortOwner: a line with the longest part of an owner name fits a terminal, and other names
// stay.
func TestFreshnessText(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for want, c := range map[string]*CertificateReport{
		"good": nil,
		"good; certificate from 2026-11-24 to 2026-11-25":  {NotBefore: at, NotAfter: at.AddDate(0, 0, 1)},
		"good; certificate with dates that cannot be read": {NotBefore: at},
	} {
		if got := (&SignatureReport{Freshness: Good, Certificate: c}).freshnessText(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestShortOwner(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("01234567", 7)
	for name, want := range map[string]string{
		hash + "._smimecert.example.org.":      "01234567…._smimecert.example.org.",
		"sensor7._device.example.net.":         "sensor7._device.example.net.",
		hash[1:] + "x._smimecert.example.org.": hash[1:] + "x._smimecert.example.org.",
		hash[1:] + "._smimecert.example.org.":  hash[1:] + "._smimecert.example.org.",
		"":                                     "",
	} {
		if got := shortOwner(name); got != want {
			t.Errorf("shortOwner(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestWriteTextHostile: nothing a stranger writes reaches the terminal as anything but printable
// text on its own line.
func TestWriteTextHostile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x1b[2J", "a\nverdict: pass", "\u202egnp", "\xff\xfe", "\r", "\u0085"}))
		r := newReport([]message.Address{{Local: evil.Draw(t, "local"), Domain: "example.org"}}, nil)
		r.File, r.Verdict, r.Code, r.Reason = evil.Draw(t, "file"), Fail, CodeBadDigest, evil.Draw(t, "reason")
		r.HeaderState, r.ResentBy, r.HeaderRestored = smime.HeaderState(evil.Draw(t, "state")), []string{evil.Draw(t, "resent")}, []string{evil.Draw(t, "restored")}
		r.Uncovered = []string{evil.Draw(t, "uncovered")}
		r.Hops = []Hop{{By: evil.Draw(t, "by")}}
		r.Signatures = []*SignatureReport{{
			Part: evil.Draw(t, "part"), Covers: smime.Coverage(evil.Draw(t, "covers")), Identity: evil.Draw(t, "identity"), Differences: []string{evil.Draw(t, "difference")},
			Certificate: &CertificateReport{Issuer: evil.Draw(t, "issuer")}, DNS: &DNSReport{Name: evil.Draw(t, "name"), Records: []RecordReport{{Result: evil.Draw(t, "result")}}},
		}}
		var b bytes.Buffer
		if err := r.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n != 13 {
			t.Fatalf("%d lines:\n%q", n, b.String())
		}
		for line := range strings.SplitSeq(b.String(), "\n") {
			if printable(line) != line {
				t.Fatalf("%q", line)
			}
		}
	})
}
