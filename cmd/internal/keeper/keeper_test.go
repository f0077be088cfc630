package keeper

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// TestPause waits for the first step that can be due, not for those of identities that failed.
func TestPause(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) *provision.Outcome {
		return &provision.Outcome{Step: lifecycle.Step{Until: noon.Add(d)}}
	}
	failed := at(time.Second)
	failed.Err = errors.New("x")
	for _, tt := range []struct {
		outcomes []*provision.Outcome
		want     time.Duration
	}{
		{nil, time.Hour},
		{[]*provision.Outcome{{}, failed}, time.Hour},
		{[]*provision.Outcome{at(2 * time.Hour)}, time.Hour},
		{[]*provision.Outcome{at(time.Minute), at(10 * time.Second)}, 10 * time.Second},
		{[]*provision.Outcome{at(-time.Minute)}, soonest},
	} {
		if got := pause(tt.outcomes, noon, time.Hour); got != tt.want {
			t.Errorf("%v, want %v", got, tt.want)
		}
	}
}

// TestLog logs a trouble when it begins, once a day while it lasts, and when it ends; a folder that
// somebody else works in is none.
func TestLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	now := noon
	l := NewLog(slog.New(slog.NewTextHandler(&b, nil)), func() time.Time { return now })
	wrong := &provision.Outcome{Name: "a@example.org", Step: lifecycle.Step{Troubles: []lifecycle.Trouble{{Code: lifecycle.CodeBehind, Text: "ns2 is behind", Hint: "wait"}}}}
	busy := &provision.Outcome{Name: "b@example.org", Err: identity.ErrBusy}
	report := func(err error, outcomes ...*provision.Outcome) string {
		b.Reset()
		l.Report(outcomes, err)
		return b.String()
	}
	if got := report(nil, wrong, busy); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg=identity identity=a@example.org code=server-behind reason="ns2 is behind" hint=wait`) {
		t.Errorf("at first: %s", got)
	}
	if got := report(nil, wrong); got != "" {
		t.Errorf("again: %s", got)
	}
	now = now.Add(repeatAfter)
	if got := report(nil, wrong); strings.Count(got, "\n") != 1 {
		t.Errorf("a day later: %s", got)
	}
	// What was not looked at has not ended.
	unread := &provision.Outcome{Name: "a@example.org", Err: errNowhere}
	if got := report(nil, unread); strings.Count(got, "\n") != 1 || !strings.Contains(got, "code=error") {
		t.Errorf("not read: %s", got)
	}
	if got := report(nil, &provision.Outcome{Name: "a@example.org", Err: identity.ErrBusy}); strings.Contains(got, "server-behind") {
		t.Errorf("busy: %s", got)
	}
	if got := report(errNowhere); strings.Contains(got, "server-behind") {
		t.Errorf("no directory: %s", got)
	}
	if got := report(nil, wrong); strings.Contains(got, "server-behind") {
		t.Errorf("back: %s", got)
	}
	if got := report(nil, &provision.Outcome{Name: "a@example.org"}); !strings.Contains(got, `level=INFO msg=identity identity=a@example.org code=server-behind ended="ns2 is behind"`) {
		t.Errorf("at the end: %s", got)
	}
	if got := report(errors.New("no folder")); !strings.Contains(got, "code=identities") {
		t.Errorf("no folder: %s", got)
	}
}

// TestLogNotes logs a note once, and another one.
func TestLogNotes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l := NewLog(slog.New(slog.NewTextHandler(&b, nil)), func() time.Time { return noon })
	for _, tt := range []struct {
		notes []string
		want  int
	}{{[]string{"the TTL is 30 s"}, 1}, {nil, 0}, {[]string{"the TTL is 30 s"}, 0}, {[]string{"the TTL is 60 s"}, 1}} {
		b.Reset()
		l.Report([]*provision.Outcome{{Name: "a@example.org", Notes: tt.notes}}, nil)
		if got := b.String(); strings.Count(got, "\n") != tt.want || tt.want > 0 && !strings.Contains(got, `level=INFO msg=identity identity=a@example.org note="`+tt.notes[0]+`"`) {
			t.Errorf("%q: %s", tt.notes, got)
		}
	}
}

// nowhere is a publisher whose zone nobody serves.
type nowhere struct{}

var errNowhere = errors.New("no name server")

func (nowhere) Apply(context.Context, ...publish.Change) error { return errNowhere }

func (nowhere) Read(context.Context, string, dane.Type) ([]publish.Seen, error) {
	return nil, errNowhere
}

func (nowhere) ReadBack(context.Context, ...publish.Change) ([]publish.Seen, error) {
	return nil, errNowhere
}

// TestRounds makes a round at once and then every five minutes, finds identities that are new, and
// ends when it is told to.
func TestRounds(t *testing.T) {
	dir := t.TempDir()
	if _, err := identity.Create(dir, "a@example.org", identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		var rounds []time.Duration
		var sizes []int
		Run(ctx, Options{Dir: dir, Publisher: nowhere{}, LookOnly: true, Report: func(outcomes []*provision.Outcome, err error) {
			rounds, sizes = append(rounds, time.Since(start)), append(sizes, len(outcomes))
			for _, o := range outcomes {
				if !errors.Is(o.Err, errNowhere) {
					t.Error(o.Err)
				}
			}
			if err != nil {
				t.Error(err)
			}
			if len(rounds) == 1 {
				if _, err := identity.Create(dir, "b@example.org", identity.CreateOptions{}); err != nil {
					t.Error(err)
				}
			}
			if len(rounds) == 3 {
				cancel()
			}
		}})
		if len(rounds) != 3 || rounds[0] != 0 || rounds[1] != Every || rounds[2] != 2*Every || sizes[0] != 1 || sizes[2] != 2 {
			t.Errorf("rounds at %v of %v", rounds, sizes)
		}
	})
}

// TestNoDirectory reports a directory that is not there, and goes on.
func TestNoDirectory(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	Run(ctx, Options{Dir: filepath.Join(t.TempDir(), "none"), Publisher: nowhere{}, Report: func(_ []*provision.Outcome, err error) {
		if err == nil {
			t.Error("no error")
		}
		cancel()
	}})
}

// slow is a publisher whose name servers do not answer in time.
type slow struct{ nowhere }

func (slow) Read(ctx context.Context, _ string, _ dane.Type) ([]publish.Seen, error) {
	select {
	case <-time.After(time.Minute):
	case <-ctx.Done():
	}
	return []publish.Seen{{Err: errNowhere}}, nil
}

// TestSlowRounds pauses for four times as long as a round took: name servers are asked in it, and
// folders are locked.
func TestSlowRounds(t *testing.T) {
	dir := t.TempDir()
	if _, err := identity.Create(dir, "a@example.org", identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		var rounds []time.Duration
		Run(ctx, Options{Dir: dir, Publisher: slow{}, Report: func([]*provision.Outcome, error) {
			if rounds = append(rounds, time.Since(start)); len(rounds) == 2 {
				cancel()
			}
		}})
		if len(rounds) != 2 || rounds[1] != 6*time.Minute {
			t.Errorf("rounds at %v", rounds)
		}
	})
}

// TestRest is never longer than the time between two rounds, unless a round takes that long.
func TestRest(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{0: 0, time.Second: 4 * time.Second, 2 * time.Minute: Every, 10 * time.Minute: 10 * time.Minute} {
		if got := rest(took, Every); got != want {
			t.Errorf("after %v: %v, want %v", took, got, want)
		}
	}
}
