package main

import (
	"context"
	"errors"
	"log/slog"
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

// Handle implements message.Handler.
func (d desk) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	g := d.board.take()
	defer g.messages.Done()
	switch {
	case d.observe:
		return g.observe.Handle(ctx, m, env)
	case d.role == config.RoleInbound || d.role == config.RoleVerify:
		return g.verify.Handle(ctx, m, env)
	}
	if g.sign == nil { // the identities went away with a reload, and this connection is older
		return &message.Outcome{Result: "internal-error", Attrs: []slog.Attr{slog.String("reason", "no identities any more")}}
	}
	return g.sign.Handle(ctx, m, env)
}

// unfit decides about a message that a milter cannot take in: it is too big, or cannot be read.
func (d desk) unfit(_ context.Context, head *message.Message, why error, _ *message.Envelope) *message.Outcome {
	g := d.board.take()
	defer g.messages.Done()
	switch {
	case d.role == config.RoleSign:
		return g.unsignable(why)
	case d.observe:
		return g.observe.Unfit(head, why)
	}
	return g.verify.Unfit(head, why)
}

// unsignable applies the action of class too-big; what cannot be read is refused, because nobody could verify it.
func (g *generation) unsignable(why error) *message.Outcome {
	out := &message.Outcome{
		Action: message.Reject, Result: "malformed", Attrs: []slog.Attr{slog.String("reason", why.Error())},
		Reply: message.Reply{Code: 554, Enhanced: "5.6.0", Text: "Message cannot be read"},
	}
	if !errors.Is(why, message.ErrTooBig) {
		return out
	}
	out.Result = sender.ClassTooBig
	out.Action = g.config.SenderOptions(nil).On[sender.ClassTooBig]
	if _, set := g.config.SenderOptions(nil).On[sender.ClassTooBig]; !set {
		out.Action = sender.DefaultActions()[sender.ClassTooBig]
	}
	out.Reply = message.Reply{}
	if out.Action == message.Reject {
		out.Reply = message.Reply{Code: 552, Enhanced: "5.3.4", Text: "Message is too big to be signed"}
	}
	return out
}
