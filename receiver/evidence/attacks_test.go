package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime"
)

// one is a world with one signed message that passes, and its evidence.
func one(tb testing.TB) (w *world, text, file []byte) {
	tb.Helper()
	id, record := signer(tb, "alice@example.org")
	w = start(tb, clock, lookuptest.Zone{Origin: "example.org.", Text: record})
	text = sign(tb, id, letter("alice@example.org", "small"), smime.SignOptions{})
	file, _ = w.keep(w.options(), text)
	return w, text, file
}

// TestEveryBitOfEvidence: evidence with any bit flipped is refused, and the line is named.
func TestEveryBitOfEvidence(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	if r := recall(t, file, evidence.Options{Anchors: w.anchors}, w.options(), text); r.Verdict != receiver.Pass {
		t.Fatal(line(r))
	}
	for i := range file {
		for bit := range 8 {
			changed := bytes.Clone(file)
			changed[i] ^= 1 << bit
			_, err := past(changed, evidence.Options{Anchors: w.anchors})
			if err == nil {
				t.Fatalf("bit %d of octet %d is not noticed: %q", bit, i, changed[max(0, i-20):min(len(file), i+20)])
			}
			number := bytes.Count(file[:i], []byte("\n")) + 1
			if number > 1 && (!errors.Is(err, evidence.ErrEdited) || !strings.Contains(err.Error(), "line ")) {
				t.Fatalf("octet %d in line %d: %v", i, number, err)
			}
		}
	}
}

// TestChangedCopies: a changed copy of a message, which anybody can send before or after it and
// whose signature is checked first, does not hide what was kept about the message, and has its own
// verdict.
func TestChangedCopies(t *testing.T) {
	t.Parallel()
	w, text, _ := one(t)
	forged := bytes.ReplaceAll(text, []byte("small"), []byte("large"))
	if bytes.Equal(forged, text) {
		t.Fatal("the copy is not changed")
	}
	relayed := append([]byte("Received: from a.example by b.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n"), text...)
	for name, messages := range map[string][][]byte{
		"before": {forged, text}, "after": {text, forged}, "around": {forged, text, forged}, "relayed": {forged, relayed, text},
	} {
		file, live := w.keep(w.options(), messages...)
		for _, at := range []time.Time{{}, clock.Add(time.Hour)} {
			for i, m := range messages {
				r := recall(t, file, evidence.Options{Anchors: w.anchors, At: at}, w.options(), m)
				if line(r) != line(live[i]) || !r.Evidence.Identical {
					t.Errorf("%s: message %d at %v: %s, was %s; %+v", name, i, at, line(r), line(live[i]), r.Evidence)
				}
			}
			if r := recall(t, file, evidence.Options{Anchors: w.anchors, At: at}, w.options(), append([]byte("X-Mark: x\r\n"), text...)); r.Verdict != receiver.Pass {
				t.Errorf("%s: with another field at %v: %s %s", name, at, line(r), r.Reason)
			}
		}
	}
}

// TestEveryBitOfMessage: a message with any bit flipped does not pass as the one that was checked:
// either it is no pass, or its signature and what is signed are as they were, and the report says
// that the whole message is not the same.
func TestEveryBitOfMessage(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	a, err := past(file, evidence.Options{Anchors: w.anchors})
	if err != nil {
		t.Fatal(err)
	}
	opts := w.options()
	opts.Lookup, opts.Past = noDNS{}, a.Past
	passed := 0
	for i := range text {
		for bit := range 8 {
			changed := bytes.Clone(text)
			changed[i] ^= 1 << bit
			r := judge(t, opts, changed)
			if r == nil || r.Verdict != receiver.Pass {
				continue
			}
			if passed++; r.Evidence == nil || r.Evidence.Identical {
				t.Errorf("bit %d of octet %d: a pass, and said to be identical", bit, i)
			}
		}
	}
	t.Logf("%d of %d flipped bits are outside of what is signed", passed, 8*len(text))
}

// TestCut: a file that ends anywhere is refused, or read as far as its last whole line, and said
// not to be sealed.
func TestCut(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	whole := 0
	for n := range file {
		a, err := past(file[:n], evidence.Options{Anchors: w.anchors})
		if err != nil {
			if !errors.Is(err, evidence.ErrNoEvidence) || bytes.IndexByte(file[:n], '\n') >= 0 {
				t.Fatalf("cut at %d: %v", n, err)
			}
			continue
		}
		s := a.Files()[0]
		if s.Sealed != nil || s.Cut != (file[n-1] != '\n') {
			t.Fatalf("cut at %d: %+v", n, s)
		}
		if s.Messages == 1 && whole == 0 {
			whole = n
		}
	}
	r := recall(t, file[:whole], evidence.Options{Anchors: w.anchors}, w.options(), text)
	if r.Verdict != receiver.Pass || r.Evidence.Sealed || !strings.Contains(strings.Join(r.Evidence.Notes, " "), "not sealed") {
		t.Errorf("%s, %+v", line(r), r.Evidence)
	}
}

