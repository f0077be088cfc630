package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/lookup"
	"dnseal/lookup/dane"
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
	// of the time-stamping service; the roots are its certificates, as they were in their file
	timestamp, roots string
	// who signs seals
	identity string
}

type heldJournal struct {
	*evidence.Journal
	users int
	// current is the generation that serves, by which seals are signed.
	current *atomic.Pointer[generation]
}

// openJournal gives a generation the journal of its configuration, where that has one. It removes
// files that are too old by that configuration, so that nothing else may be wrong with it.
func (s *service) openJournal(g *generation) error {
	c := g.config
	if c.Evidence.Dir == "" {
		return nil
	}
	settings := journalSettings{c.Evidence.Dir, c.EvidenceKept(), c.Evidence.Timestamp, rootsOf(c), c.Evidence.Identity}
	j, err := s.journals.hold(settings, evidence.JournalOptions{
		Dir: settings.dir, Writer: "dnseal " + s.kind + " " + cli.Version(), Keep: settings.keep, Proof: stamper(c), Log: s.log, Kept: s.metrics.Evidence,
	}, g)
	if err != nil {
		return fmt.Errorf("%s: %w", c.At("evidence.dir"), err)
	}
	g.journal, g.endJournal = j.Journal, func() { s.journals.release(settings) }
	g.useJournal = func() { j.current.Store(g) }
	return nil
}

// rootsOf is what the file of [evidence] timestamp-roots holds: it may have other certificates now.
func rootsOf(c *config.Config) string {
	var all []byte
	for _, root := range c.TimestampRoots() {
		all = append(all, root.Raw...)
	}
	return string(all)
}

func (js *journals) hold(settings journalSettings, opts evidence.JournalOptions, first *generation) (*heldJournal, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.open == nil {
		js.open = map[journalSettings]*heldJournal{}
	}
	j := js.open[settings]
	if j == nil {
		var err error
		j = &heldJournal{current: new(atomic.Pointer[generation])}
		j.current.Store(first)
		settings.signing(&opts, j.current)
		if j.Journal, err = evidence.OpenJournal(opts); err != nil {
			return nil, err
		}
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

// ownTime is the time for the lookup of the identity that signs seals. A service that ends waits
// for it.
const ownTime = 5 * time.Second

// signing has seals signed by the identity, in addition to what proves them already.
func (s journalSettings) signing(opts *evidence.JournalOptions, current *atomic.Pointer[generation]) {
	if s.identity == "" {
		return
	}
	opts.Own = func() *lookup.Result {
		ctx, cancel := context.WithTimeout(context.Background(), ownTime)
		defer cancel()
		return current.Load().ownRecords(ctx, s.identity)
	}
	stamp := opts.Proof
	opts.Proof = func(seal *evidence.Seal, digest [sha256.Size]byte, content io.ReaderAt) error {
		var unstamped error
		if stamp != nil {
			unstamped = stamp(seal, digest, content)
		}
		return errors.Join(unstamped, current.Load().signSeal(seal, content, s.identity))
	}
}

// ownRecords looks up the records of an identity.
func (g *generation) ownRecords(ctx context.Context, name string) *lookup.Result {
	id, err := g.config.Identity(name)
	var owner string
	var typ dane.Type
	if err == nil {
		owner, typ, err = id.OwnerName()
	}
	if err != nil {
		return &lookup.Result{Name: name, Type: dane.TLSA, Code: "no-identity", Reason: err.Error()}
	}
	return g.client.Lookup(ctx, owner, typ)
}

// signSeal signs a seal by an identity, as its folder is now.
func (g *generation) signSeal(seal *evidence.Seal, content io.ReaderAt, name string) error {
	id, err := g.config.Identity(name)
	if err != nil {
		return err
	}
	return evidence.Sign(seal, io.NewSectionReader(content, 0, math.MaxInt64), id.Signer(), id.Chain...)
}

// keepEvidence is the hook of a receiver with these options; nil: nothing is kept.
func (g *generation) keepEvidence(opts *receiver.Options) func(context.Context, *message.Message, *receiver.Report) {
	if g.config.Evidence.Dir == "" {
		return nil
	}
	by := evidence.JudgedBy(g.config.LookupOptions().Anchors, evidence.PolicyOf(opts))
	return func(_ context.Context, _ *message.Message, r *receiver.Report) { g.journal.Add(r, by) }
}
