package main

import (
	"context"
	"errors"
	"testing"

	"dnseal/cmd/internal/config"
	"dnseal/smime/message"
)

// panicking is a signer with a defect.
type panicking struct{}

func (panicking) Handle(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	panic("as asked")
}

// TestTrouble wants a signer that fails, that is gone, or that could not be asked to be what [on] says of internal-error.
func TestTrouble(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]message.Action{"": message.Defer, "defer": message.Defer, "reject": message.Reject, "accept": message.Accept} {
		c := &config.Config{On: config.On{InternalError: word}}
		ctx := t.Context()
		for name, out := range map[string]*message.Outcome{
			"panics":  deskOf(&generation{config: c, sign: panicking{}}).Handle(ctx, nil, &message.Envelope{}),
			"is gone": deskOf(&generation{config: c}).Handle(ctx, nil, &message.Envelope{}),
			"no disk": deskOf(&generation{config: c}).unfit(ctx, nil, errors.New("disk full"), &message.Envelope{}),
		} {
			if out.Action != want || out.Result != "internal-error" {
				t.Errorf("the signer %s, internal-error = %q: %v %q", name, word, out.Action, out.Result)
			}
		}
		if out := deskOf(&generation{config: c}).unfit(ctx, nil, message.ErrMalformed, &message.Envelope{}); out.Action != message.Reject || out.Result != "malformed" {
			t.Errorf("malformed: %v %q", out.Action, out.Result)
		}
	}
}

func deskOf(g *generation) desk { return desk{board: &switchboard{now: g}, role: config.RoleSign} }
