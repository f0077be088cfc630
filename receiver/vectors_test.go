package receiver_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/smime/message"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vectorDir holds NNN-name.eml (the message), .zone (the DNS), .want (what must be told) and
// .readme (why).
const vectorDir = "../testdata/vectors"

// clock is when all vectors are judged.
var clock = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// expectation is a .want file: the keys of report must be in the verdict's JSON, with these values.
type expectation struct {
	// Attack says that the message must not pass.
	Attack bool `json:"attack"`
	// Options of the receiver.
	Options options        `json:"options,omitzero"`
	Report  map[string]any `json:"report"`
}

type options struct {
	Names     []string            `json:"names,omitempty"`
	Devices   map[string][]string `json:"devices,omitempty"`
	PKIXRoots string              `json:"pkix_roots,omitempty"` // file beside the keys
	Saved     bool                `json:"saved,omitempty"`
	// when the message came, where that is proven
	Received time.Time `json:"received,omitzero"`
}

func TestVectors(t *testing.T) {
	t.Parallel()
	if *update {
		writeVectors(t)
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	attacks := 0
	numbers := map[string]string{}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".eml")
		number, name, _ := strings.Cut(filepath.Base(base), "-")
		if other := numbers[number]; other != "" {
			t.Errorf("%s and %s have one number, %s: one of them was renamed by hand", other, name, number)
		}
		numbers[number] = name
		want := readExpectation(t, base+".want")
		if want.Attack {
			attacks++
		}
		t.Run(filepath.Base(base), func(t *testing.T) {
			t.Parallel()
			checkVector(t, base, want)
		})
	}
	if attacks < 40 {
		t.Errorf("%d attacks in %s, want at least 40", attacks, vectorDir)
	}
}

