package receiver_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// restored hands text to a receiver that restores the header, and returns the outcome, what the
// message is then, and the report on that.
func restored(tb testing.TB, r *receiver.Receiver, text string) (*message.Outcome, string, *receiver.Report) {
	tb.Helper()
	m := parse(tb, text)
	out := r.Handle(tb.Context(), m, &message.Envelope{})
	tb.Cleanup(func() { out.Close() })
	var after bytes.Buffer
	if _, err := m.WriteEdited(&after, out.Edit); err != nil {
		tb.Fatal(err)
	}
	report, err := r.Verify(tb.Context(), parse(tb, after.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return out, after.String(), report
}

func restoring(tb testing.TB, c *cast, change func(*receiver.Options)) *receiver.Receiver {
	tb.Helper()
	dns := newFakeDNS()
	publish(tb, dns.cached, c.alice)
	opts := receiver.Options{Lookup: dns, AuthservID: "mx.example.net", RestoreHeader: true, Now: func() time.Time { return clock }}
	if change != nil {
		change(&opts)
	}
	r, err := receiver.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// letterOfAlice is signed with all fields that can be changed.
func letterOfAlice(c *cast) string {
	text := strings.Replace(mail("Alice <alice@example.org>"), "Subject:", crlf("Cc: bob@example.org\nReply-To: alice@example.org\nIn-Reply-To: <1@example.org>\nSubject:"), 1)
	return signed(c.t, text, smime.SignOptions{}, c.alice)
}

// TestRestoreHeader: what was changed on the way is as it was signed afterwards, what was forged is
// gone, all else stays in its place, and the message passes again wherever it comes.
func TestRestoreHeader(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	r := restoring(t, c, nil)
	head, body, _ := strings.Cut(letterOfAlice(c), "\r\n\r\n")
	head = replaceOnce(t, head, "From: Alice <", "From: \"Alice (treasurer)\" <")
	head = replaceOnce(t, head, "Subject: The plan for Tuesday", "X-Note: kept\r\nSUBJECT : The plan for Wednesday")
	head = replaceOnce(t, head, "Cc: bob@example.org\r\n", "")
	head = "Received: by a.example; Tue, 24 Nov 2026 11:00:01 +0000\r\nAuthentication-Results: mx.example.net; smime=pass\r\nsubject: first\r\n" +
		"Sender: list@example.com\r\n" + head + "\r\nAuthentication-Results: mx.example.net; smime=pass\r\nAuthentication-Results: other.example; dkim=pass"
	out, after, report := restored(t, r, head+"\r\n\r\n"+body)
	if out.Result != "pass" || out.Header != "restored" || !strings.Contains(fmt.Sprint(out.Attrs), "header=restored") || !strings.Contains(fmt.Sprint(out.Attrs), "code=header-restored") {
		t.Fatalf("%s, %s: %v", out.Result, out.Header, out.Attrs)
	}
	got, _, _ := strings.Cut(after, "\r\nMIME-Version:")
	want := "Authentication-Results: mx.example.net; smime=pass\r\n (DANE-EE 3 1 1, DNSSEC secure, header restored)\r\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("begins\n%.200s\nwant\n%s", got, want)
	}
	fields, _ := message.ParseHeader([]byte(after))
	var names []string
	for _, f := range fields {
		names = append(names, f.Name())
	}
	order := "Authentication-Results Received To Reply-To In-Reply-To X-Note Date Message-ID MIME-Version Content-Type Authentication-Results From Cc Subject"
	if strings.Join(names, " ") != order {
		t.Errorf("fields %s\nwant   %s", strings.Join(names, " "), order)
	}
	for _, line := range []string{"From: Alice <alice@example.org>\r\n", "Cc: bob@example.org\r\n", "Subject: The plan for Tuesday\r\n", "Authentication-Results: other.example; dkim=pass\r\n"} {
		if head, _, _ := strings.Cut(after, "\r\n\r\n"); strings.Count(head+"\r\n", "\r\n"+line) != 1 {
			t.Errorf("%q does not stand once in\n%s", line, head)
		}
	}
	if report.Verdict != receiver.Pass || report.HeaderState != "protected" || report.Code != "" {
		t.Errorf("then %s, %s, %s", report.Verdict, report.Code, report.HeaderState)
	}
}

// TestRestoredIsAccepted: what is done with changed headers is not done with one that was put back.
func TestRestoredIsAccepted(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	head, body, _ := strings.Cut(letterOfAlice(c), "\r\n\r\n")
	text := replaceOnce(t, head, "Cc: bob@example.org\r\n", "") + "\r\n\r\n" + body
	for restore, want := range map[bool]message.Action{true: message.Accept, false: message.Reject} {
		r := restoring(t, c, func(o *receiver.Options) {
			o.RestoreHeader, o.On = restore, map[receiver.Class]message.Action{receiver.ClassHeaderChanged: message.Reject}
		})
		out := r.Handle(t.Context(), parse(t, text), &message.Envelope{})
		if out.Action != want {
			t.Errorf("restoring %v: %s, want %s: %v", restore, out.Action, want, out.Attrs)
		}
		out.Close()
	}
}

// TestRestoreHeaderNot: nothing is restored where that is not all, or cannot be.
func TestRestoreHeaderNot(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	original := letterOfAlice(c)
	outer := func(text, from, to string) string {
		head, body, _ := strings.Cut(text, "\r\n\r\n")
		return replaceOnce(t, head, from, to) + "\r\n\r\n" + body
	}
	const plan, other = "Subject: The plan for Tuesday", "Subject: The plan for Wednesday"
	with := func(subject string) string {
		content := strings.Replace(protected("alice@example.org"), plan, subject, 1)
		return outer(header("alice@example.org")+clear(content, signedBy(content, c.alice, nil)), plan, other)
	}
	changed := outer(original, plan, other)
	for _, tt := range []struct {
		name, text string
		change     func(*receiver.Options)
		result     string
		code       receiver.Code
	}{
		{"not asked for", changed, func(o *receiver.Options) { o.RestoreHeader = false }, "policy", "header-changed"},
		{"only observed", changed, func(o *receiver.Options) { o.Observe = true }, "policy", "header-changed"},
		{"nothing was changed", original, nil, "pass", ""},
		{"a list's name", outer(original, "Subject:", "Subject: [list]"), nil, "pass", ""},
		{"the content was changed", strings.Replace(changed, "100 euros", "900 euros", 1), nil, "fail", "bad-digest"},
		{"another author", outer(changed, "From: Alice <alice@example.org>", "From: Alice <list@example.com>"), nil, "policy", "from-rewritten"},
		{"two From fields", outer(changed, "From: Alice", "From: bob@example.org\r\nFrom: Alice"), nil, "policy", "several-from"},
		{"a display name that misleads", outer(changed, "From: Alice <", "From: \"bob@example.org\" <"), nil, "policy", "display-name"},
		{"nobody published a key", changed, func(o *receiver.Options) { o.Lookup = newFakeDNS() }, "fail", "revoked-or-unpublished"},
		{"a part of a list's copy", header("alice@example.org") + mixed("mixed", evil, clear(protected("bob@example.org"), signedBy(protected("bob@example.org"), c.alice, nil))), nil, "policy", ""},
		{"a control character", with("Subject: The plan\x01 for Tuesday"), nil, "policy", "header-changed"},
		{"a bare CR", with("Subject: The plan\r for Tuesday"), nil, "policy", ""},
		{"an endless line", with(plan + "\r\nReferences: " + strings.Repeat("x", 1200)), nil, "policy", "header-changed"},
		{"a hundred fields", outer(original, plan, strings.Repeat(other+"\r\n", 100)+other), nil, "policy", "header-changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, after, _ := restored(t, restoring(t, c, tt.change), tt.text)
			attrs := fmt.Sprint(out.Attrs)
			if out.Result != tt.result || tt.code != "" && !strings.Contains(attrs, "code="+string(tt.code)+" ") || strings.Contains(attrs, "restored") {
				t.Errorf("%s: %s", out.Result, attrs)
			}
			if strings.Contains(after, "header restored") || !strings.Contains(after, tt.text[strings.Index(tt.text, "Subject:"):]) {
				t.Errorf("changed:\n%.600s", after)
			}
		})
	}
}

// TestRestoreHeaderKeepsEncoding: a signed field comes back in a form that every hop takes.
func TestRestoreHeaderKeepsEncoding(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	content := strings.Replace(protected("alice@example.org"), "The plan for Tuesday", "Pl\xe4ne "+strings.Repeat("und so weiter ", 20), 1)
	_, after, report := restored(t, restoring(t, c, nil), header("alice@example.org")+strings.Replace(clear(content, signedBy(content, c.alice, nil)), "; micalg", ";\r\n micalg", 1))
	if report.Verdict != receiver.Pass || report.HeaderState != "protected" {
		t.Errorf("then %s, %s, %s", report.Verdict, report.Code, report.HeaderState)
	}
	head, _, _ := strings.Cut(after, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if len(line) > 80 || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' }) {
			t.Errorf("line %q", line)
		}
	}
}

