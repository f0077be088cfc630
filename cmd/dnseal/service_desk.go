package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"dnseal/cmd/internal/config"
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
			out = d.decide(g, m, env, fmt.Errorf("the handler failed: %v", p))
			out.Attrs = append(out.Attrs, slog.String("stack", string(debug.Stack())))
		}
	}()
	switch {
	case d.observe:
		return g.observe.Handle(ctx, m, env)
	case d.role == config.RoleInbound || d.role == config.RoleVerify:
		return g.verify.Handle(ctx, m, env)
	}
	return g.sign.Handle(ctx, m, env)
}

// unfit decides about a message that a milter cannot take in: it is too big, cannot be read, or was lost on this machine.
func (d desk) unfit(_ context.Context, head *message.Message, why error, env *message.Envelope) *message.Outcome {
	g := d.board.take()
	defer g.messages.Done()
	return d.decide(g, head, env, why)
}

// decide is what happens to a message that no handler can have, or has failed with.
func (d desk) decide(g *generation, head *message.Message, env *message.Envelope, why error) *message.Outcome {
	switch {
	case d.observe:
		return g.observe.Unfit(head, why)
	case d.role == config.RoleInbound || d.role == config.RoleVerify:
		return g.verify.Unfit(head, why)
	}
	return g.sign.Unfit(head, env, why)
}
