package service

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/metrics"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// TestTrouble wants [on] internal-error to decide where the signer fails or was not called, and
// defer where a reload removed the identity. No stranger can use this to send a From that a rule
// protects.
func TestTrouble(t *testing.T) {
	t.Parallel()
	m, err := message.Read(strings.NewReader("From: alice@example.org\r\n\r\n"), message.ReadOptions{})
	must(t, err)
	t.Cleanup(func() { m.Close() })
	alice := &message.Envelope{Submitter: message.Submitter{User: "alice"}}
	for word, want := range map[string]message.Action{"": message.Defer, "defer": message.Defer, "reject": message.Reject, "accept": message.Accept} {
		c := &config.Config{On: config.On{InternalError: word}}
		c.Sign.Rules = []config.Rule{{Who: []string{"user:alice"}, From: []string{"alice@example.org"}}}
		failing := handlerOf(t, c, func(string) (*identity.Identity, error) { panic("as asked") })
		for name, out := range map[string]*message.Outcome{
			"panics":  failing.Handle(t.Context(), m, alice),
			"no disk": unfit(t, failing, m, errors.New("disk full"), alice),
		} {
			if out.Action != want || out.Result != "internal-error" {
				t.Errorf("the signer %s, internal-error = %q: %v %q", name, word, out.Action, out.Result)
			}
		}
		if out := unfit(t, failing, m, errors.New("disk full"), &message.Envelope{}); out.Action != message.Reject || out.Result != "not-allowed" {
			t.Errorf("a stranger, internal-error = %q: %v %q", word, out.Action, out.Result)
		}
		if out := unfit(t, failing, nil, message.ErrMalformed, alice); out.Action != message.Reject || out.Result != "malformed" {
			t.Errorf("malformed: %v %q", out.Action, out.Result)
		}
		if out := handlerOf(t, c, c.Identity).Handle(t.Context(), m, alice); out.Action != message.Defer || out.Result != "sign-failed" {
			t.Errorf("no identities any more: %v %q", out.Action, out.Result)
		}
	}
}

func unfit(t *testing.T, d handler, head *message.Message, why error, env *message.Envelope) *message.Outcome {
	t.Helper()
	h, release := d.Hold()
	defer release()
	return h.(message.Unfitter).Unfit(t.Context(), head, why, env)
}

// TestHold wants a message to end with the generation it began with, which is not closed before.
func TestHold(t *testing.T) {
	t.Parallel()
	m, err := message.Read(strings.NewReader("From: alice@example.org\r\n\r\n"), message.ReadOptions{})
	must(t, err)
	t.Cleanup(func() { m.Close() })
	alice := &message.Envelope{Submitter: message.Submitter{User: "alice"}}
	d := handlerOf(t, &config.Config{}, (&config.Config{}).Identity)
	h, release := d.Hold()
	strict := &config.Config{On: config.On{NoRule: "reject"}}
	old := d.current.replace(handlerOf(t, strict, strict.Identity).current.generation)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		old.messages.Wait()
	}()
	if out := h.Handle(t.Context(), m, alice); out.Action != message.Accept {
		t.Errorf("a message that began before the reload: %v, want accept", out.Action)
	}
	if out := d.Handle(t.Context(), m, alice); out.Action != message.Reject {
		t.Errorf("one that began after it: %v, want reject", out.Action)
	}
	select {
	case <-ended:
		t.Error("the old generation ended before its message")
	default:
	}
	release()
	<-ended
}

func handlerOf(t *testing.T, c *config.Config, identities func(string) (*identity.Identity, error)) handler {
	t.Helper()
	opts := c.SenderOptions(nil)
	opts.Identities, opts.Lookup = identities, nil
	s, err := sender.New(opts)
	must(t, err)
	return handler{current: &current{generation: &generation{config: c, sign: map[bool]*sender.Sender{false: s}}}, role: config.RoleSign}
}

// TestCheckRecipients: a listener that signs asks its sender about recipients, one that verifies
// takes all, and a sender that fails takes none now.
func TestCheckRecipients(t *testing.T) {
	t.Parallel()
	c := &config.Config{Routes: []config.Route{{To: []string{"*@secret.example"}, Encrypt: "require"}}}
	opts := c.SenderOptions(nobody{})
	opts.Identities = c.Identity
	s, err := sender.New(opts)
	must(t, err)
	observing := opts
	observing.Observe = true
	o, err := sender.New(observing)
	must(t, err)
	g := &generation{config: c, sign: map[bool]*sender.Sender{false: s, true: o}}
	broken := &generation{config: c}
	for name, tt := range map[string]struct {
		h    handler
		want string
	}{
		"signs":    {handler{current: &current{generation: g}, role: config.RoleSubmission}, "accept reject"},
		"observes": {handler{current: &current{generation: g}, role: config.RoleSubmission, how: config.Verifying{Observe: true}}, "accept accept"},
		"verifies": {handler{current: &current{generation: g}, role: config.RoleInbound}, "accept accept"},
		"fails":    {handler{current: &current{generation: broken}, role: config.RoleSubmission}, "defer defer"},
	} {
		one, release := message.Hold(metrics.New(time.Now).Handler(tt.h, "relay", tt.h.role))
		var got []string
		for _, out := range message.CheckRecipients(t.Context(), one, []string{"a@x.example", "b@secret.example"}, &message.Envelope{}) {
			action := message.Accept
			if out != nil {
				action = out.Action
			}
			got = append(got, action.String())
		}
		release()
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s: %s, want %s", name, text, tt.want)
		}
	}
}

// nobody publishes anything.
type nobody struct{}

func (nobody) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	return &lookup.Result{Name: name, Type: t, Status: dnssec.Secure, Presence: dane.Absent}
}

func (n nobody) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return n.Lookup(ctx, name, t)
}
