package relay

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// finishing passes on a message with a last change.
type finishing func(out *message.Outcome, m *message.Message, e *message.Edit) (*message.Edit, error)

func (f finishing) Handle(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	out := &message.Outcome{Action: message.Accept, Result: "signed"}
	out.Finish = func(_ context.Context, m *message.Message, e *message.Edit) (*message.Edit, error) {
		return f(out, m, e)
	}
	return out
}

// TestFinish: the last change sees the message as it leaves, with 7 bits, Date and without Bcc, and
// after an error nothing leaves.
func TestFinish(t *testing.T) {
	t.Parallel()
	text := strings.Replace("Bcc: c@example.com\r\n"+simple, "Hello", "Grüße", 1)
	for name, c := range map[string]struct {
		finish finishing
		want   string
	}{
		"as it leaves": {func(_ *message.Outcome, m *message.Message, e *message.Edit) (*message.Edit, error) {
			var seen bytes.Buffer
			if _, err := m.WriteEdited(&seen, e); err != nil {
				return nil, err
			}
			for _, r := range seen.Bytes() {
				if r >= 0x80 {
					return nil, errors.New("8 bits")
				}
			}
			if s := seen.String(); strings.Contains(s, "Bcc:") || !strings.Contains(s, "\r\nDate:") {
				return nil, errors.New(s)
			}
			return &message.Edit{Changes: append([]message.Change{{Op: message.Insert, Name: "X-Last", Value: " 1"}}, e.Changes...), Body: e.Body}, nil
		}, "250"},
		"error": {func(*message.Outcome, *message.Message, *message.Edit) (*message.Edit, error) {
			return nil, errors.New("no key")
		}, "451"},
		"panic": {func(*message.Outcome, *message.Message, *message.Edit) (*message.Edit, error) { panic("oh") }, "451"},
		"rejected": {func(out *message.Outcome, _ *message.Message, _ *message.Edit) (*message.Edit, error) {
			out.Action, out.Reply = message.Reject, message.Reply{Code: 550, Enhanced: "5.7.1", Text: "Not signed"}
			return nil, errors.New("no key")
		}, "550 5.7.1 Not signed"},
	} {
		s := (&scriptedHop{}).start(t)
		r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback, Handler: c.finish, SevenBit: smime.SevenBit})
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.do("MAIL FROM:<a@example.org> BODY=8BITMIME", "250")
		k.do("RCPT TO:<b@example.net>", "250")
		if reply := k.content(text); !strings.HasPrefix(reply, c.want) {
			t.Errorf("%s: %s", name, reply)
		}
		if got := s.got(); (len(got) > 0) != (c.want == "250") || len(got) > 0 && !strings.HasPrefix(got[0].data, "X-Last: 1\r\n") {
			t.Errorf("%s: the next hop got %q", name, got)
		}
	}
}
