package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime/message"
)

// journals are the journals of evidence that generations use: those with the same settings use one,
// so that a reload does not begin another file.
type journals struct {
	mu   sync.Mutex
	open map[journalSettings]*heldJournal
}

type journalSettings struct {
	dir  string
	keep time.Duration
	// of the time-stamping service
	timestamp, roots string
}

type heldJournal struct {
	*evidence.Journal
	users int
}

// openJournal gives a generation the journal of its configuration, where that has one.
func (s *service) openJournal(g *generation) error {
	c := g.config
	if c.Evidence.Dir == "" {
		return nil
	}
	settings := journalSettings{c.Evidence.Dir, c.EvidenceKept(), c.Evidence.Timestamp, c.Evidence.TimestampRoots}
	j, err := s.journals.hold(settings, evidence.JournalOptions{
		Dir: settings.dir, Writer: "dnseal " + s.kind, Keep: settings.keep, Proof: stamper(c), Log: s.log, Kept: s.metrics.Evidence,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.At("evidence.dir"), err)
	}
	g.journal, g.endJournal = j.Journal, func() { s.journals.release(settings) }
	return nil
}

func (js *journals) hold(settings journalSettings, opts evidence.JournalOptions) (*heldJournal, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.open == nil {
		js.open = map[journalSettings]*heldJournal{}
	}
	j := js.open[settings]
	if j == nil {
		opened, err := evidence.OpenJournal(opts)
		if err != nil {
			return nil, err
		}
		j = &heldJournal{Journal: opened}
		js.open[settings] = j
	}
	j.users++
	return j, nil
}

// release closes the journal when its last user has ended: then its file is sealed.
func (js *journals) release(settings journalSettings) {
	js.mu.Lock()
	j := js.open[settings]
	if j.users--; j.users == 0 {
		delete(js.open, settings)
	}
	last := j.users == 0
	js.mu.Unlock()
	if last {
		_ = j.Close() // it logs what goes wrong
	}
}

// keepEvidence is the hook of a receiver with these options; nil: nothing is kept.
func (g *generation) keepEvidence(opts *receiver.Options) func(context.Context, *message.Message, *receiver.Report) {
	if g.journal == nil {
		return nil
	}
	by := evidence.JudgedBy(g.config.LookupOptions().Anchors, evidence.PolicyOf(opts))
	return func(_ context.Context, _ *message.Message, r *receiver.Report) { g.journal.Add(r, by) }
}
