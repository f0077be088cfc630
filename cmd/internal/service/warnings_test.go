package service

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup"
	"dnseal/lookup/dane"
)

type warning string

func (w warning) Lookup(context.Context, string, dane.Type) *lookup.Result {
	return &lookup.Result{Name: "x.", Warnings: []string{string(w)}}
}

func (w warning) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return w.Lookup(ctx, name, t)
}

// TestWarnings: the log says a warning once a day, however many lookups it comes with.
func TestWarnings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &worldtest.Buffer{}
		w := newWarner(warning("a new key of the root"), slog.New(slog.NewTextHandler(log, nil)))
		for range 3 {
			w.Lookup(t.Context(), "x.", dane.TLSA)
			w.LookupFresh(t.Context(), "x.", dane.TLSA)
		}
		if got := strings.Count(log.String(), "a new key of the root"); got != 1 {
			t.Errorf("said %d times, want once", got)
		}
		time.Sleep(repeatAfter)
		w.Lookup(t.Context(), "x.", dane.TLSA)
		if got := strings.Count(log.String(), "a new key of the root"); got != 2 {
			t.Errorf("said %d times a day later, want twice", got)
		}
	})
}
