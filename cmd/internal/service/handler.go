package service

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"dnseal/cmd/internal/config"
	"dnseal/smime/message"
)

// current holds the current generation.
type current struct {
	mu         sync.Mutex
	generation *generation
}

// replace makes a generation the current one and returns the one before.
func (c *current) replace(next *generation) *generation {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.generation
	c.generation = next
	return old
}

func (c *current) get() *generation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// acquire returns the current generation for one message. The generation does not end before
// release is called.
func (c *current) acquire() (g *generation, release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation.messages.Add(1)
	return c.generation, sync.OnceFunc(c.generation.messages.Done)
}

// handler passes each message to the generation that is current when the message begins. Servers
// and their connections may be older.
type handler struct {
	current *current
	role    string
	how     config.Verifying // for roles that sign only Observe counts
}

// Hold implements [message.Holder]: a message ends with the generation it began with.
func (h handler) Hold() (one message.Handler, release func()) {
	g, release := h.current.acquire()
	return held{h, g}, release
}

// Handle implements [message.Handler] for a message that was not held.
func (h handler) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	one, release := h.Hold()
	defer release()
	return one.Handle(ctx, m, env)
}

// held handles one message with the generation it began with.
type held struct {
	handler
	generation *generation
}

// Handle implements [message.Handler]. A panic of the handler is of class internal-error.
func (h held) Handle(ctx context.Context, m *message.Message, env *message.Envelope) (out *message.Outcome) {
	g := h.generation
	defer func() {
		if p := recover(); p != nil {
			out = h.Unfit(ctx, m, fmt.Errorf("the handler failed: %v", p), env)
			out.Attrs = append(out.Attrs, slog.String("stack", string(debug.Stack())))
		}
	}()
	if h.verifies() {
		return g.verify[h.how].Handle(ctx, m, env)
	}
	out = g.sign[h.how.Observe].Handle(ctx, m, env)
	g.dkim.add(out, m, env)
	return out
}

// CheckRecipients implements [message.RecipientChecker]. After a panic of the handler none is taken
// now.
func (h held) CheckRecipients(ctx context.Context, rcpt []string, env *message.Envelope) (out []*message.Outcome) {
	out = make([]*message.Outcome, len(rcpt))
	if h.verifies() {
		return out
	}
	defer func() {
		if p := recover(); p != nil {
			failed := &message.Outcome{Level: slog.LevelError, Attrs: []slog.Attr{
				slog.String("error", fmt.Sprintf("the handler failed: %v", p)), slog.String("stack", string(debug.Stack())),
			}}
			out = slices.Repeat([]*message.Outcome{failed}, len(rcpt))
		}
	}()
	return h.generation.sign[h.how.Observe].CheckRecipients(ctx, rcpt, env)
}

// Unfit implements [message.Unfitter].
func (h held) Unfit(_ context.Context, head *message.Message, why error, env *message.Envelope) *message.Outcome {
	g := h.generation
	if h.verifies() {
		return g.verify[h.how].Unfit(head, why)
	}
	return g.sign[h.how.Observe].Unfit(head, env, why)
}

func (h handler) verifies() bool {
	return h.role == config.RoleInbound || h.role == config.RoleVerify
}
