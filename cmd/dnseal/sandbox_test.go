package main

import (
	"strings"
	"testing"
)

func TestZoneOf(t *testing.T) {
	t.Parallel()
	for owner, want := range map[string]string{
		"2bd8._smimecert.example.org.":     "example.org.",
		"sensor7._device.example.net.":     "example.net.",
		"_smtp-client.relay1.example.net.": "relay1.example.net.",
		"device73.example.net.":            "example.net.",
		"org.":                             "org.",
	} {
		if got := zoneOf(owner); got != want {
			t.Errorf("zoneOf(%q) = %q, want %q", owner, got, want)
		}
	}
}

// FuzzBareOrigin: whatever stands in a zone file, the zone made up for it is absolute and encloses its first record.
func FuzzBareOrigin(f *testing.F) {
	f.Add("; a comment\n2bd8._smimecert.example.org. 300 IN SMIMEA 3 1 1 00\n")
	f.Add("example.org. 300 IN SOA a b 1 2 3 4 5\nwww IN A 192.0.2.1\n")
	f.Fuzz(func(t *testing.T, text string) {
		origin := bareOrigin(text)
		if origin == "" {
			return
		}
		if !strings.HasSuffix(origin, ".") || !strings.Contains(text, origin) && origin != "." {
			t.Errorf("bareOrigin(%q) = %q", text, origin)
		}
	})
}
