package service

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
)

// repeatAfter is the time before the log repeats a warning.
const repeatAfter = 24 * time.Hour

// warner logs the warnings of lookups, each text once a day: a new key of the root that is not
// among the trust anchors, or a resolver that sets AD on data that does not validate.
type warner struct {
	lookup.Resolver
	log *slog.Logger

	mu     sync.Mutex
	logged map[string]time.Time
}

func newWarner(r lookup.Resolver, log *slog.Logger) *warner {
	return &warner{Resolver: r, log: log, logged: map[string]time.Time{}}
}

// Lookup implements lookup.Resolver.
func (w *warner) Lookup(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return w.logWarnings(w.Resolver.Lookup(ctx, name, t))
}

// LookupFresh implements lookup.Resolver.
func (w *warner) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return w.logWarnings(w.Resolver.LookupFresh(ctx, name, t))
}

func (w *warner) logWarnings(r *lookup.Result) *lookup.Result {
	for _, text := range r.Warnings {
		if w.isNew(text, time.Now()) {
			w.log.Warn("lookup", slog.String("warning", text), slog.String("name", r.Name))
		}
	}
	return r
}

// isNew reports whether a warning is to be logged now. The number of texts it remembers is bounded,
// because strangers choose names.
func (w *warner) isNew(text string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.logged[text]) < repeatAfter {
		return false
	}
	if len(w.logged) > 1000 {
		clear(w.logged)
	}
	w.logged[text] = now
	return true
}
