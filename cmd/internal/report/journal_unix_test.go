//go:build unix

package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJournal: what journalctl of systemd 252 says where the journal cannot be read is an error
// with a hint, in one line, also where its exit status is 0; a journal without lines is none.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if err := ReadJournal(t.Context(), Options{}, func([]byte) {}); err == nil || !strings.Contains(err.Error(), ErrNoJournal.Error()) {
		t.Errorf("no journalctl: %v", err)
	}
	for script, want := range map[string]string{
		"exit 0":      "",
		"echo a line": "",
		"echo 'Failed to add filter for units: No data available' >&2; exit 1":                                               "no unit dnseal-* has written into the journal",
		"echo 'Hint: You are not seeing all.' >&2; echo 'No journal files were opened due to insufficient permissions.' >&2": "journalctl: Hint: You are not seeing all.; No journal files",
		"echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1":                                   "insufficient permissions",
		"exit 7": "journalctl: exit status 7",
	} {
		if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		lines := 0
		err := ReadJournal(t.Context(), Options{}, func([]byte) { lines++ })
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want) || hintOf(err) == ""):
			t.Errorf("%s: %v", script, err)
		case strings.HasPrefix(script, "echo a") && lines != 1:
			t.Errorf("%d lines", lines)
		}
	}
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if !errors.As(err, &h) {
		return ""
	}
	return h.Hint()
}
