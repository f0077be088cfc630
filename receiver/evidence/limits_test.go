package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
)

// small is a file about one message, of five lines.
func small(tb testing.TB) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, "test", time.Now())
	if err == nil {
		d := &receiver.Digests{Message: hashOf(nil).String(), Objects: []string{hashOf(nil).String()}}
		err = w.Add(&receiver.Report{Digests: d, CheckedAt: time.Now()}, JudgedBy(nil, Policy{}))
	}
	if err == nil {
		err = w.Seal(Seal{Sealed: time.Now()})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestLines: the lines of all files together are limited.
func TestLines(t *testing.T) {
	t.Parallel()
	file := small(t)
	lines := bytes.Count(file, []byte("\n"))
	for already, want := range map[int]error{maxLines - 2*lines: nil, maxLines - 2*lines + 1: ErrLimit, maxLines - lines: ErrLimit} {
		a := New(Options{})
		a.lines = already
		var err error
		for range 2 {
			err = errors.Join(err, a.Add("a", bytes.NewReader(file), int64(len(file))))
		}
		if !errors.Is(err, want) {
			t.Errorf("%d lines, then twice %d: %v, want %v", already, lines, err, want)
		}
	}
}

// TestLongLine: a line has at most 1,048,576 octets, with its end or without.
func TestLongLine(t *testing.T) {
	t.Parallel()
	first, _, err := encode(&Header{Version: Version}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, before, _ := cutTail(first)
	for n, want := range map[int]error{1 << 20: nil, 1<<20 + 1: ErrLimit} {
		empty, _, err := encode(map[string]string{"later": ""}, string(before))
		if err != nil {
			t.Fatal(err)
		}
		line, _, err := encode(map[string]string{"later": strings.Repeat("x", n-len(empty))}, string(before))
		if err != nil || len(line) != n {
			t.Fatal(len(line), err)
		}
		for _, end := range []string{"\n", ""} {
			file := bytes.Join([][]byte{first, append(line, end...)}, []byte("\n"))
			if err := New(Options{}).Add("a", bytes.NewReader(file), int64(len(file))); !errors.Is(err, want) {
				t.Errorf("%d octets and %q: %v, want %v", n, end, err, want)
			}
		}
	}
}

// TestSets: the sets of a lookup are limited before any of them is read.
func TestSets(t *testing.T) {
	t.Parallel()
	a := New(Options{})
	f := &file{name: "a"}
	for n, want := range map[int]string{maxSets: "no line in it has", maxSets + 1: "a: 201 sets for one lookup, at most 200"} {
		l := &Lookup{Name: "a.example.", Type: "TLSA", Sets: make([]string, n)}
		if r := a.answers.validate(a, f, "", l, time.Now()); r.Code != codeUnreadable || !strings.Contains(r.Reason, want) {
			t.Errorf("%d sets: %s, %s", n, r.Code, r.Reason)
		}
	}
	a.answers.records.put(place{f, "half"}, &record{Set: &Set{Wire: make([]byte, maxOctets/2)}})
	a.answers.records.put(place{f, "one"}, &record{Set: &Set{Wire: make([]byte, 1)}})
	for _, c := range []struct {
		sets []string
		ok   bool
	}{{[]string{"half", "half"}, true}, {[]string{"half", "half", "one"}, false}} {
		if _, err := a.answers.sets(f, &Lookup{Sets: c.sets}); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.sets, err)
		}
	}
}

// TestBounded: what is remembered is bounded, and what was put last is there.
func TestBounded(t *testing.T) {
	t.Parallel()
	b := newBounded[int, string](3)
	for i := range 10 {
		b.put(i, fmt.Sprint(i))
		if v, ok := b.get(i); !ok || v != fmt.Sprint(i) {
			t.Errorf("%d: %q, %v", i, v, ok)
		}
		if want := i%3 + 1; len(b.all) != want {
			t.Errorf("%d are remembered, want %d", len(b.all), want)
		}
	}
	a := newAnswers()
	if a.records.max != maxRecords || a.results.max != maxResults || a.signatures.max != maxSignatures {
		t.Errorf("%d records, %d results, %d signatures", a.records.max, a.results.max, a.signatures.max)
	}
}
