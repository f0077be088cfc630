package metrics

import (
	"strings"
	"testing"
	"time"
)

// TestIdentities shows the last round of the keeper alone, and adds its actions up.
func TestIdentities(t *testing.T) {
	t.Parallel()
	m := New(nil)
	if _, page := get(t, m, "/metrics"); strings.Contains(page, "dnseal_keeper") {
		t.Errorf("before the first round:\n%s", page)
	}
	m.Identities(Identities{At: noon, States: map[string]int{"new": 3}, Actions: map[string]int{"publish": 2}})
	m.Identities(Identities{
		At: noon.Add(time.Minute), States: map[string]int{"active": 3}, Troubles: map[string]int{"server-behind": 1},
		Actions: map[string]int{"publish": 1}, NextStep: noon.Add(time.Hour),
	})
	_, page := get(t, m, "/metrics")
	for _, want := range []string{
		`dnseal_keeper_identities{state="active"} 3`, `dnseal_keeper_troubles{code="server-behind"} 1`, `dnseal_keeper_actions_total{action="publish"} 3`,
		`dnseal_keeper_round_timestamp_seconds 1.79552166e+09`, `dnseal_keeper_next_step_timestamp_seconds 1.7955252e+09`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(page, `state="new"`) {
		t.Errorf("an old round shows:\n%s", page)
	}
	(*Metrics)(nil).Identities(Identities{})
}
