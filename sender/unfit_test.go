package sender

import (
	"errors"
	"fmt"
	"testing"

	"dnseal/smime/message"
)

// TestUnfit: what an entry point cannot accept is never a way around the rules.
func TestUnfit(t *testing.T) {
	t.Parallel()
	tooBig := fmt.Errorf("over a limit: %w", message.ErrTooBig)
	owner := &message.Envelope{Submitter: message.Submitter{User: "alice"}}
	stranger := &message.Envelope{Submitter: message.Submitter{User: "nobody"}}
	const head = "From: alice@example.org\r\nX-Dnseal-Sign: no\r\n\r\n"
	tests := []struct {
		name   string
		head   string
		env    *message.Envelope
		why    error
		big    message.Action // of class too-big
		action message.Action
		code   int
		result string
	}{
		{"too big", head, owner, tooBig, message.Reject, message.Reject, 552, string(ClassTooBig)},
		{"too big, deferred", head, owner, tooBig, message.Defer, message.Defer, 451, string(ClassTooBig)},
		{"too big, passed on", head, owner, tooBig, message.Accept, message.Accept, 0, string(ClassTooBig)},
		{"another's From", head, stranger, tooBig, message.Accept, message.Reject, 550, string(ClassNotAllowed)},
		{"From not to be seen", "", owner, tooBig, message.Accept, message.Reject, 552, string(ClassTooBig)},
		{"lost here", head, owner, errors.New("disk full"), message.Accept, message.Defer, 451, string(ClassInternalError)},
		{"unreadable", head, owner, fmt.Errorf("no header: %w", message.ErrMalformed), message.Accept, message.Reject, 554, string(ClassMalformed)},
	}
	for _, tt := range tests {
		s := newSender(t, func(o *Options) { o.On = map[Class]message.Action{ClassTooBig: tt.big} })
		var m *message.Message
		if tt.head != "" {
			m = read(t, tt.head)
		}
		out := s.Unfit(m, tt.env, tt.why)
		if out.Action != tt.action || out.Reply.Code != tt.code || out.Result != tt.result {
			t.Errorf("%s: %s %d %s, want %s %d %s", tt.name, out.Action, out.Reply.Code, out.Result, tt.action, tt.code, tt.result)
		}
		if out.Action == message.Accept && edited(t, m, out.Edit).First("X-Dnseal-Sign") != "" {
			t.Errorf("%s: the control field stays", tt.name)
		}
	}
}
