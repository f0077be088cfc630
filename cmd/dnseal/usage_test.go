//go:build !submit

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
)

// TestHelpFits: what --help says of each command fits a terminal of 80 columns.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() == "completion" || c.Name() == "help" { // their words are cobra's
			return
		}
		for line := range strings.Lines(c.Long + "\n" + c.UsageString()) {
			if width := utf8.RuneCountInString(strings.TrimRight(line, "\n")); width > 80 {
				t.Errorf("%s --help: %d columns: %s", c.CommandPath(), width, line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
}

// TestReport: an interrupted command says so, whatever it was doing, and has told nothing for
// certain.
func TestReport(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if got := cli.Report(&b, fmt.Errorf("a.eml: %w", context.Canceled)); got != cli.ExitTempfail || b.String() != "dnseal: error: interrupted\n" {
		t.Errorf("report = %d, %q", got, b.String())
	}
}
