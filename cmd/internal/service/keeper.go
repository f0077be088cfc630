package service

import (
	"context"
	"errors"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/keeper"
	"dnseal/cmd/internal/metrics"
	"dnseal/cmd/internal/status"
	"dnseal/lookup"
	"dnseal/lookup/publish"
	"dnseal/lookup/publish/powerdns"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// keep starts the keeper of a generation where the configuration has one ([publish] keep). The
// generation ends it before the next one begins.
func (s *service) keep(g *generation) {
	if g.publisher == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	g.endKeeper = func() {
		cancel()
		<-done
	}
	log, actions := keeper.NewLog(s.log, nil), map[string]int{}
	go func() {
		defer close(done)
		keeper.Run(ctx, keeper.Options{
			Dir: g.config.Identities, Publisher: g.publisher,
			Done: func(name string, step lifecycle.Step) {
				actions[string(step.Do)]++
				log.Done(name, step)
			},
			Report: func(outcomes []*provision.Outcome, err error) {
				log.Report(outcomes, err)
				s.metrics.Identities(found(outcomes, err, actions))
				clear(actions)
			},
		})
	}()
}

// publisherOf makes the publisher of [publish]; nil where nothing is kept.
func publisherOf(c *config.Config, client *lookup.Client) (provision.Publisher, error) {
	if !c.Publish.Keep {
		return nil, nil //nolint:nilnil // there is none
	}
	if c.Publish.Postgres != "" {
		return powerdns.New(c.PostgresOptions(client))
	}
	if c.Publish.ZoneFile != "" {
		return publish.NewZoneFile(c.ZoneFileOptions(client))
	}
	return publish.New(c.PublishOptions(client))
}

// found is a round of the keeper for the metrics.
func found(outcomes []*provision.Outcome, err error, actions map[string]int) metrics.Identities {
	m := metrics.Identities{At: time.Now(), States: map[string]int{}, Troubles: map[string]int{}, Actions: actions}
	if err != nil {
		m.Troubles["error"]++
	}
	for _, o := range outcomes {
		if o.Err != nil {
			// A command that works in the folder is no trouble.
			if !errors.Is(o.Err, identity.ErrBusy) {
				m.Troubles["error"]++
			}
			continue
		}
		m.States[string(o.Step.Condition)]++
		for _, t := range status.Troubles(o, m.At) {
			m.Troubles[string(t.Code)]++
		}
		if until := o.Step.Until; !until.IsZero() && (m.NextStep.IsZero() || until.Before(m.NextStep)) {
			m.NextStep = until
		}
	}
	return m
}
