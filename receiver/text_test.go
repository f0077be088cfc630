package receiver

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver/internal/layout"
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
	r.Date, r.CheckedAt, r.MessageID, r.Subject, r.To = &at, at.Add(time.Hour), "<1@example.org>", "Chairs", []string{"bob@example.net", "carol@example.net"}
	r.Hops = []Hop{{By: "a.example"}, {By: "b.example", At: &at}}
	r.Signatures = []*SignatureReport{{
		Part: "2", Covers: "message", Verdict: Fail, Code: CodeKeyMismatch, Reason: "no record is of the key", Integrity: "good",
		Identity: "alice@example.org", NameBound: true, Algorithm: "ecdsa-p256-sha256", SigningTime: &at, Binding: "from", Freshness: "good", HeaderProtection: "clear", Differences: []string{"Subject"},
		Certificate: &CertificateReport{Subject: "CN=alice", Issuer: "CN=alice", NotBefore: at, NotAfter: at.AddDate(1, 0, 0)},
		DNS:         &DNSReport{Name: "x._smimecert.example.org.", Type: "SMIMEA", Status: "secure", Presence: "present", TTL: 300, Records: []RecordReport{{3, 1, 1, "no-match"}}},
	}}
	want := `a.eml: fail: no record is of the key (key-mismatch)
Signer      alice@example.org (name bound), by a self-issued certificate
From        alice@example.org (protected)
To          bob@example.net, carol@example.net
Subject     Chairs
Date        2026-11-24 10:00:00 UTC
Message-ID  <1@example.org>
Checked     2026-11-24 11:00:00 UTC
Header      protected; resent by bob@example.net
Unsigned    epilogue after the signed part
Signature   in part 2, over the whole message: fail
  integrity   good: ecdsa-p256-sha256; signed 2026-11-24 10:00:00 UTC (claimed)
  DNS         secure, present: SMIMEA x._smimecert.example.org., TTL 300
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
	brief := "a.eml: fail: no record is of the key (key-mismatch)\n  alice@example.org (protected), 2026-11-24, Chairs\n"
	b.Reset()
	if err := (TextStyle{}).WriteBrief(&b, r); err != nil || b.String() != brief {
		t.Errorf("err %v\n%s\nwant\n%s", err, b.String(), brief)
	}
}

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

// TestShortOwners: a line with the longest part of an owner name fits a terminal, and other names
// stay.
func TestShortOwners(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("01234567", 7)
	for name, want := range map[string]string{
		hash + "._smimecert.example.org.":                           "01234567…._smimecert.example.org.",
		"sensor7._device.example.net.":                              "sensor7._device.example.net.",
		hash[1:] + "x._smimecert.example.org.":                      hash[1:] + "x._smimecert.example.org.",
		"no record at " + hash + "._smimecert.example.org. matches": "no record at 01234567…._smimecert.example.org. matches",
		hash[1:] + "._smimecert.example.org.":                       hash[1:] + "._smimecert.example.org.",
		"":                                                          "",
	} {
		if got := shortOwners(name); got != want {
			t.Errorf("shortOwners(%q) = %q, want %q", name, got, want)
		}
	}
}

// hostileReport has what strangers write in every field they can reach.
func hostileReport(t *rapid.T) *Report {
	evil := rapid.OneOf(rapid.String(), rapid.StringN(0, 900, -1), rapid.SampledFrom([]string{"\x1b[2J", "a\nverdict: pass", "\u202egnp", "\xff\xfe", "\r", "\u0085", "日本語 日本語", "\u3164", strings.Repeat("word ", 200)}))
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	r := newReport([]message.Address{{Local: evil.Draw(t, "local"), Domain: "example.org"}}, nil)
	r.File, r.Verdict, r.Code, r.Reason = evil.Draw(t, "file"), Fail, CodeBadDigest, evil.Draw(t, "reason")
	r.HeaderState, r.ResentBy, r.HeaderRestored = smime.HeaderState(evil.Draw(t, "state")), []string{evil.Draw(t, "resent")}, []string{evil.Draw(t, "restored")}
	r.Uncovered, r.Remarks = rapid.SliceOfN(evil, 0, 50).Draw(t, "uncovered"), rapid.SliceOfN(evil, 0, 50).Draw(t, "remarks")
	r.Subject, r.MessageID, r.To, r.Date, r.AsOf = evil.Draw(t, "subject"), evil.Draw(t, "id"), rapid.SliceOfN(evil, 0, 100).Draw(t, "to"), &at, &at
	r.Action, r.Class = "reject", ClassBadSignature
	r.Evidence = &EvidenceReport{File: evil.Draw(t, "evidence"), Witness: evil.Draw(t, "witness"), Notes: []string{evil.Draw(t, "note")}}
	for range rapid.IntRange(0, 100).Draw(t, "hops") {
		r.Hops = append(r.Hops, Hop{By: evil.Draw(t, "by")})
	}
	r.Signatures = []*SignatureReport{{
		Part: evil.Draw(t, "part"), Covers: smime.Coverage(evil.Draw(t, "covers")), Identity: evil.Draw(t, "identity"), Differences: []string{evil.Draw(t, "difference")},
		Certificate: &CertificateReport{Issuer: evil.Draw(t, "issuer")}, DNS: &DNSReport{Name: evil.Draw(t, "name"), Records: make([]RecordReport, rapid.IntRange(0, 100).Draw(t, "records"))},
	}}
	return r
}

// TestWriteTextHostile: nothing a stranger writes reaches the terminal as anything but printable
// text in its own place, no line is wider than the terminal, and the number of lines has a limit.
func TestWriteTextHostile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := hostileReport(t)
		style := TextStyle{Width: rapid.SampledFrom([]int{0, 1, 20, 60, 80, 140}).Draw(t, "width"), Colour: rapid.Bool().Draw(t, "colour"), Policy: "dnseal.toml"}
		for _, write := range []func(io.Writer, *Report) error{style.Write, style.WriteBrief} {
			var b bytes.Buffer
			if err := write(&b, r); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			if style.Colour { // once, around the verdict
				text = strings.Replace(strings.Replace(text, "\x1b[1;38;5;160m", "", 1), "\x1b[0m", "", 1)
			}
			checkLines(t, text, style.Width)
		}
	})
}

// label is how a line begins that nobody else can have written: the labels, or blanks.
var label = regexp.MustCompile(`^( |Signer |From |To |Subject |Date |Message-ID |Checked |As of |Header |Unsigned |Remark |Signature |Path |Action )`)

func checkLines(t *rapid.T, text string, width int) {
	if n := strings.Count(text, "\n"); width == 0 && n > 48 {
		t.Fatalf("%d lines", n)
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case layout.Printable(line) != line:
			t.Fatalf("%q", line)
		case i > 0 && !label.MatchString(line+" "):
			t.Fatalf("a line begins as none does: %q", line)
		case width >= 20 && layout.Columns(line) > width:
			t.Fatalf("%d columns: %q", width, line)
		}
	}
}

// TestScreen: the report on an ordinary message is a screen at most, and the colour is the
// verdict's.
func TestScreen(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 80, 140} {
		text := styled(t, TextStyle{Width: width}, ordinary())
		if n := strings.Count(text, "\n"); width >= 80 && n > 24 || n > 30 {
			t.Errorf("%d columns: %d lines\n%s", width, n, text)
		}
		for line := range strings.Lines(text) {
			if layout.Columns(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("%d columns: %s", width, line)
			}
		}
	}
	for verdict, want := range map[Verdict]string{Pass: "\x1b[1;38;5;28mpass\x1b[0m", PermError: "\x1b[1;38;5;160mpermerror\x1b[0m", Neutral: "\x1b[1mneutral\x1b[0m"} {
		r := ordinary()
		r.Verdict = verdict
		if text := styled(t, TextStyle{Width: 80, Colour: true}, r); !strings.HasPrefix(text, "a.eml: "+want) || strings.Count(text, "\x1b") != 2 {
			t.Errorf("%s: %q", verdict, text)
		}
	}
}

func styled(t *testing.T, style TextStyle, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := style.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// ordinary is a report on a message that passed three mail systems.
func ordinary() *Report {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	r := newReport([]message.Address{{Local: "alice", Domain: "example.org"}}, nil)
	r.File, r.Verdict, r.ProtectedFrom = "a.eml", Pass, "alice@example.org"
	r.HeaderState, r.Action = smime.HeaderProtected, "accept"
	r.Date, r.CheckedAt, r.MessageID, r.Subject, r.To = &at, at, "<20261124100000.4711@mail.example.org>", "Minutes of the meeting of the twenty-fourth, and what we agreed on", []string{"bob@example.net", "carol@example.net"}
	r.Hops = []Hop{{By: "relay.example.org", At: &at}, {By: "mx.example.net", At: &at}, {By: "store.example.net", At: &at}}
	r.Signatures = []*SignatureReport{{
		Part: "2", Covers: "message", Verdict: Pass, Integrity: "good", Identity: "alice@example.org", NameBound: true, Algorithm: "ecdsa-p256-sha256", SigningTime: &at,
		Binding: "from", Freshness: "good", HeaderProtection: "clear", Certificate: &CertificateReport{Subject: "CN=alice", Issuer: "CN=alice", NotBefore: at, NotAfter: at.AddDate(1, 0, 0)},
		DNS:    &DNSReport{Name: strings.Repeat("01234567", 7) + "._smimecert.example.org.", Type: "SMIMEA", Status: "secure", Presence: "present", TTL: 300, Records: []RecordReport{{3, 1, 1, "match"}}},
		Lookup: pathTo("example.org."),
	}}
	return r
}

// pathTo is a lookup with the zones from the root to this one.
func pathTo(zone string) *lookup.Result {
	a := &dnssec.Answer{Status: dnssec.Secure, Exists: true}
	for _, z := range []string{".", "org.", zone} {
		a.Links = append(a.Links, dnssec.Link{Zone: z, Status: dnssec.Secure, Keys: []dnssec.Key{{}}})
	}
	return &lookup.Result{Name: "x." + zone, Type: dane.SMIMEA, Status: dnssec.Secure, Presence: dane.Present, Answer: a}
}

// TestTrust: the path says how far trust reaches, and what ends it.
func TestTrust(t *testing.T) {
	t.Parallel()
	type change = func(*SignatureReport)
	lookupAs := func(status dnssec.Status, code dnssec.Code) change {
		return func(s *SignatureReport) { s.Lookup.Status, s.Lookup.Code = status, code }
	}
	last := func(s *SignatureReport) *dnssec.Link { return &s.Lookup.Answer.Links[len(s.Lookup.Answer.Links)-1] }
	for _, c := range []struct {
		want   string
		change change
	}{
		{"root -> org. -> example.org. -> SMIMEA 3 1 1 -> key -> signature", func(*SignatureReport) {}},
		{"root -> org. -> example.org. -> SMIMEA 3 1 1 -> key -x-> signature", func(s *SignatureReport) { s.Integrity = Bad }},
		{"root -> org. -> example.org. -> SMIMEA 2 0 1 -> CA -> certificate -> signature", func(s *SignatureReport) { s.DNS.Records[0] = RecordReport{2, 0, 1, "match"} }},
		{"root -> org. -> example.org. -> SMIMEA 3 0 1 -> certificate -> signature", func(s *SignatureReport) { s.DNS.Records[0] = RecordReport{3, 0, 1, "match"} }},
		{"root -> org. -> example.org. -> SMIMEA -x-> key: no record matches it", func(s *SignatureReport) { s.DNS.Records[0].Result = "no-match" }},
		{"root -> org. -> example.org. -x-> no SMIMEA record (proven)", func(s *SignatureReport) { s.Lookup.Presence = dane.Absent }},
		{"root -> org. -> example.org. -x-> no SMIMEA record (proven); configured root -> certificate -> signature", func(s *SignatureReport) {
			s.Lookup.Presence, s.Code = dane.Absent, CodePKIX
		}},
		{"root -> org. -x-> example.org. (not signed)", func(s *SignatureReport) {
			lookupAs(dnssec.Insecure, dnssec.CodeUnsigned)(s)
			last(s).Status = dnssec.Insecure
		}},
		{"root -> org. -x-> example.org. (bogus: signature-expired)", func(s *SignatureReport) {
			lookupAs(dnssec.Bogus, dnssec.CodeExpired)(s)
			last(s).Status = dnssec.Bogus
		}},
		{"root -> org. -> example.org. -x-> SMIMEA (bogus: bad-signature)", lookupAs(dnssec.Bogus, dnssec.CodeBadSignature)},
		{"resolver -x-> SMIMEA (indeterminate: timeout)", func(s *SignatureReport) {
			lookupAs(dnssec.Indeterminate, dnssec.CodeTimeout)(s)
			s.Lookup.Answer = nil
		}},
		{"the resolver's word -> SMIMEA 3 1 1 -> key -> signature", func(s *SignatureReport) { s.Lookup.Believed = true }},
		{"root -> org. -> example.org. -> alias to y.example.net. -> SMIMEA 3 1 1 -> key -> signature", func(s *SignatureReport) {
			s.Lookup.Answer.Aliases = []string{"y.example.net."}
		}},
		{"root -> org. -> example.org. -> (99 more zones) -> z. -> z. -> z. -> SMIMEA 3 1 1 -> key -> signature", func(s *SignatureReport) {
			for range 102 {
				s.Lookup.Answer.Links = append(s.Lookup.Answer.Links, dnssec.Link{Zone: "z.", Status: dnssec.Secure, Keys: []dnssec.Key{{}}})
			}
		}},
		{"anchor of example.org. -> SMIMEA 3 1 1 -> key -> signature", func(s *SignatureReport) { s.Lookup.Answer.Links = s.Lookup.Answer.Links[2:] }},
	} {
		s := ordinary().Signatures[0]
		c.change(s)
		if got := s.trust(); got != c.want {
			t.Errorf("%s\nwant\n%s", got, c.want)
		}
	}
}

// TestBasis: a verdict that is not what the DNS says now is never written without that.
func TestBasis(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 0, 38, 41, 0, time.UTC)
	stapled := []*SignatureReport{{DNS: &DNSReport{Source: SourceStaple}}}
	for _, tt := range []struct {
		report         *Report
		basis, witness string
	}{
		{&Report{}, "", ""},
		{&Report{Evidence: &EvidenceReport{Witness: "x"}}, "", ""},
		{&Report{AsOf: &at}, "as of 2026-11-30 00:38:41 UTC", "time not witnessed"},
		{&Report{AsOf: &at, Evidence: &EvidenceReport{Witness: "a clock"}}, "as of 2026-11-30 00:38:41 UTC", "time witnessed by a clock"},
		{&Report{AsOf: &at, Evidence: &EvidenceReport{Witness: "a clock", WitnessedAt: &at}}, "as of 2026-11-30 00:38:41 UTC", "time witnessed by a clock at 2026-11-30 00:38:41 UTC"},
		{&Report{Signatures: stapled}, "by the DNSSEC chain that the signer sent", ""},
	} {
		if got := tt.report.Basis(); got != tt.basis || tt.report.Witness() != tt.witness {
			t.Errorf("%q, %q; want %q, %q", got, tt.report.Witness(), tt.basis, tt.witness)
		}
		tt.report.Verdict = Pass
		for _, write := range []func(io.Writer, *Report) error{TextStyle{}.Write, TextStyle{}.WriteBrief} {
			var b strings.Builder
			if err := write(&b, tt.report); err != nil || tt.basis != "" && !strings.HasPrefix(b.String(), "pass, "+tt.basis+"\n") {
				t.Errorf("%v: %s", err, b.String())
			}
		}
	}
}

// TestTTLOfAnswer: how long an answer may be used is said where it is proven, and not of bogus or
// missing answers, whose TTL is anybody's.
func TestTTLOfAnswer(t *testing.T) {
	t.Parallel()
	for status, want := range map[dnssec.Status]bool{dnssec.Secure: true, dnssec.Insecure: true, dnssec.Bogus: false, dnssec.Indeterminate: false} {
		d := describeAnswer(&lookup.Result{Name: "x._smimecert.example.org.", Type: dane.SMIMEA, Status: status, TTL: 5 * time.Minute})
		var b bytes.Buffer
		r := newReport(nil, nil)
		r.Signatures = []*SignatureReport{{DNS: d}}
		if err := r.WriteText(&b); err != nil || strings.Contains(b.String(), "TTL 300") != want || (d.TTL == 300) != want {
			t.Errorf("%s: %v, ttl %d\n%s", status, err, d.TTL, b.String())
		}
	}
}
