package keeper

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"dnseal/cmd/internal/status"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// repeatAfter is the time before the log repeats a trouble that lasts.
const repeatAfter = 24 * time.Hour

// Log writes what a Keeper does and finds to a log: each action, each trouble when it begins, once
// a day while it lasts, and when it ends; each note on an action once, until there is another.
type Log struct {
	log    *slog.Logger
	now    func() time.Time
	logged map[trouble]time.Time
	notes  map[string][]string // those logged last of each identity
}

// trouble is a trouble of an identity.
type trouble struct {
	name, code, text string
}

// codeError is the code of what kept an identity from being looked at.
const codeError = "error"

// NewLog returns a Log; now is the clock, nil: time.Now.
func NewLog(log *slog.Logger, now func() time.Time) *Log {
	if now == nil {
		now = time.Now
	}
	return &Log{log: log, now: now, logged: map[trouble]time.Time{}, notes: map[string][]string{}}
}

// Done is for [Options].Done.
func (l *Log) Done(name string, s lifecycle.Step) {
	l.log.Info("identity", slog.String("identity", name), slog.String("action", string(s.Do)), slog.String("reason", s.Why))
}

// Report is for [Options].Report.
func (l *Log) Report(outcomes []*provision.Outcome, err error) {
	now := map[trouble]string{} // with the hint
	if err != nil {
		now[trouble{"", "identities", err.Error()}] = identity.Hint(err)
	}
	for _, o := range outcomes {
		l.note(o)
		if o.Err != nil && !errors.Is(o.Err, identity.ErrBusy) {
			now[trouble{o.Name, codeError, o.Err.Error()}] = identity.Hint(o.Err)
		}
		for _, t := range status.Troubles(o, l.now()) {
			now[trouble{o.Name, string(t.Code), t.Text}] = t.Hint
		}
	}
	for t, hint := range now {
		l.begin(t, hint)
	}
	unseen := notSeen(outcomes)
	for t := range l.logged {
		// What was not looked at has not ended.
		if t.name != "" && t.code != codeError && (err != nil || unseen[t.name]) {
			continue
		}
		if _, lasts := now[t]; !lasts {
			delete(l.logged, t)
			l.log.Info("identity", slog.String("identity", t.name), slog.String("code", t.code), slog.String("ended", t.text))
		}
	}
}

// note logs the notes of an outcome, where they are not those of the last one that had some.
func (l *Log) note(o *provision.Outcome) {
	notes := o.Notes
	if o.Note != "" {
		notes = append([]string{o.Note}, notes...)
	}
	if len(notes) == 0 || slices.Equal(notes, l.notes[o.Name]) {
		return
	}
	l.notes[o.Name] = notes
	for _, text := range notes {
		l.log.Info("identity", slog.String("identity", o.Name), slog.String("note", text))
	}
}

// notSeen are the identities that could not be looked at.
func notSeen(outcomes []*provision.Outcome) map[string]bool {
	names := map[string]bool{}
	for _, o := range outcomes {
		if o.Err != nil {
			names[o.Name] = true
		}
	}
	return names
}

// begin logs a trouble, unless it was logged today.
func (l *Log) begin(t trouble, hint string) {
	now := l.now()
	if last, known := l.logged[t]; known && now.Sub(last) < repeatAfter {
		return
	}
	l.logged[t] = now
	attrs := []any{slog.String("identity", t.name), slog.String("code", t.code), slog.String("reason", t.text)}
	if hint != "" {
		attrs = append(attrs, slog.String("hint", hint))
	}
	l.log.Warn("identity", attrs...)
}
