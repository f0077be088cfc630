package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"dnseal/cmd/internal/config"
	"dnseal/sender"
	"dnseal/smime/message"
)

// switchboard knows the newest generation.
type switchboard struct {
	mu  sync.Mutex
	now *generation
}

// change puts a generation in charge and returns the one before.
func (b *switchboard) change(next *generation) *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.now
	b.now = next
	return old
}

func (b *switchboard) current() *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// take returns the generation in charge, which will not end before the message that it is for: tell it by messages.Done.
func (b *switchboard) take() *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.messages.Add(1)
	return b.now
}

// desk hands each message to the generation in charge. Servers and their connections may be older than that.
type desk struct {
	board   *switchboard
	role    string
	observe bool
}

// Handle implements message.Handler. Where the handler fails the class is internal-error.
func (d desk) Handle(ctx context.Context, m *message.Message, env *message.Envelope) (out *message.Outcome) {
	g := d.board.take()
	defer g.messages.Done()
	defer func() {
		if p := recover(); p != nil {
			out = d.decide(g, m, fmt.Errorf("the handler failed: %v", p))
			out.Attrs = append(out.Attrs, slog.String("stack", string(debug.Stack())))
		}
	}()
	switch {
	case d.observe:
		return g.observe.Handle(ctx, m, env)
	case d.role == config.RoleInbound || d.role == config.RoleVerify:
		return g.verify.Handle(ctx, m, env)
	case g.sign == nil: // the identities went away with a reload, and this connection is older
		return g.unsignable(errors.New("no identities any more"))
	}
	return g.sign.Handle(ctx, m, env)
}

// unfit decides about a message that a milter cannot take in: it is too big, cannot be read, or was lost on this machine.
func (d desk) unfit(_ context.Context, head *message.Message, why error, _ *message.Envelope) *message.Outcome {
	g := d.board.take()
	defer g.messages.Done()
	return d.decide(g, head, why)
}

// decide is what happens to a message that no handler can have, or has failed with.
func (d desk) decide(g *generation, head *message.Message, why error) *message.Outcome {
	switch {
	case d.observe:
		return g.observe.Unfit(head, why)
	case d.role == config.RoleInbound || d.role == config.RoleVerify:
		return g.verify.Unfit(head, why)
	}
	return g.unsignable(why)
}

// unsignable applies the action of class too-big, or of internal-error where the reason is neither size nor form; what
// cannot be read is refused, because nobody could verify it.
func (g *generation) unsignable(why error) *message.Outcome {
	out := &message.Outcome{Attrs: []slog.Attr{slog.String("reason", why.Error())}}
	switch {
	case errors.Is(why, message.ErrMalformed):
		out.Action, out.Result = message.Reject, "malformed"
		out.Reply = message.Reply{Code: 554, Enhanced: "5.6.0", Text: "Message cannot be read"}
		return out
	case errors.Is(why, message.ErrTooBig):
		out.Result = sender.ClassTooBig
	default:
		out.Result = sender.ClassInternalError
	}
	action, set := g.config.SenderOptions(nil).On[out.Result]
	if !set {
		action = sender.DefaultActions()[out.Result]
	}
	out.Action = action
	if action == message.Reject && out.Result == sender.ClassTooBig {
		out.Reply = message.Reply{Code: 552, Enhanced: "5.3.4", Text: "Message is too big to be signed"}
	}
	return out
}