// edited writes a file anew as someone would who knows the form: with checksums and seal.
func edited(tb testing.TB, file []byte, edit func(kind string, v map[string]any)) []byte {
	tb.Helper()
	var out bytes.Buffer
	sum, renamed := "", map[string]string{}
	for l := range bytes.SplitSeq(bytes.TrimSuffix(file, []byte("\n")), []byte("\n")) {
		old := sha256.Sum256(l)
		var v map[string]any
		if err := json.Unmarshal(l, &v); err != nil {
			tb.Fatal(err)
		}
		delete(v, "sum")
		for kind, inner := range v {
			if m, ok := inner.(map[string]any); ok {
				if kind == "seal" {
					all := sha256.Sum256(out.Bytes())
					m["sha256"] = hex.EncodeToString(all[:])
				}
				edit(kind, m)
			} else if kind == "anchors" {
				edit(kind, v)
			}
		}
		text, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		for before, after := range renamed {
			text = bytes.ReplaceAll(text, []byte(before), []byte(after))
		}
		text = text[:len(text)-1]
		h := sha256.Sum256(append([]byte(sum), text...))
		sum = hex.EncodeToString(h[:16])
		text = append(text, `,"sum":"`+sum+`"}`...)
		now := sha256.Sum256(text)
		renamed[hex.EncodeToString(old[:])] = hex.EncodeToString(now[:])
		out.Write(text)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// TestForged: whoever writes a file anew, with all checksums and the seal right, gets no message to
// pass by the chain of another message, time or anchor, and each is refused by its own words.
func TestForged(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	id, record := signer(t, "mallory@example.net")
	other := start(t, clock, lookuptest.Zone{Origin: "example.net.", Text: record})
	forged := sign(t, id, letter("mallory@example.net", "forged"), smime.SignOptions{})
	ours := evidence.Options{Anchors: w.anchors}
	digests := judge(t, w.options(), forged).Digests
	for name, c := range map[string]struct {
		file, text []byte
		ours       evidence.Options
		verdict    receiver.Verdict
		code       receiver.Code
		reason     string
	}{
		"nothing but written anew": {edited(t, file, func(string, map[string]any) {}), text, ours, "pass", "", ""},
		"another message":          {file, forged, ours, "temperror", receiver.CodeNoEvidence, "no evidence about this message"},
		"the chain of another message": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "message" {
				v["sha256"], v["signatures"] = digests.Message, digests.Objects
			}
		}), forged, ours, "temperror", receiver.CodeNoEvidence, "no answer about"},
		"the chain under another name": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "message" {
				v["sha256"], v["signatures"] = digests.Message, digests.Objects
			}
			if kind == "lookup" {
				v["name"] = judge(t, other.options(), forged).Signatures[0].DNS.Name
			}
		}), forged, ours, "temperror", "", ""},
		"another anchor":           {file, text, evidence.Options{Anchors: other.anchors}, "temperror", receiver.CodeEvidenceAnchor, "other trust anchors"},
		"the keys of the DNS root": {file, text, evidence.Options{}, "temperror", receiver.CodeEvidenceAnchor, "other trust anchors"},
		"an anchor that the file names as ours": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "anchors" {
				v["anchors"] = other.anchors.Records()
			}
		}), text, evidence.Options{Anchors: other.anchors}, "temperror", receiver.CodeBogus, ""},
		"a later time":    {file, text, evidence.Options{Anchors: w.anchors, At: clock.AddDate(1, 0, 0)}, "temperror", receiver.CodeEvidenceTime, "of another time: its signatures hold from 2026-11-"},
		"an earlier time": {file, text, evidence.Options{Anchors: w.anchors, At: clock.AddDate(-1, 0, 0)}, "policy", receiver.CodeSignedInFuture, ""},
		"a time within":   {file, text, evidence.Options{Anchors: w.anchors, At: clock.AddDate(0, 0, 7)}, "pass", "", ""},
		"a message that claims another time": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "message" {
				v["checked_at"] = clock.AddDate(1, 0, 0)
			}
		}), text, ours, "temperror", receiver.CodeEvidenceTime, "and the message was checked on"},
		"a message and chain that claim another time": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "message" {
				v["checked_at"] = clock.AddDate(1, 0, 0)
			}
			if kind == "lookup" {
				v["at"] = clock.AddDate(1, 0, 0)
			}
		}), text, ours, "temperror", receiver.CodeEvidenceTime, "do not hold on 2027-11-24"},
		"a verdict that was none": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "message" {
				v["verdict"], v["code"] = "fail", "bad-digest"
			}
		}), text, ours, "pass", "", ""},
		"a status that was none": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "lookup" {
				v["status"], v["sets"] = "secure", []string{}
			}
		}), text, ours, "temperror", receiver.CodeNoEvidence, "resolver's word"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recall(t, c.file, c.ours, w.options(), c.text)
			if r.Verdict != c.verdict || c.code != "" && r.Code != c.code || !strings.Contains(r.Reason, c.reason) {
				t.Errorf("%s %s: %s, want %s %s: %s", r.Verdict, r.Code, r.Reason, c.verdict, c.code, c.reason)
			}
			if name == "a verdict that was none" && !strings.Contains(strings.Join(r.Evidence.Notes, " "), "the verdict of then was fail (bad-digest)") {
				t.Errorf("notes %q", r.Evidence.Notes)
			}
		})
	}
}

