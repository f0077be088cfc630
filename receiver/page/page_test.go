package page

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/smime/message"
)

var update = flag.Bool("update", false, "write what comes out to testdata")

// write is the page of a report.
func write(tb testing.TB, r *receiver.Report, m *message.Message) string {
	tb.Helper()
	var out bytes.Buffer
	if err := Write(tb.Context(), &out, r, m, Options{Up: "index.html"}); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// steady replaces what is another in every run, and the style sheet; a line ends before every
// block.
func steady(html string) string {
	html = strings.Replace(html, style, "(style.css)", 1)
	html = strings.Replace(html, strings.ReplaceAll(styleSource, "'", "&#39;"), "(hash)", 1)
	// How much of what follows a key has room depends on how long its number is.
	html = regexp.MustCompile(`key [0-9]+ of example[^< ]*`).ReplaceAllString(html, "key N of (zone)")
	html = regexp.MustCompile(`key [0-9]+`).ReplaceAllString(html, "key N")
	return regexp.MustCompile(`<(/?(section|table|tr|ul|li|dl|div|details|svg|g|path|main|p|h[12])\b)`).ReplaceAllString(html, "\n<$1")
}

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Split(string(readFile(t, file)), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(want) || line != want[i] {
			t.Errorf("%s differs from line %d on: %s\n-update writes it; see that the difference is right", file, i+1, line)
			return
		}
	}
}

// TestGolden has one page of each kind.
func TestGolden(t *testing.T) {
	t.Parallel()
	devices := receiver.Domain{Names: []string{"example.net"}, Devices: map[string][]string{"*._device.example.net": {"*@example.net"}}}
	for _, name := range []string{
		"001-pass", "010-pass-device", "016-list-footer", "022-none-unsigned", "023-changed-byte", "031-c3-no-signers",
		"077-i1-from-mismatch", "118-dns-revoked", "127-dns-insecure", "131-dns-bogus-signature", "164-pass-signed-again", "400-hs-subject",
		"466-f-nul-in-value", "550-none-encrypted-part",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, m := vector(t, name, devices)
			r.File, r.CheckedAt = name+".eml", clock
			checkGolden(t, name, steady(write(t, r, m)))
		})
	}
}

// TestGoldenAsOf is a verdict by evidence, with what a door would do.
func TestGoldenAsOf(t *testing.T) {
	t.Parallel()
	r, m := vector(t, "001-pass")
	then, stamped := clock.Add(-30*time.Minute), clock.AddDate(0, 0, 1)
	r.AsOf, r.Action, r.Signatures[0].DNS.Source = &then, "accept", receiver.SourceEvidence
	r.Evidence = &receiver.EvidenceReport{
		File: "20251124.evidence", Line: 7, CheckedAt: then, Witness: "CN=<b>TSA</b>", WitnessedAt: &stamped,
		Notes: []string{"the time is that of the file"},
	}
	checkGolden(t, "as-of", steady(write(t, r, m)))
}

func TestGoldenIndex(t *testing.T) {
	t.Parallel()
	var entries []Entry
	for _, name := range []string{"001-pass", "023-changed-byte", "022-none-unsigned", "466-f-nul-in-value"} {
		r, _ := vector(t, name)
		r.File = name + ".eml"
		entries = append(entries, EntryOf(r, name+".html"))
	}
	entries = append(entries, Entry{Verdict: receiver.None, Code: receiver.CodeEncrypted, Closed: true, From: "alice@example.org", Subject: "[...]", Reason: "The message is encrypted for none of the keys at hand."})
	entries = append(entries, Entry{Verdict: receiver.TempError, From: "bob@example.com", Subject: `<b>"bold" & 'free'`})
	var out bytes.Buffer
	if err := WriteIndex(&out, entries, Options{}); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "index", steady(out.String()))
}

// TestNeighbours: the links to other pages stand in the navigation, and nowhere else, whatever the
// message and the addresses are.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	r, m := vector(t, "001-pass")
	r.Subject = "</nav></title>"
	html := write(t, r, m)
	for _, tt := range []struct{ before, after, want string }{
		{"", "", ""},
		{"1", "", `<a href="1"><bdi>Previous message</bdi></a>`},
		{"", "3", `<a href="3"><bdi>Next message</bdi></a>`},
		{"1", `"><script>`, `<a href="1"><bdi>Previous message</bdi></a><a href="&#34;&gt;&lt;script&gt;"><bdi>Next message</bdi></a>`},
	} {
		const nav = `<nav aria-label="Pages"><a href="index.html"><bdi>All messages</bdi></a>`
		got := string(Neighbours([]byte(html), tt.before, tt.after))
		if want := strings.Replace(html, nav, nav+tt.want, 1); got != want {
			t.Errorf("Neighbours(%s, %s): %.2000s", tt.before, tt.after, got)
		}
	}
	var alone bytes.Buffer
	if err := Write(t.Context(), &alone, r, m, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := Neighbours(alone.Bytes(), "1", "3"); !bytes.Equal(got, alone.Bytes()) {
		t.Error("a page that is in no list has neighbours")
	}
}

// TestRestored: of a header that an entry point put back it is not said that nothing covers it.
func TestRestored(t *testing.T) {
	t.Parallel()
	r, m := vector(t, "400-hs-subject")
	r.Verdict, r.Code, r.HeaderState, r.HeaderRestored = receiver.Pass, receiver.CodeHeaderRestored, "protected", []string{"Subject"}
	if html := write(t, r, m); !strings.Contains(html, "its header was changed since, and is put back.") || !strings.Contains(html, "restored, as it was signed: <bdi>Subject</bdi>") {
		t.Error(html)
	}
}
