package sender

import (
	"errors"
	"fmt"
	"testing"

	"dnseal/smime/message"
)

// TestReplyTexts: the text of a class is given whatever refuses or defers by it, with our codes;
// each class has words of ours.
func TestReplyTexts(t *testing.T) {
	t.Parallel()
	s := newSender(t, func(o *Options) {
		o.ReplyTexts = map[Class]string{ClassNotAllowed: "Not yours (100%)", ClassMalformed: "Broken", ClassTooBig: "Big", ClassInternalError: "Our fault"}
	})
	stranger := &message.Envelope{Submitter: message.Submitter{User: "nobody"}}
	alice := &message.Envelope{Submitter: submitter(t, "user:alice")}
	head := "From: alice@example.org\r\nMIME-Version: 1.0\r\n"
	twice := head + "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n"
	for what, c := range map[string]struct {
		out  *message.Outcome
		want string
	}{
		"another's From":   {s.Handle(t.Context(), read(t, head+"\r\nx\r\n"), stranger), "550 5.7.1 Not yours (100%)"},
		"several From":     {s.Handle(t.Context(), read(t, "From: alice@example.org, b@example.org\r\n\r\nx\r\n"), alice), "550 5.7.1 Not yours (100%)"},
		"read in two ways": {s.Handle(t.Context(), read(t, twice), alice), "550 5.6.0 Broken"},
		"no header":        {s.Unfit(nil, alice, &message.HeaderError{Line: "X\x00", Octet: 0}), "554 5.6.0 Broken"},
		"too big":          {s.Unfit(nil, alice, message.ErrTooBig), "552 5.3.4 Big"},
		"lost here":        {s.Unfit(nil, alice, errors.New("disk full")), "451 4.7.1 Our fault"},
	} {
		if got := fmt.Sprintf("%d %s %s", c.out.Reply.Code, c.out.Reply.Enhanced, c.out.Reply.Text); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	for class := range DefaultActions() {
		if err := message.CheckReplyText(refusals[class]); err != nil {
			t.Errorf("%s: %v", class, err)
		}
	}
}

// TestReplyTextsRefused: what no reply can hold, and classes that have none, are told at once.
func TestReplyTextsRefused(t *testing.T) {
	t.Parallel()
	for _, texts := range []map[Class]string{{"bogus": "x"}, {ClassNotEncrypted: "x"}, {ClassNoRule: "a\r\n250 Ok"}} {
		if _, err := New(Options{Identities: newSender(t, nil).opts.Identities, ReplyTexts: texts}); err == nil {
			t.Errorf("%q is taken", texts)
		}
	}
}
