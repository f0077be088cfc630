package powerdns

import (
	"slices"
	"testing"
)

// TestParents: names between a name and its zone; an identity can be at the zone itself.
func TestParents(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"a.b.example.net.": {"b.example.net."},
		"a.example.net.":   nil,
		"example.net.":     nil,
	} {
		if got := parents(name, "example.net."); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
