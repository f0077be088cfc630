package receiver_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// TestHandle: what the entry points learn, and what the message is then.
func TestHandle(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	good := signed(t, mail("alice@example.org"), smime.SignOptions{}, c.alice)
	forged := "Authentication-Results: other.example; dkim=pass\r\n" +
		"authentication-results: MX.example.net;\r\n\tsmime=pass\r\n" +
		"Authentication-Results: \"mx.example.net\"; smime=pass\r\n"
	changed := strings.Replace(good, "100 euros", "900 euros", 1)
	bank := receiver.Domain{Names: []string{"example.org"}, Require: "signature", On: map[receiver.Class]message.Action{receiver.ClassNoSignature: message.Reject, receiver.ClassBadSignature: message.Quarantine}}
	for _, tt := range []struct {
		name, text string
		change     func(*receiver.Options)
		action     message.Action
		result     string
		reply      int
		top        string // how the message then begins; empty: there is no edit
	}{
		{"pass", forged + good, nil, message.Accept, "pass", 0, "Authentication-Results: mx.example.net; smime=pass\r\n (DANE-EE 3 1 1, DNSSEC secure, header protected)\r\n body.smime-identifier=alice@example.org body.smime-part=2\r\n body.smime-serial="},
		{"fail is marked", forged + changed, nil, message.Accept, "fail", 0, "Authentication-Results: mx.example.net; smime=fail\r\n (bad-digest, header unprotected) body.smime-identifier="},
		{"unsigned", forged + mail("alice@example.org"), nil, message.Accept, "none", 0, "Authentication-Results: mx.example.net; smime=none\r\n"},
		{"rejected", mail("alice@example.org"), func(o *receiver.Options) { o.Domains = []receiver.Domain{bank} }, message.Reject, "none", 550, "Authentication-Results: mx.example.net; smime=none\r\n"},
		{"quarantined and rejected: rejected", changed, func(o *receiver.Options) { o.Domains = []receiver.Domain{bank} }, message.Reject, "fail", 550, "Authentication-Results: mx.example.net; smime=fail"},
		{"a signed part under other text does not meet a requirement", behindText(c.alice), func(o *receiver.Options) { o.Domains = []receiver.Domain{bank} }, message.Reject, "policy", 550, "Authentication-Results: mx.example.net; smime=policy\r\n (partial, DNSSEC secure, header unprotected)"},
		{"nor does a stranger's", behindText(newPerson(t, "carol@example.org", "mallory", c.mailCA, nil)), func(o *receiver.Options) { o.Domains = []receiver.Domain{bank} }, message.Reject, "policy", 550, "Authentication-Results: mx.example.net; smime=policy"},
		{"a list has rewritten From", strings.Replace(good, "From: alice@example.org", "From: alice via list <list@other.example>", 1), func(o *receiver.Options) { o.Domains = []receiver.Domain{bank} }, message.Accept, "policy", 0, "Authentication-Results: mx.example.net; smime=policy\r\n (from-rewritten"},
		{"the protected From alone is of the domain", strings.Replace(signed(t, mail("mallory@example.org"), smime.SignOptions{}, c.alice), "From: mallory@example.org", "From: alice@other.example", 1), func(o *receiver.Options) { o.Domains = []receiver.Domain{bank} }, message.Reject, "policy", 550, "Authentication-Results: mx.example.net; smime=policy"},
		{"deferred", forged + changed, func(o *receiver.Options) {
			o.On = map[receiver.Class]message.Action{receiver.ClassBadSignature: message.Defer}
		}, message.Defer, "fail", 451, "Authentication-Results: mx.example.net; smime=fail"},
		{"observed", forged + changed, func(o *receiver.Options) {
			o.Observe, o.On = true, map[receiver.Class]message.Action{receiver.ClassBadSignature: message.Reject}
		}, message.Accept, "fail", 0, ""},
		{"no authserv-id", forged + good, func(o *receiver.Options) { o.AuthservID = "" }, message.Defer, "temperror", 451, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dns := newFakeDNS()
			publish(t, dns.cached, c.alice)
			opts := receiver.Options{Lookup: dns, AuthservID: "mx.example.net", Now: func() time.Time { return clock }}
			if tt.change != nil {
				tt.change(&opts)
			}
			r, err := receiver.New(opts)
			if err != nil {
				t.Fatal(err)
			}
			m := parse(t, tt.text)
			out := r.Handle(t.Context(), m, &message.Envelope{})
			defer out.Close()
			if out.Action != tt.action || out.Result != tt.result || out.Reply.Code != tt.reply {
				t.Errorf("%s, %q, %d; want %s, %q, %d (%v)", out.Action, out.Result, out.Reply.Code, tt.action, tt.result, tt.reply, out.Attrs)
			}
			if (out.Edit == nil) != (tt.top == "") {
				t.Fatalf("edit: %+v", out.Edit)
			}
			var after bytes.Buffer
			if _, err := m.WriteEdited(&after, out.Edit); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(after.String(), tt.top) {
				t.Errorf("the message begins:\n%.300s\nwant:\n%s", after.String(), tt.top)
			}
			if tt.top == "" && after.String() != tt.text {
				t.Error("the message was changed")
			}
			if tt.top != "" && strings.HasPrefix(tt.text, forged) && (strings.Count(strings.ToLower(after.String()), "authentication-results:") != 2 || !strings.Contains(after.String(), "Authentication-Results: other.example; dkim=pass\r\n")) {
				t.Errorf("results left:\n%.500s", after.String())
			}
			checkLog(t, fmt.Sprint(out.Attrs), out.Reply.Text)
		})
	}
}

// behindText is a signed part with another text in front.
func behindText(p person) string {
	return header(p.name) + mixed("mixed", evil, clear(bare, signedBy(bare, p, nil)))
}

// checkLog: the log names who and why, and no text of the message; the reply names neither, but the
// kind of trouble.
func checkLog(t *testing.T, attrs, reply string) {
	t.Helper()
	for _, secret := range []string{"Tuesday", "euros", "team@example.com"} {
		if strings.Contains(attrs, secret) {
			t.Errorf("%q stands in the log: %s", secret, attrs)
		}
	}
	if !strings.Contains(attrs, "@example.org") || !strings.Contains(attrs, "class=") || strings.Contains(attrs, "action=") {
		t.Errorf("log: %s", attrs)
	}
	for _, cause := range []string{"alice", "example", "@", "digest", "SMIMEA", "attribute"} {
		if strings.Contains(reply, cause) {
			t.Errorf("the reply %q tells a stranger about %q", reply, cause)
		}
	}
}
