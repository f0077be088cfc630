package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"dnseal/cmd/internal/config"
)

// newMan makes the man pages from the same words as --help and the configuration's structs, so that they never differ.
func newMan(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages to DIR/man1 and DIR/man5",
		Long: `Writes a man page for every command to DIR/man1, and dnseal.toml(5), the page of the
configuration, to DIR/man5.`,
		Example: "  dnseal man /usr/local/share/man",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, section := range []string{"man1", "man5"} {
				if err := os.MkdirAll(filepath.Join(args[0], section), 0o755); err != nil { //nolint:gosec // G301: man pages are for everybody
					return err
				}
			}
			date := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			root.DisableAutoGenTag = true
			err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "dnseal", Date: &date}, filepath.Join(args[0], "man1"))
			if err != nil {
				return err
			}
			page, err := configPage(date)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(args[0], "man5", "dnseal.toml.5"), []byte(page), 0o644) //nolint:gosec // G306: the same
		},
	}
}

// configPage is dnseal.toml(5) in roff.
func configPage(date time.Time) (string, error) {
	sections, err := config.Manual()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `.TH DNSEAL.TOML 5 %q dnseal
.SH NAME
dnseal.toml \- configuration of dnseal relay and dnseal milter
.SH DESCRIPTION
One file in TOML form for both. It is read strictly: an unknown key is an error. Prove it with
.BR dnseal-check (1).
SIGHUP makes the daemons read it again, all or nothing.
`, date.Format("Jan 2006"))
	for _, s := range sections {
		name := s.Name
		if name == "" {
			name = "TOP OF THE FILE"
		}
		fmt.Fprintf(&b, ".SH %q\n%s\n", name, roff(s.Text))
		for _, k := range s.Keys {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(k.Name), roff(k.Text))
		}
	}
	b.WriteString(".SH SEE ALSO\n.BR dnseal-relay (1),\n.BR dnseal-milter (1),\n.BR dnseal-check (1)\n")
	return b.String(), nil
}

// roff escapes text: backslashes, hyphens, and what would be a request at the start of a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.TrimSpace(text))
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
