package receiver

import (
	"errors"
	"fmt"
	"testing"

	"dnseal/smime/message"
)

// TestReplyTexts: what is refused or deferred gets the text of its class, that of a security domain
// first, with our codes; each class has words of ours.
func TestReplyTexts(t *testing.T) {
	t.Parallel()
	r, err := New(Options{
		Lookup: noDNS{}, AuthservID: "mx.example.net",
		On: map[Class]message.Action{
			ClassBadSignature: message.Reject, ClassBogus: message.Reject, ClassDNSError: message.Defer, ClassKeyMismatch: message.Reject, ClassInsecure: message.Defer,
		},
		ReplyTexts: map[Class]string{ClassBadSignature: "Changed (100%)", ClassDNSError: "Later", ClassPartial: "not asked for"},
		Domains: []Domain{
			{Names: []string{"bank.example"}, ReplyTexts: map[Class]string{ClassBadSignature: "Call the bank", ClassBogus: "Bank bogus"}},
			{Names: []string{"*.example"}, ReplyTexts: map[Class]string{ClassBadSignature: "Any", ClassBogus: "Any"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const reject, deferred = "550 5.7.1 ", "451 4.7.1 "
	for _, tt := range []struct {
		code Code
		v    Verdict
		from string
		want string
	}{
		{CodeBadDigest, Fail, "a@other.test", reject + "Changed (100%)"},
		{CodeBadDigest, Fail, "a@bank.example", reject + "Call the bank"},
		{CodeBadDigest, Fail, "a@x.example", reject + "Any"},
		{CodeBogus, TempError, "a@other.test", reject + refusals[ClassBogus]},
		{CodeBogus, TempError, "a@bank.example", reject + "Bank bogus"},
		{CodeTimeout, TempError, "a@bank.example", deferred + "Later"},
		{CodeInsecure, Neutral, "a@bank.example", deferred + "Message cannot be checked now, try again later"},
		{CodeKeyMismatch, Fail, "a@bank.example", reject + refusals[ClassKeyMismatch]},
		{CodePartial, Policy, "a@bank.example", "0  "}, // accepted
	} {
		out := r.outcome(nil, reportOf(t, tt.v, tt.code, tt.from))
		if got := fmt.Sprintf("%d %s %s", out.Reply.Code, out.Reply.Enhanced, out.Reply.Text); got != tt.want {
			t.Errorf("%s of %s: %q, want %q", tt.code, tt.from, got, tt.want)
		}
	}
	for class := range DefaultActions() {
		if err := message.CheckReplyText(refusals[class]); err != nil {
			t.Errorf("%s: %v", class, err)
		}
	}
}

// TestReplyTextsUnfit: so it is with what cannot be taken in; the codes are those of the fault.
func TestReplyTextsUnfit(t *testing.T) {
	t.Parallel()
	r, err := New(Options{Lookup: noDNS{}, AuthservID: "mx.example.net", ReplyTexts: map[Class]string{ClassMalformed: "Unreadable", ClassInternalError: "Our fault"}})
	if err != nil {
		t.Fatal(err)
	}
	for why, want := range map[error]string{
		&message.HeaderError{Line: "X\x00", Octet: 0}: "554 5.6.0 Unreadable",
		message.ErrMalformed:                          "550 5.7.1 Unreadable",
		errors.New("disk full"):                       "451 4.7.1 Our fault",
		message.ErrTooBig:                             "550 5.7.1 " + refusals[ClassTooBig],
	} {
		out := r.Unfit(nil, why)
		if got := fmt.Sprintf("%d %s %s", out.Reply.Code, out.Reply.Enhanced, out.Reply.Text); got != want {
			t.Errorf("%v: %q, want %q", why, got, want)
		}
	}
}

// TestReplyTextsRefused: what no reply can hold, and classes there are not, are told at once.
func TestReplyTextsRefused(t *testing.T) {
	t.Parallel()
	for _, texts := range []map[Class]string{{"not-allowed": "x"}, {ClassBogus: "a\r\n250 Ok"}, {ClassBogus: ""}} {
		if _, err := New(Options{Lookup: noDNS{}, ReplyTexts: texts}); err == nil {
			t.Errorf("%q is taken", texts)
		}
		if _, err := New(Options{Lookup: noDNS{}, Domains: []Domain{{Names: []string{"a.example"}, ReplyTexts: texts}}}); err == nil {
			t.Errorf("%q is taken for a domain", texts)
		}
	}
}
