package lookup

import (
	"context"
	"sync/atomic"
	"testing"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// TestDeniedIsNotAsked asks nothing about a denied name.
func TestDeniedIsNotAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	l := startLab(t, lookuptest.Options{Asked: func(string, uint16) { asked.Add(1) }}, zone("example.lab"))
	c := l.client(t, func(o *Options) { o.Deny = []string{"example.lab"} })
	r := c.Lookup(t.Context(), "sensor._device.example.lab", dane.TLSA)
	if r.Status != dnssec.Indeterminate || r.Code != chain.CodeDenied || r.Reason == "" || asked.Load() != 0 {
		t.Errorf("Lookup() = %s %q, %d questions; want %q and none", r.Status, r.Code, asked.Load(), chain.CodeDenied)
	}
	// Nor does it reach what a budget could be spent on.
	ctx := dnssec.WithBudget(context.Background(), dnssec.NewBudget(dnssec.Limits{}))
	c.Lookup(ctx, "sensor._device.example.lab", dane.TLSA)
	if n := dnssec.BudgetFrom(ctx).Queries(); n != 0 {
		t.Errorf("%d queries are counted", n)
	}
}
