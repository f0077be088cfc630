// Package manual makes the man pages of the program: of the texts of --help, of the configuration's
// structs (config.go), of the words of verdicts (verdicts.go), of explain (changes.go) and of
// zone check (zone.go), of the log's fields (log.go), of the metrics that are registered
// (metrics.go), and of the lines of evidence (evidence.go), so that pages and program always agree.
package manual

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manDate is in the foot of every page.
const manDate = "Nov 2026"

// ragged neither stretches nor hyphenates lines: what people copy stays as it is.
const ragged = ".ad l\n.nh\n"

// Pages returns the man pages of a command and of all below it, of the configuration, of the
// verdicts and of what zone check finds, in roff, by file name ("man1/dnseal.1"). The error is a
// struct of the configuration whose comments cannot be read, a mistake of ours.
func Pages(root *cobra.Command) (map[string]string, error) {
	page, err := configPage()
	if err != nil {
		return nil, err
	}
	pages := map[string]string{
		"man5/dnseal.toml.5":       page,
		"man5/dnseal-evidence.5":   evidencePage(),
		"man5/dnseal-log.5":        logPage(),
		"man7/dnseal-metrics.7":    metricsPage(),
		"man7/dnseal-verdicts.7":   verdictsPage(),
		"man7/dnseal-zone-codes.7": zoneCodesPage(),
	}
	commandPages(root, pages)
	return pages, nil
}

// commandPages makes the pages of a command and of all below it, by file name.
func commandPages(cmd *cobra.Command, pages map[string]string) {
	pages["man1/"+manName(cmd)+".1"] = commandPage(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "completion" {
			commandPages(c, pages)
		}
	}
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// commandPage is the page of one command in roff.
func commandPage(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 %q dnseal\n"+ragged+".SH NAME\n%s \\- %s\n", strings.ToUpper(manName(cmd)), manDate, roff(manName(cmd)), roff(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.SH DESCRIPTION\n", roff(cmd.UseLine()))
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	long, status, _ := strings.Cut(long, "\n\nExit status: ")
	b.WriteString(paragraphs(long))
	if cmd.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(c.Name()), roff(c.Short))
			}
		}
	}
	if cmd.HasAvailableLocalFlags() {
		b.WriteString(".SH OPTIONS\n")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { b.WriteString(option(f)) })
	}
	if name := manName(cmd); name == "dnseal-relay" || name == "dnseal-milter" {
		files, _, _ := strings.Cut(daemonText, ".SH EXIT STATUS")
		b.WriteString(files)
	}
	if status != "" {
		fmt.Fprintf(&b, ".SH EXIT STATUS\n%s\n", roff(status))
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(related(cmd), ",\n"))
	return b.String()
}

// paragraphs is text with empty lines between its paragraphs; indented ones stay as they are.
func paragraphs(text string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(text, "\n\n") {
		if strings.HasPrefix(p, "  ") {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(p))
			continue
		}
		fmt.Fprintf(&b, ".PP\n%s\n", roff(p))
	}
	return b.String()
}

// option is an entry of OPTIONS.
func option(f *pflag.Flag) string {
	value, usage := pflag.UnquoteUsage(f)
	head := `\fB` + roff("--"+f.Name) + `\fR`
	if f.Shorthand != "" {
		head = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + head
	}
	if value != "" {
		head += ` \fI` + roff(value) + `\fR`
	}
	switch f.DefValue {
	case "", "false", "0", "[]", "0s":
	default:
		usage += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	return fmt.Sprintf(".TP\n%s\n%s\n", head, roff(usage))
}

// related are the pages to see also: the command above, the commands below, dnseal.toml(5) for
// commands that read it, and dnseal-verdicts(7) for commands that look up keys.
func related(cmd *cobra.Command) []string {
	var out []string
	page := func(name, section string) { out = append(out, fmt.Sprintf(".BR %s (%s)", roff(name), section)) }
	if cmd.HasParent() {
		page(manName(cmd.Parent()), "1")
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "completion" {
			page(manName(c), "1")
		}
	}
	if !cmd.HasParent() || cmd.Flags().Lookup("config") != nil {
		page("dnseal.toml", "5")
		page("dnseal-log", "5")
	}
	if !cmd.HasParent() || cmd.Flags().Lookup("evidence") != nil {
		page("dnseal-evidence", "5")
	}
	if !cmd.HasParent() || cmd.Flags().Lookup("config") != nil || cmd.Flags().Lookup("resolver") != nil {
		page("dnseal-verdicts", "7")
	}
	if !cmd.HasParent() || cmd.Name() == "relay" || cmd.Name() == "milter" {
		page("dnseal-metrics", "7")
	}
	if cmd.Name() == "report" {
		page("dnseal-log", "5")
	}
	return out
}
