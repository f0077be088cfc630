package evidence_test

import (
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver/evidence"
	"dnseal/smime"
)

// TestDiffers: where the file records another verdict it is said which, and what is different now.
func TestDiffers(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	marked := append([]byte("X-Mark: x\r\n"), text...)
	verdict := func(verdict, code string) func(kind string, v map[string]any) {
		return func(kind string, v map[string]any) {
			if kind == "message" {
				v["verdict"], v["code"] = verdict, code
			}
		}
	}
	for name, c := range map[string]struct {
		edit func(kind string, v map[string]any)
		text []byte
		at   time.Time
		want string
	}{
		"nothing":         {verdict("pass", ""), text, time.Time{}, ""},
		"another verdict": {verdict("fail", "bad-digest"), text, time.Time{}, "the verdict of then was fail (bad-digest): the record of it is wrong, or was made by another version of the program"},
		"another code":    {verdict("pass", "weak"), text, time.Time{}, "the verdict of then was pass (weak): the record of it is wrong, or was made by another version of the program"},
		"another message": {verdict("fail", ""), marked, time.Time{}, "the verdict of then was fail: the message is not the same octet for octet"},
		"another time":    {verdict("fail", ""), text, clock.Add(time.Minute), "the verdict of then was fail: another time is asked for"},
		"other roots": {func(kind string, v map[string]any) {
			verdict("fail", "")(kind, v)
			if kind == "policy" {
				v["pkix_roots"] = []string{strings.Repeat("0", 64)}
			}
		}, text, time.Time{}, "the verdict of then was fail: it had 1 PKIX root, and others are given here"},
	} {
		r := recall(t, edited(t, file, c.edit), evidence.Options{Anchors: w.anchors, At: c.at}, w.options(), c.text)
		if notes := strings.Join(r.Evidence.Notes, "\n"); line(r) != "pass " || notes != c.want {
			t.Errorf("%s: %s: %s", name, line(r), notes)
		}
	}
}

// TestPolicyMissing: where the file does not say by what a message was judged, it was saved mail,
// about which less is claimed.
func TestPolicyMissing(t *testing.T) {
	t.Parallel()
	id, _ := signer(t, "alice@example.org")
	w := start(t, clock, lookuptest.Zone{Origin: "example.org.", Text: "other TXT x\n"})
	text := sign(t, id, letter("alice@example.org", "a claim"), smime.SignOptions{})
	opts := w.options()
	opts.Saved = false
	file, _ := w.keep(opts, text)
	if r := recall(t, file, evidence.Options{Anchors: w.anchors}, opts, text); line(r) != "fail revoked-or-unpublished" {
		t.Errorf("as it is: %s", line(r))
	}
	none := edited(t, file, func(kind string, v map[string]any) {
		if kind == "message" {
			v["policy"] = strings.Repeat("0", 64)
		}
	})
	if r := recall(t, none, evidence.Options{Anchors: w.anchors}, opts, text); line(r) != "fail not-published-now" {
		t.Errorf("without policy: %s", line(r))
	}
}
