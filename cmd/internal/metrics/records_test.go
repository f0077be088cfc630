package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dnseal/smime/message"
)

// outcomeOf is a signer with one outcome.
type outcomeOf struct{ *message.Outcome }

func (o outcomeOf) Handle(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	return o.Outcome
}

// TestOwnRecords counts identities by the state of their record, the last of each, for a day.
func TestOwnRecords(t *testing.T) {
	t.Parallel()
	now := noon
	m := New(func() time.Time { return now })
	message := func(identity, result, code string) {
		out := &message.Outcome{Result: result, Attrs: []slog.Attr{slog.String("identity", identity), slog.String("code", code)}}
		m.Handler(outcomeOf{out}, "relay", "submission").Handle(t.Context(), nil, nil)
	}
	message("gone", "signed", "")
	now = now.Add(23 * time.Hour)
	message("a", "signed", "")
	message("a", "key-not-published", "record-absent")
	message("b", "observe:signed", "")
	message("c", "key-not-published", "record-mismatch")
	message("d", "key-not-published", "timeout")
	message("", "signed", "")
	message("e", "not-allowed", "")
	want := func(published int) {
		t.Helper()
		_, page := get(t, m, "/metrics")
		for state, n := range map[string]int{"published": published, "missing": 1, "mismatch": 1, "unknown": 1} {
			if line := fmt.Sprintf("dnseal_own_records{state=%q} %d\n", state, n); !strings.Contains(page, line) {
				t.Errorf("/metrics lacks %s", line)
			}
		}
	}
	want(2)
	now = now.Add(2 * time.Hour)
	want(1)
	for i := range maxRecords + 10 {
		m.records.set(fmt.Sprint(i), "missing")
	}
	if len(m.records.last) != maxRecords {
		t.Errorf("%d identities are remembered", len(m.records.last))
	}
}

// TestDescriptions: every metric has a name, a type and a text.
func TestDescriptions(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, d := range Descriptions() {
		if !strings.HasPrefix(d.Name, "dnseal_") || d.Help == "" || names[d.Name] {
			t.Errorf("%+v", d)
		}
		names[d.Name] = true
	}
	for _, r := range Renames {
		if !names[r.New] || names[r.Old] {
			t.Errorf("%+v", r)
		}
	}
}
