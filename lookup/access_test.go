package lookup

import (
	"context"
	"sync/atomic"
	"testing"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		allow, deny []string
		name        string
		ok          bool
	}{
		{nil, nil, "x._smimecert.example.org.", true},
		{[]string{"example.org"}, nil, "x._smimecert.example.org.", true},
		{[]string{"Example.ORG."}, nil, "x._smimecert.sub.example.org.", true},
		{[]string{"example.org"}, nil, "example.org.", true},
		{[]string{"example.org"}, nil, "x._smimecert.badexample.org.", false},
		{[]string{"example.org"}, nil, "org.", false},
		{[]string{"example.org"}, []string{"sub.example.org"}, "x.sub.example.org.", false},
		{nil, []string{"example.org"}, "x._smimecert.example.org.", false},
		{nil, []string{"example.org"}, "x._smimecert.example.net.", true},
		{nil, []string{"example.org"}, "x._smimecert.EXAMPLE.org", false},
		{nil, []string{"example.org"}, `x._smimecert.ex\097mple.org.`, false},
		{nil, []string{"example.org"}, `x._smimecert.e\Xample.org.`, false},
		{nil, []string{"_device.example.org"}, "x._device.example.org.", false},
		{[]string{"example.org"}, nil, `x\.example.org.`, false},
		{[]string{"example.org"}, nil, `x\046example.org.`, false},
		{[]string{"bücher.example"}, nil, "x._smimecert.xn--bcher-kva.example.", true},
	} {
		a, err := newAccess(tt.allow, tt.deny)
		if err != nil {
			t.Fatal(err)
		}
		if why := a.refuse(ownerName(tt.name)); (why == "") != tt.ok {
			t.Errorf("allow %q, deny %q: %s: %q, want ok %t", tt.allow, tt.deny, tt.name, why, tt.ok)
		}
	}
	for _, list := range [][]string{{""}, {"."}, {"xn--a"}, {"*.example.org"}, {".example.org"}, {"example.org.."}, {" example.org"}, {"a..b"}} {
		if _, err := newAccess(nil, list); err == nil {
			t.Errorf("newAccess(%q): no error", list)
		}
	}
}

// TestOwnerName: every octet is written in one way, so that a reply repeats what was asked.
func TestOwnerName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"X.Example.ORG": "x.example.org.", "n\u00f6.example.org.": `n\195\182.example.org.`, `\110.org`: "n.org.",
		`a b.org`: `a\ b.org.`, `a;b.org`: `a\;b.org.`, `a\.b.org`: `a\.b.org.`, "*._x.org.": "*._x.org.", ".": ".",
	} {
		if got := ownerName(name); got != want {
			t.Errorf("ownerName(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestDeniedIsNotAsked asks nothing about a denied name.
func TestDeniedIsNotAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	l := startLab(t, lookuptest.Options{Asked: func(string, uint16) { asked.Add(1) }}, zone("example.lab"))
	c := l.client(t, func(o *Options) { o.Deny = []string{"example.lab"} })
	r := c.Lookup(t.Context(), "sensor._device.example.lab", TLSA)
	if r.Status != dnssec.Indeterminate || r.Code != CodeDenied || r.Reason == "" || asked.Load() != 0 {
		t.Errorf("Lookup() = %s %q, %d questions; want %q and none", r.Status, r.Code, asked.Load(), CodeDenied)
	}
	// Nor does it reach what a budget could be spent on.
	ctx := dnssec.WithBudget(context.Background(), dnssec.NewBudget(dnssec.Limits{}))
	c.Lookup(ctx, "sensor._device.example.lab", TLSA)
	if n := dnssec.BudgetFrom(ctx).Queries(); n != 0 {
		t.Errorf("%d queries are counted", n)
	}
}
