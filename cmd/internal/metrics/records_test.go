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

// TestOwnRecords counts identities by the state of their record, the last of each, for two hours.
func TestOwnRecords(t *testing.T) {
	t.Parallel()
	now := noon
	m := New(func() time.Time { return now })
	message := func(identity, result, code string) {
		out := &message.Outcome{Result: result, Attrs: []slog.Attr{slog.String("identity", identity), slog.String("code", code)}}
		m.Handler(outcomeOf{out}, "relay", "submission").Handle(t.Context(), nil, nil)
	}
	message("gone", "signed", "")
	now = now.Add(119 * time.Minute)
	message("a", "signed", "")
	message("a", "key-not-published", "record-absent")
	message("b", "observe:signed", "")
	message("c", "key-not-published", "record-mismatch")
	message("d", "key-not-published", "indeterminate")
	message("f", "key-not-published", "insecure")
	message("g", "key-not-published", "bogus")
	message("", "signed", "")
	message("e", "not-allowed", "")
	want := func(published int) {
		t.Helper()
		_, page := get(t, m, "/metrics")
		for state, n := range map[string]int{"published": published, "missing": 1, "mismatch": 1, "unknown": 1, "insecure": 1, "bogus": 1} {
			if line := fmt.Sprintf("dnseal_own_records{state=%q} %d\n", state, n); !strings.Contains(page, line) {
				t.Errorf("/metrics lacks %s", line)
			}
		}
	}
	want(2)
	now = now.Add(2 * time.Minute)
	want(1)
	// Where there are too many the oldest leave, not those of now.
	for i := range maxRecords + 10 {
		now = now.Add(time.Microsecond)
		m.records.set(fmt.Sprint(i), "missing")
	}
	if n := len(m.records.last); n > maxRecords || n < maxRecords*8/10 || m.records.last[fmt.Sprint(maxRecords+9)].state == "" || m.records.last["a"].state != "" {
		t.Errorf("%d identities are remembered, of the first: %v", n, m.records.last["a"])
	}
	m.ChecksRecords(false)
	message("a", "signed", "")
	if _, page := get(t, m, "/metrics"); !strings.Contains(page, `dnseal_own_records{state="published"} 0`) {
		t.Error("without check-record something is counted")
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