func checkVector(t *testing.T, base string, want expectation) {
	t.Helper()
	dns := serve(t, readFile(t, base+".zone"))
	report := judgeText(t, newReceiver(t, dns, want.Options), readFile(t, base+".eml"))
	checkAction(t, dns, want.Options, readFile(t, base+".eml"))
	checkDKIM(t, dns, want.Options, readFile(t, base+".eml"))
	if want.Attack && report.Verdict == receiver.Pass {
		t.Error("the attack passes")
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := missing("", want.Report, got); len(diff) > 0 {
		t.Errorf("%s\n%s\nthe whole verdict:\n%s", readFile(t, base+".readme"), strings.Join(diff, "\n"), text)
	}
	if err := report.WriteText(&bytes.Buffer{}); err != nil {
		t.Error(err)
	}
}

// checkAction: the action that a report of saved mail has is what an entry point does with the
// message as it arrives.
func checkAction(t *testing.T, dns *lookuptest.Server, opts options, text []byte) {
	t.Helper()
	on := map[receiver.Class]message.Action{
		receiver.ClassBadSignature: message.Reject, receiver.ClassKeyMismatch: message.Quarantine, receiver.ClassNoKey: message.Defer,
		receiver.ClassIdentityMismatch: message.Reject, receiver.ClassHeaderChanged: message.Quarantine, receiver.ClassPartial: message.Defer,
		receiver.ClassMalformed: message.Quarantine, receiver.ClassBogus: message.Reject,
	}
	with := func(saved bool) *receiver.Receiver {
		o := receiverOptions(t, dns, opts)
		o.Saved, o.On = saved, on
		o.Domains = append(o.Domains, receiver.Domain{Names: []string{"example.org"}, Require: receiver.RequireProtected, On: map[receiver.Class]message.Action{receiver.ClassNoSignature: message.Quarantine}})
		r, err := receiver.New(o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	report := judgeText(t, with(true), text)
	with(true).Decide(report)
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	var out *message.Outcome
	if err != nil {
		out = with(false).Unfit(nil, err)
	} else {
		defer m.Close()
		out = with(false).Handle(t.Context(), m, nil)
	}
	defer out.Close()
	if out.Action.String() != report.Action {
		t.Errorf("%s (%s): the report says %s by %q, and the entry point does: %s", report.Verdict, report.Code, report.Action, report.Class, out.Action)
	}
}

// judgeText judges a message as saved mail is: also when its header cannot be read.
func judgeText(t *testing.T, r *receiver.Receiver, text []byte) *receiver.Report {
	t.Helper()
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if errors.Is(err, message.ErrMalformed) {
		return receiver.Unreadable(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	report, err := r.Verify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// missing lists what of want is not in got.
func missing(path string, want, got any) []string {
	var out []string
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		for k, v := range want {
			out = append(out, missing(path+"."+k, v, have[k])...)
		}
	case []any:
		have, _ := got.([]any)
		if len(have) != len(want) {
			return []string{fmt.Sprintf("%s: %d elements, want %d", path, len(have), len(want))}
		}
		for i := range want {
			out = append(out, missing(fmt.Sprintf("%s[%d]", path, i), want[i], have[i])...)
		}
	default:
		if got != want {
			out = append(out, fmt.Sprintf("%s = %v, want %v", path, got, want))
		}
	}
	slices.Sort(out)
	return out
}

// newReceiver asks the server with the vectors' clock.
func newReceiver(tb testing.TB, s *lookuptest.Server, opts options) *receiver.Receiver {
	tb.Helper()
	r, err := receiver.New(receiverOptions(tb, s, opts))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func receiverOptions(tb testing.TB, s *lookuptest.Server, opts options) receiver.Options {
	tb.Helper()
	o := receiver.Options{Lookup: newClient(tb, s), AuthservID: "mx.example.net", Saved: opts.Saved, Timeout: time.Minute, Now: func() time.Time { return clock }}
	if len(opts.Names) > 0 {
		o.Domains = []receiver.Domain{{Names: opts.Names, Devices: opts.Devices}}
	}
	if !opts.Received.IsZero() {
		o.Now = func() time.Time { return opts.Received }
	}
	if opts.PKIXRoots != "" {
		block, _ := pem.Decode(readFile(tb, filepath.Join(keyDir, opts.PKIXRoots)))
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			tb.Fatal(err)
		}
		o.PKIXRoots = []*x509.Certificate{cert}
	}
	return o
}

func newClient(tb testing.TB, s *lookuptest.Server) *lookup.Client {
	tb.Helper()
	anchors, err := dnssec.ParseAnchors(s.Anchor(), "sandbox")
	if err != nil {
		tb.Fatal(err)
	}
	// The time limit is for machines that are busy with other tests: no vector rests on it.
	c, err := lookup.New(lookup.Options{Resolvers: []string{s.Addr()}, Anchors: anchors, Now: func() time.Time { return clock }, Timeout: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// serve reads a .zone file: sections that begin with "; zone NAME", with the words "unsigned",
// "nsec3" or "break=WAY" behind it, and hold records.
func serve(tb testing.TB, text []byte) *lookuptest.Server {
	tb.Helper()
	var zones []lookuptest.Zone
	for _, section := range strings.Split(string(text), "; zone ")[1:] {
		head, records, _ := strings.Cut(section, "\n")
		words := strings.Fields(head)
		z := lookuptest.Zone{Origin: words[0], Text: records, File: words[0]}
		for _, w := range words[1:] {
			switch way, broken := strings.CutPrefix(w, "break="); {
			case broken:
				z.Break = lookuptest.Break(way)
			case w == "unsigned":
				z.Unsigned = true
			case w == "nsec3":
				z.NSEC3 = true
			default:
				tb.Fatalf("unknown word %q of a zone", w)
			}
		}
		zones = append(zones, z)
	}
	s, err := lookuptest.New(zones, lookuptest.Options{Now: func() time.Time { return clock }})
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Start("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func readExpectation(tb testing.TB, file string) expectation {
	tb.Helper()
	var want expectation
	d := json.NewDecoder(bytes.NewReader(readFile(tb, file)))
	d.DisallowUnknownFields()
	if err := d.Decode(&want); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return want
}

func readFile(tb testing.TB, file string) []byte {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
