package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// NotPass is the word for every verdict but pass.
const NotPass = "not-pass"

// verdictWords are the verdicts, best first.
var verdictWords = []receiver.Verdict{
	receiver.Pass, receiver.None, receiver.Neutral, receiver.TempError, receiver.Policy, receiver.Fail, receiver.PermError,
}

// Only chooses the reports that are written. The zero value chooses all.
type Only struct{ words []string }

// ParseOnly reads the words of --only: verdicts, codes that isCode knows, and [NotPass].
func ParseOnly(words []string, isCode func(string) bool) (Only, error) {
	for _, w := range words {
		if w != NotPass && !slices.Contains(verdictWords, receiver.Verdict(w)) && !isCode(w) {
			return Only{}, cli.Hint(fmt.Errorf("--only %q is no verdict and no code", w),
				"verdicts are %s; %s is all but pass; dnseal-verdicts(7) lists the codes", join(verdictWords), NotPass)
		}
	}
	return Only{words}, nil
}

func join(verdicts []receiver.Verdict) string {
	words := make([]string, len(verdicts))
	for i, v := range verdicts {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

// chooses reports whether a report is one of those.
func (o Only) chooses(r *receiver.Report) bool {
	if len(o.words) == 0 {
		return true
	}
	return slices.ContainsFunc(o.words, func(w string) bool {
		return w == string(r.Verdict) || w == string(r.Code) || w == NotPass && r.Verdict != receiver.Pass
	})
}

// filter lets the sinks see only those reports.
func (o Only) filter(first Sink, others ...Sink) []Sink {
	out := []Sink{filtered{first, o}}
	for _, s := range others {
		out = append(out, filtered{s, o})
	}
	return out
}

type filtered struct {
	Sink
	only Only
}

func (f filtered) Read(ctx context.Context, m *message.Message, r *receiver.Report) error {
	if !f.only.chooses(r) {
		return nil
	}
	return f.Sink.Read(ctx, m, r)
}

func (f filtered) Write(r *receiver.Report) error {
	if !f.only.chooses(r) {
		return nil
	}
	return f.Sink.Write(r)
}

// nothing is a sink that says that messages were verified and none of them was chosen, as the
// output itself does not.
type nothing struct {
	only         Only
	note         func(text string)
	seen, chosen int
}

func (n *nothing) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

func (n *nothing) Write(r *receiver.Report) error {
	n.seen++
	if n.only.chooses(r) {
		n.chosen++
	}
	return nil
}

func (n *nothing) Close() error {
	if n.seen > 0 && n.chosen == 0 {
		n.note(fmt.Sprintf("0 of %s chosen by --only %s", messages(n.seen), strings.Join(n.only.words, ",")))
	}
	return nil
}
