package metrics

import (
	"context"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/smime/message"
)

// Handler returns h, with the messages that are in it shown as in flight, and the states of their
// headers counted.
func (m *Metrics) Handler(h message.Handler, door, role string) message.Handler {
	if m == nil {
		return h
	}
	m.Series(door, role)
	return &handler{h, m, door, role}
}

type handler struct {
	message.Handler
	m          *Metrics
	door, role string
}

func (h *handler) Handle(ctx context.Context, msg *message.Message, env *message.Envelope) *message.Outcome {
	defer h.counted()()
	out := h.Handler.Handle(ctx, msg, env)
	if out != nil && signs(h.role) {
		h.m.records.found(out)
	}
	if out != nil && out.Header != "" {
		h.m.headers.WithLabelValues(h.door, h.role, string(out.Header)).Inc()
	}
	return out
}

// CheckRecipients implements message.RecipientChecker for a handler that does.
func (h *handler) CheckRecipients(ctx context.Context, rcpt []string, env *message.Envelope) []*message.Outcome {
	return message.CheckRecipients(ctx, h.Handler, rcpt, env)
}

// counted shows a message as in flight until the function it returns is called.
func (h *handler) counted() func() {
	gauge := h.m.inFlight.WithLabelValues(h.door, h.role)
	gauge.Inc()
	return gauge.Dec
}

// Hold implements message.Holder for a handler that does.
func (h *handler) Hold() (held message.Handler, release func()) {
	next, release := message.Hold(h.Handler)
	one := &handler{next, h.m, h.door, h.role}
	if u, ok := next.(message.Unfitter); ok {
		return &unfitter{one, u}, release
	}
	return one, release
}

// unfitter is a handler that also decides about what it cannot be given.
type unfitter struct {
	*handler
	message.Unfitter
}

// Resolver returns r, with what it answers counted.
func (m *Metrics) Resolver(r lookup.Resolver) lookup.Resolver {
	if m == nil {
		return r
	}
	return &resolver{r, m}
}

type resolver struct {
	next lookup.Resolver
	m    *Metrics
}

func (r *resolver) Lookup(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return r.count(r.next.Lookup(ctx, name, t))
}

func (r *resolver) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return r.count(r.next.LookupFresh(ctx, name, t))
}

func (r *resolver) count(res *lookup.Result) *lookup.Result {
	r.m.lookups.WithLabelValues(res.Type.String(), res.Status.String(), res.Presence.String(), string(res.Code)).Inc()
	return res
}