// TestRefused: files of another version or kind, and edited ones, are refused, and it is said
// which.
func TestRefused(t *testing.T) {
	t.Parallel()
	_, _, file := one(t)
	lines := bytes.SplitAfter(file, []byte("\n"))
	without := func(n int) []byte {
		return bytes.Join(append(append([][]byte{}, lines[:n]...), lines[n+1:]...), nil)
	}
	for name, c := range map[string]struct {
		file []byte
		err  error
		want string
	}{
		"empty":            {nil, evidence.ErrNoEvidence, ""},
		"a letter":         {[]byte("From: a@example.org\n\nHello\n"), evidence.ErrNoEvidence, ""},
		"other JSON":       {[]byte("{\"a\":1}\n"), evidence.ErrNoEvidence, ""},
		"another version":  {bytes.Replace(file, []byte(`evidence":1,`), []byte(`evidence":2,`), 1), evidence.ErrVersion, "version 2"},
		"a line taken out": {without(4), evidence.ErrEdited, "line 5 "},
		"the last message": {without(len(lines) - 3), evidence.ErrEdited, ""},
		"a line put in":    {bytes.Join([][]byte{bytes.Join(lines[:3], nil), lines[1], bytes.Join(lines[3:], nil)}, nil), evidence.ErrEdited, "line 4 "},
		"a word changed":   {bytes.Replace(file, []byte(`"verdict":"pass"`), []byte(`"verdict":"fail"`), 1), evidence.ErrEdited, "line 11 "},
		"more after it":    {append(bytes.Clone(file), lines[3]...), evidence.ErrEdited, ""},
		"half more":        {append(bytes.Clone(file), `{"se`...), evidence.ErrEdited, ""},
		"a seal too early": {append(bytes.Join(lines[:3], nil), lines[len(lines)-2]...), evidence.ErrEdited, ""},
		"a line too long":  {append(bytes.Clone(lines[0]), bytes.Repeat([]byte("x"), 2<<20)...), evidence.ErrLimit, "line 2 "},
		"a line of objects": {edited(t, file, func(kind string, v map[string]any) {
			if kind == "message" {
				v["signatures"] = []string{"x"}
			}
		}), evidence.ErrForm, "line 11 "},
	} {
		_, err := past(c.file, evidence.Options{})
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "test.evidence") {
			t.Errorf("%s: %v, want %v, %s", name, err, c.err, c.want)
		}
	}
}

// FuzzOpen reads anything, and has a message judged by it: it passes only by what was kept of it.
func FuzzOpen(f *testing.F) {
	w, text, file := one(f)
	f.Add(file)
	f.Add(edited(f, file, func(string, map[string]any) {}))
	f.Add(file[:len(file)/2])
	sums := regexp.MustCompile(`,"sum":"[0-9a-f]{32}"}`)
	m := parse(f, text)
	opts := w.options()
	opts.Lookup, opts.Now = noDNS{}, func() time.Time { return clock }
	f.Fuzz(func(t *testing.T, file []byte) {
		// The checksums are set right, or nothing would come behind them.
		var sum string
		file = sums.ReplaceAllFunc(file, func([]byte) []byte { return []byte(`}`) })
		var out bytes.Buffer
		for l := range bytes.Lines(file) {
			l = bytes.TrimSuffix(bytes.TrimSuffix(l, []byte("\n")), []byte("}"))
			h := sha256.Sum256(append([]byte(sum), l...))
			sum = hex.EncodeToString(h[:16])
			out.Write(l)
			out.WriteString(`,"sum":"` + sum + "\"}\n")
		}
		a, err := past(out.Bytes(), evidence.Options{Anchors: w.anchors})
		if err != nil {
			return
		}
		o := opts
		o.Past = a.Past
		r, err := receiver.New(o)
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Verify(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict == receiver.Pass && report.Signatures[0].DNS.Status != "secure" {
			t.Errorf("passes by %q", out.Bytes())
		}
	})
}
