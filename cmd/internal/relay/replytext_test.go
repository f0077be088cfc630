package relay

import (
	"context"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// TestReplyText: a client is told the whole text that an administrator may write, over SMTP and
// LMTP, and what Postfix returns to the author has it too.
func TestReplyText(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("100% %s %% yours: https://example.org/?a=%20b ", 20)[:message.MaxReplyText-1] + "."
	verifier, err := receiver.New(receiver.Options{
		Lookup: noDNS{}, AuthservID: "mx.example.net",
		On:         map[receiver.Class]message.Action{receiver.ClassNoSignature: message.Reject},
		ReplyTexts: map[receiver.Class]string{receiver.ClassNoSignature: text},
	})
	if err != nil {
		t.Fatal(err)
	}
	// What Postfix returns, from the null sender, arrives at the hop.
	bounces := handlerFunc(func(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
		if env.MailFrom == "" {
			return &message.Outcome{Action: message.Accept}
		}
		return verifier.Handle(ctx, m, env)
	})
	for _, lmtp := range []bool{false, true} {
		s := (&scriptedHop{}).start(t)
		r := startRelay(t, Options{Inbound: true, Recipients: []string{"*.org", "*.net"}, LMTP: lmtp, Handler: bounces, NextHop: []string{s.address()}})
		k := dial(t, r.addr)
		k.do(map[bool]string{false: "EHLO c", true: "LHLO c"}[lmtp], "250")
		k.envelope("b@example.net")
		if reply := k.content(simple); reply != "550 5.7.1 "+text+"\n" {
			t.Errorf("LMTP %v: %q", lmtp, reply)
		}
		transport := map[bool]string{false: "smtp", true: "lmtp"}[lmtp]
		addr := peertest.Postfix(t, peertest.ShortDir(t), r.addr, "default_transport = "+transport, "relay_transport = "+transport)
		k = dial(t, addr)
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
		if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
			t.Fatal(reply)
		}
		peertest.WaitFor(t, "the bounce", func() bool { return len(s.got()) == 1 })
		words := strings.Join(strings.Fields(s.got()[0].data), " ")
		if !strings.Contains(words, text) {
			t.Errorf("LMTP %v: the bounce is\n%s", lmtp, s.got()[0].data)
		}
	}
}
