package evidence_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/receiver/evidence"
)

// TestFuture: the signatures of a zone hold for days in advance, and evidence proves nothing about
// days that are still to come: neither where the file says that it was checked then, nor where the
// reader wants to know.
func TestFuture(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	ahead := edited(t, file, func(kind string, v map[string]any) {
		for _, field := range []string{"checked_at", "at"} {
			if old, ok := v[field].(string); ok && kind != "seal" {
				v[field] = strings.Replace(old, "2026-11-24", "2026-11-26", 1)
			}
		}
	})
	for name, c := range map[string]struct {
		file []byte
		at   time.Time
		now  time.Time
		want string
	}{
		"checked in the future":              {ahead, time.Time{}, clock, "temperror evidence-time"},
		"the same, when that day has come":   {ahead, time.Time{}, clock.AddDate(0, 0, 3), "pass "},
		"asked for the future":               {file, clock.AddDate(0, 0, 2), clock, "temperror evidence-time"},
		"the same, when that time has come":  {file, clock.AddDate(0, 0, 2), clock.AddDate(0, 0, 3), "pass "},
		"clocks that differ by some minutes": {file, time.Time{}, clock.Add(-4 * time.Minute), "pass "},
		"clocks that differ by more":         {file, time.Time{}, clock.Add(-6 * time.Minute), "temperror evidence-time"},
	} {
		a, err := past(c.file, evidence.Options{Anchors: w.anchors, At: c.at})
		if err != nil {
			t.Fatal(err)
		}
		opts := w.options()
		opts.Lookup, opts.Past, opts.Now = noDNS{}, a.Past, func() time.Time { return c.now }
		if r := judge(t, opts, text); line(r) != c.want {
			t.Errorf("%s: %s: %s", name, line(r), r.Reason)
		}
	}
}

// TestWitnessBefore: a time stamp that is older than the check, by the word of the file, is no
// witness of the check.
func TestWitnessBefore(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	file = edited(t, file, func(kind string, v map[string]any) {
		if kind == "seal" {
			v["token"] = "AAAA"
		}
	})
	for late, want := range map[time.Duration]bool{-time.Hour: false, -6 * time.Minute: false, -4 * time.Minute: true, 47 * time.Hour: true, 72 * time.Hour: true} {
		r := recall(t, file, evidence.Options{Anchors: w.anchors, Witness: func(*evidence.Seal, io.Reader) (string, time.Time, error) {
			return "a witness", clock.Add(late), nil
		}}, w.options(), text)
		notes := strings.Join(r.Evidence.Notes, " ")
		if r.Verdict != receiver.Pass || (r.Evidence.Witness != "") != want || strings.Contains(notes, "nothing proves its time") == want ||
			strings.Contains(notes, "witnessed only from") != (late > 48*time.Hour) {
			t.Errorf("%s: %s, witness %q, %s", late, line(r), r.Evidence.Witness, notes)
		}
	}
}

// TestForgedSmall are forgeries with right checksums that each one check alone refuses.
func TestForgedSmall(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	for name, c := range map[string]struct {
		edit func(kind string, v map[string]any)
		want string // "": the file is refused
	}{
		"another number of messages": {func(kind string, v map[string]any) {
			if kind == "seal" {
				v["messages"] = 2
			}
		}, ""},
		"digests in upper case": {func(kind string, v map[string]any) {
			if kind == "message" {
				v["signatures"] = []any{strings.ToUpper(v["signatures"].([]any)[0].(string))}
			}
		}, ""},
		"too many lookups": {func(kind string, v map[string]any) {
			if kind == "message" {
				v["lookups"] = make([]string, 201)
			}
		}, ""},
		"a lookup of another type": {func(kind string, v map[string]any) {
			if kind == "lookup" {
				v["type"] = "TLSA"
			}
		}, "temperror no-evidence"},
		"a set that is no set": {func(kind string, v map[string]any) {
			if kind == "set" {
				v["wire"] = "AAAA"
			}
		}, "temperror evidence-unreadable"},
		"a lookup after the check": {func(kind string, v map[string]any) {
			if kind == "lookup" {
				v["at"] = clock.Add(6 * time.Minute)
			}
		}, "temperror evidence-time"},
		"a lookup whose signatures were over at the check": {func(kind string, v map[string]any) {
			switch kind {
			case "lookup":
				v["at"] = clock.AddDate(0, 0, 13)
			case "message":
				v["checked_at"] = clock.AddDate(0, 0, 14).Add(time.Hour / 2)
			}
		}, "temperror evidence-time"},
	} {
		forged := edited(t, file, c.edit)
		if _, err := past(forged, evidence.Options{Anchors: w.anchors}); (err != nil) != (c.want == "") {
			t.Errorf("%s: %v", name, err)
		}
		if c.want == "" {
			continue
		}
		if r := recall(t, forged, evidence.Options{Anchors: w.anchors}, w.options(), text); line(r) != c.want {
			t.Errorf("%s: %s: %s", name, line(r), r.Reason)
		}
	}
}

// TestAfterSeal: nothing follows a seal, also with right checksums.
func TestAfterSeal(t *testing.T) {
	t.Parallel()
	w, _, file := one(t)
	seal := file[bytes.LastIndexByte(file[:len(file)-1], '\n')+1:]
	twice := edited(t, append(bytes.Clone(file), seal...), func(string, map[string]any) {})
	if _, err := past(twice, evidence.Options{Anchors: w.anchors}); !errors.Is(err, evidence.ErrEdited) {
		t.Error(err)
	}
}