// TestRestoreHeaderAll: whatever was done to the outer header, a message that passes by being
// restored passes again, and its fields are the signed ones.
func TestRestoreHeaderAll(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	r := restoring(t, c, nil)
	head, body, _ := strings.Cut(letterOfAlice(c), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	added := []string{
		"Subject: x", "subject:", "Reply-To: eve@example.com", "Cc: eve@example.com", "Sender: eve@example.com", "References: <9@example.com>", "In-Reply-To: <9@example.com>",
		"Authentication-Results: mx.example.net; smime=pass", "Received: by x.example; x", "To: eve@example.com",
		"Date: Tue, 24 Nov 2026 12:00:00 +0000", "Disposition-Notification-To: eve@example.com", "Mail-Followup-To: eve@example.com",
	}
	rapid.Check(t, func(rt *rapid.T) {
		fields := slices.Clone(lines)
		for range rapid.IntRange(1, 6).Draw(rt, "changes") {
			i := rapid.IntRange(0, len(fields)).Draw(rt, "place")
			for i < len(fields) && (fields[i] == "" || fields[i][0] == ' ' || fields[i][0] == '\t') {
				i++
			}
			if i < len(fields) && rapid.Bool().Draw(rt, "remove") && !strings.Contains("From: MIME-Version: Content-Type:", strings.SplitAfter(fields[i], ":")[0]) {
				fields = slices.Delete(fields, i, i+1)
				continue
			}
			fields = slices.Insert(fields, i, rapid.SampledFrom(added).Draw(rt, "field"))
		}
		out, after, report := restored(t, r, strings.Join(fields, "\r\n")+"\r\n\r\n"+body)
		if out.Result != "pass" || report.Verdict != receiver.Pass || report.HeaderState != "protected" {
			rt.Fatalf("%s, then %s %s %s:\n%s\n\n%s", out.Result, report.Verdict, report.Code, report.HeaderState, strings.Join(fields, "\r\n"), after)
		}
	})
}
