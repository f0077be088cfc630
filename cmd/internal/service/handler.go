package service

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"dnseal/cmd/internal/config"
	"dnseal/smime/message"
)

// newest knows the newest generation.
type newest struct {
	mu  sync.Mutex
	now *generation
}

// change puts a generation in charge and returns the one before.
func (b *newest) change(next *generation) *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.now
	b.now = next
	return old
}

func (b *newest) current() *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// acquire returns the generation in charge, which will not end before the message that it is for:
// call messages.Done then.
func (b *newest) acquire() *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now.messages.Add(1)
	return b.now
}

// doorHandler hands each message to the generation in charge when it begins. Servers and their
// connections may be older than that.
type doorHandler struct {
	newest *newest
	role   string
	how    config.Verifying // where role is one that verifies
}

// Hold implements message.Holder: a message ends by the generation it began with.
func (d doorHandler) Hold() (h message.Handler, release func()) {
	g := d.newest.acquire()
	return held{d, g}, sync.OnceFunc(g.messages.Done)
}

// Handle implements message.Handler for a message that was not held.
func (d doorHandler) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	h, release := d.Hold()
	defer release()
	return h.Handle(ctx, m, env)
}

// held decides about one message by its generation.
type held struct {
	door       doorHandler
	generation *generation
}

// Handle implements message.Handler. Where the handler fails the class is internal-error.
func (h held) Handle(ctx context.Context, m *message.Message, env *message.Envelope) (out *message.Outcome) {
	g := h.generation
	defer func() {
		if p := recover(); p != nil {
			out = h.Unfit(ctx, m, fmt.Errorf("the handler failed: %v", p), env)
			out.Attrs = append(out.Attrs, slog.String("stack", string(debug.Stack())))
		}
	}()
	if h.door.verifies() {
		return g.verify[h.door.how].Handle(ctx, m, env)
	}
	return g.sign.Handle(ctx, m, env)
}

// Unfit implements message.Unfitter.
func (h held) Unfit(_ context.Context, head *message.Message, why error, env *message.Envelope) *message.Outcome {
	g := h.generation
	if h.door.verifies() {
		return g.verify[h.door.how].Unfit(head, why)
	}
	return g.sign.Unfit(head, env, why)
}

func (d doorHandler) verifies() bool {
	return d.role == config.RoleInbound || d.role == config.RoleVerify
}
