package verify

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
)

// run has the sinks of an output see the reports.
func run(o Output, w io.Writer, reports ...*receiver.Report) error {
	var err error
	sinks := o.Sinks(w)
	for _, r := range reports {
		for _, s := range sinks {
			err = errors.Join(err, s.Write(r))
		}
	}
	for _, s := range sinks {
		err = errors.Join(err, s.Close())
	}
	return err
}

func reportOf(name string, v receiver.Verdict, code receiver.Code, identity string) *receiver.Report {
	r := &receiver.Report{File: name, Verdict: v, Code: code, From: identity}
	if identity != "" {
		r.Signatures = []*receiver.SignatureReport{{Verdict: v, Code: code, Identity: identity, Binding: receiver.BindingFrom}}
	}
	return r
}

func TestOnly(t *testing.T) {
	t.Parallel()
	isCode := func(w string) bool { return w == "bad-digest" || strings.HasPrefix(w, "limit:") }
	for _, c := range []struct {
		words string
		want  string
	}{
		{"", "pass fail none neutral"},
		{"pass", "pass"},
		{"fail,none", "fail none"},
		{"bad-digest", "fail"},
		{"not-pass", "fail none neutral"},
		{"limit:parts", ""},
	} {
		only, err := ParseOnly(strings.FieldsFunc(c.words, func(r rune) bool { return r == ',' }), isCode)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range []*receiver.Report{reportOf("a", receiver.Pass, "", ""), reportOf("b", receiver.Fail, "bad-digest", ""), reportOf("c", receiver.None, "", ""), reportOf("d", receiver.Neutral, "no-record", "")} {
			if only.chooses(r) {
				got = append(got, string(r.Verdict))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q chooses %v, want %q", c.words, got, c.want)
		}
	}
	for _, wrong := range []string{"passed", "PASS", "", " pass", "!pass"} {
		if _, err := ParseOnly([]string{wrong}, isCode); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

// TestTables: messages of any number of signers take a limited place, and what is left out is
// said.
func TestTables(t *testing.T) {
	t.Parallel()
	tl := newTally()
	for i := range 100_000 {
		tl.add(fmt.Sprintf("%d@%s", i%20_000, strings.Repeat("x", 300)), receiver.Pass)
	}
	if len(tl.groups) != maxGroups || tl.left.total != 50_000 || tl.left.by[receiver.Pass] != 50_000 {
		t.Errorf("%d groups, and %d messages of others", len(tl.groups), tl.left.total)
	}
	for name := range tl.groups {
		if len(name) > maxName+len("…") {
			t.Fatalf("a name of %d octets", len(name))
		}
	}
	var b bytes.Buffer
	p := printer{w: &b}
	p.left("signers", tl, 10)
	if want := "and 9,990 other signers\nand 50,000 messages of still other signers: only the first 10,000 are counted apart\n"; p.err != nil || b.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", p.err, b.String(), want)
	}
	// Those that come first by count are shown.
	b.Reset()
	reports := []*receiver.Report{reportOf("a", receiver.Fail, "bad-digest", "z@example.org")}
	for i := range 30 {
		reports = append(reports, reportOf("b", receiver.Pass, "", fmt.Sprintf("%02d@example.org", i%15)))
	}
	if err := run(Output{}, &b, reports...); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n31 messages\n", "\npass           30\nfail            1\n", "\n00@example.org         2     2     -\n", "\nand 6 other signers\n", "\nbad-digest         1  fail     \n"} {
		if !strings.Contains(b.String(), strings.TrimRight(want, " \n")) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestOneMessage has no summary, whatever its form.
func TestOneMessage(t *testing.T) {
	t.Parallel()
	for _, o := range []Output{{}, {Long: true}} {
		var b bytes.Buffer
		if err := run(o, &b, reportOf("a.eml", receiver.Pass, "", "a@example.org")); err != nil || strings.Contains(b.String(), "messages") || !strings.Contains(b.String(), "Signature") {
			t.Errorf("%v\n%s", err, b.String())
		}
	}
	var b bytes.Buffer
	if err := run(Output{}, &b); err != nil || b.Len() > 0 {
		t.Errorf("nothing to report: %v %q", err, b.String())
	}
}

// TestNothingChosen: where --only chooses none of the messages, that is said once, whatever the
// form, and not where there was no message.
func TestNothingChosen(t *testing.T) {
	t.Parallel()
	isCode := func(string) bool { return false }
	only, err := ParseOnly([]string{"fail", "none"}, isCode)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Output{{}, {Long: true}, {JSON: true}, {CSV: true}, {GroupBy: "signer"}} {
		for want, reports := range map[string][]*receiver.Report{
			"": nil,
			"0 of 1 message chosen by --only fail,none;":  {reportOf("a", receiver.Pass, "", "")},
			"0 of 2 messages chosen by --only fail,none;": {reportOf("a", receiver.Pass, "", ""), reportOf("b", receiver.Policy, "", "")},
			" ": {reportOf("a", receiver.Pass, "", ""), reportOf("b", receiver.Fail, "", "")},
		} {
			got := ""
			o.Only, o.Note = only, func(text string) { got += text + ";" }
			if err := run(o, io.Discard, reports...); err != nil || got != strings.TrimSpace(want) {
				t.Errorf("%+v, %d messages: %v, %q, want %q", o, len(reports), err, got, want)
			}
		}
	}
}

// full is an output that fails from its second write on.
type full struct{ writes int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.writes++; f.writes > 1 {
		return 0, errFull
	}
	return len(p), nil
}

// TestFullOutput: an output that fails is not tried again.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	for _, o := range []Output{{}, {Long: true}, {JSON: true}, {CSV: true}} {
		f := new(full)
		sinks := o.Sinks(f)
		var errs []error
		for range 5 {
			errs = append(errs, sinks[0].Write(reportOf("a", receiver.Pass, "", "a@example.org")))
		}
		for _, s := range sinks {
			errs = append(errs, s.Close())
		}
		if err := errors.Join(errs...); !errors.Is(err, errFull) || f.writes != 2 {
			t.Errorf("%+v: %v after %d writes", o, err, f.writes)
		}
	}
}

// TestCSV: whatever a stranger writes is a cell of its own, that shows and does nothing.
func TestCSV(t *testing.T) {
	t.Parallel()
	evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"=1+1", "+1", "-1", "@SUM(A1)", "'=1", "＝1", "\t=1", "\r\n=1", "a\"b", "a,b", "\x1b[2J", "\u202eabc", " =1", "-"}))
	rapid.Check(t, func(t *rapid.T) {
		r := reportOf(evil.Draw(t, "file"), receiver.Fail, receiver.Code(evil.Draw(t, "code")), evil.Draw(t, "identity"))
		at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
		r.Subject, r.MessageID, r.Reason, r.To, r.Date = evil.Draw(t, "subject"), evil.Draw(t, "id"), evil.Draw(t, "reason"), []string{evil.Draw(t, "to")}, &at
		var b bytes.Buffer
		if err := run(Output{CSV: true}, &b, r); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); strings.Count(text, "\r\n") != 2 || strings.Count(text, "\n") != 2 {
			t.Fatalf("%q", text)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != len(csvColumns) {
			t.Fatalf("%v: %q", err, rows)
		}
		for i, cell := range rows[1] {
			if cell != cli.Printable(cell) {
				t.Fatalf("%s: %q", csvColumns[i].name, cell)
			}
			if strings.IndexAny(cell, "=+-@＝＋－＠") == 0 {
				t.Fatalf("%s: a spreadsheet computes %q", csvColumns[i].name, cell)
			}
		}
	})
}
