package service

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dnseal/lookup"
)

// sayAgain is how long the log is silent about a warning it has given.
const sayAgain = 24 * time.Hour

// warner writes what lookups warn of into the log, each sentence once a day: a new key of the root
// that no trust anchor names, a resolver that says AD for what does not validate.
type warner struct {
	lookup.Resolver
	log *slog.Logger

	mu   sync.Mutex
	said map[string]time.Time
}

func newWarner(r lookup.Resolver, log *slog.Logger) *warner {
	return &warner{Resolver: r, log: log, said: map[string]time.Time{}}
}

// Lookup implements lookup.Resolver.
func (w *warner) Lookup(ctx context.Context, name string, t lookup.Type) *lookup.Result {
	return w.heed(w.Resolver.Lookup(ctx, name, t))
}

// LookupFresh implements lookup.Resolver.
func (w *warner) LookupFresh(ctx context.Context, name string, t lookup.Type) *lookup.Result {
	return w.heed(w.Resolver.LookupFresh(ctx, name, t))
}

func (w *warner) heed(r *lookup.Result) *lookup.Result {
	for _, text := range r.Warnings {
		if w.isNews(text, time.Now()) {
			w.log.Warn("lookup", slog.String("warning", text), slog.String("name", r.Name))
		}
	}
	return r
}

// isNews reports whether a warning is to be said now. Strangers choose names, so what is remembered
// is bounded.
func (w *warner) isNews(text string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.said[text]) < sayAgain {
		return false
	}
	if len(w.said) > 1000 {
		clear(w.said)
	}
	w.said[text] = now
	return true
}
