package receiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// checkDKIM: whatever DKIM says, verdict, action and edit of a message stay the same, but for the
// results of DKIM behind the others.
func checkDKIM(t *testing.T, dns *lookuptest.Server, opts options, text []byte) {
	t.Helper()
	o := receiverOptions(t, dns, opts)
	want := judgedBy(t, o, text)
	for _, result := range []receiver.Verdict{receiver.Pass, receiver.Fail, receiver.TempError} {
		o.DKIM = func(context.Context, *message.Message) []receiver.DKIM {
			return slices.Repeat([]receiver.DKIM{{Domain: "example.org", Selector: "s1", Result: result, DNS: "secure", OfFrom: true}}, 3)
		}
		if got := judgedBy(t, o, text); got != want {
			t.Errorf("with DKIM %s:\n%s\nwithout:\n%s", result, got, want)
		}
	}
}

// judgedBy is all that comes of a message, without what DKIM says.
func judgedBy(t *testing.T, o receiver.Options, text []byte) string {
	t.Helper()
	r, err := receiver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	report := judgeText(t, r, text)
	// The time of what cannot be read is by another clock.
	report.DKIM, report.CheckedAt = nil, time.Time{}
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		return describeAll(t, report, r.Unfit(nil, err))
	}
	defer m.Close()
	return describeAll(t, report, r.Handle(t.Context(), m, nil))
}

func describeAll(t *testing.T, report *receiver.Report, out *message.Outcome) string {
	t.Helper()
	defer out.Close()
	var changes []message.Change
	if out.Edit != nil {
		changes = slices.Clone(out.Edit.Changes)
		for i := range changes {
			changes[i].Value, _, _ = strings.Cut(strings.ReplaceAll(changes[i].Value, "\r\n", ""), "; dkim=")
		}
	}
	encoded, err := json.Marshal([]any{report, out.Action, out.Result, out.Header, out.Reply, changes})
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// TestDKIM: what was checked is in the report, its JSON, the text and the log; nothing is where
// nothing is wanted.
func TestDKIM(t *testing.T) {
	t.Parallel()
	const mail = "From: alice@example.org\r\n\r\nHello\r\n"
	found := []receiver.DKIM{
		{Domain: "example.org", Selector: "s1", Result: receiver.Pass, DNS: "insecure", Algorithm: "rsa-sha256", Signature: "AuUoFEfD", OfFrom: true, Testing: true},
		{Domain: "example.net", Selector: "s2", Result: receiver.Fail, Code: "body-changed", Reason: "the body was changed since it was signed", Algorithm: "rsa-sha256"},
		{Result: receiver.Neutral, Code: "malformed", Reason: "it\x1b[31m cannot be read"},
	}
	dns := serve(t, nil)
	o := receiverOptions(t, dns, options{})
	o.DKIM = func(context.Context, *message.Message) []receiver.DKIM { return found }
	r, err := receiver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	report := judgeText(t, r, []byte(mail))
	encoded, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	const first = `"dkim":[{"domain":"example.org","selector":"s1","result":"pass","dns":"insecure","code":"","reason":"",` +
		`"algorithm":"rsa-sha256","b":"AuUoFEfD","of_from":true,"testing":true},{"domain":"example.net",`
	if !strings.Contains(string(encoded), first) {
		t.Errorf("JSON: %s", encoded)
	}
	var text bytes.Buffer
	if err = report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"\nDKIM        pass, by example.org (selector s1), key insecure, test mode\n",
		"\nDKIM        fail, by example.net (selector s2), not the domain of From: the body was changed since it was signed (body-changed)\n",
		"\nDKIM        neutral: it?[31m cannot be read (malformed)\n",
	} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("text without %q:\n%s", line, text.String())
		}
	}
	m, err := message.Read(strings.NewReader(mail), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	out := r.Handle(t.Context(), m, nil)
	defer out.Close()
	logged := ""
	for _, a := range out.Attrs {
		if a.Key == "dkim" {
			logged = a.Value.String()
		}
	}
	if logged != "pass example.org, fail example.net, neutral" {
		t.Errorf("log: %q", logged)
	}
	if without, err := json.Marshal(judgeText(t, newReceiver(t, dns, options{}), []byte(mail))); err != nil || bytes.Contains(without, []byte("dkim")) {
		t.Errorf("not asked for: %s, %v", without, err)
	}
}
