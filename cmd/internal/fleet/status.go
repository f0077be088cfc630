package fleet

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/fleet"
)

// Status is the command of this name.
type Status struct {
	Inventory Inventory
	// Soon is how long before their end certificates are told.
	Soon time.Duration
	JSON bool
	Out  io.Writer
	// Stderr gets warnings.
	Stderr io.Writer
}

// Run counts and prints.
func (s *Status) Run() error {
	limitMemory()
	path, err := s.Inventory.path()
	if err != nil {
		return err
	}
	inv, err := fleet.ReadInventory(path)
	if err != nil {
		return err
	}
	defer inv.Close() //nolint:errcheck // only read
	if inv.Note != "" {
		cli.Print(s.Stderr, "dnseal: warning: %s", inv.Note)
	}
	status, err := inv.Status(s.Soon)
	if err != nil {
		return err
	}
	if s.JSON {
		return cli.WriteJSON(s.Out, status)
	}
	return s.print(&status)
}

// print returns whether all was written.
func (s *Status) print(st *fleet.Status) error {
	var text bytes.Buffer
	line := func(what string, n int, more string) {
		if more != "" {
			more = "  " + more
		}
		cli.Print(&text, "%-12s %8d%s", what, n, more)
	}
	oldest, next := "", ""
	if st.Oldest != "" {
		oldest = "oldest: " + st.Oldest + ", " + st.OldestTime.Format(time.DateOnly)
	}
	if st.Next != "" {
		next = "first: " + st.Next + ", " + st.NextTime.Format(time.DateOnly)
	}
	line("active", st.Active, oldest)
	line("published", st.Published, ways(st)+unless(st.Unseen == 0, "; "+strconv.Itoa(st.Unseen)+" not seen on every name server yet"))
	line("unpublished", st.Unpublished, "")
	line("retired", st.Retired, unless(st.Waiting == 0, strconv.Itoa(st.Waiting)+" still to be withdrawn"))
	if st.Vouched > 0 {
		line("vouched", st.Vouched, "of the retired: the record of their CA vouches for them")
	}
	days := int(s.Soon / (24 * time.Hour))
	line("expiring", st.Expiring, "within "+plural(days, "day"))
	line("expired", st.Expired, next)
	if !st.LastRun.IsZero() {
		line("failed", st.LastFailed, "lines of the last table, "+st.LastRun.Format(time.RFC3339))
	}
	if st.ZoneFile != "" {
		cli.Print(&text, "zone file    %s, %s", st.ZoneFile, st.ZoneFileTime.Format(time.RFC3339))
	}
	_, err := s.Out.Write(text.Bytes())
	return err
}

// ways says how records got into the zone.
func ways(st *fleet.Status) string {
	switch {
	case st.ZoneFile == "":
		return strconv.Itoa(st.Updated) + " by server or database"
	case st.Updated == 0:
		return strconv.Itoa(st.Listed) + " in the zone file"
	}
	return fmt.Sprintf("%d in the zone file, %d by server or database", st.Listed, st.Updated)
}

func unless(not bool, text string) string {
	if not {
		return ""
	}
	return text
}
