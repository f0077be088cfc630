//go:build !submit

package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/manual"
)

func newMan(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages to DIR/man1, DIR/man5 and DIR/man7",
		Long: `Writes a man page for every command to DIR/man1; dnseal.toml(5), the page of the
configuration, dnseal-log(5), the fields of the log, and dnseal-evidence(5), the
form of evidence, to DIR/man5; and
dnseal-verdicts(7), the page of all verdicts, codes and classes,
dnseal-metrics(7), and dnseal-zone-codes(7), what zone check finds, to DIR/man7.`,
		Example: "  dnseal man /usr/local/share/man",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			pages, err := manual.Pages(root)
			if err != nil {
				return err
			}
			for name, text := range pages {
				file := filepath.Join(args[0], filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // G301: man pages are for everybody
					return err
				}
				if err := replaceFile(file, text, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
