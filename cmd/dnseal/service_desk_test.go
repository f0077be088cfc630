package main

import (
	"errors"
	"strings"
	"testing"

	"dnseal/cmd/internal/config"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// TestTrouble wants a signer that fails, or that could not be asked, to be what [on] says of internal-error, and one whose
// identities went away with a reload to defer. None of it is a way for a stranger to use a From that a rule protects.
func TestTrouble(t *testing.T) {
	t.Parallel()
	m, err := message.Read(strings.NewReader("From: alice@example.org\r\n\r\n"), message.ReadOptions{})
	must(t, err)
	t.Cleanup(func() { m.Close() })
	alice := &message.Envelope{Submitter: message.Submitter{User: "alice"}}
	for word, want := range map[string]message.Action{"": message.Defer, "defer": message.Defer, "reject": message.Reject, "accept": message.Accept} {
		c := &config.Config{On: config.On{InternalError: word}}
		c.Sign.Rules = []config.Rule{{Who: []string{"user:alice"}, From: []string{"alice@example.org"}}}
		failing := deskOf(t, c, func(string) (*identity.Identity, error) { panic("as asked") })
		for name, out := range map[string]*message.Outcome{
			"panics":  failing.Handle(t.Context(), m, alice),
			"no disk": failing.unfit(t.Context(), m, errors.New("disk full"), alice),
		} {
			if out.Action != want || out.Result != "internal-error" {
				t.Errorf("the signer %s, internal-error = %q: %v %q", name, word, out.Action, out.Result)
			}
		}
		if out := failing.unfit(t.Context(), m, errors.New("disk full"), &message.Envelope{}); out.Action != message.Reject || out.Result != "not-allowed" {
			t.Errorf("a stranger, internal-error = %q: %v %q", word, out.Action, out.Result)
		}
		if out := failing.unfit(t.Context(), nil, message.ErrMalformed, alice); out.Action != message.Reject || out.Result != "malformed" {
			t.Errorf("malformed: %v %q", out.Action, out.Result)
		}
		if out := deskOf(t, c, c.Identity).Handle(t.Context(), m, alice); out.Action != message.Defer || out.Result != "sign-failed" {
			t.Errorf("no identities any more: %v %q", out.Action, out.Result)
		}
	}
}

func deskOf(t *testing.T, c *config.Config, identities func(string) (*identity.Identity, error)) desk {
	t.Helper()
	opts := c.SenderOptions(nil)
	opts.Identities, opts.Lookup = identities, nil
	s, err := sender.New(opts)
	must(t, err)
	return desk{board: &switchboard{now: &generation{config: c, sign: s}}, role: config.RoleSign}
}
