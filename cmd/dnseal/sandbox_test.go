//go:build !submit

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest/peertest"
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

// FuzzBareOrigin: whatever stands in a zone file, the zone made up for it is absolute and encloses
// its first record.
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

// TestSandboxReload: SIGHUP reads the zone files again; a mistake in them leaves what is served.
func TestSandboxReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	zone, anchor := filepath.Join(dir, "zone"), filepath.Join(dir, "anchor")
	record := func(name string) string {
		return name + "._device.example.net. 300 IN TLSA 3 1 1 " + strings.Repeat("0a", 32) + "\n"
	}
	must(t, os.WriteFile(zone, []byte(record("one")), 0o600))
	log := &worldtest.Buffer{}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "sandbox", "--zone", zone, "--anchor", anchor)
	cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1")
	cmd.Stderr = log
	must(t, cmd.Start())
	peertest.WaitFor(t, "the sandbox answers", func() bool { return strings.Contains(log.String(), "hint: use it with") })
	_, addr, _ := strings.Cut(log.String(), "answers on ")
	addr, _, _ = strings.Cut(addr, "\n")
	keys := func() string { text, err := os.ReadFile(anchor); must(t, err); return string(text) }
	before := keys()
	present := func(name string) bool {
		anchors, err := dnsflags.ReadAnchors(anchor)
		must(t, err)
		client, err := lookup.New(lookup.Options{Resolvers: []string{addr}, Anchors: anchors, NoCache: true})
		must(t, err)
		defer client.Close()
		return client.Lookup(t.Context(), name+"._device.example.net.", dane.TLSA).Presence == dane.Present
	}
	if !present("one") || present("two") {
		t.Error("not the zone that was written")
	}
	must(t, os.WriteFile(zone, []byte(record("two")), 0o600))
	must(t, cmd.Process.Signal(syscall.SIGHUP))
	peertest.WaitFor(t, "it has read them again", func() bool { return strings.Contains(log.String(), "has read its zones again") })
	if present("one") || !present("two") || keys() != before {
		t.Error("after SIGHUP: not the new zone, or other keys")
	}
	must(t, os.WriteFile(zone, []byte("nonsense\n"), 0o600))
	must(t, cmd.Process.Signal(syscall.SIGHUP))
	peertest.WaitFor(t, "it refuses", func() bool { return strings.Contains(log.String(), "error: not reloaded: ") })
	if !present("two") {
		t.Error("after a mistake the zone is gone")
	}
	must(t, cmd.Process.Signal(os.Interrupt))
	must(t, cmd.Wait())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// TestWriteAnchor replaces its own files and no others.
func TestWriteAnchor(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	write := func(begin string) error { return writeAnchor(file, begin, begin+" new") }
	for _, tt := range []struct {
		old, begin string
		ok         bool
	}{
		{"", anchorLine, true},
		{anchorLine + " on 127.0.0.1:1\n", anchorLine, true},
		{"trust-anchors {\n};\n", "trust-anchors {", true},
		{"From: alice@example.org\r\n\r\nprecious\r\n", anchorLine, false},
		{"From: alice@example.org\r\n\r\nprecious\r\n", "trust-anchors {", false},
		{"; a zone file\n", anchorLine, false},
	} {
		must(t, os.WriteFile(file, []byte(tt.old), 0o600))
		err := write(tt.begin)
		text, readErr := os.ReadFile(file)
		must(t, readErr)
		if want := map[bool]string{true: tt.begin + " new", false: tt.old}[tt.ok]; (err == nil) != tt.ok || string(text) != want {
			t.Errorf("over %q: %v, holds %q, want %q", tt.old, err, text, want)
		}
	}
}
