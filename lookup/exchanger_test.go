package lookup

import (
	"testing"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// TestCharge: what a name costs at other resolvers and with CD=1 counts for its message, so that
// one that does not resolve cannot multiply the questions.
func TestCharge(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{Validating: true}, modeZones()...)
	first, second := peertest.Start(t, l.Server, peertest.Dead), peertest.Start(t, l.Server, peertest.Dead)
	c := l.client(t, func(o *Options) { o.Resolvers = []string{first.Addr(), second.Addr()} })
	b := dnssec.NewBudget(dnssec.Limits{})
	r := c.Lookup(dnssec.WithBudget(t.Context(), b), sensor, dane.TLSA)
	if r.Code != dnssec.CodeServfail {
		t.Errorf("%s %q (%s)", r.Status, r.Code, r.Reason)
	}
	if asked := first.Asked() + second.Asked(); asked == 0 || b.Queries() < asked {
		t.Errorf("%d questions, %d counted", asked, b.Queries())
	}
}
