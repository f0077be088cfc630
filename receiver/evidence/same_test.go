package evidence_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime"
)

// TestVectors judges all vectors live and by the evidence kept of that: the verdicts are the same.
func TestVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/vectors/*.eml")
	if err != nil || len(files) < 100 {
		t.Fatal(len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".eml"), func(t *testing.T) {
			t.Parallel()
			sameVerdict(t, strings.TrimSuffix(name, ".eml"))
		})
	}
}

func sameVerdict(t *testing.T, base string) {
	t.Helper()
	w := start(t, clock, zonesOf(string(read(t, base+".zone")))...)
	opts := w.options()
	var want struct {
		Options struct {
			Names    []string
			Devices  map[string][]string
			Saved    bool
			Received time.Time
		}
	}
	if err := json.Unmarshal(read(t, base+".want"), &want); err != nil {
		t.Fatal(err)
	}
	opts.Saved = want.Options.Saved
	if len(want.Options.Names) > 0 {
		opts.Domains = []receiver.Domain{{Names: want.Options.Names, Devices: want.Options.Devices}}
	}
	text := read(t, base+".eml")
	file, live := w.keep(opts, text)
	then := recall(t, file, evidence.Options{Anchors: w.anchors, Policy: evidence.PolicyOf(&opts)}, opts, text)
	if line(live[0]) != line(then) {
		t.Fatalf("live %s, by evidence %s: %v", line(live[0]), line(then), reasonOf(then))
	}
	if then == nil || len(then.Signatures) == 0 || live[0].Digests.Objects == nil {
		return
	}
	if then.Evidence == nil || then.AsOf == nil || !then.AsOf.Equal(clock) || !then.Evidence.Identical || !then.Evidence.Sealed || then.Evidence.Witness != "" {
		t.Errorf("as of %v: %+v", then.AsOf, then.Evidence)
	}
	for i, s := range then.Signatures {
		was := live[0].Signatures[i]
		if s.Verdict != was.Verdict || s.Code != was.Code || s.Binding != was.Binding || s.NameBound != was.NameBound {
			t.Errorf("signature %d: %s %s, was %s %s", i, s.Verdict, s.Code, was.Verdict, was.Code)
		}
		if s.DNS != nil && (s.DNS.Source != receiver.SourceEvidence || s.DNS.Status != was.DNS.Status || s.DNS.Presence != was.DNS.Presence) {
			t.Errorf("signature %d: %+v, was %+v", i, s.DNS, was.DNS)
		}
	}
}

func reasonOf(r *receiver.Report) string {
	if r == nil {
		return ""
	}
	return r.Reason
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// zonesOf reads the zones of a vector.
func zonesOf(text string) []lookuptest.Zone {
	var zones []lookuptest.Zone
	for _, section := range strings.Split(text, "; zone ")[1:] {
		head, records, _ := strings.Cut(section, "\n")
		words := strings.Fields(head)
		z := lookuptest.Zone{Origin: words[0], Text: records, File: words[0]}
		for _, w := range words[1:] {
			way, broken := strings.CutPrefix(w, "break=")
			if broken {
				z.Break = lookuptest.Break(way)
			}
			z.Unsigned, z.NSEC3 = z.Unsigned || w == "unsigned", z.NSEC3 || w == "nsec3"
		}
		zones = append(zones, z)
	}
	return zones
}

// TestOpaque finds the evidence of a message by the CMS object it is in, also inside others.
func TestOpaque(t *testing.T) {
	t.Parallel()
	id, record := signer(t, "alice@example.org")
	w := start(t, clock, lookuptest.Zone{Origin: "example.org.", Text: record})
	text := sign(t, id, letter("alice@example.org", "opaque"), smime.SignOptions{Opaque: true})
	file, live := w.keep(w.options(), text)
	then := recall(t, file, evidence.Options{Anchors: w.anchors}, w.options(), text)
	if line(live[0]) != "pass " || line(then) != "pass " {
		t.Errorf("%s, then %s", line(live[0]), line(then))
	}
}

// TestLastLineEnd: a message is the same octets with and without the line end of its last line, and
// with the line ends of a file. An empty line more is another message.
func TestLastLineEnd(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	bare := strings.TrimSuffix(string(text), "\r\n")
	for name, tt := range map[string]struct {
		text string
		want bool
	}{
		"as it was":          {string(text), true},
		"without it":         {bare, true},
		"LF":                 {strings.ReplaceAll(string(text), "\r\n", "\n"), true},
		"LF, and without it": {strings.ReplaceAll(bare, "\r\n", "\n"), true},
		"an empty line more": {string(text) + "\r\n", false},
		"a space more":       {bare + " ", false},
	} {
		r := recall(t, file, evidence.Options{Anchors: w.anchors}, w.options(), []byte(tt.text))
		if r.Verdict != receiver.Pass || r.Evidence.Identical != tt.want {
			t.Errorf("%s: %s, identical %v", name, line(r), r.Evidence.Identical)
		}
	}
	// Also where it was kept without.
	file, _ = w.keep(w.options(), []byte(bare))
	if r := recall(t, file, evidence.Options{Anchors: w.anchors}, w.options(), text); !r.Evidence.Identical {
		t.Error("kept without the last line end, it is another message with it")
	}
}
