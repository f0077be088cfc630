package lint

import (
	"slices"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// TestFresh: what identity new makes has nothing wrong, and says what other programs make of it.
func TestFresh(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"alice@example.org", "jörg@example.org", "sensor7._device.example.net"} {
		id, err := identity.Create(t.TempDir(), name, identity.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := codes(Lint(id, time.Now())); !slices.Equal(got, []Code{SelfSigned}) {
			t.Errorf("%s: %v", name, got)
		}
		if got := codes(Lint(id, time.Now().AddDate(20, 0, 0))); !slices.Equal(got, []Code{Expired, SelfSigned}) {
			t.Errorf("%s in twenty years: %v", name, got)
		}
		if got := codes(Lint(id, time.Now().AddDate(-1, 0, 0))); !slices.Equal(got, []Code{NotYetValid, SelfSigned}) {
			t.Errorf("%s a year ago: %v", name, got)
		}
	}
}

func codes(findings []Finding) []Code {
	var out []Code
	for _, f := range findings {
		out = append(out, f.Code)
	}
	return out
}
