package sender

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dnseal/smime/message"
)

// TestObserve: whatever the message and its submitter are, it passes as it is, and the log has what
// would have been done.
func TestObserve(t *testing.T) {
	t.Parallel()
	s := newSender(t, func(o *Options) { o.Observe, o.AuthservID = true, "mx.example.net" })
	broken := newSender(t, func(o *Options) { o.Observe, o.MaxBytes = true, 20 })
	alice := &message.Envelope{Submitter: message.Submitter{User: "alice"}, Rcpt: []string{"a@x.example", "b@opaque.example", "robot@plain.example"}}
	header := "X-Dnseal-Sign: no\r\nAuthentication-Results: mx.example.net; smime=pass\r\nFrom: "
	for _, tt := range []struct {
		name, text    string
		s             *Sender
		env           *message.Envelope
		result, would string
	}{
		{"signed", "From: alice@example.org\r\n" + plainText, s, alice, "observe:signed", "accept"},
		{"opted out", header + "alice@example.org\r\n" + plainText, s, alice, "observe:unsigned", "accept"},
		{"not allowed", header + "billing@example.org\r\n" + plainText, s, alice, "observe:not-allowed", "reject"},
		{"a stranger", header + "billing@example.org\r\n" + plainText, s, &message.Envelope{}, "observe:not-allowed", "reject"},
		{"no rule", header + "x@elsewhere.example\r\n" + plainText, s, &message.Envelope{}, "observe:unsigned", "accept"},
		{"no identity", "From: a@shop.example.org\r\n" + plainText, s, &message.Envelope{Submitter: message.Submitter{User: "billing"}}, "observe:sign-failed", "defer"},
		{"too big", "From: alice@example.org\r\n" + plainText, broken, alice, "observe:too-big", "reject"},
	} {
		m := read(t, tt.text)
		out := tt.s.Handle(t.Context(), m, tt.env)
		checkObserved(t, tt.name, out, tt.result, tt.would)
	}
	m := read(t, "From: alice@example.org\r\n\r\n")
	for why, want := range map[error][2]string{
		message.ErrTooBig: {"observe:too-big", "reject"}, message.ErrMalformed: {"observe:malformed", "reject"}, errors.New("disk"): {"observe:internal-error", "defer"},
	} {
		checkObserved(t, why.Error(), s.Unfit(m, alice, why), want[0], want[1])
		checkObserved(t, why.Error()+", no header", s.Unfit(nil, alice, why), want[0], want[1])
	}
}

func checkObserved(t *testing.T, name string, out *message.Outcome, result, would string) {
	t.Helper()
	defer out.Close()
	if out.Action != message.Accept || out.Result != result || out.Edit != nil || len(out.Forms) > 0 || out.Reply != (message.Reply{}) {
		t.Errorf("%s: %+v", name, out)
	}
	if text := fmt.Sprint(out.Attrs); !strings.Contains(text, "observe=true would="+would+"]") {
		t.Errorf("%s: %s, want would=%s", name, text, would)
	}
}

// TestExplain: what Explain says is what Handle does.
func TestExplain(t *testing.T) {
	t.Parallel()
	s := newSender(t, nil)
	m := read(t, "From: alice@example.org\r\n"+plainText)
	out, why := s.Explain(t.Context(), m, &message.Envelope{Submitter: message.Submitter{User: "alice"}, Rcpt: []string{"a@x.example", "b@opaque.example", "robot@plain.example"}})
	defer out.Close()
	if out.Result != ResultSigned || why.Rule != 2 || why.Identity != "alice@example.org" || why.Class != "" || why.Action != message.Accept ||
		fmt.Sprint(why.Forms) != "[{clear [a@x.example] <nil>} {opaque [b@opaque.example] <nil>} {no [robot@plain.example] <nil>}]" {
		t.Errorf("%s: %+v", out.Result, why)
	}
	refused, why := s.Explain(t.Context(), m, &message.Envelope{Submitter: message.Submitter{User: "bot"}})
	defer refused.Close()
	if why.Rule != 0 || why.Class != ClassNotAllowed || why.Code != "from-not-allowed" || why.Reply.Code != 550 || why.Action != message.Reject {
		t.Errorf("%+v", why)
	}
}
