//go:build !submit

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/report"
)

func newReport() *cobra.Command {
	var since, until, page, id string
	var opts report.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report LOG...|journal",
		Short: "Count what was signed and verified, by whom, why and when",
		Long: `Reads logs of relay and milter (dnseal-log(5)) and counts messages: signed,
unsigned, verified, deferred, refused; by result, reason, day, user, client,
identity and domain in From; refused connections and logins; other trouble.

LOG is a file, also compressed by gzip, or - for standard input: the log itself,
in text or JSON, or what syslog, "journalctl -o short", "-o cat" or "-o json" or
Docker (json-file) made of it. Rotated logs come in any order. "journal" reads
the units dnseal-* from systemd's journal; a file of that name is ./journal.
Lines of other programs are counted and left out.

Memory is bounded: of each table the names with most messages are kept, and the
others are counted together. A message that the next hop deferred or refused
counts as that, although it was signed.

Exit status: 0 done; 1 no line is dnseal's, or --message-id finds nothing; 2
wrong usage, or a log that cannot be read; 3 interrupted.`,
		Example: `  dnseal report --since 7d journal
  dnseal report --html /tmp/report.html /var/log/dnseal.log*
  dnseal report --message-id '<2026-17@shop.example.org>' /var/log/dnseal.log`,
		Args: cobra.MinimumNArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&since, "since", "", "count from this `TIME` on: 2026-11-24, \"2026-11-24 15:04\", RFC 3339, or 36h, 7d for that long ago")
	f.StringVar(&until, "until", "", "count up to this `TIME`")
	f.StringVar(&opts.Door, "door", "", "only relay or milter")
	f.StringVar(&opts.Role, "role", "", "only submission, inbound, sign or verify")
	f.IntVar(&opts.Top, "top", 10, "rows of a table")
	f.BoolVar(&opts.UTC, "utc", false, "days in UTC instead of local time")
	f.BoolVar(&asJSON, "json", false, "one JSON object")
	f.StringVar(&page, "html", "", "write a page to this `FILE`, - for standard output")
	f.StringVar(&id, "message-id", "", "print the lines of the message with this `ID` instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if opts.Since, err = report.ParseTime(since, opts.UTC); err == nil {
			opts.Until, err = report.ParseTime(until, opts.UTC)
		}
		if err == nil {
			err = opts.Check()
		}
		if err != nil {
			return err
		}
		if id != "" {
			return findMessage(cmd, opts, args, id)
		}
		c := report.New(opts)
		if err = readLogs(cmd, opts, args, c.Line); err != nil {
			return err
		}
		r := c.Report()
		if err = writeReport(cmd.OutOrStdout(), r, page, asJSON); err != nil {
			return err
		}
		if r.Lines > 0 && r.Unknown == r.Lines {
			return cli.ExitNotPass
		}
		return nil
	}
	return cmd
}

// readLogs reads one log after the other.
func readLogs(cmd *cobra.Command, opts report.Options, args []string, each func([]byte)) error {
	for _, name := range args {
		if err := readLog(cmd.Context(), cmd.InOrStdin(), opts, name, each); err != nil {
			return err
		}
	}
	return nil
}

func readLog(ctx context.Context, stdin io.Reader, opts report.Options, name string, each func([]byte)) error {
	switch name {
	case "journal":
		return report.ReadJournal(ctx, opts, each)
	case "-":
		return report.Read(ctx, stdin, each)
	}
	f, err := cli.Open(name)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, flags.Cause(err))
	}
	err = report.Read(ctx, f, each)
	if err = errors.Join(err, f.Close()); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s cannot be read: %w", name, flags.Cause(err))
	}
	return err
}

// writeReport writes the report in the form asked for.
func writeReport(w io.Writer, r *report.Report, page string, asJSON bool) error {
	if page != "" {
		var b strings.Builder
		_ = r.WriteHTML(&b) // a Builder takes all
		if page != "-" {
			return replaceFile(page, b.String(), 0o600)
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	if asJSON {
		return cli.WriteJSON(w, r)
	}
	return r.WriteText(w)
}

// findMessage prints the lines of one message.
func findMessage(cmd *cobra.Command, opts report.Options, args []string, id string) error {
	found, failed := false, error(nil)
	finder := report.NewFinder(opts, id)
	err := readLogs(cmd, opts, args, func(line []byte) {
		if text := finder.Line(line); text != "" && failed == nil {
			found = true
			_, failed = fmt.Fprintln(cmd.OutOrStdout(), text)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	if !found {
		cli.Print(os.Stderr, "dnseal: no line has this message_id")
		return cli.ExitNotPass
	}
	return nil
}
