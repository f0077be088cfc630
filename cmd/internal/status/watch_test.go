package status

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// TestWatch writes the table when it changes, and remembers how the last round ended.
func TestWatch(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		w := Watch{Out: &out, JSON: asJSON}
		good := &provision.Outcome{Name: "a@example.org", Step: lifecycle.Step{Condition: lifecycle.Active}}
		bad := &provision.Outcome{Name: "a@example.org", Step: lifecycle.Step{Condition: lifecycle.Missing, Troubles: []lifecycle.Trouble{{Code: lifecycle.CodeVanished, Text: "gone"}}}}
		report := func(err error, outcomes ...*provision.Outcome) string {
			out.Reset()
			w.Report(outcomes, err)
			return out.String()
		}
		if got := report(nil, good); !strings.Contains(got, "active") || w.Result() != nil {
			t.Errorf("at first: %q, %v", got, w.Result())
		}
		if got := report(nil, good); got != "" {
			t.Errorf("again: %q", got)
		}
		if got := report(nil, bad); !strings.Contains(got, "missing") || !errors.Is(w.Result(), cli.ExitNotPass) {
			t.Errorf("wrong: %q, %v", got, w.Result())
		}
		if got := report(errors.New("no folder")); !strings.Contains(got, "no folder") || !errors.Is(w.Result(), cli.ExitUsage) {
			t.Errorf("no folder: %q, %v", got, w.Result())
		}
		out.Reset()
		w.Done("a@example.org", lifecycle.Step{Do: lifecycle.Switch, Why: "time"})
		if got := out.String(); strings.Contains(got, "a@example.org: switch: time") == asJSON {
			t.Errorf("step: %q", got)
		}
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("closed") }

// TestWatchBroken ends where nothing can be written.
func TestWatchBroken(t *testing.T) {
	t.Parallel()
	ended := false
	w := Watch{Out: closed{}, Broken: func() { ended = true }}
	w.Report([]*provision.Outcome{{Name: "a@example.org"}}, nil)
	if !ended || w.Result() == nil {
		t.Errorf("%t, %v", ended, w.Result())
	}
}
