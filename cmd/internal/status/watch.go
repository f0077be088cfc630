package status

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// Watch writes what a keeper does and finds: a line for each step, and the table when it changes.
// It is used by one goroutine.
type Watch struct {
	Out io.Writer
	// JSON writes an object a line for each identity, when something about it changes, and no
	// steps.
	JSON bool
	// Broken is called when Out fails; nil: nothing is.
	Broken func()

	last   map[string]string // by what it is about
	status cli.Exit
	err    error
}

// Done writes a step.
func (w *Watch) Done(name string, s lifecycle.Step) {
	if !w.JSON {
		w.write(fmt.Appendf(nil, "%s %s: %s: %s\n", stamp(time.Now()), name, s.Do, s.Why))
	}
}

// Report writes what is new in a round.
func (w *Watch) Report(outcomes []*provision.Outcome, err error) {
	now := time.Now()
	if err != nil {
		w.status = cli.ExitUsage
		w.changed("directory", fmt.Appendf(nil, "%s: %s\n", stamp(now), cli.Plain(err)))
		return
	}
	w.status = Check(io.Discard, outcomes, now)
	if !w.JSON {
		var table bytes.Buffer
		w.err = firstOf(w.err, Table(&table, outcomes, columns.Width(w.Out)))
		w.changed("table", table.Bytes())
		return
	}
	for _, o := range outcomes {
		var object, timeless bytes.Buffer
		w.err = firstOf(w.err, JSON(&object, []*provision.Outcome{o}, now))
		// When it was looked at is no change.
		w.err = firstOf(w.err, JSON(&timeless, []*provision.Outcome{o}, time.Time{}))
		if w.isNew(o.Name, timeless.String()) {
			w.write(object.Bytes())
		}
	}
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// changed writes a text unless it is the last one about the same.
func (w *Watch) changed(about string, text []byte) {
	if w.isNew(about, string(text)) {
		w.write(text)
	}
}

func (w *Watch) isNew(about, text string) bool {
	if w.last == nil {
		w.last = map[string]string{}
	}
	if last, known := w.last[about]; known && last == text {
		return false
	}
	w.last[about] = text
	return true
}

func (w *Watch) write(text []byte) {
	if w.err == nil {
		_, w.err = w.Out.Write(text)
	}
	if w.err != nil && w.Broken != nil {
		w.Broken()
	}
}

// Result is nil where nothing is wrong, else the exit status of the last round, or why nothing
// could be written.
func (w *Watch) Result() error {
	if w.err != nil || w.status == cli.ExitOK {
		return w.err
	}
	return w.status
}
