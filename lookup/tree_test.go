package lookup

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
)

var update = flag.Bool("update", false, "write the drawings that come out to testdata/tree")

// What differs from run to run.
var masks = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ| UTC)`), "DATE"},
	{regexp.MustCompile(`\d+ (days|hours|minutes|seconds)`), "SPAN"},
	{regexp.MustCompile(`key \d+`), "key TAG"},
	{regexp.MustCompile(`knows \(\d+\)`), "knows (TAG)"},
}

// TestTree draws every state; the drawings are in testdata/tree, to be looked at.
func TestTree(t *testing.T) {
	t.Parallel()
	zones := []lookuptest.Zone{
		zone("example.lab"), zone("other.lab"), zone("plain.lab", unsigned),
		zone("nsec3.lab", func(z *lookuptest.Zone) { z.NSEC3 = true }),
		zone("optout.lab", func(z *lookuptest.Zone) { z.NSEC3, z.OptOut = true, true }),
	}
	for _, b := range lookuptest.Breaks() {
		zones = append(zones, zone(string(b)+".lab", broken(b)))
	}
	l := startLab(t, lookuptest.Options{}, zones...)
	c := l.client(t)
	for file, name := range map[string]string{
		"secure":         "sensor._device.example.lab",
		"alias":          "away._device.example.lab",
		"dname":          "sensor._device.d.example.lab",
		"wildcard":       "x.wild._device.example.lab",
		"absent":         "no._device.example.lab",
		"absent-nsec3":   "no._device.nsec3.lab",
		"no-data":        "ns.example.lab",
		"insecure":       "sensor._device.plain.lab",
		"absent-plain":   "no._device.plain.lab",
		"opt-out":        "no._device.optout.lab",
		"missing-denial": "no._device.missing-denial.lab",
		"malformed":      "a..example.lab",
	} {
		drawing(t, c, file, name)
	}
	drawing(t, l.client(t, func(o *Options) { o.Anchors = nil }), "other-root", sensor)
	for _, b := range lookuptest.Breaks() {
		name := "sensor._device." + string(b) + ".lab"
		switch b {
		case lookuptest.MissingDenial:
		case lookuptest.Slow:
			drawing(t, l.client(t, func(o *Options) { o.Timeout = 100 * time.Millisecond }), string(b), name)
		default:
			drawing(t, c, string(b), name)
		}
	}
}

func drawing(t *testing.T, c *Client, file, name string) {
	t.Helper()
	var b strings.Builder
	// where lines are folded depends on the keys
	if err := c.Lookup(t.Context(), name, dane.TLSA).WriteTree(&b, time.Now(), 1000); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, m := range masks {
		got = m.pattern.ReplaceAllString(got, m.text)
	}
	path := filepath.Join("testdata", "tree", file+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: drawing of %s is\n%s\nwant\n%s", file, name, got, want)
	}
}

// TestTreeOfNothing draws results that no validator made.
func TestTreeOfNothing(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	r := undecided(key{"example.lab.", dane.SMIMEA}, chain.CodeDenied, "example.lab. is on the deny list")
	if err := r.WriteTree(&b, time.Now(), 80); err != nil {
		t.Fatal(err)
	}
	if want := "? example.lab. SMIMEA: indeterminate\n\ndenied: example.lab. is on the deny list\nWhat to do: " + r.Advice() + "\n"; b.String() != want {
		t.Errorf("drawing is %q, want %q", b.String(), want)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	c := startLab(t, lookuptest.Options{}, zone("example.lab"), zone("wrong.lab", broken(lookuptest.WrongDS))).client(t)
	for _, tt := range []struct {
		name string
		want map[string]any
	}{
		{"sensor._device.example.lab", map[string]any{
			"name": "sensor._device.example.lab.", "type": "TLSA", "status": "secure", "presence": "present", "code": "", "reason": "", "ttl": 300.0,
		}},
		{"sensor._device.wrong.lab", map[string]any{"status": "bogus", "presence": "unknown", "code": "missing-key", "ede": 9.0}},
	} {
		text, err := json.Marshal(c.Lookup(t.Context(), tt.name, dane.TLSA))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for k, want := range tt.want {
			if got[k] != want {
				t.Errorf("%s: %q is %v, want %v", tt.name, k, got[k], want)
			}
		}
		for _, k := range []string{"records", "aliases", "chain", "warnings"} {
			if _, ok := got[k].([]any); !ok {
				t.Errorf("%s: %q is %T, want a list", tt.name, k, got[k])
			}
		}
		if upper := regexp.MustCompile(`"[a-z_]*[A-Z][A-Za-z_]*":`).Find(text); upper != nil {
			t.Errorf("%s: %s is not in lower case", tt.name, upper)
		}
	}
}
